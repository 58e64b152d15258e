// Kernels over rows of a matrix that stay in the first-level cache: softmax, LayerNorm, cross-entropy.
// It leaves the split of rows over threads to threads.ts. Lanes are summed in a fixed order.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { constant, expNegative, laneMask, loadPart, madd, maxLanes, storePart, sumLanes } from "./simd";
import * as f from "./simd";

/** The last 1..3 floats of a row, other lanes from `rest`. */
// @ts-ignore: decorator
@inline
function loadTail(pointer: usize, count: u32, rest: v128): v128 {
  return v128.bitselect(loadPart(pointer, count), rest, laneMask(count));
}

// @ts-ignore: decorator
@inline
function logScalar(x: f32): f32 {
  return f32x4.extract_lane(f.log(constant(x)), 0);
}

// @ts-ignore: decorator
@inline
function expScalar(x: f32): f32 {
  return f32x4.extract_lane(f.exp(constant(x)), 0);
}

function rowMaximum(x: usize, cols: u32): f32 {
  let best = constant(-Infinity);
  let i: u32 = cols;
  for (; i >= 4; i -= 4) {
    best = f32x4.pmax(best, v128.load(x));
    x += 16;
  }
  if (i > 0) best = f32x4.pmax(best, loadTail(x, i, constant(-Infinity)));
  return maxLanes(best);
}

/** Σ exp(x − shift). */
function rowSumExp(x: usize, cols: u32, shift: f32): f32 {
  const s = constant(shift);
  let sum = constant(0);
  let i: u32 = cols;
  for (; i >= 4; i -= 4) {
    sum = f32x4.add(sum, expNegative(f32x4.sub(v128.load(x), s)));
    x += 16;
  }
  if (i > 0) sum = f32x4.add(sum, expNegative(f32x4.sub(loadTail(x, i, constant(-Infinity)), s)));
  return sumLanes(sum);
}

function rowDot(x: usize, y: usize, cols: u32): f32 {
  let sum = constant(0);
  let i: u32 = cols;
  for (; i >= 4; i -= 4) {
    sum = madd(v128.load(x), v128.load(y), sum);
    x += 16;
    y += 16;
  }
  if (i > 0) sum = madd(loadPart(x, i), loadPart(y, i), sum);
  return sumLanes(sum);
}

function rowSum(x: usize, cols: u32): f32 {
  let sum = constant(0);
  let i: u32 = cols;
  for (; i >= 4; i -= 4) {
    sum = f32x4.add(sum, v128.load(x));
    x += 16;
  }
  if (i > 0) sum = f32x4.add(sum, loadPart(x, i));
  return sumLanes(sum);
}

export function softmax(x: usize, out: usize, cols: u32, log: bool, begin: u32, end: u32): void {
  for (let row = begin; row < end; row++) {
    let p = x + row * (cols << 2);
    let q = out + row * (cols << 2);
    const top = rowMaximum(p, cols);
    let i: u32 = cols;
    if (log) {
      const shift = constant(top + logScalar(rowSumExp(p, cols, top)));
      for (; i >= 4; i -= 4) {
        v128.store(q, f32x4.sub(v128.load(p), shift));
        p += 16;
        q += 16;
      }
      if (i > 0) storePart(q, f32x4.sub(loadPart(p, i), shift), i);
      continue;
    }
    const shift = constant(top);
    let sum = constant(0);
    for (; i >= 4; i -= 4) {
      const e = expNegative(f32x4.sub(v128.load(p), shift));
      v128.store(q, e);
      sum = f32x4.add(sum, e);
      p += 16;
      q += 16;
    }
    if (i > 0) {
      const e = expNegative(f32x4.sub(loadTail(p, i, constant(-Infinity)), shift));
      storePart(q, e, i);
      sum = f32x4.add(sum, e);
    }
    const factor = constant(1 / sumLanes(sum));
    q = out + row * (cols << 2);
    for (i = cols; i >= 4; i -= 4) {
      v128.store(q, f32x4.mul(v128.load(q), factor));
      q += 16;
    }
    if (i > 0) storePart(q, f32x4.mul(loadPart(q, i), factor), i);
  }
}

