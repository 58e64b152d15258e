// The same values under another shape: no copy.

import { record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { checkShape, type Shape, showShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** A view of x as `shape`; sizes must agree. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkShape(shape, "reshape");
  if (sizeOf(shape) !== x.size) {
    fail(`reshape: ${showShape(x.shape)} has ${x.size} values, ${showShape(shape)} needs ${sizeOf(shape)}`);
  }
  return record("reshape", x.alias(shape), [x], () => [], (dy) => [dy.alias(x.shape)]);
}

export const samples: OpSample[] = [
  { name: "reshape", inputs: [{ shape: [3, 4] }], run: (x) => reshape(x, [2, 6]) },
];
