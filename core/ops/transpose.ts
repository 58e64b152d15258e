// Reorders axes, with a copy.

import { record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { showShape, stridesOf } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** Axis i of the result is axis permutation[i] of x; without a permutation the last two axes swap. At most five axes. */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const rank = x.shape.length;
  const order = permutation ?? [...Array(Math.max(0, rank - 2)).keys(), rank - 1, rank - 2];
  if (rank > 5 || order.length !== rank || ![...order].sort((p, q) => p - q).every((axis, i) => axis === i)) {
    fail(
      `transpose: [${order}] does not name each of the ${rank} axes of ${
        showShape(x.shape)
      } once (at most five axes)`,
    );
  }
  const out = permute(x, order);
  return record(
    "transpose",
    out,
    [x],
    () => [],
    (dy) => [permute(dy, order.map((_, i) => order.indexOf(i)))],
  );
}

function permute(x: Tensor, order: readonly number[]): Tensor {
  const strides = stridesOf(x.shape);
  const shape = order.map((axis) => x.shape[axis]);
  const out = empty(x.backend, shape, x.dtype);
  x.backend.kernels.stridedCopy({
    x: x.buffer,
    out: out.buffer,
    shape,
    xStrides: order.map((axis) => strides[axis]),
    outStrides: stridesOf(shape),
    xOffset: 0,
    outOffset: 0,
  });
  return out;
}

export const samples: OpSample[] = [
  { name: "transpose", inputs: [{ shape: [3, 5] }], run: (x) => transpose(x) },
  {
    name: "transpose of four axes",
    inputs: [{ shape: [2, 3, 4, 5] }],
    run: (x) => transpose(x, [2, 0, 3, 1]),
  },
];