export function softmaxGrad(
  y: usize,
  dy: usize,
  dx: usize,
  cols: u32,
  log: bool,
  begin: u32,
  end: u32,
): void {
  for (let row = begin; row < end; row++) {
    const offset = row * (cols << 2);
    let p = y + offset;
    let g = dy + offset;
    let q = dx + offset;
    let i: u32 = cols;
    if (log) {
      const total = constant(-rowSum(g, cols));
      for (; i >= 4; i -= 4) {
        v128.store(q, madd(expNegative(v128.load(p)), total, v128.load(g)));
        p += 16;
        g += 16;
        q += 16;
      }
      if (i > 0) storePart(q, madd(expNegative(loadPart(p, i)), total, loadPart(g, i)), i);
    } else {
      const total = constant(rowDot(g, p, cols));
      for (; i >= 4; i -= 4) {
        v128.store(q, f32x4.mul(v128.load(p), f32x4.sub(v128.load(g), total)));
        p += 16;
        g += 16;
        q += 16;
      }
      if (i > 0) storePart(q, f32x4.mul(loadPart(p, i), f32x4.sub(loadPart(g, i), total)), i);
    }
  }
}

/** s = x + residual in out; returns its mean. Four running sums: one alone would wait for each addition. */
// @ts-ignore: decorator
@inline
function sumResidual(x: usize, residual: usize, out: usize, cols: u32): f32 {
  let sum = constant(0);
  let sum1 = constant(0);
  let sum2 = constant(0);
  let sum3 = constant(0);
  let i: u32 = cols;
  for (; i >= 16; i -= 16) {
    const s0 = f32x4.add(v128.load(x), v128.load(residual));
    const s1 = f32x4.add(v128.load(x, 16), v128.load(residual, 16));
    const s2 = f32x4.add(v128.load(x, 32), v128.load(residual, 32));
    const s3 = f32x4.add(v128.load(x, 48), v128.load(residual, 48));
    v128.store(out, s0);
    v128.store(out, s1, 16);
    v128.store(out, s2, 32);
    v128.store(out, s3, 48);
    sum = f32x4.add(sum, s0);
    sum1 = f32x4.add(sum1, s1);
    sum2 = f32x4.add(sum2, s2);
    sum3 = f32x4.add(sum3, s3);
    x += 64;
    residual += 64;
    out += 64;
  }
  sum = f32x4.add(f32x4.add(sum, sum1), f32x4.add(sum2, sum3));
  for (; i >= 4; i -= 4) {
    const s = f32x4.add(v128.load(x), v128.load(residual));
    v128.store(out, s);
    sum = f32x4.add(sum, s);
    x += 16;
    residual += 16;
    out += 16;
  }
  if (i > 0) {
    const s = f32x4.add(loadPart(x, i), loadPart(residual, i));
    storePart(out, s, i);
    sum = f32x4.add(sum, s);
  }
  return sumLanes(sum) / <f32> cols;
}

/** 1 / √(Σ (x − mean)² / cols + epsilon). */
// @ts-ignore: decorator
@inline
function inverseDeviation(x: usize, cols: u32, mean: f32, epsilon: f32): f32 {
  const c = constant(mean);
  let squares = constant(0);
  let squares1 = constant(0);
  let squares2 = constant(0);
  let squares3 = constant(0);
  let i: u32 = cols;
  for (; i >= 16; i -= 16) {
    const d0 = f32x4.sub(v128.load(x), c);
    const d1 = f32x4.sub(v128.load(x, 16), c);
    const d2 = f32x4.sub(v128.load(x, 32), c);
    const d3 = f32x4.sub(v128.load(x, 48), c);
    squares = madd(d0, d0, squares);
    squares1 = madd(d1, d1, squares1);
    squares2 = madd(d2, d2, squares2);
    squares3 = madd(d3, d3, squares3);
    x += 64;
  }
  squares = f32x4.add(f32x4.add(squares, squares1), f32x4.add(squares2, squares3));
  for (; i >= 4; i -= 4) {
    const d = f32x4.sub(v128.load(x), c);
    squares = madd(d, d, squares);
    x += 16;
  }
  if (i > 0) {
    const d = v128.and(f32x4.sub(loadPart(x, i), c), laneMask(i));
    squares = madd(d, d, squares);
  }
  return <f32> 1 / sqrt<f32>(sumLanes(squares) / <f32> cols + epsilon);
}

