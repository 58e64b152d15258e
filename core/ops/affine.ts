// scale · x + shift with two plain numbers.

import { record } from "../autograd.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** multiplier · x + shift, element by element. */
export function affine(x: Tensor, multiplier: number, shift: number): Tensor {
  const out = empty(x.backend, x.shape);
  x.backend.kernels.affine({ x: x.buffer, out: out.buffer, length: x.size, scale: multiplier, shift });
  return record("affine", out, [x], () => [], (dy) => {
    const dx = empty(dy.backend, dy.shape);
    dy.backend.kernels.affine({ x: dy.buffer, out: dx.buffer, length: dy.size, scale: multiplier, shift: 0 });
    return [dx];
  });
}

/** multiplier · x. */
export const scale = (x: Tensor, multiplier: number): Tensor => affine(x, multiplier, 0);

export const samples: OpSample[] = [
  { name: "affine", inputs: [{ shape: [4, 5] }], run: (x) => affine(x, -1.5, 0.25) },
  { name: "scale", inputs: [{ shape: [11] }], run: (x) => scale(x, 0.125) },
];
