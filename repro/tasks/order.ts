// Promises the order in which training items are seen, from seed and epoch alone: the same on every machine and on resume.
// Leaves the generator to core/random.ts.
import { permutation, streamKey } from "../../core/random.ts";

/** A permutation of 0 … n − 1 for one epoch (counted from 0). */
export function epochOrder(seed: number, epoch: number, n: number): Int32Array {
  return Int32Array.from(permutation(streamKey(seed, "data-order", epoch), n));
}

/** Consecutive batches of an order; the last one may be smaller. */
export function batches(order: Int32Array, batchSize: number): Int32Array[] {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new Error(`batches: batch size ${batchSize}; give a whole number from 1`);
  }
  const parts: Int32Array[] = [];
  for (let from = 0; from < order.length; from += batchSize) {
    parts.push(order.subarray(from, from + batchSize));
  }
  return parts;
}

/** Items from the shortest to the longest, for evaluation with little padding; equal lengths keep their order. */
export function byLength(lengths: Int32Array): Int32Array {
  return Int32Array.from(lengths.keys()).sort((a, b) => lengths[a] - lengths[b] || a - b);
}