/** out = (x − mean) · rstd · gamma + beta for one row. */
// @ts-ignore: decorator
@inline
function normalize(x: usize, gamma: usize, beta: usize, out: usize, mean: f32, rstd: f32, cols: u32): void {
  const c = constant(mean);
  const s = constant(rstd);
  let i: u32 = cols;
  for (; i >= 16; i -= 16) {
    const n0 = f32x4.mul(f32x4.sub(v128.load(x), c), s);
    const n1 = f32x4.mul(f32x4.sub(v128.load(x, 16), c), s);
    const n2 = f32x4.mul(f32x4.sub(v128.load(x, 32), c), s);
    const n3 = f32x4.mul(f32x4.sub(v128.load(x, 48), c), s);
    v128.store(out, madd(n0, v128.load(gamma), v128.load(beta)));
    v128.store(out, madd(n1, v128.load(gamma, 16), v128.load(beta, 16)), 16);
    v128.store(out, madd(n2, v128.load(gamma, 32), v128.load(beta, 32)), 32);
    v128.store(out, madd(n3, v128.load(gamma, 48), v128.load(beta, 48)), 48);
    x += 64;
    out += 64;
    gamma += 64;
    beta += 64;
  }
  for (; i >= 4; i -= 4) {
    const normal = f32x4.mul(f32x4.sub(v128.load(x), c), s);
    v128.store(out, madd(normal, v128.load(gamma), v128.load(beta)));
    x += 16;
    out += 16;
    gamma += 16;
    beta += 16;
  }
  if (i > 0) {
    const normal = f32x4.mul(f32x4.sub(loadPart(x, i), c), s);
    storePart(out, madd(normal, loadPart(gamma, i), loadPart(beta, i)), i);
  }
}

/**
 * Rows that go through a pass together: one alone waits for its sums, its division and its root, the others fill that time. A row of
 * more than SHORT columns fills it by itself, and four of those would be read against the order in which memory brings them.
 */
const ROWS_TOGETHER: u32 = 4;
const SHORT: u32 = 128;

/** Means of ROWS_TOGETHER rows, each one chain of sums. */
function meansTogether(x: usize, line: usize, mean: usize, cols: u32): void {
  let sum0 = constant(0);
  let sum1 = constant(0);
  let sum2 = constant(0);
  let sum3 = constant(0);
  let x1 = x + line;
  let x2 = x1 + line;
  let x3 = x2 + line;
  let i: u32 = cols;
  for (; i >= 4; i -= 4) {
    sum0 = f32x4.add(sum0, v128.load(x));
    sum1 = f32x4.add(sum1, v128.load(x1));
    sum2 = f32x4.add(sum2, v128.load(x2));
    sum3 = f32x4.add(sum3, v128.load(x3));
    x += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
  }
  if (i > 0) {
    sum0 = f32x4.add(sum0, loadPart(x, i));
    sum1 = f32x4.add(sum1, loadPart(x1, i));
    sum2 = f32x4.add(sum2, loadPart(x2, i));
    sum3 = f32x4.add(sum3, loadPart(x3, i));
  }
  f32.store(mean, sumLanes(sum0) / <f32> cols);
  f32.store(mean, sumLanes(sum1) / <f32> cols, 4);
  f32.store(mean, sumLanes(sum2) / <f32> cols, 8);
  f32.store(mean, sumLanes(sum3) / <f32> cols, 12);
}

