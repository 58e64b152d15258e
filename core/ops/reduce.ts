// Sums and means over one axis or over everything, with a fixed order of addition.

import { record } from "../autograd.ts";
import { broadcastStrides, resolveAxis, sizeOf } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** Σ over `axis` (which disappears), or over all values (shape []). */
export function sum(x: Tensor, axis?: number): Tensor {
  return reduce("sum", x, axis, () => 1);
}

/** Mean over `axis` (which disappears), or over all values (shape []). */
export function mean(x: Tensor, axis?: number): Tensor {
  return reduce("mean", x, axis, (count) => 1 / count);
}

function reduce(
  name: string,
  x: Tensor,
  axis: number | undefined,
  factor: (count: number) => number,
): Tensor {
  const at = axis === undefined ? null : resolveAxis(axis, x.shape.length, name);
  const outer = at === null ? 1 : sizeOf(x.shape.slice(0, at));
  const size = at === null ? x.size : x.shape[at];
  const inner = at === null ? 1 : sizeOf(x.shape.slice(at + 1));
  const scale = factor(size);
  const out = empty(x.backend, at === null ? [] : x.shape.filter((_, i) => i !== at));
  x.backend.kernels.reduce({
    operation: "sum",
    x: x.buffer,
    out: out.buffer,
    outer,
    size,
    inner,
    scale,
    accumulate: false,
  });
  return record(name, out, [x], () => [], (dy) => {
    const dx = empty(dy.backend, x.shape);
    dy.backend.kernels.stridedCopy({
      x: dy.buffer,
      out: dx.buffer,
      shape: [outer, size, inner],
      xStrides: broadcastStrides([outer, 1, inner], [outer, size, inner]),
      outStrides: [size * inner, inner, 1],
      xOffset: 0,
      outOffset: 0,
    });
    if (scale !== 1) {
      dy.backend.kernels.affine({ x: dx.buffer, out: dx.buffer, length: dx.size, scale, shift: 0 });
    }
    return [dx];
  });
}

export const samples: OpSample[] = [
  { name: "sum of everything", inputs: [{ shape: [3, 5] }], run: (x) => sum(x) },
  { name: "sum of rows", inputs: [{ shape: [3, 5] }], run: (x) => sum(x, 0) },
  { name: "mean of everything", inputs: [{ shape: [7, 9] }], run: (x) => mean(x) },
  { name: "mean of a middle axis", inputs: [{ shape: [2, 6, 3] }], run: (x) => mean(x, 1) },
  { name: "sum of the last axis", inputs: [{ shape: [4, 70] }], run: (x) => sum(x, -1) },
];
