// Reference kernels that treat elements one by one: fill, copy, cast, unary, binary, affine, strided copy, dropout.
// It leaves sums over elements to reductions.ts.

import { dropThreshold, philoxHalves } from "../../random.ts";
import { stridesOf } from "../../shape.ts";
import type { BinaryOperation, KernelSet, UnaryOperation } from "../kernels.ts";
import { Arguments, checkView, eachIndex } from "./buffers.ts";
import { normalDensity, normalDistribution } from "./erf.ts";
import { roundToHalf } from "./half.ts";

const unaryFunctions: Record<UnaryOperation, (x: number) => number> = {
  neg: (x) => -x,
  abs: (x) => Math.abs(x),
  exp: (x) => Math.exp(x),
  log: (x) => Math.log(x),
  sqrt: (x) => Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  square: (x) => x * x,
  tanh: (x) => Math.tanh(x),
  sigmoid: (x) => x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)),
  relu: (x) => x > 0 ? x : x === x ? 0 : x,
  gelu: (x) => x * normalDistribution(x),
};

/** f'(x), written by x or by the output y as the contract says. */
const unaryDerivatives: Record<UnaryOperation, { from: "x" | "y"; of: (value: number) => number }> = {
  neg: { from: "x", of: () => -1 },
  abs: { from: "x", of: (x) => Math.sign(x) },
  exp: { from: "y", of: (y) => y },
  log: { from: "x", of: (x) => 1 / x },
  sqrt: { from: "y", of: (y) => 0.5 / y },
  reciprocal: { from: "y", of: (y) => -y * y },
  square: { from: "x", of: (x) => 2 * x },
  tanh: { from: "y", of: (y) => 1 - y * y },
  sigmoid: { from: "y", of: (y) => y * (1 - y) },
  relu: { from: "x", of: (x) => x > 0 ? 1 : 0 },
  gelu: { from: "x", of: (x) => normalDistribution(x) + x * normalDensity(x) },
};

const binaryFunctions: Record<BinaryOperation, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
};

type Elementwise = Pick<
  KernelSet,
  | "fill"
  | "copy"
  | "cast"
  | "roundToHalf"
  | "unary"
  | "unaryGrad"
  | "affine"
  | "addTo"
  | "binary"
  | "stridedCopy"
  | "dropout"
>;