/** y first holds x + residual where there is a residual; mean and rstd receive what the gradient needs. */
export function layerNorm(
  x: usize,
  residual: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  mean: usize,
  rstd: usize,
  cols: u32,
  epsilon: f32,
  begin: u32,
  end: u32,
): void {
  const line: usize = cols << 2;
  for (let row = begin; row < end;) {
    const rows: u32 = cols <= SHORT && end - row >= ROWS_TOGETHER ? ROWS_TOGETHER : 1;
    const out = y + row * line;
    const from = residual != 0 ? out : x + row * line;
    const means = mean + (row << 2);
    const scales = rstd + (row << 2);
    if (residual != 0) {
      for (let r: u32 = 0; r < rows; r++) {
        const offset = (row + r) * line;
        f32.store(means + (r << 2), sumResidual(x + offset, residual + offset, y + offset, cols));
      }
    } else if (rows == ROWS_TOGETHER) meansTogether(from, line, means, cols);
    else f32.store(means, rowSum(from, cols) / <f32> cols);
    for (let r: u32 = 0; r < rows; r++) {
      f32.store(scales + (r << 2), inverseDeviation(from + r * line, cols, f32.load(means + (r << 2)), epsilon));
    }
    for (let r: u32 = 0; r < rows; r++) {
      const centre = f32.load(means + (r << 2));
      normalize(from + r * line, gamma, beta, out + r * line, centre, f32.load(scales + (r << 2)), cols);
    }
    row += rows;
  }
}

// @ts-ignore: decorator
@inline
function loadSum(x: usize, residual: usize): v128 {
  return residual != 0 ? f32x4.add(v128.load(x), v128.load(residual)) : v128.load(x);
}

// @ts-ignore: decorator
@inline
function loadSumPart(x: usize, residual: usize, count: u32): v128 {
  return residual != 0 ? f32x4.add(loadPart(x, count), loadPart(residual, count)) : loadPart(x, count);
}

/** dx = rstd · (g − mean(g) − normal · mean(g · normal)) with g = dy · gamma. */
export function layerNormGrad(
  x: usize,
  residual: usize,
  gamma: usize,
  mean: usize,
  rstd: usize,
  dy: usize,
  dx: usize,
  cols: u32,
  begin: u32,
  end: u32,
): void {
  const step: usize = residual != 0 ? 16 : 0;
  for (let row = begin; row < end; row++) {
    const offset = row * (cols << 2);
    const c = constant(f32.load(mean + (row << 2)));
    const scale = f32.load(rstd + (row << 2));
    const s = constant(scale);
    let p = x + offset;
    let r = residual != 0 ? residual + offset : 0;
    let d = dy + offset;
    let g = gamma;
    let sum = constant(0);
    let dot = constant(0);
    let i: u32 = cols;
    for (; i >= 4; i -= 4) {
      const normal = f32x4.mul(f32x4.sub(loadSum(p, r), c), s);
      const t = f32x4.mul(v128.load(d), v128.load(g));
      sum = f32x4.add(sum, t);
      dot = madd(t, normal, dot);
      p += 16;
      r += step;
      d += 16;
      g += 16;
    }
    if (i > 0) {
      const normal = f32x4.mul(f32x4.sub(loadSumPart(p, r, i), c), s);
      const t = f32x4.mul(loadPart(d, i), loadPart(g, i));
      sum = f32x4.add(sum, t);
      dot = madd(t, normal, dot);
    }
    const average = constant(sumLanes(sum) / <f32> cols);
    const slope = constant(sumLanes(dot) / <f32> cols);
    p = x + offset;
    r = residual != 0 ? residual + offset : 0;
    d = dy + offset;
    g = gamma;
    let q = dx + offset;
    for (i = cols; i >= 4; i -= 4) {
      const normal = f32x4.mul(f32x4.sub(loadSum(p, r), c), s);
      const t = f32x4.sub(f32x4.mul(v128.load(d), v128.load(g)), average);
      v128.store(q, f32x4.mul(s, f32x4.sub(t, f32x4.mul(normal, slope))));
      p += 16;
      r += step;
      d += 16;
      g += 16;
      q += 16;
    }
    if (i > 0) {
      const normal = f32x4.mul(f32x4.sub(loadSumPart(p, r, i), c), s);
      const t = f32x4.sub(f32x4.mul(loadPart(d, i), loadPart(g, i)), average);
      storePart(q, f32x4.mul(s, f32x4.sub(t, f32x4.mul(normal, slope))), i);
    }
  }
}

