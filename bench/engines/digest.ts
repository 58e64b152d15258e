// Promises a result of any size as a few numbers that tell whether two engines computed the same: sums and a fixed sample.
// Leaves what counts as the same to agreement.ts.
import type { Outputs } from "./engine.ts";

export interface Digest {
  length: number;
  sum: number;
  /** Euclidean norm. */
  norm: number;
  /** Values at the positions of `samplePositions`; all of a short result. */
  sample: number[];
}

export const sampleSize = 256;

/** Spread over the whole result, in no step with any row length. */
export function samplePositions(length: number): number[] {
  if (length <= sampleSize) return Array.from({ length }, (_, i) => i);
  return Array.from(
    { length: sampleSize },
    (_, i) => Math.floor((i + (i * 0.6180339887498949) % 1) * length / (sampleSize + 1)),
  );
}

export function digest(values: ArrayLike<number>): Digest {
  let sum = 0, squares = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    squares += values[i] * values[i];
  }
  const sample = samplePositions(values.length).map((i) => values[i]);
  return { length: values.length, sum, norm: Math.sqrt(squares), sample };
}

export const digests = (outputs: Outputs): Record<string, Digest> =>
  Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, digest(values)]));
