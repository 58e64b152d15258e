// Counter-based random numbers (Philox 4x32-10): the same draws on every runtime, backend and resume, from (seed, purpose, step, element).
// It leaves the masks of dropout to the kernels, which read the same words by `RandomStream`.

import { type RandomStream, type Scalar, scalarValue } from "./backends/kernels.ts";
import { fail } from "./errors.ts";

export type { RandomStream } from "./backends/kernels.ts";

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const TWO_32 = 4294967296;

/** Upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Each sum stays below 2³², so no carry is lost.
  const first = (Math.imul(aHigh, bLow) >>> 0) + ((Math.imul(aLow, bLow) >>> 0) >>> 16);
  const second = (Math.imul(aLow, bHigh) >>> 0) + (first & 0xffff);
  return (Math.imul(aHigh, bHigh) + (first >>> 16) + (second >>> 16)) >>> 0;
}

/**
 * Philox 4x32 with 10 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * Writes four unsigned words to `out` at `offset`.
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array = new Uint32Array(4),
  offset = 0,
): Uint32Array {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = highProduct(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = highProduct(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[offset] = c0;
  out[offset + 1] = c1;
  out[offset + 2] = c2;
  out[offset + 3] = c3;
  return out;
}

/** The unsigned words `start` … `start + length − 1` of a stream. */
export function philoxWords(stream: RandomStream, length: number, start = 0): Uint32Array {
  const words = new Uint32Array(length);
  const block = new Uint32Array(4);
  const key: [number, number] = [stream.k0, stream.k1];
  let current = -1;
  for (let n = 0; n < length; n++) {
    const i = start + n;
    const wanted = Math.floor(i / 4);
    if (wanted !== current) {
      philox([(stream.c0 ?? 0) + wanted, scalarValue(stream.c1), stream.c2, stream.c3], key, block);
      current = wanted;
    }
    words[n] = block[i % 4];
  }
  return words;
}

/**
 * What dropout draws for elements `start` … `start + length − 1`: 16 bits each. Element e has the low half of word e/2 where e is
 * even, the high half where it is odd.
 */
export function philoxHalves(stream: RandomStream, length: number, start = 0): Uint16Array {
  const first = Math.floor(start / 2);
  const words = philoxWords(stream, Math.ceil((start + length) / 2) - first, first);
  const halves = new Uint16Array(length);
  for (let i = 0; i < length; i++) {
    const e = start + i;
    halves[i] = words[Math.floor(e / 2) - first] >>> (16 * (e % 2));
  }
  return halves;
}

/** Elements whose 16 bits are below this number are dropped: p to the nearest 2⁻¹⁶. */
export function dropThreshold(probability: number): number {
  return Math.min(Math.round(probability * 65536), 65535);
}

const oneBlock = new Uint32Array(4);

/** Word number `i` (0 ≤ i < 2³⁴) of a stream, as an unsigned 32-bit integer. */
export function philoxWord(i: number, stream: RandomStream): number {
  const { k0, k1, c0 = 0, c1, c2, c3 } = stream;
  philox([c0 + Math.floor(i / 4), scalarValue(c1), c2, c3], [k0, k1], oneBlock);
  return oneBlock[i % 4];
}

/** FNV-1a over UTF-16 code units (low byte, high byte): stable, and short enough to check by hand. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash >>> 0;
}

function requireCount(what: string, value: number, limit: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= limit) {
    fail(`streamKey: ${what} is ${value}; wanted an integer from 0 to ${limit - 1}`);
  }
}

/**
 * The stream for one purpose ("dropout", "data-order", "initialisation", "fisher-labels", …) at one step.
 * `sub` separates several streams of the same step, e.g. one for each dropout layer: a number, or a name that is hashed.
 * @throws when seed (< 2⁵³), step (< 2³²) or sub (< 2³²) is not a non-negative integer.
 */
