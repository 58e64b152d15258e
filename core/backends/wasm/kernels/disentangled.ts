// Disentangled attention and its gradient, one (example, head) pair at a time, blocks of query rows kept in the cache.
// It leaves the products to gemm.ts, what happens to a line of scores to scores.ts, and the split over pairs to tasks.ts and threads.ts.
//
// Products with the tables give every content row's share for every table row; scores pick theirs by distance, and the
// gradient adds to the same places before the products go back.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { clearRows } from "./attention";
import { gemm, GEMM_SCRATCH } from "./gemm";
import { ARGUMENTS } from "./memory";
import { halves, halvesBytes } from "./random";
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
import { constant } from "./simd";
import * as f from "./simd";

/** Floats of one head's share of all table rows, for `count` content rows; the next block starts at a vector. */
// @ts-ignore: decorator
@inline
function shares(count: u32, tableRows: u32): usize {
  return ((count * tableRows + 3) & ~3) << 2;
}

/** Bytes of scratch: gemm's, two blocks of scores, lanes, a sum, dropout's bits, and the shares of a block and of all keys, twice each. */
export function disentangledScratch(tokens: u32, tableRows: u32): usize {
  const widest = scoreWidth(tokens);
  return GEMM_SCRATCH + ((QUERY_BLOCK * widest) << 3) + (widest << 2) + 16 + halvesBytes(widest) + 64 +
    2 * shares(QUERY_BLOCK, tableRows) + 2 * shares(tokens, tableRows);
}

/** Word `i` of the arguments. */
// @ts-ignore: decorator
@inline
function u(i: usize): u32 {
  return load<u32>(ARGUMENTS + (i << 2));
}

// @ts-ignore: decorator
@inline
function x(i: usize): f32 {
  return load<f32>(ARGUMENTS + (i << 2));
}

/** Whether the lanes of token `i` are closed: it is padding. */
// @ts-ignore: decorator
@inline
function isPadding(lanes: usize, i: u32): bool {
  return load<i32>(lanes + (i << 2)) == 0;
}

/** Adds to the scores of query `i` what its distance to each key has in the shares of queries and of keys. */
// @ts-ignore: decorator
@inline
function addShares(
  row: usize,
  length: u32,
  relative: usize,
  ofQuery: usize,
  ofKeys: usize,
  tableLine: usize,
): void {
  for (let j: u32 = 0; j < length; j++) {
    const at = <usize> load<u32>(relative) << 2;
    f32.store(row, f32.load(row) + f32.load(ofQuery + at) + f32.load(ofKeys + at));
    relative -= 4;
    ofKeys += tableLine;
    row += 4;
  }
}

/** The other way: adds the scores' gradients to the shares' gradients. */
// @ts-ignore: decorator
@inline
function spreadSlopes(
  row: usize,
  length: u32,
  relative: usize,
  ofQuery: usize,
  ofKeys: usize,
  tableLine: usize,
): void {
  for (let j: u32 = 0; j < length; j++) {
    const at = <usize> load<u32>(relative) << 2;
    const slope = f32.load(row);
    f32.store(ofQuery + at, f32.load(ofQuery + at) + slope);
    f32.store(ofKeys + at, f32.load(ofKeys + at) + slope);
    relative -= 4;
    ofKeys += tableLine;
    row += 4;
  }
}

/** Writes `weight` to all of `count` weights: a padded query's. */
// @ts-ignore: decorator
@inline
function spreadEvenly(row: usize, count: u32, weight: f32): void {
  for (let j: u32 = 0; j < count; j++) f32.store(row + (j << 2), weight);
}

/** Number of padded queries among `rows` from `first` on. */
function paddedAmong(lanes: usize, first: u32, rows: u32): u32 {
  let count: u32 = 0;
  for (let i = first; i < first + rows; i++) if (isPadding(lanes, i)) count++;
  return count;
}

// Arguments: 0 q, 1 k, 2 v, 3 mask, 4 out, 5 logSumExp, 6 dout, 7 dq, 8 dk, 9 dv; 10 … 22 as attention has them;
// 23 positionKeys, 24 positionQueries, 25 relative, 26 rows of the tables, 27 whether each example has its own,
// 28 dPositionKeys or 0, 29 dPositionQueries or 0.

