// What the kernels of attention do to a line of scores between their products: mask, softmax, dropout, and the slopes of these.
// It leaves the products to gemm.ts and which lines to attention.ts and disentangled.ts.
//
// A line is a whole number of pairs of vectors: two fill each other's waiting, and V8 may join them. Keys beyond the last open
// one are closed lanes, whatever lies there.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { constant, expNegative, loadPart, maxLanes, select, storePart, sumLanes } from "./simd";
import * as f from "./simd";

/** Query rows to a block: two blocks of 48 × 512 scores are 192 KB. */
export const QUERY_BLOCK: u32 = 48;

/** Floats that a line of scores of `keys` keys takes. */
// @ts-ignore: decorator
@inline
export function scoreWidth(keys: u32): u32 {
  return (keys + 7) & ~7;
}

/** Writes all-ones lanes for keys that may be attended up to the line's width; returns 1 + the last such key. */
export function keyLanes(mask: usize, tokens: u32, lanes: usize): u32 {
  const width = scoreWidth(tokens);
  let length: u32 = 0;
  for (let j: u32 = 0; j < width; j++) {
    const open = j < tokens && (mask == 0 || load<i32>(mask + (j << 2)) != 0);
    store<i32>(lanes + (j << 2), open ? -1 : 0);
    if (open) length = j + 1;
  }
  return length;
}

// @ts-ignore: decorator
@inline
function maskedScore(p: usize, scale: v128, open: usize): v128 {
  return select(f32x4.mul(v128.load(p), scale), constant(-Infinity), v128.load(open));
}

/** row[p] = scale · row[p] of open keys, −infinity of others; returns the largest. */
function maskScores(row: usize, last: usize, lanes: usize, scale: f32): f32 {
  const factor = constant(scale);
  let best0 = constant(-Infinity);
  let best1 = constant(-Infinity);
  for (let p = row; p < last; p += 32) {
    const s0 = maskedScore(p, factor, lanes);
    const s1 = maskedScore(p + 16, factor, lanes + 16);
    v128.store(p, s0);
    v128.store(p, s1, 16);
    best0 = f32x4.pmax(best0, s0);
    best1 = f32x4.pmax(best1, s1);
    lanes += 32;
  }
  return maxLanes(f32x4.pmax(best0, best1));
}

/** row[p] = exp(row[p] − top); returns the sum. */
function expScores(row: usize, last: usize, top: f32): f32 {
  const shift = constant(top);
  let sums = constant(0);
  let p = row;
  for (; p + 32 < last; p += 64) {
    const e0 = expNegative(f32x4.sub(v128.load(p), shift));
    const e1 = expNegative(f32x4.sub(v128.load(p, 16), shift));
    const e2 = expNegative(f32x4.sub(v128.load(p, 32), shift));
    const e3 = expNegative(f32x4.sub(v128.load(p, 48), shift));
    v128.store(p, e0);
    v128.store(p, e1, 16);
    v128.store(p, e2, 32);
    v128.store(p, e3, 48);
    sums = f32x4.add(f32x4.add(sums, e0), e1);
    sums = f32x4.add(f32x4.add(sums, e2), e3);
  }
  if (p < last) {
    const e0 = expNegative(f32x4.sub(v128.load(p), shift));
    const e1 = expNegative(f32x4.sub(v128.load(p, 16), shift));
    v128.store(p, e0);
    v128.store(p, e1, 16);
    sums = f32x4.add(f32x4.add(sums, e0), e1);
  }
  return sumLanes(sums);
}

/**
 * For each of `rows` lines of scores: exp(scale · score − their largest) of open keys and 0 of others in place, their sum to `sums`,
 * and log Σ exp(scale · score) to `lse`. One pass after the other over all lines: a line alone would wait for its own result.
 */
export function expLines(
  scores: usize,
  line: usize,
  rows: u32,
  length: u32,
  lanes: usize,
  scale: f32,
  sums: usize,
  lse: usize,
): void {
  const bytes: usize = scoreWidth(length) << 2;
  let row = scores;
  for (let i: u32 = 0; i < rows; i++) {
    f32.store(lse + (i << 2), maskScores(row, row + bytes, lanes, scale));
    row += line;
  }
  row = scores;
  for (let i: u32 = 0; i < rows; i++) {
    f32.store(sums + (i << 2), expScores(row, row + bytes, f32.load(lse + (i << 2))));
    row += line;
  }
  for (; rows >= 4; rows -= 4) {
    v128.store(lse, f32x4.add(v128.load(lse), f.log(v128.load(sums))));
    lse += 16;
    sums += 16;
  }
  if (rows > 0) storePart(lse, f32x4.add(loadPart(lse, rows), f.log(loadPart(sums, rows))), rows);
}

