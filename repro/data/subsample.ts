// Promises a deterministic part of a training set for the low-data settings, nested: the first 1,000 of a seed's 5,000.
// Leaves the generator to core/random.ts.

/** Gives the order of 0..n−1 under a fixed key. */
export type Order = (n: number) => ArrayLike<number>;

/** `size` examples drawn without replacement in the order's order; all of them, reordered, when there are no more. */
export function subsample<E>(examples: readonly E[], size: number, order: Order): E[] {
  if (!Number.isInteger(size) || size < 1) {
    throw new Error(`subsample: size ${size}; give a whole number from 1`);
  }
  const permutation = order(examples.length);
  return Array.from({ length: Math.min(size, examples.length) }, (_, index) => examples[permutation[index]]);
}