export function disentangledAttention(scratch: usize, begin: u32, end: u32): void {
  const mask = u(3);
  const starts = u(22);
  const tokens = u(10);
  const heads = u(11);
  const headSize = u(12);
  const threshold = u(14);
  const tableRows = u(26);
  const widest = scoreWidth(tokens);
  const scores = scratch + GEMM_SCRATCH;
  const lanes = scores + ((QUERY_BLOCK * widest) << 2);
  const sum = lanes + (widest << 2);
  const words = sum + 16;
  const ofQueries = words + halvesBytes(widest);
  const ofKeys = ofQueries + shares(QUERY_BLOCK, tableRows);
  const line = (heads * headSize) << 2;
  const scoreLine = widest << 2;
  const tableLine = tableRows << 2;
  const scale = x(13);
  const keepScale = x(15);
  for (let item = begin; item < end; item++) {
    const batch = item / heads;
    const head = ((item - batch * heads) * headSize) << 2;
    const before = starts != 0 ? load<u32>(starts + (batch << 2)) : batch * tokens;
    const queries = starts != 0 ? load<u32>(starts + (batch << 2), 4) - before : tokens;
    const offset = before * line + head;
    const tables = (u(27) != 0 ? batch * tableRows * line : 0) + head;
    const k = u(1) + offset;
    const v = u(2) + offset;
    const length = keyLanes(mask != 0 ? mask + ((batch * tokens) << 2) : 0, queries, lanes);
    const lse = u(5) + ((item * tokens) << 2);
    if (length > 0) {
      gemm(length, tableRows, headSize, k, line, false, u(24) + tables, line, true, ofKeys, tableLine, false, 0, scratch);
    }
    for (let first: u32 = 0; first < queries; first += QUERY_BLOCK) {
      const rows = min(QUERY_BLOCK, queries - first);
      const block = offset + first * line;
      const closed = paddedAmong(lanes, first, rows);
      const width = closed > 0 ? queries : length;
      if (closed < rows) {
        gemm(rows, length, headSize, u(0) + block, line, false, k, line, true, scores, scoreLine, false, 0, scratch);
        gemm(
          rows, tableRows, headSize, u(0) + block, line, false, u(23) + tables, line, true,
          ofQueries, tableLine, false, 0, scratch,
        );
      }
      for (let i: u32 = 0; i < rows; i++) {
        const row = scores + i * scoreLine;
        const query = first + i;
        if (isPadding(lanes, query)) {
          spreadEvenly(row, queries, 1 / <f32> queries);
          f32.store(lse + (query << 2), f32x4.extract_lane(f.log(constant(<f32> queries)), 0));
        } else {
          const relative = u(25) + ((query + tokens - 1) << 2);
          addShares(row, length, relative, ofQueries + i * tableLine, ofKeys, tableLine);
          const last = row + (scoreWidth(length) << 2);
          expLines(row, scoreLine, 1, length, lanes, scale, sum, lse + (query << 2));
          scaleLine(row, last, 1 / f32.load(sum));
          for (let j = length; j < width; j++) f32.store(row + (j << 2), 0);
        }
        if (threshold != 0) {
          const w = halves(words, (u(21) << 3) + (item * tokens + query) * tokens, width, u(16), u(17), u(18), u(19), u(20));
          dropLine(row, row + (scoreWidth(width) << 2), keepScale, w, threshold);
        }
      }
      gemm(rows, headSize, width, scores, scoreLine, false, v, line, false, u(4) + block, line, false, 0, scratch);
    }
  }
}