/** row[p] · factor. */
export function scaleLine(row: usize, last: usize, factor: f32): void {
  const times = constant(factor);
  for (let p = row; p < last; p += 32) {
    const w0 = f32x4.mul(v128.load(p), times);
    const w1 = f32x4.mul(v128.load(p, 16), times);
    v128.store(p, w0);
    v128.store(p, w1, 16);
  }
}

/** As scaleLine, and 0 where the 16 bits at `words` are below `threshold`. */
export function dropLine(row: usize, last: usize, factor: f32, words: usize, threshold: u32): void {
  const times = constant(factor);
  const limit = i32x4.splat(threshold);
  for (let p = row; p < last; p += 32) {
    const bits = v128.load(words);
    const keep0 = i32x4.ge_u(i32x4.extend_low_i16x8_u(bits), limit);
    const keep1 = i32x4.ge_u(i32x4.extend_high_i16x8_u(bits), limit);
    const w0 = v128.and(f32x4.mul(v128.load(p), times), keep0);
    const w1 = v128.and(f32x4.mul(v128.load(p, 16), times), keep1);
    v128.store(p, w0);
    v128.store(p, w1, 16);
    words += 16;
  }
}

// @ts-ignore: decorator
@inline
function openWeight(p: usize, scale: v128, shift: v128, open: v128): v128 {
  return v128.and(expNegative(f32x4.sub(f32x4.mul(v128.load(p), scale), shift)), open);
}

/**
 * From scores in `row` and ∂/∂weights in `slopes`: the weights exp(scale · score − shift), and in `slopes` ∂/∂scores =
 * (∂/∂weight − delta) · weight · scale.
 */
export function slopeLine(
  row: usize,
  last: usize,
  slopes: usize,
  lanes: usize,
  scale: f32,
  shift: f32,
  delta: f32,
): void {
  const factor = constant(scale);
  const top = constant(shift);
  const mean = constant(delta);
  for (let p = row; p < last; p += 32) {
    const open0 = v128.load(lanes);
    const open1 = v128.load(lanes, 16);
    const w0 = openWeight(p, factor, top, open0);
    const w1 = openWeight(p + 16, factor, top, open1);
    v128.store(p, w0);
    v128.store(p, w1, 16);
    const s0 = f32x4.mul(f32x4.sub(v128.load(slopes), mean), factor);
    const s1 = f32x4.mul(f32x4.sub(v128.load(slopes, 16), mean), factor);
    v128.store(slopes, v128.and(f32x4.mul(s0, w0), open0));
    v128.store(slopes, v128.and(f32x4.mul(s1, w1), open1), 16);
    slopes += 32;
    lanes += 32;
  }
}

/** As slopeLine with dropout after the softmax: weights are multiplied by `keepScale`, or by 0 where the bits are below `threshold`. */
export function droppedSlopeLine(
  row: usize,
  last: usize,
  slopes: usize,
  lanes: usize,
  scale: f32,
  shift: f32,
  delta: f32,
  keepScale: f32,
  words: usize,
  threshold: u32,
): void {
  const factor = constant(scale);
  const top = constant(shift);
  const mean = constant(delta);
  const keep = constant(keepScale);
  const limit = i32x4.splat(threshold);
  for (let p = row; p < last; p += 32) {
    const open0 = v128.load(lanes);
    const open1 = v128.load(lanes, 16);
    const w0 = openWeight(p, factor, top, open0);
    const w1 = openWeight(p + 16, factor, top, open1);
    const bits = v128.load(words);
    const keep0 = v128.and(keep, i32x4.ge_u(i32x4.extend_low_i16x8_u(bits), limit));
    const keep1 = v128.and(keep, i32x4.ge_u(i32x4.extend_high_i16x8_u(bits), limit));
    v128.store(p, f32x4.mul(w0, keep0));
    v128.store(p, f32x4.mul(w1, keep1), 16);
    const s0 = f32x4.sub(f32x4.mul(v128.load(slopes), keep0), mean);
    const s1 = f32x4.sub(f32x4.mul(v128.load(slopes, 16), keep1), mean);
    v128.store(slopes, v128.and(f32x4.mul(f32x4.mul(s0, w0), factor), open0));
    v128.store(slopes, v128.and(f32x4.mul(f32x4.mul(s1, w1), factor), open1), 16);
    slopes += 32;
    lanes += 32;
    words += 16;
  }
}

/** out · ∂/∂out of one query's `size` values, one by one: Σ_j weight_j · ∂/∂weight_j. */
export function rowDelta(out: usize, dout: usize, size: u32): f32 {
  let delta: f32 = 0;
  for (let d: u32 = 0; d < size; d++) delta += f32.load(out + (d << 2)) * f32.load(dout + (d << 2));
  return delta;
}
