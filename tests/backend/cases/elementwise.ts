// Cases of elementwise kernels, dropout and rounding.

import type { UnaryOperation } from "../../../core/backends/kernels.ts";
import { draw, f32, type KernelCase, positive, whole } from "./case.ts";

export const elementwiseCases: KernelCase[] = [];

elementwiseCases.push(
  {
    kernel: "fill",
    name: "f32, all and a prefix",
    inputs: { part: draw(70) },
    outputs: { all: 1003 },
    changes: ["part"],
    run: (k, b) => {
      k.fill({ out: b.all, length: 1003, value: -2.5 });
      k.fill({ out: b.part, length: 33, value: 7 });
    },
    tolerance: 0,
  },
  {
    kernel: "fill",
    name: "i32",
    inputs: {},
    outputs: { out: { length: 37, dtype: "i32" } },
    run: (k, b) => k.fill({ out: b.out, length: 37, value: -3 }),
  },
  {
    kernel: "copy",
    name: "f32 between odd offsets, f32 whole, i32",
    inputs: { x: draw(1003), y: whole(51, 1000), into: draw(77) },
    outputs: { out: 1003, z: { length: 51, dtype: "i32" } },
    changes: ["into"],
    run: (k, b) => {
      k.copy({ x: b.x, out: b.out, length: 1003, xOffset: 0, outOffset: 0 });
      k.copy({ x: b.x, out: b.into, length: 31, xOffset: 101, outOffset: 7 });
      k.copy({ x: b.y, out: b.z, length: 51, xOffset: 0, outOffset: 0 });
    },
    tolerance: 0,
  },
  {
    kernel: "cast",
    name: "both ways",
    inputs: {
      x: f32(0, 1.9, -1.9, 0.5, -0.5, 16777216, -7, 1e9),
      y: Int32Array.of(0, 1, -1, 16777215, -8388608),
    },
    outputs: { whole: { length: 8, dtype: "i32" }, real: 5 },
    run: (k, b) => {
      k.cast({ x: b.x, out: b.whole, length: 8 });
      k.cast({ x: b.y, out: b.real, length: 5 });
    },
    tolerance: 0,
  },
  {
    kernel: "roundToHalf",
    name: "ties, subnormals, overflow, random",
    inputs: {
      x: f32(
        0,
        1 + 2 ** -11,
        1 + 3 * 2 ** -11,
        2 ** -25,
        1.5 * 2 ** -24,
        -(2 ** -24),
        65504,
        65519,
        65520,
        -7e4,
        0.1,
      ),
      y: draw(1003, 0, 10),
      tiny: draw(103, 0, 1e-6),
    },
    outputs: { out: 11, half: 1003 },
    changes: ["tiny"],
    run: (k, b) => {
      k.roundToHalf({ x: b.x, out: b.out, length: 11 });
      k.roundToHalf({ x: b.y, out: b.half, length: 1003 });
      k.roundToHalf({ x: b.tiny, out: b.tiny, length: 103 });
    },
    tolerance: 0,
  },
);

const unaryOperations: UnaryOperation[] = [
  "neg",
  "abs",
  "exp",
  "log",
  "sqrt",
  "reciprocal",
  "square",
  "tanh",
  "sigmoid",
  "relu",
  "gelu",
];

for (const operation of unaryOperations) {
  const restricted = operation === "log" || operation === "sqrt" || operation === "reciprocal";
  const values = (length: number) => restricted ? positive(length) : draw(length, 0, 2);
  elementwiseCases.push(
    {
      kernel: "unary",
      name: operation,
      inputs: { x: values(1003), same: values(70) },
      outputs: { out: 1003 },
      changes: ["same"],
      run: (k, b) => {
        k.unary({ operation, x: b.x, out: b.out, length: 1003 });
        k.unary({ operation, x: b.same, out: b.same, length: 70 });
      },
    },
    {
      kernel: "unaryGrad",
      name: operation,
      inputs: { x: values(1003), dy: draw(1003), same: draw(1003) },
      outputs: { y: 1003, dx: 1003 },
      changes: ["same"],
      run: (k, b) => {
        k.unary({ operation, x: b.x, out: b.y, length: 1003 });
        k.unaryGrad({ operation, x: b.x, y: b.y, dy: b.dy, dx: b.dx, length: 1003 });
        k.unaryGrad({ operation, x: b.x, y: b.y, dy: b.same, dx: b.same, length: 1003 });
      },
    },
  );
}

elementwiseCases.push(
  {
    kernel: "unary",
    name: "extremes stay finite: sigmoid, tanh and gelu of ±100, exp of −200, relu of ±0",
    inputs: { x: f32(-100, -30, -10, -5, 0, 5, 10, 30, 100), low: f32(-200, -90, -10) },
    outputs: { sigmoid: 9, tanh: 9, gelu: 9, relu: 9, exp: 3 },
    run: (k, b) => {
      for (const operation of ["sigmoid", "tanh", "gelu", "relu"] as const) {
        k.unary({ operation, x: b.x, out: b[operation], length: 9 });
      }
      k.unary({ operation: "exp", x: b.low, out: b.exp, length: 3 });
    },
  },
  {
    kernel: "unaryGrad",
    name: "extremes stay finite: gelu of ±100, relu at 0",
    inputs: { x: f32(-100, -30, -10, -5, 0, 5, 10, 30, 100), dy: draw(9) },
    outputs: { gelu: 9, relu: 9 },
    run: (k, b) => {
      k.unaryGrad({ operation: "gelu", x: b.x, dy: b.dy, dx: b.gelu, length: 9 });
      k.unaryGrad({ operation: "relu", x: b.x, dy: b.dy, dx: b.relu, length: 9 });
    },
  },
  {
    kernel: "unary",
    name: "gelu, 70 001 elements",
    inputs: { x: draw(70001, 0, 2) },
    outputs: { out: 70001 },
    run: (k, b) => k.unary({ operation: "gelu", x: b.x, out: b.out, length: 70001 }),
    heavy: true,
  },
  {
    kernel: "affine",
    name: "apart and in place",
    inputs: { x: draw(1003), same: draw(5) },
    outputs: { out: 1003 },
    changes: ["same"],
    run: (k, b) => {
      k.affine({ x: b.x, out: b.out, length: 1003, scale: -0.37, shift: 2 });
      k.affine({ x: b.same, out: b.same, length: 5, scale: 3, shift: -1 });
    },
  },
  {
    kernel: "addTo",
    name: "odd length",
    inputs: { x: draw(1003), out: draw(1003) },
    outputs: {},
    changes: ["out"],
    run: (k, b) => k.addTo({ x: b.x, out: b.out, length: 1003, scale: -1.75 }),
  },
);
