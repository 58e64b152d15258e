// A range along one axis, with a copy. Its gradient is zero outside the range.

import { record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { resolveAxis, showShape, stridesOf } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** x[…, start:end, …] along `axis`. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const at = resolveAxis(axis, x.shape.length, "slice");
  if (!(start >= 0 && start < end && end <= x.shape[at])) {
    fail(`slice: ${start}…${end} lies outside axis ${at} of ${showShape(x.shape)}`);
  }
  const shape = x.shape.map((size, i) => (i === at ? end - start : size));
  const out = empty(x.backend, shape, x.dtype);
  const offset = start * stridesOf(x.shape)[at];
  copyRange(x, out, shape, stridesOf(x.shape), stridesOf(shape), offset, 0);
  return record("slice", out, [x], () => [], (dy) => {
    const dx = empty(dy.backend, x.shape);
    dy.backend.kernels.fill({ out: dx.buffer, length: dx.size, value: 0 });
    copyRange(dy, dx, shape, stridesOf(shape), stridesOf(x.shape), 0, offset);
    return [dx];
  });
}

/** Copies the index space `shape` between two layouts, with axes merged down to three so that any rank works. */
export function copyRange(
  x: Tensor,
  out: Tensor,
  shape: readonly number[],
  xStrides: readonly number[],
  outStrides: readonly number[],
  xOffset: number,
  outOffset: number,
): void {
  const merged: { size: number; x: number; out: number }[] = [];
  for (let i = 0; i < shape.length; i++) {
    const last = merged[merged.length - 1];
    if (last && last.x === xStrides[i] * shape[i] && last.out === outStrides[i] * shape[i]) {
      last.size *= shape[i];
      last.x = xStrides[i];
      last.out = outStrides[i];
    } else merged.push({ size: shape[i], x: xStrides[i], out: outStrides[i] });
  }
  x.backend.kernels.stridedCopy({
    x: x.buffer,
    out: out.buffer,
    shape: merged.map((each) => each.size),
    xStrides: merged.map((each) => each.x),
    outStrides: merged.map((each) => each.out),
    xOffset,
    outOffset,
  });
}

export const samples: OpSample[] = [
  { name: "slice of the first axis", inputs: [{ shape: [5, 4] }], run: (x) => slice(x, 0, 1, 3) },
  { name: "slice of the last axis", inputs: [{ shape: [2, 3, 8] }], run: (x) => slice(x, -1, 4, 8) },
  { name: "slice of a middle axis", inputs: [{ shape: [3, 6, 2] }], run: (x) => slice(x, 1, 0, 1) },
];