/** Rows summed into one partial before it is added to the total: shorter chains lose less. */
const ROW_BLOCK: u32 = 128;

/** Columns begin·4 … end·4 − 1 (at most cols), all rows. */
export function layerNormParameterGrad(
  x: usize,
  residual: usize,
  mean: usize,
  rstd: usize,
  dy: usize,
  dgamma: usize,
  dbeta: usize,
  rows: u32,
  cols: u32,
  begin: u32,
  end: u32,
): void {
  const line = cols << 2;
  for (let group = begin; group < end; group++) {
    const column = group << 2;
    const count = min<u32>(4, cols - column);
    const offset = column << 2;
    let gammaTotal = constant(0);
    let betaTotal = constant(0);
    for (let first: u32 = 0; first < rows; first += ROW_BLOCK) {
      const last = min(rows, first + ROW_BLOCK);
      let gammaSum = constant(0);
      let betaSum = constant(0);
      for (let row = first; row < last; row++) {
        const at = row * line + offset;
        const c = v128.load32_splat(mean + (row << 2));
        const s = v128.load32_splat(rstd + (row << 2));
        let value: v128;
        let d: v128;
        if (count == 4) {
          value = loadSum(x + at, residual != 0 ? residual + at : 0);
          d = v128.load(dy + at);
        } else {
          value = loadSumPart(x + at, residual != 0 ? residual + at : 0, count);
          d = loadPart(dy + at, count);
        }
        const normal = f32x4.mul(f32x4.sub(value, c), s);
        gammaSum = madd(d, normal, gammaSum);
        betaSum = f32x4.add(betaSum, d);
      }
      gammaTotal = f32x4.add(gammaTotal, gammaSum);
      betaTotal = f32x4.add(betaTotal, betaSum);
    }
    if (count == 4) {
      v128.store(dgamma + offset, gammaTotal);
      v128.store(dbeta + offset, betaTotal);
    } else {
      storePart(dgamma + offset, gammaTotal, count);
      storePart(dbeta + offset, betaTotal, count);
    }
  }
}

export function crossEntropy(
  logits: usize,
  targets: usize,
  loss: usize,
  cols: u32,
  begin: u32,
  end: u32,
): void {
  for (let row = begin; row < end; row++) {
    const target = i32.load(targets + (row << 2));
    let value: f32 = 0;
    if (target >= 0) {
      const p = logits + row * (cols << 2);
      const top = rowMaximum(p, cols);
      // (top − logit) first: exact where the target wins, so a small loss keeps its digits.
      value = (top - f32.load(p + (target << 2))) + logScalar(rowSumExp(p, cols, top));
    }
    f32.store(loss + (row << 2), value);
  }
}

export function crossEntropyGrad(
  logits: usize,
  targets: usize,
  dloss: usize,
  dlogits: usize,
  cols: u32,
  begin: u32,
  end: u32,
): void {
  for (let row = begin; row < end; row++) {
    const target = i32.load(targets + (row << 2));
    const first = dlogits + row * (cols << 2);
    if (target < 0) {
      memory.fill(first, 0, cols << 2);
      continue;
    }
    const scale = f32.load(dloss + (row << 2));
    let p = logits + row * (cols << 2);
    let q = first;
    const top = rowMaximum(p, cols);
    const shift = constant(top);
    const inverse = <f32> 1 / rowSumExp(p, cols, top);
    const factor = constant(scale * inverse);
    let i: u32 = cols;
    for (; i >= 4; i -= 4) {
      v128.store(q, f32x4.mul(expNegative(f32x4.sub(v128.load(p), shift)), factor));
      p += 16;
      q += 16;
    }
    if (i > 0) storePart(q, f32x4.mul(expNegative(f32x4.sub(loadPart(p, i), shift)), factor), i);
    const at = first + (target << 2);
    const logit = f32.load(logits + row * (cols << 2) + (target << 2));
    f32.store(at, scale * (expScalar(logit - top) * inverse - 1));
  }
}
