// Cases of kernels over several axes: broadcasts and strided copies.

import { streamKey } from "../../../core/random.ts";
import { draw, type KernelCase, positive, size, whole } from "./case.ts";

export const broadcastingCases: KernelCase[] = [];

type Broadcast = { name: string; shape: number[]; a: [number, number[]]; b: [number, number[]] };
const broadcasts: Broadcast[] = [
  { name: "dense", shape: [1003], a: [1003, [1]], b: [1003, [1]] },
  { name: "a row", shape: [13, 37], a: [481, [37, 1]], b: [37, [0, 1]] },
  { name: "a column", shape: [13, 37], a: [481, [37, 1]], b: [13, [1, 0]] },
  { name: "a scalar on the left", shape: [5, 7], a: [1, [0, 0]], b: [35, [7, 1]] },
  { name: "transposed", shape: [9, 17], a: [153, [17, 1]], b: [153, [1, 9]] },
  {
    name: "both ways over five axes",
    shape: [2, 3, 4, 5, 3],
    a: [72, [36, 12, 3, 0, 1]],
    b: [30, [15, 0, 0, 3, 1]],
  },
  { name: "no axes", shape: [], a: [1, []], b: [1, []] },
];
for (const operation of ["add", "sub", "mul", "div", "max", "min"] as const) {
  for (const each of broadcasts) {
    broadcastingCases.push({
      kernel: "binary",
      name: `${operation}, ${each.name} [${each.shape}]`,
      inputs: { a: draw(each.a[0]), b: operation === "div" ? positive(each.b[0]) : draw(each.b[0]) },
      outputs: { out: size(each.shape) },
      run: (k, b) =>
        k.binary({
          operation,
          a: b.a,
          b: b.b,
          out: b.out,
          shape: each.shape,
          aStrides: each.a[1],
          bStrides: each.b[1],
        }),
    });
  }
  broadcastingCases.push({
    kernel: "binary",
    name: `${operation}, in place on the left, a row on the right`,
    inputs: { a: draw(481), b: operation === "div" ? positive(37) : draw(37) },
    outputs: {},
    changes: ["a"],
    run: (k, b) =>
      k.binary({
        operation,
        a: b.a,
        b: b.b,
        out: b.a,
        shape: [13, 37],
        aStrides: [37, 1],
        bStrides: [0, 1],
      }),
  });
}
broadcastingCases.push({
  kernel: "binary",
  name: "sub in place on the right, and of a buffer from itself",
  inputs: { a: draw(99), b: draw(99) },
  outputs: {},
  changes: ["a", "b"],
  run: (k, b) => {
    const dense = { operation: "sub", shape: [99], aStrides: [1], bStrides: [1] } as const;
    k.binary({ ...dense, a: b.a, b: b.b, out: b.b });
    k.binary({ ...dense, a: b.a, b: b.a, out: b.a });
  },
});

broadcastingCases.push(
  {
    kernel: "stridedCopy",
    name: "transposes of two, three and five axes",
    inputs: { x: draw(221), y: draw(3 * 5 * 7), z: draw(2 * 3 * 4 * 3 * 2) },
    outputs: { xt: 221, yt: 105, zt: 144 },
    run: (k, b) => {
      const whole = { xOffset: 0, outOffset: 0 };
      k.stridedCopy({ ...whole, x: b.x, out: b.xt, shape: [17, 13], xStrides: [1, 17], outStrides: [13, 1] });
      k.stridedCopy({
        ...whole,
        x: b.y,
        out: b.yt,
        shape: [7, 3, 5],
        xStrides: [1, 35, 7],
        outStrides: [15, 5, 1],
      });
      k.stridedCopy({
        ...whole,
        x: b.z,
        out: b.zt,
        shape: [4, 2, 2, 3, 3],
        xStrides: [6, 72, 1, 24, 2],
        outStrides: [36, 18, 9, 3, 1],
      });
    },
    tolerance: 0,
  },
  {
    kernel: "stridedCopy",
    name: "a slice, a concatenation into a larger buffer, i32",
    inputs: { x: draw(15 * 9), y: whole(24, 100), into: draw(15 * 20) },
    outputs: { slice: 15 * 4, column: { length: 6, dtype: "i32" } },
    changes: ["into"],
    run: (k, b) => {
      k.stridedCopy({
        x: b.x,
        out: b.slice,
        shape: [15, 4],
        xStrides: [9, 1],
        outStrides: [4, 1],
        xOffset: 3,
        outOffset: 0,
      });
      k.stridedCopy({
        x: b.x,
        out: b.into,
        shape: [15, 9],
        xStrides: [9, 1],
        outStrides: [20, 1],
        xOffset: 0,
        outOffset: 11,
      });
      k.stridedCopy({
        x: b.y,
        out: b.column,
        shape: [6],
        xStrides: [4],
        outStrides: [1],
        xOffset: 2,
        outOffset: 0,
      });
    },
    tolerance: 0,
  },
);

for (const probability of [0.1, 0.5]) {
  broadcastingCases.push({
    kernel: "dropout",
    name: `p = ${probability}, apart and in place`,
    inputs: { x: positive(70003), same: positive(1003) },
    outputs: { out: 70003 },
    changes: ["same"],
    run: (k, b) => {
      const random = { k0: 0xdeadbeef, k1: 7, c1: 0xffffffff, c2: 3, c3: 0x80000001 };
      k.dropout({ x: b.x, out: b.out, length: 70003, probability, random });
      k.dropout({
        x: b.same,
        out: b.same,
        length: 1003,
        probability,
        random: { ...streamKey(3, "dropout", 1), c0: 77 },
      });
    },
    sameZeros: true,
    heavy: true,
  });
}
broadcastingCases.push({
  kernel: "dropout",
  name: "p = 0 keeps everything",
  inputs: { x: draw(101) },
  outputs: { out: 101 },
  run: (k, b) =>
    k.dropout({ x: b.x, out: b.out, length: 101, probability: 0, random: streamKey(3, "dropout") }),
});
