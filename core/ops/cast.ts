// Changes of number type: i32 ↔ f32, and rounding to half precision.

import { record } from "../autograd.ts";
import type { DType } from "../backends/backend.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** Converts to `dtype`; f32 → i32 truncates. No gradient flows through an integer. */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  const out = empty(x.backend, x.shape, dtype);
  x.backend.kernels.cast({ x: x.buffer, out: out.buffer, length: x.size });
  return out;
}

/** Rounds to the nearest half float and back; the gradient passes unchanged (straight through). */
export function roundToHalf(x: Tensor): Tensor {
  const out = empty(x.backend, x.shape);
  x.backend.kernels.roundToHalf({ x: x.buffer, out: out.buffer, length: x.size });
  return record("roundToHalf", out, [x], () => [], (dy) => [dy.alias()]);
}

export const samples: OpSample[] = [
  {
    name: "cast f32 → i32",
    inputs: [{ shape: [5], values: [-2.7, -0.4, 0, 1.9, 1e6] }],
    run: (x) => cast(cast(x, "i32"), "f32"),
    forwardOnly: true,
  },
  {
    name: "cast i32 → f32",
    inputs: [{ shape: [4], dtype: "i32", values: [-3, 0, 7, 16777215] }],
    run: (x) => cast(x, "f32"),
    forwardOnly: true,
  },
  {
    name: "roundToHalf",
    inputs: [{ shape: [9], values: [0.1, -1.0009765, 2049, 2051, 65503, 65519, 6.1e-5, 5.9e-8, -3e-8] }],
    run: roundToHalf,
    forwardOnly: true,
  },
];
