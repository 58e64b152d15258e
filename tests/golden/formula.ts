// Weights as a function of (name, element), the same in formula.py; the scales are in formula.json.
// It leaves to the callers which names there are. Nothing is stored: both sides compute the values, exactly alike.

import { readFile } from "node:fs/promises";

type Rule = readonly [pattern: string, offset: number, scale: number];

const { rules } = JSON.parse(await readFile(new URL("./formula.json", import.meta.url), "utf8")) as {
  rules: Rule[];
};

/** Avalanche of a 32-bit word: shifts and odd multipliers, modulo 2³². */
function mixed(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  word = Math.imul(word ^ (word >>> 15), 0x846ca68b);
  return (word ^ (word >>> 16)) >>> 0;
}

export function formulaWeights(name: string, count: number): Float32Array {
  let start = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) start = Math.imul(start ^ byte, 0x01000193);
  const [, offset, scale] = rules.find(([pattern]) => new RegExp(pattern).test(name))!;
  return Float32Array.from(
    { length: count },
    (_, i) => offset + scale * (mixed((start + Math.imul(i, 0x9e3779b9)) | 0) / 2 ** 31 - 1),
  );
}

/** `count` whole numbers below `below`, a power of two times whatever is asked for, of stream `seed`. */
export function numbers(seed: number, below: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => mixed(seed * 1000 + i) % below);
}

/** L2 norm, largest magnitude and six sums with random signs: see make_passes.py. */
export function digest(values: ArrayLike<number>): number[] {
  let squares = 0, largest = 0;
  for (let i = 0; i < values.length; i++) {
    squares += values[i] ** 2;
    largest = Math.max(largest, Math.abs(values[i]));
  }
  const sums = [0, 1, 2, 3, 4, 5].map((stream) =>
    numbers(100 + stream, 2, values.length).reduce((sum, bit, i) => sum + (1 - 2 * bit) * values[i], 0)
  );
  return [Math.sqrt(squares), largest, ...sums];
}