export function streamKey(
  seed: number,
  purpose: string,
  step: Scalar = 0,
  sub: number | string = 0,
): RandomStream {
  requireCount("seed", seed, Number.MAX_SAFE_INTEGER);
  requireCount("step", scalarValue(step), TWO_32);
  const part = typeof sub === "string" ? hashName(sub) : sub;
  requireCount("sub", part, TWO_32);
  return { k0: seed >>> 0, k1: Math.floor(seed / TWO_32), c1: step, c2: part, c3: hashName(purpose) };
}

/** `length` numbers uniform in [low, high); 24 random bits each, so [0, 1) is exact in float32. */
export function uniform(stream: RandomStream, length: number, low = 0, high = 1): Float32Array {
  const words = philoxWords(stream, length);
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) out[i] = low + (high - low) * ((words[i] >>> 8) / 16777216);
  return out;
}

const LN2 = 0.6931471805599453;
const TWO_PI = 6.283185307179586;

/** Natural logarithm of 0 < x ≤ 1 from + − × ÷ alone: Math.log may differ in the last bit from one engine to the next. */
function stableLog(x: number): number {
  let exponent = 0;
  while (x < 0.7071067811865476) {
    x *= 2;
    exponent--;
  }
  // log x = 2·artanh((x − 1)/(x + 1)), |argument| ≤ 0.172.
  const z = (x - 1) / (x + 1);
  const square = z * z;
  let sum = 0;
  for (let n = 25; n >= 1; n -= 2) sum = sum * square + 1 / n;
  return 2 * z * sum + exponent * LN2;
}

/** Taylor series of cos (odd = 0) or sin (odd = 1) for |x| ≤ π/4. */
function trigonometricSeries(x: number, odd: 0 | 1): number {
  const square = x * x;
  let sum = 1;
  for (let n = 20 + odd; n >= 2; n -= 2) sum = 1 - sum * square / (n * (n - 1));
  return odd ? x * sum : sum;
}

/** [cos 2πu, sin 2πu] for 0 ≤ u < 1, from + − × ÷ alone. */
function stableCosSin(u: number): [number, number] {
  const quarter = Math.floor(u * 4 + 0.5);
  const angle = TWO_PI * (u - quarter / 4);
  const c = trigonometricSeries(angle, 0);
  const s = trigonometricSeries(angle, 1);
  switch (quarter & 3) {
    case 0:
      return [c, s];
    case 1:
      return [-s, c];
    case 2:
      return [-c, -s];
    default:
      return [s, -c];
  }
}

/** `length` normally distributed numbers: Box–Muller in float64 on words 2j and 2j + 1 for elements 2j (cosine) and 2j + 1 (sine). */
export function normal(stream: RandomStream, length: number, mean = 0, deviation = 1): Float32Array {
  const words = philoxWords(stream, length + (length & 1));
  const out = new Float32Array(length);
  for (let i = 0; i < length; i += 2) {
    const radius = Math.sqrt(-2 * stableLog((words[i] + 0.5) / TWO_32));
    const [c, s] = stableCosSin(words[i + 1] / TWO_32);
    out[i] = mean + deviation * radius * c;
    if (i + 1 < length) out[i + 1] = mean + deviation * radius * s;
  }
  return out;
}

/** An integer uniform in [0, n) from word `i` of the stream (bias below n / 2³²). */
export function integerBelow(stream: RandomStream, n: number, i = 0): number {
  if (!Number.isInteger(n) || n < 1 || n > TWO_32) {
    fail(`integerBelow: n is ${n}; wanted an integer from 1 to 2^32`);
  }
  return Math.floor(philoxWord(i, stream) * n / TWO_32);
}

/** A random order of 0 … n − 1 (Fisher–Yates from the top). */
export function permutation(stream: RandomStream, n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  const words = philoxWords(stream, Math.max(0, n - 1));
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(words[n - 1 - i] * (i + 1) / TWO_32);
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}

/** One of the items, by word `i` of the stream. */
export function choice<T>(stream: RandomStream, items: readonly T[], i = 0): T {
  if (items.length === 0) fail("choice: the list is empty; give at least one item");
  return items[integerBelow(stream, items.length, i)];
}
