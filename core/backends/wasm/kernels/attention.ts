// Masked attention and its gradient, one (batch, head) pair at a time, blocks of query rows kept in the cache.
// It leaves the products to gemm.ts and the split over pairs to tasks.ts and threads.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { gemm, GEMM_SCRATCH } from "./gemm";
import { halves, halvesBytes } from "./random";
import { constant, expNegative, maxLanes, select, sumLanes } from "./simd";
import * as f from "./simd";

/** Query rows to a block: two blocks of 48 × 512 scores are 192 KB. */
const QUERY_BLOCK: u32 = 48;

/** Bytes of scratch for T tokens: gemm's, two blocks of scores, a lane mask and dropout's bits. */
export function attentionScratch(tokens: u32): usize {
  const padded = (tokens + 3) & ~3;
  return GEMM_SCRATCH + ((QUERY_BLOCK * padded) << 3) + (padded << 2) + halvesBytes(padded) + 64;
}

/** Writes all-ones lanes for keys that may be attended up to the padded length; returns 1 + the last such key. */
export function keyLanes(mask: usize, tokens: u32, lanes: usize): u32 {
  const padded = (tokens + 3) & ~3;
  let length: u32 = 0;
  for (let j: u32 = 0; j < padded; j++) {
    const open = j < tokens && (mask == 0 || load<i32>(mask + (j << 2)) != 0);
    store<i32>(lanes + (j << 2), open ? -1 : 0);
    if (open) length = j + 1;
  }
  return length;
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
  const padded = (tokens + 3) & ~3;
  const scores = scratch + GEMM_SCRATCH;
  const lanes = scores + ((QUERY_BLOCK * padded) << 3);
  const words = lanes + (padded << 2);
  const line = (heads * headSize) << 2;
  const scoreLine = padded << 2;
  const scaleLanes = constant(scale);
  const limit = i32x4.splat(threshold);
  for (let item = begin; item < end; item++) {
    const batch = item / heads;
    const before = starts != 0 ? load<u32>(starts + (batch << 2)) : batch * tokens;
    const queries = starts != 0 ? load<u32>(starts + (batch << 2), 4) - before : tokens;
    const offset = before * line + (((item - batch * heads) * headSize) << 2);
    const length = keyLanes(mask != 0 ? mask + ((batch * tokens) << 2) : 0, queries, lanes);
    const lse = logSumExp + ((item * tokens) << 2);
    if (length == 0) {
      clearRows(out + offset, line, queries, headSize);
      for (let i: u32 = 0; i < queries; i++) f32.store(lse + (i << 2), -Infinity);
      continue;
    }
    for (let first: u32 = 0; first < queries; first += QUERY_BLOCK) {
      const rows = min(QUERY_BLOCK, queries - first);
      const block = offset + first * line;
      gemm(
        rows,
        length,
        headSize,
        q + block,
        line,
        false,
        k + offset,
        line,
        true,
        scores,
        scoreLine,
        false,
        0,
        scratch,
      );
      for (let i: u32 = 0; i < rows; i++) {
        const row = scores + i * scoreLine;
        const last = row + (((length + 3) & ~3) << 2);
        let best = constant(-Infinity);
        let open = lanes;
        for (let p = row; p < last; p += 16) {
          const s = select(f32x4.mul(v128.load(p), scaleLanes), constant(-Infinity), v128.load(open));
          v128.store(p, s);
          best = f32x4.pmax(best, s);
          open += 16;
        }
        const top = maxLanes(best);
        const shift = constant(top);
        let sums = constant(0);
        for (let p = row; p < last; p += 16) {
          const e = expNegative(f32x4.sub(v128.load(p), shift));
          v128.store(p, e);
          sums = f32x4.add(sums, e);
        }
        const sum = sumLanes(sums);
        f32.store(lse + ((first + i) << 2), top + f32x4.extract_lane(f.log(constant(sum)), 0));
        const factor = constant(keepScale / sum);
        if (threshold != 0) {
          let w = halves(words, (c0 << 3) + (item * tokens + first + i) * tokens, length, c1, c2, c3, k0, k1);
          for (let p = row; p < last; p += 16) {
            const keep = i32x4.ge_u(v128.load16x4_u(w), limit);
            v128.store(p, v128.and(f32x4.mul(v128.load(p), factor), keep));
            w += 8;
          }
        } else {
          for (let p = row; p < last; p += 16) v128.store(p, f32x4.mul(v128.load(p), factor));
        }
      }
      gemm(
        rows,
        headSize,
        length,
        scores,
        scoreLine,
        false,
        v + offset,
        line,
        false,
        out + block,
        line,
        false,
        0,
        scratch,
      );
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
  const padded = (tokens + 3) & ~3;
  const scores = scratch + GEMM_SCRATCH;
  const slopes = scores + ((QUERY_BLOCK * padded) << 2);
  const lanes = slopes + ((QUERY_BLOCK * padded) << 2);
  const words = lanes + (padded << 2);
  const line = (heads * headSize) << 2;
  const scoreLine = padded << 2;
  const scaleLanes = constant(scale);
  const keepLanes = constant(keepScale);
  const limit = i32x4.splat(threshold);
  for (let item = begin; item < end; item++) {
    const batch = item / heads;
    const before = starts != 0 ? load<u32>(starts + (batch << 2)) : batch * tokens;
    const queries = starts != 0 ? load<u32>(starts + (batch << 2), 4) - before : tokens;
    const offset = before * line + (((item - batch * heads) * headSize) << 2);
    const length = keyLanes(mask != 0 ? mask + ((batch * tokens) << 2) : 0, queries, lanes);
    clearRows(dk + offset + length * line, line, queries - length, headSize);
    clearRows(dv + offset + length * line, line, queries - length, headSize);
    if (length == 0) {
      clearRows(dq + offset, line, queries, headSize);
      continue;
    }
    for (let first: u32 = 0; first < queries; first += QUERY_BLOCK) {
      const rows = min(QUERY_BLOCK, queries - first);
      const block = offset + first * line;
      gemm(
        rows,
        length,
        headSize,
        q + block,
        line,
        false,
        k + offset,
        line,
        true,
        scores,
        scoreLine,
        false,
        0,
        scratch,
      );
      gemm(
        rows,
        length,
        headSize,
        dout + block,
        line,
        false,
        v + offset,
        line,
        true,
        slopes,
        scoreLine,
        false,
        0,
        scratch,
      );
      for (let i: u32 = 0; i < rows; i++) {
        const row = scores + i * scoreLine;
        const last = row + (((length + 3) & ~3) << 2);
        const slopeRow = slopes + i * scoreLine;
        const shift = constant(f32.load(logSumExp + ((item * tokens + first + i) << 2)));
        let delta: f32 = 0;
        const o = out + block + i * line;
        const g = dout + block + i * line;
        for (let d: u32 = 0; d < headSize; d++) delta += f32.load(o + (d << 2)) * f32.load(g + (d << 2));
        const deltaLanes = constant(delta);
        let s = slopeRow;
        let open = lanes;
        if (threshold != 0) {
          let w = halves(words, (c0 << 3) + (item * tokens + first + i) * tokens, length, c1, c2, c3, k0, k1);
          for (let p = row; p < last; p += 16) {
            const score = f32x4.sub(f32x4.mul(v128.load(p), scaleLanes), shift);
            const weight = v128.and(expNegative(score), v128.load(open));
            const keep = v128.and(keepLanes, i32x4.ge_u(v128.load16x4_u(w), limit));
            v128.store(p, f32x4.mul(weight, keep));
            const slope = f32x4.sub(f32x4.mul(v128.load(s), keep), deltaLanes);
            v128.store(s, v128.and(f32x4.mul(f32x4.mul(slope, weight), scaleLanes), v128.load(open)));
            s += 16;
            w += 8;
            open += 16;
          }
        } else {
          for (let p = row; p < last; p += 16) {
            const score = f32x4.sub(f32x4.mul(v128.load(p), scaleLanes), shift);
            const weight = v128.and(expNegative(score), v128.load(open));
            v128.store(p, weight);
            const slope = f32x4.mul(f32x4.sub(v128.load(s), deltaLanes), scaleLanes);
            v128.store(s, v128.and(f32x4.mul(slope, weight), v128.load(open)));
            s += 16;
            open += 16;
          }
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
        dout + block,
        line,
        false,
        dv + offset,
        line,
        more,
        0,
        scratch,
      );
      gemm(
        rows,
        headSize,
        length,
        slopes,
        scoreLine,
        false,
        k + offset,
        line,
        false,
        dq + block,
        line,
        false,
        0,
        scratch,
      );
      gemm(
        length,
        headSize,
        rows,
        slopes,
        scoreLine,
        true,
        q + block,
        line,
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
