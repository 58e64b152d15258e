// Philox 4x32-10 on four counters at a time, and dropout from its words.
// It leaves the meaning of the counter words (purpose, step) to core/random.ts. Source: Salmon et al., SC 2011.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { constant, loadPart, storePart } from "./simd";

// @ts-ignore: decorator
@inline
function lowWords(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function highWords(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7);
}

// The two multipliers and the two steps of the keys, read where they are used: see simd.ts.
const PHILOX: usize = memory.data<u32>([0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85], 16);

// One round on the counters x0…x3 of one group, keys of the round in key0 and key1.
// @ts-ignore: decorator
@inline
function product(x: v128, multiplier: v128, high: bool): v128 {
  return high ? i64x2.extmul_high_i32x4_u(x, multiplier) : i64x2.extmul_low_i32x4_u(x, multiplier);
}

/** Stores four lanes of four counters counter by counter. */
// @ts-ignore: decorator
@inline
function storeGroup(out: usize, x0: v128, x1: v128, x2: v128, x3: v128): void {
  const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
  const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
  const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(out, v128.shuffle<i64>(low01, low23, 1, 3), 16);
  v128.store(out, v128.shuffle<i64>(high01, high23, 0, 2), 32);
  v128.store(out, v128.shuffle<i64>(high01, high23, 1, 3), 48);
}

/**
 * Writes words 4·first … of the stream, 16 a group; an odd number of groups is rounded up. Two groups go side by side: a round of
 * one alone mostly waits for its products.
 */
export function philox(
  out: usize,
  first: u32,
  groups: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  let counter = i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3));
  for (let left = <i32> groups; left > 0; left -= 2) {
    let x0 = counter;
    let y0 = i32x4.add(counter, i32x4.splat(4));
    let x1 = i32x4.splat(c1);
    let y1 = x1;
    let x2 = i32x4.splat(c2);
    let y2 = x2;
    let x3 = i32x4.splat(c3);
    let y3 = x3;
    let key0 = i32x4.splat(k0);
    let key1 = i32x4.splat(k1);
    for (let round = 0; round < 10; round++) {
      const m0 = v128.load32_splat(PHILOX);
      const m1 = v128.load32_splat(PHILOX + 4);
      const xa = product(x0, m0, false);
      const xb = product(x0, m0, true);
      const xc = product(x2, m1, false);
      const xd = product(x2, m1, true);
      const ya = product(y0, m0, false);
      const yb = product(y0, m0, true);
      const yc = product(y2, m1, false);
      const yd = product(y2, m1, true);
      x0 = v128.xor(v128.xor(highWords(xc, xd), x1), key0);
      x1 = lowWords(xc, xd);
      x2 = v128.xor(v128.xor(highWords(xa, xb), x3), key1);
      x3 = lowWords(xa, xb);
      y0 = v128.xor(v128.xor(highWords(yc, yd), y1), key0);
      y1 = lowWords(yc, yd);
      y2 = v128.xor(v128.xor(highWords(ya, yb), y3), key1);
      y3 = lowWords(ya, yb);
      key0 = i32x4.add(key0, v128.load32_splat(PHILOX + 8));
      key1 = i32x4.add(key1, v128.load32_splat(PHILOX + 12));
    }
    storeGroup(out, x0, x1, x2, x3);
    storeGroup(out + 64, y0, y1, y2, y3);
    counter = i32x4.add(counter, i32x4.splat(8));
    out += 128;
  }
}

/** Bytes that `halves` may write for `count` elements. */
// @ts-ignore: decorator
@inline
export function halvesBytes(count: usize): usize {
  return (((count + 7 + 63) >> 6) << 7) + 16;
}

/** Writes 16 bits for each of the elements `element` … `element + count − 1` and returns the address of the first's. */
// @ts-ignore: decorator
@inline
export function halves(
  out: usize,
  element: u32,
  count: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): usize {
  const skip = element & 7;
  philox(out, element >> 3, (skip + count + 31) >> 5, c1, c2, c3, k0, k1);
  return out + (skip << 1);
}

/** Whether lines of `length` elements, `stride` numbers apart, cost less drawn in one go, gaps included, than line by line. */
// @ts-ignore: decorator
@inline
export function drawnTogether(stride: u32, length: u32): bool {
  // A line's ends are rounded to two groups of 32.
  return stride <= ((length + 38 + 63) & ~63);
}

/** Elements whose bits lie in scratch at a time. */
const RUN: u32 = 1024;

/** Elements element … element + count − 1 of the stream. */
function dropRun(
  x: usize,
  out: usize,
  element: u32,
  left: u32,
  threshold: u32,
  scale: f32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
  words: usize,
): void {
  const limit = i32x4.splat(threshold);
  const factor = constant(scale);
  while (left > 0) {
    let count = min<u32>(RUN, left);
    let w = halves(words, element, count, c1, c2, c3, k0, k1);
    left -= count;
    element += count;
    for (; count >= 8; count -= 8) {
      const bits = v128.load(w);
      const keep0 = i32x4.ge_u(i32x4.extend_low_i16x8_u(bits), limit);
      const keep1 = i32x4.ge_u(i32x4.extend_high_i16x8_u(bits), limit);
      const y0 = v128.and(f32x4.mul(v128.load(x), factor), keep0);
      const y1 = v128.and(f32x4.mul(v128.load(x, 16), factor), keep1);
      v128.store(out, y0);
      v128.store(out, y1, 16);
      x += 32;
      out += 32;
      w += 16;
    }
    if (count >= 4) {
      const keep = i32x4.ge_u(v128.load16x4_u(w), limit);
      v128.store(out, v128.and(f32x4.mul(v128.load(x), factor), keep));
      count -= 4;
      x += 16;
      out += 16;
      w += 8;
    }
    if (count > 0) {
      const keep = i32x4.ge_u(v128.load16x4_u(w), limit);
      storePart(out, v128.and(f32x4.mul(loadPart(x, count), factor), keep), count);
    }
  }
}

/** Elements begin … end − 1. `words` has room for 4 KB. */
export function dropout(
  x: usize,
  out: usize,
  threshold: u32,
  scale: f32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
  c0: u32,
  words: usize,
  begin: u32,
  end: u32,
): void {
  const at = <usize> begin << 2;
  dropRun(x + at, out + at, (c0 << 3) + begin, end - begin, threshold, scale, c1, c2, c3, k0, k1, words);
}

/** Rows begin … end − 1 of `width` elements; row r has the numbers from places[r] · width. */
export function dropoutRows(
  x: usize,
  out: usize,
  places: usize,
  width: u32,
  threshold: u32,
  scale: f32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
  c0: u32,
  words: usize,
  begin: u32,
  end: u32,
): void {
  for (let row = begin; row < end; row++) {
    const at = (<usize> row * width) << 2;
    const element = (c0 << 3) + load<u32>(places + (<usize> row << 2)) * width;
    dropRun(x + at, out + at, element, width, threshold, scale, c1, c2, c3, k0, k1, words);
  }
}
