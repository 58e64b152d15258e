// Masked attention and its gradient, one (batch, head) pair at a time, blocks of query rows kept in the cache.
// It leaves the products to gemm.ts, what happens to a line of scores to scores.ts, and the split over pairs to tasks.ts and threads.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { gemm, GEMM_SCRATCH, gemmPacked, packedBytes, packMatrix } from "./gemm";
import { drawnTogether, halves, halvesBytes } from "./random";
import {
  dropLine,
  droppedSlopeLine,
  expLines,
  keyLanes,
  QUERY_BLOCK,
  rowDelta,
  scaleLine,
  scoreWidth,
  slopeLine,
} from "./scores";

/**
 * Bytes of scratch for T tokens and heads of D: gemm's, two blocks of scores, a lane mask, a block's sums, dropout's bits of a block,
 * the keys and values of one head as the products want them, in three forms at most, and two blocks of rows of one head.
 */
export function attentionScratch(tokens: u32, headSize: u32): usize {
  const width = scoreWidth(tokens);
  return GEMM_SCRATCH + ((QUERY_BLOCK * width) << 3) + (width << 2) + (QUERY_BLOCK << 2) +
    halvesBytes(QUERY_BLOCK * width) + 2 * packedBytes(tokens, headSize) + packedBytes(headSize, tokens) + 64 +
    ((QUERY_BLOCK * headSize) << 3);
}

/** From this many bytes on, a line of all heads puts the rows of one head so far apart that they crowd each other out of the cache. */
const FAR_APART: usize = 1024;

/**
 * Reads one word of each line of the cache in rows of D floats, ld bytes apart: so many are asked of the memory at once, where packing
 * would wait for a few. Returns something that depends on them all.
 */
function touchRows(from: usize, ld: usize, rows: u32, width: u32): i32 {
  const bytes: usize = width << 2;
  let all: i32 = 0;
  for (; rows > 0; rows--) {
    for (let at: usize = 0; at < bytes; at += 64) all |= load<i32>(from + at);
    from += ld;
  }
  return all;
}

/** Rows of D floats, ld bytes apart, one behind the other at `to` where they lie far apart; returns where they are to be read. */
function nearRows(from: usize, ld: usize, rows: u32, width: u32, to: usize): usize {
  if (ld < FAR_APART) return from;
  const near = to;
  for (; rows > 0; rows--) {
    let i: u32 = 0;
    for (; i + 4 <= width; i += 4) v128.store(to + (i << 2), v128.load(from + (i << 2)));
    for (; i < width; i++) f32.store(to + (i << 2), f32.load(from + (i << 2)));
    from += ld;
    to += width << 2;
  }
  return near;
}

/** Zeroes rows of D floats, ld bytes apart. */
export function clearRows(out: usize, ld: usize, rows: u32, width: u32): void {
  for (; rows > 0; rows--) {
    memory.fill(out, 0, width << 2);
    out += ld;
  }
}

export function attention(
  q: usize,
  k: usize,
  v: usize,
  mask: usize,
  out: usize,
  logSumExp: usize,
  starts: usize,
  tokens: u32,
  heads: u32,
  headSize: u32,
  scale: f32,
  threshold: u32,
  keepScale: f32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
  c0: u32,
  scratch: usize,
  begin: u32,
  end: u32,
): void {
  const width = scoreWidth(tokens);
  const scores = scratch + GEMM_SCRATCH;
  const lanes = scores + ((QUERY_BLOCK * width) << 3);
  const sums = lanes + (width << 2);
  const words = sums + (QUERY_BLOCK << 2);
  const packedKeys = words + halvesBytes(QUERY_BLOCK * width);
  const packedValues = packedKeys + packedBytes(tokens, headSize);
  const rowsOfHead = packedValues + packedBytes(headSize, tokens);
  const line = (heads * headSize) << 2;
  const nearLine = line < FAR_APART ? line : headSize << 2;
  const scoreLine = width << 2;
  for (let item = begin; item < end; item++) {
    const batch = item / heads;
    const before = starts != 0 ? load<u32>(starts + (batch << 2)) : batch * tokens;
    const queries = starts != 0 ? load<u32>(starts + (batch << 2), 4) - before : tokens;
    const offset = before * line + (((item - batch * heads) * headSize) << 2);
    const length = keyLanes(mask != 0 ? mask + ((batch * tokens) << 2) : 0, queries, lanes);
    const together = threshold != 0 && drawnTogether(tokens, length);
    const lse = logSumExp + ((item * tokens) << 2);
    if (length == 0) {
      clearRows(out + offset, line, queries, headSize);
      for (let i: u32 = 0; i < queries; i++) f32.store(lse + (i << 2), -Infinity);
      continue;
    }
    if (line >= FAR_APART) {
      store<i32>(
        rowsOfHead,
        touchRows(k + offset, line, length, headSize) | touchRows(v + offset, line, length, headSize) |
          touchRows(q + offset, line, queries, headSize),
      );
    }
    packMatrix(length, headSize, k + offset, line, true, packedKeys);
    packMatrix(headSize, length, v + offset, line, false, packedValues);
    for (let first: u32 = 0; first < queries; first += QUERY_BLOCK) {
      const rows = min(QUERY_BLOCK, queries - first);
      const block = offset + first * line;
      const queryRows = nearRows(q + block, line, rows, headSize, rowsOfHead);
      gemmPacked(rows, length, headSize, queryRows, nearLine, packedKeys, scores, scoreLine, scratch);
      expLines(scores, scoreLine, rows, length, lanes, scale, sums, lse + (first << 2));
      const element = (c0 << 3) + (item * tokens + first) * tokens;
      const bits = together ? halves(words, element, (rows - 1) * tokens + length, c1, c2, c3, k0, k1) : 0;
      for (let i: u32 = 0; i < rows; i++) {
        const row = scores + i * scoreLine;
        const last = row + (scoreWidth(length) << 2);
        const factor = keepScale / f32.load(sums + (i << 2));
        if (threshold == 0) scaleLine(row, last, factor);
        else {
          const w = together
            ? bits + ((i * tokens) << 1)
            : halves(words, element + i * tokens, length, c1, c2, c3, k0, k1);
          dropLine(row, last, factor, w, threshold);
        }
      }
      gemmPacked(rows, headSize, length, scores, scoreLine, packedValues, out + block, line, scratch);
    }
  }
}

