// Promises a deterministic part of a training set for the low-data settings, nested: a seed's first 1,000 are in its 5,000.
// Leaves the order within an epoch to tasks/order.ts.
import { permutation, streamKey } from "../../core/random.ts";

/** `size` examples drawn without replacement, in the drawn order; all of them where there are no more. */
export function subsample<E>(examples: readonly E[], size: number, seed: number): E[] {
  if (!Number.isInteger(size) || size < 1) {
    throw new Error(`subsample: size ${size}; give a whole number from 1`);
  }
  const order = permutation(streamKey(seed, "subsample"), examples.length);
  return order.slice(0, size).map((index) => examples[index]);
}
