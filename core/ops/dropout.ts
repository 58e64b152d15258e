// Dropout with a counter-based mask: a pure function of the stream and the element's number, the same on every backend.

import { record } from "../autograd.ts";
import type { RandomStream } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** Zeroes each element with `probability` and divides the rest by 1 − probability. Probability 0 returns x itself. */
export function dropout(x: Tensor, probability: number, random: RandomStream): Tensor {
  if (!(probability >= 0 && probability < 1)) fail(`dropout: probability ${probability} is not in [0, 1)`);
  if (probability === 0) return x;
  const out = empty(x.backend, x.shape);
  x.backend.kernels.dropout({ x: x.buffer, out: out.buffer, length: x.size, probability, random });
  return record("dropout", out, [x], () => [], (dy) => {
    const dx = empty(dy.backend, dy.shape);
    dy.backend.kernels.dropout({ x: dy.buffer, out: dx.buffer, length: dy.size, probability, random });
    return [dx];
  });
}

export const samples: OpSample[] = [
  {
    name: "dropout",
    inputs: [{ shape: [7, 11] }],
    run: (x) => dropout(x, 0.4, { k0: 1, k1: 2, c1: 3, c2: 4, c3: 5 }),
  },
];