export function disentangledAttentionGrad(scratch: usize, begin: u32, end: u32): void {
  const mask = u(3);
  const starts = u(22);
  const tokens = u(10);
  const heads = u(11);
  const headSize = u(12);
  const threshold = u(14);
  const tableRows = u(26);
  const widest = scoreWidth(tokens);
  const scores = scratch + GEMM_SCRATCH;
  const slopes = scores + ((QUERY_BLOCK * widest) << 2);
  const lanes = slopes + ((QUERY_BLOCK * widest) << 2);
  const words = lanes + (widest << 2);
  const ofQueries = words + halvesBytes(widest);
  const ofKeys = ofQueries + shares(QUERY_BLOCK, tableRows);
  const toQueries = ofKeys + shares(tokens, tableRows);
  const toKeys = toQueries + shares(QUERY_BLOCK, tableRows);
  const line = (heads * headSize) << 2;
  const scoreLine = widest << 2;
  const tableLine = tableRows << 2;
  const scale = x(13);
  const keepScale = x(15);
  for (let item = begin; item < end; item++) {
    const batch = item / heads;
    const head = ((item - batch * heads) * headSize) << 2;
    const before = starts != 0 ? load<u32>(starts + (batch << 2)) : batch * tokens;
    const queries = starts != 0 ? load<u32>(starts + (batch << 2), 4) - before : tokens;
    const offset = before * line + head;
    const ownTable = batch * tableRows * line + head;
    const tables = u(27) != 0 ? ownTable : head;
    const k = u(1) + offset;
    const v = u(2) + offset;
    const dk = u(8) + offset;
    const dv = u(9) + offset;
    const length = keyLanes(mask != 0 ? mask + ((batch * tokens) << 2) : 0, queries, lanes);
    clearRows(dk, line, queries, headSize);
    clearRows(dv, line, queries, headSize);
    memory.fill(toKeys, 0, length * tableLine);
    if (u(28) != 0) clearRows(u(28) + ownTable, line, tableRows, headSize);
    if (length > 0) {
      gemm(length, tableRows, headSize, k, line, false, u(24) + tables, line, true, ofKeys, tableLine, false, 0, scratch);
    }
    for (let first: u32 = 0; first < queries; first += QUERY_BLOCK) {
      const rows = min(QUERY_BLOCK, queries - first);
      const block = offset + first * line;
      const q = u(0) + block;
      const dout = u(6) + block;
      const dq = u(7) + block;
      const closed = paddedAmong(lanes, first, rows);
      const width = closed > 0 ? queries : length;
      if (closed < rows) {
        gemm(rows, length, headSize, q, line, false, k, line, true, scores, scoreLine, false, 0, scratch);
        gemm(rows, length, headSize, dout, line, false, v, line, true, slopes, scoreLine, false, 0, scratch);
        gemm(
          rows, tableRows, headSize, q, line, false, u(23) + tables, line, true, ofQueries, tableLine, false, 0, scratch,
        );
        memory.fill(toQueries, 0, rows * tableLine);
      }
      for (let i: u32 = 0; i < rows; i++) {
        const row = scores + i * scoreLine;
        const slopeRow = slopes + i * scoreLine;
        const query = first + i;
        let w: usize = 0;
        if (threshold != 0) {
          w = halves(words, (u(21) << 3) + (item * tokens + query) * tokens, width, u(16), u(17), u(18), u(19), u(20));
        }
        if (isPadding(lanes, query)) {
          spreadEvenly(row, queries, 1 / <f32> queries);
          if (threshold != 0) dropLine(row, row + (scoreWidth(width) << 2), keepScale, w, threshold);
          memory.fill(slopeRow, 0, length << 2);
          continue;
        }
        const relative = u(25) + ((query + tokens - 1) << 2);
        addShares(row, length, relative, ofQueries + i * tableLine, ofKeys, tableLine);
        const last = row + (scoreWidth(length) << 2);
        const shift = f32.load(u(5) + ((item * tokens + query) << 2));
        const delta = rowDelta(u(4) + block + i * line, dout + i * line, headSize);
        if (threshold == 0) slopeLine(row, last, slopeRow, lanes, scale, shift, delta);
        else droppedSlopeLine(row, last, slopeRow, lanes, scale, shift, delta, keepScale, w, threshold);
        for (let j = length; j < width; j++) f32.store(row + (j << 2), 0);
        spreadSlopes(slopeRow, length, relative, toQueries + i * tableLine, toKeys, tableLine);
      }
      gemm(width, headSize, rows, scores, scoreLine, true, dout, line, false, dv, line, true, 0, scratch);
      if (closed == rows) {
        clearRows(dq, line, rows, headSize);
        continue;
      }
      gemm(rows, headSize, length, slopes, scoreLine, false, k, line, false, dq, line, false, 0, scratch);
      gemm(
        rows, headSize, tableRows, toQueries, tableLine, false, u(23) + tables, line, false, dq, line, true, 0, scratch,
      );
      gemm(length, headSize, rows, slopes, scoreLine, true, q, line, false, dk, line, true, 0, scratch);
      if (u(28) != 0) {
        gemm(
          tableRows, headSize, rows, toQueries, tableLine, true, q, line, false, u(28) + ownTable, line, true, 0, scratch,
        );
      }
    }
    if (length == 0) {
      if (u(29) != 0) clearRows(u(29) + ownTable, line, tableRows, headSize);
      continue;
    }
    gemm(
      length, headSize, tableRows, toKeys, tableLine, false, u(24) + tables, line, false, dk, line, true, 0, scratch,
    );
    if (u(29) != 0) {
      gemm(
        tableRows, headSize, length, toKeys, tableLine, true, k, line, false, u(29) + ownTable, line, false, 0, scratch,
      );
    }
  }
}
