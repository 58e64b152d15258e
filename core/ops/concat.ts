// Tensors side by side along one axis.

import { needsGrad, record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { resolveAxis, showShape, stridesOf } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";
import { copyRange, slice } from "./slice.ts";

/** Joins tensors whose other axes agree. */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length === 0) fail("concat: no tensors given");
  const at = resolveAxis(axis, parts[0].shape.length, "concat");
  let total = 0;
  for (const part of parts) {
    if (
      part.shape.length !== parts[0].shape.length ||
      part.shape.some((size, i) => i !== at && size !== parts[0].shape[i])
    ) {
      fail(
        `concat: ${showShape(part.shape)} does not fit beside ${showShape(parts[0].shape)} along axis ${at}`,
      );
    }
    total += part.shape[at];
  }
  const shape = parts[0].shape.map((size, i) => (i === at ? total : size));
  const strides = stridesOf(shape);
  const out = empty(parts[0].backend, shape, parts[0].dtype);
  const starts: number[] = [];
  let start = 0;
  for (const part of parts) {
    starts.push(start);
    copyRange(part, out, part.shape, stridesOf(part.shape), strides, 0, start * strides[at]);
    start += part.shape[at];
  }
  const need = parts.map(needsGrad);
  return record(
    "concat",
    out,
    parts,
    () => [],
    (dy) =>
      parts.map((part, i) => need[i] ? slice(dy, at, starts[i], starts[i] + part.shape[at]) : undefined),
  );
}

export const samples: OpSample[] = [
  {
    name: "concat of rows",
    inputs: [{ shape: [2, 3] }, { shape: [4, 3] }],
    run: (a, b) => concat([a, b], 0),
  },
  {
    name: "concat of columns",
    inputs: [{ shape: [2, 3, 4] }, { shape: [2, 3, 1] }, { shape: [2, 3, 2], grad: false }],
    run: (a, b, c) => concat([a, b, c], -1),
  },
];