export const elementwise: Elementwise = {
  fill({ out, length, value }) {
    const args = new Arguments("fill");
    const data = args.any("out", out);
    if (args.count("length", length) > data.length) {
      args.fail(`length is ${length}; out has only ${data.length} elements`);
    }
    if (out.dtype === "i32" && !Number.isInteger(value)) {
      args.fail(`value is ${value}; an i32 buffer needs an integer`);
    }
    data.fill(value, 0, length);
  },

  copy({ x, out, length, xOffset, outOffset }) {
    const args = new Arguments("copy");
    const from = args.any("x", x);
    const to = args.any("out", out);
    if (x.dtype !== out.dtype) args.fail(`x is ${x.dtype} and out is ${out.dtype}; convert with cast`);
    args.distinct({ out }, { x });
    args.count("length", length);
    checkView(args, "x", from.length, [length], [1], xOffset);
    checkView(args, "out", to.length, [length], [1], outOffset);
    for (let i = 0; i < length; i++) to[outOffset + i] = from[xOffset + i];
  },

  cast({ x, out, length }) {
    const args = new Arguments("cast");
    if (x.dtype === "i32" && out.dtype === "f32") {
      const from = args.i32("x", x, length);
      const to = args.f32("out", out, length);
      for (let i = 0; i < length; i++) to[i] = from[i];
    } else if (x.dtype === "f32" && out.dtype === "i32") {
      const from = args.f32("x", x, length);
      const to = args.i32("out", out, length);
      for (let i = 0; i < length; i++) to[i] = Math.trunc(from[i]);
    } else {
      args.fail(`x and out are both ${x.dtype}; use copy`);
    }
  },

  roundToHalf({ x, out, length }) {
    const args = new Arguments("roundToHalf");
    const from = args.f32("x", x, length);
    const to = args.f32("out", out, length);
    for (let i = 0; i < length; i++) to[i] = roundToHalf(from[i]);
  },

  unary({ operation, x, out, length }) {
    const args = new Arguments(`unary ${operation}`);
    const f = unaryFunctions[operation] ?? args.fail("no such operation");
    const from = args.f32("x", x, length);
    const to = args.f32("out", out, length);
    for (let i = 0; i < length; i++) to[i] = f(from[i]);
  },

  unaryGrad({ operation, x, y, dy, dx, length }) {
    const args = new Arguments(`unaryGrad ${operation}`);
    const derivative = unaryDerivatives[operation] ?? args.fail("no such operation");
    const saved = derivative.from === "x" ? x : y;
    if (!saved) return args.fail(`needs ${derivative.from === "x" ? "the input x" : "the output y"}`);
    args.distinct({ dx }, { x, y });
    const at = args.f32(derivative.from, saved, length);
    const upper = args.f32("dy", dy, length);
    const to = args.f32("dx", dx, length);
    for (let i = 0; i < length; i++) to[i] = upper[i] * derivative.of(at[i]);
  },

  affine({ x, out, length, scale, shift }) {
    const args = new Arguments("affine");
    args.number("scale", scale);
    args.number("shift", shift);
    const from = args.f32("x", x, length);
    const to = args.f32("out", out, length);
    for (let i = 0; i < length; i++) to[i] = scale * from[i] + shift;
  },

  addTo({ x, out, length, scale }) {
    const args = new Arguments("addTo");
    args.number("scale", scale);
    args.distinct({ out }, { x });
    const from = args.f32("x", x, length);
    const to = args.f32("out", out, length);
    for (let i = 0; i < length; i++) to[i] += scale * from[i];
  },

  binary({ operation, a, b, out, shape, aStrides, bStrides }) {
    const args = new Arguments(`binary ${operation}`);
    const f = binaryFunctions[operation] ?? args.fail("no such operation");
    const length = shape.reduce((product, size) => product * size, 1);
    const dense = stridesOf(shape).join();
    const to = args.f32("out", out, length);
    const operands = [["a", a, aStrides], ["b", b, bStrides]] as const;
    const [left, right] = operands.map(([name, buffer, strides]) => {
      const data = args.f32(name, buffer, buffer.length);
      checkView(args, name, data.length, shape, strides, 0);
      // A stride over an axis of size 1 has no effect, so it need not be the dense one.
      const effective = strides.map((stride, axis) => shape[axis] === 1 ? stridesOf(shape)[axis] : stride);
      if (buffer === out && effective.join() !== dense) {
        args.fail(
          `out is the same buffer as ${name}, which is broadcast or transposed (strides [${strides}])`,
        );
      }
      return data;
    }) as [Float64Array, Float64Array];
    eachIndex(shape, aStrides, bStrides, (i, j, n) => {
      to[n] = f(left[i], right[j]);
    });
  },

  stridedCopy({ x, out, shape, xStrides, outStrides, xOffset, outOffset }) {
    const args = new Arguments("stridedCopy");
    const from = args.any("x", x);
    const to = args.any("out", out);
    if (x.dtype !== out.dtype) args.fail(`x is ${x.dtype} and out is ${out.dtype}; convert with cast`);
    args.distinct({ out }, { x });
    checkView(args, "x", from.length, shape, xStrides, xOffset);
    checkView(args, "out", to.length, shape, outStrides, outOffset);
    eachIndex(shape, xStrides, outStrides, (i, j) => {
      to[outOffset + j] = from[xOffset + i];
    });
  },

  dropout({ x, out, length, probability, random, rows }) {
    const args = new Arguments("dropout");
    const threshold = dropThreshold(args.probability(probability));
    const stream = args.stream(random);
    const from = args.f32("x", x, length);
    const to = args.f32("out", out, length);
    const width = rows ? args.count("rows.width", rows.width) : length;
    const places = rows ? args.i32("rows.places", rows.places, length / width) : [0];
    for (let row = 0; row * width < length; row++) {
      const halves = philoxHalves(stream, width, places[row] * width);
      for (let c = 0; c < width; c++) {
        const i = row * width + c;
        to[i] = halves[c] >= threshold ? from[i] / (1 - probability) : 0;
      }
    }
  },
};