export function attentionGrad(
  q: usize,
  k: usize,
  v: usize,
  mask: usize,
  out: usize,
  logSumExp: usize,
  dout: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  starts: usize,
  tokens: u32,
  heads: u32,
  headSize: u32,
  scale: f32,
  threshold: u32,
  keepScale: f32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
  c0: u32,
  scratch: usize,
  begin: u32,
  end: u32,
): void {
  const width = scoreWidth(tokens);
  const scores = scratch + GEMM_SCRATCH;
  const slopes = scores + ((QUERY_BLOCK * width) << 2);
  const lanes = slopes + ((QUERY_BLOCK * width) << 2);
  const words = lanes + (width << 2);
  const packedKeys = words + halvesBytes(QUERY_BLOCK * width);
  const packedValues = packedKeys + packedBytes(tokens, headSize);
  const keyRows = packedValues + packedBytes(tokens, headSize);
  const rowsOfHead = keyRows + packedBytes(headSize, tokens);
  const line = (heads * headSize) << 2;
  const nearLine = line < FAR_APART ? line : headSize << 2;
  const scoreLine = width << 2;
  for (let item = begin; item < end; item++) {
    const batch = item / heads;
    const before = starts != 0 ? load<u32>(starts + (batch << 2)) : batch * tokens;
    const queries = starts != 0 ? load<u32>(starts + (batch << 2), 4) - before : tokens;
    const offset = before * line + (((item - batch * heads) * headSize) << 2);
    const length = keyLanes(mask != 0 ? mask + ((batch * tokens) << 2) : 0, queries, lanes);
    const together = threshold != 0 && drawnTogether(tokens, length);
    clearRows(dk + offset + length * line, line, queries - length, headSize);
    clearRows(dv + offset + length * line, line, queries - length, headSize);
    if (length == 0) {
      clearRows(dq + offset, line, queries, headSize);
      continue;
    }
    if (line >= FAR_APART) {
      store<i32>(
        rowsOfHead,
        touchRows(k + offset, line, length, headSize) | touchRows(v + offset, line, length, headSize) |
          touchRows(q + offset, line, queries, headSize) | touchRows(dout + offset, line, queries, headSize),
      );
    }
    packMatrix(length, headSize, k + offset, line, true, packedKeys);
    packMatrix(length, headSize, v + offset, line, true, packedValues);
    packMatrix(headSize, length, k + offset, line, false, keyRows);
    for (let first: u32 = 0; first < queries; first += QUERY_BLOCK) {
      const rows = min(QUERY_BLOCK, queries - first);
      const block = offset + first * line;
      const queryRows = nearRows(q + block, line, rows, headSize, rowsOfHead);
      const doutRows = nearRows(dout + block, line, rows, headSize, rowsOfHead + ((QUERY_BLOCK * headSize) << 2));
      gemmPacked(rows, length, headSize, queryRows, nearLine, packedKeys, scores, scoreLine, scratch);
      gemmPacked(rows, length, headSize, doutRows, nearLine, packedValues, slopes, scoreLine, scratch);
      const element = (c0 << 3) + (item * tokens + first) * tokens;
      const bits = together ? halves(words, element, (rows - 1) * tokens + length, c1, c2, c3, k0, k1) : 0;
      for (let i: u32 = 0; i < rows; i++) {
        const row = scores + i * scoreLine;
        const last = row + (scoreWidth(length) << 2);
        const slopeRow = slopes + i * scoreLine;
        const shift = f32.load(logSumExp + ((item * tokens + first + i) << 2));
        const delta = rowDelta(out + block + i * line, doutRows + i * nearLine, headSize);
        if (threshold == 0) slopeLine(row, last, slopeRow, lanes, scale, shift, delta);
        else {
          const w = together
            ? bits + ((i * tokens) << 1)
            : halves(words, element + i * tokens, length, c1, c2, c3, k0, k1);
          droppedSlopeLine(row, last, slopeRow, lanes, scale, shift, delta, keepScale, w, threshold);
        }
      }
      const more = first > 0;
      gemm(
        length,
        headSize,
        rows,
        scores,
        scoreLine,
        true,
        doutRows,
        nearLine,
        false,
        dv + offset,
        line,
        more,
        0,
        scratch,
      );
      gemmPacked(rows, headSize, length, slopes, scoreLine, keyRows, dq + block, line, scratch);
      gemm(
        length,
        headSize,
        rows,
        slopes,
        scoreLine,
        true,
        queryRows,
        nearLine,
        false,
        dk + offset,
        line,
        more,
        0,
        scratch,
      );
    }
  }
}
