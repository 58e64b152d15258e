// Dropout with a counter-based mask: a pure function of the stream and the element's number, the same on every backend.

import { record } from "../autograd.ts";
import type { RandomStream } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import { showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/**
 * Zeroes each element with `probability` (to the nearest 2⁻¹⁶) and divides the rest by 1 − probability. Probability 0 returns x itself.
 * @param places i32, one for each line of the last axis, where x holds some lines of a larger tensor: their numbers there
 */
export function dropout(x: Tensor, probability: number, random: RandomStream, places?: Tensor): Tensor {
  if (!(probability >= 0 && probability < 1)) fail(`dropout: probability ${probability} is not in [0, 1)`);
  if (probability === 0) return x;
  const width = x.shape[x.shape.length - 1];
  if (places !== undefined && (places.dtype !== "i32" || places.size * width !== x.size)) {
    fail(
      `dropout: places ${places.dtype} ${showShape(places.shape)} for x ${showShape(x.shape)}; ` +
        `wanted i32 [${x.size / width}], one for each line of ${width}`,
    );
  }
  const apply = (from: Tensor, kept: Tensor | undefined) => {
    const out = empty(from.backend, from.shape);
    from.backend.kernels.dropout({
      x: from.buffer,
      out: out.buffer,
      length: from.size,
      probability,
      random,
      rows: kept && { places: kept.buffer, width },
    });
    return out;
  };
  return record(
    "dropout",
    apply(x, places),
    [x],
    () => places ? [places] : [],
    (dy, [kept]) => [apply(dy, places && kept)],
  );
}

export const samples: OpSample[] = [
  {
    name: "dropout",
    inputs: [{ shape: [7, 11] }],
    run: (x) => dropout(x, 0.4, { k0: 1, k1: 2, c1: 3, c2: 4, c3: 5 }),
  },
  {
    name: "dropout of some lines",
    inputs: [{ shape: [3, 11] }, { shape: [3], dtype: "i32", values: [4, 0, 9] }],
    run: (x, places) => dropout(x, 0.4, { k0: 1, k1: 2, c1: 3, c2: 4, c3: 5 }, places),
  },
];
