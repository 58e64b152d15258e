// The module's exports: each writes its arguments to memory and launches its task over a range of items.
// It leaves the items to tasks.ts and the threads to threads.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { attentionScratch } from "./attention";
import { disentangledScratch } from "./disentangled";
import * as flat from "./elementwise";
import { GEMM_SCRATCH, N_BLOCK, packedBytes, packParts } from "./gemm";
import { ARGUMENTS, AXES, SHAPE_BLOCK, WORKERS } from "./memory";
import * as strided from "./strided";
import {
  ADAMW,
  ADD_TO,
  AFFINE,
  ATTENTION,
  ATTENTION_GRAD,
  BINARY_LINES,
  BINARY_PIECE,
  columnBlocks,
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRAD,
  DISENTANGLED,
  DISENTANGLED_GRAD,
  DROPOUT,
  DROPOUT_ROWS,
  EMBEDDING,
  FILL,
  LAYER_NORM,
  LAYER_NORM_GRAD,
  LAYER_NORM_PARAMETER_GRAD,
  MATMUL,
  MATMUL_ROWS,
  PACK,
  REDUCE,
  ROUND_TO_HALF,
  SOFTMAX,
  SOFTMAX_GRAD,
  STRIDED_COPY,
  SUM_SQUARES,
  UNARY,
  UNARY_GRAD,
} from "./tasks";
import { launch } from "./threads";

export { setThread, stopThreads, work } from "./threads";

// @ts-ignore: decorator
@inline
function set<T>(i: usize, value: T): void {
  store<T>(ARGUMENTS + (i << 2), value);
}

export function scratchBytes(): u32 {
  return GEMM_SCRATCH;
}

export function scratchBytesForAttention(tokens: u32, headSize: u32): u32 {
  return attentionScratch(tokens, headSize);
}

export function scratchBytesForDisentangled(tokens: u32, tableRows: u32): u32 {
  return disentangledScratch(tokens, tableRows);
}

export function fill(out: usize, bits: i32, length: u32): void {
  set(0, out);
  set(1, bits);
  launch(FILL, length, 16, 0.1);
}

export function copy(from: usize, to: usize, length: u32): void {
  memory.copy(to, from, length << 2);
}

export function intToFloat(from: usize, to: usize, length: u32): void {
  flat.intToFloat(from, to, length);
}

export function floatToInt(from: usize, to: usize, length: u32): void {
  flat.floatToInt(from, to, length);
}

export function roundToHalf(from: usize, to: usize, length: u32): void {
  set(0, from);
  set(1, to);
  launch(ROUND_TO_HALF, length, 16, 0.5);
}

export function unary(operation: i32, from: usize, to: usize, length: u32): void {
  set(0, operation);
  set(1, from);
  set(2, to);
  launch(UNARY, length, 16, 1);
}

export function unaryGrad(operation: i32, z: usize, dy: usize, dx: usize, length: u32): void {
  set(0, operation);
  set(1, z);
  set(2, dy);
  set(3, dx);
  launch(UNARY_GRAD, length, 16, 1);
}

export function affine(from: usize, to: usize, length: u32, scale: f32, shift: f32): void {
  set(0, from);
  set(1, to);
  set(2, scale);
  set(3, shift);
  launch(AFFINE, length, 16, 0.2);
}

export function addTo(from: usize, to: usize, length: u32, scale: f32): void {
  set(0, from);
  set(1, to);
  set(2, scale);
  launch(ADD_TO, length, 16, 0.2);
}

/** The host has written shape and strides to the shape block. */
export function binary(operation: i32, a: usize, b: usize, out: usize): void {
  strided.mergeAxes();
  set(0, operation);
  set(1, a);
  set(2, b);
  set(3, out);
  const inner = load<u32>(SHAPE_BLOCK + ((AXES - 1) << 2));
  let lines: u32 = 1;
  for (let axis: u32 = 0; axis < AXES - 1; axis++) lines *= load<u32>(SHAPE_BLOCK + (axis << 2));
  if (lines == 1) launch(BINARY_PIECE, inner, 16, 0.2);
  else launch(BINARY_LINES, lines, 1, <f32> inner * 0.2);
}

export function stridedCopy(from: usize, to: usize): void {
  strided.mergeAxes();
  set(0, from);
  set(1, to);
  const inner = load<u32>(SHAPE_BLOCK + ((AXES - 1) << 2));
  let lines: u32 = 1;
  for (let axis: u32 = 0; axis < AXES - 1; axis++) lines *= load<u32>(SHAPE_BLOCK + (axis << 2));
  launch(STRIDED_COPY, lines, 1, <f32> inner * 0.5);
}

export function reduce(
  maximum: bool,
  from: usize,
  to: usize,
  outer: u32,
  length: u32,
  inner: u32,
  scale: f32,
  accumulate: bool,
): void {
  set<u32>(0, maximum);
  set(1, from);
  set(2, to);
  set(3, length);
  set(4, inner);
  set(5, scale);
  set<u32>(6, accumulate);
  const groups: u32 = inner == 1 ? 1 : (inner + 3) >> 2;
  launch(REDUCE, outer * groups, 1, <f32> length);
}

export function sumSquares(from: usize, to: usize, count: u32, cols: u32, accumulate: bool): void {
  set(0, from);
  set(1, to);
  set(2, cols);
  set<u32>(3, accumulate);
  launch(SUM_SQUARES, count, 1, <f32> cols * 0.3);
}

/** A product of fewer nanoseconds is not worth packing B for all threads first. */
const WORTH_PACKING: f32 = 200000;
/** Most bytes of a packed B. */
const MOST_PACKED: usize = 16 << 20;

/** From so many matrices on, a thread's piece is whole matrices, and nobody packs what another does. */
const MANY_MATRICES: u32 = 32;

/** Nanoseconds of a product of m × n × k, roughly. */
// @ts-ignore: decorator
@inline
function matmulCost(m: u32, n: u32, k: u32): f32 {
  return <f32> m * <f32> n * <f32> k * 0.05;
}

/** A shared right side makes one tall product of the batch. */
// @ts-ignore: decorator
@inline
function isTall(batch: u32, m: u32, k: u32, transposeA: bool, strideA: u32, strideB: u32): bool {
  return batch == 1 || (strideB == 0 && !transposeA && strideA == m * k);
}

/**
 * Bytes that matmul wants at `packed`, where threads share B packed once and so can share the product in small pieces; 0 where each
 * packs what it needs: one thread, many matrices, little to do, or too much to keep.
 */
export function matmulScratch(
  batch: u32,
  m: u32,
  n: u32,
  k: u32,
  transposeA: bool,
  strideA: u32,
  strideB: u32,
): u32 {
  const rows = m * batch;
  if (load<u32>(WORKERS) == 0 || !isTall(batch, m, k, transposeA, strideA, strideB) || rows <= MATMUL_ROWS) return 0;
  const bytes = packedBytes(n, k);
  return matmulCost(rows, n, k) < WORTH_PACKING || bytes > MOST_PACKED ? 0 : bytes;
}

export function matmul(
  packed: usize,
  a: usize,
  b: usize,
  bias: usize,
  out: usize,
  batch: u32,
  m: u32,
  n: u32,
  k: u32,
  transposeA: bool,
  transposeB: bool,
  strideA: u32,
  strideB: u32,
  accumulate: bool,
): void {
  if (isTall(batch, m, k, transposeA, strideA, strideB)) {
    m *= batch;
    batch = 1;
  }
  set(0, a);
  set(1, b);
  set(2, bias);
  set(3, out);
  set(5, m);
  set(6, n);
  set(7, k);
  set<u32>(8, transposeA);
  set<u32>(9, transposeB);
  set(10, strideA);
  set(11, strideB);
  set<u32>(12, accumulate);
  set(13, packed);
  const rowBlocks = (m + MATMUL_ROWS - 1) / MATMUL_ROWS;
  const rows = min(MATMUL_ROWS, m);
  if (packed != 0) {
    const parts = packParts(n, k);
    launch(PACK, parts, 1, <f32> n * <f32> k / <f32> parts * 0.5);
    launch(MATMUL, columnBlocks(n, true) * rowBlocks, 1, matmulCost(rows, min(n, N_BLOCK), k));
  } else launch(MATMUL, batch * rowBlocks, 1, matmulCost(rows, n, k), rowBlocks > 1 && batch < MANY_MATRICES);
}

export function softmax(from: usize, to: usize, count: u32, cols: u32, log: bool): void {
  set(0, from);
  set(1, to);
  set(2, cols);
  set<u32>(3, log);
  launch(SOFTMAX, count, 1, <f32> cols);
}

export function softmaxGrad(y: usize, dy: usize, dx: usize, count: u32, cols: u32, log: bool): void {
  set(0, y);
  set(1, dy);
  set(2, dx);
  set(3, cols);
  set<u32>(4, log);
  launch(SOFTMAX_GRAD, count, 1, <f32> cols);
}

export function layerNorm(
  from: usize,
  residual: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  mean: usize,
  rstd: usize,
  count: u32,
  cols: u32,
  epsilon: f32,
): void {
  set(0, from);
  set(1, residual);
  set(2, gamma);
  set(3, beta);
  set(4, y);
  set(5, mean);
  set(6, rstd);
  set(7, cols);
  set(8, epsilon);
  launch(LAYER_NORM, count, 1, <f32> cols * 0.5);
}

export function layerNormGrad(
  from: usize,
  residual: usize,
  gamma: usize,
  mean: usize,
  rstd: usize,
  dy: usize,
  dx: usize,
  count: u32,
  cols: u32,
): void {
  set(0, from);
  set(1, residual);
  set(2, gamma);
  set(3, mean);
  set(4, rstd);
  set(5, dy);
  set(6, dx);
  set(7, cols);
  launch(LAYER_NORM_GRAD, count, 1, <f32> cols * 0.7);
}

export function layerNormParameterGrad(
  from: usize,
  residual: usize,
  mean: usize,
  rstd: usize,
  dy: usize,
  dgamma: usize,
  dbeta: usize,
  count: u32,
  cols: u32,
): void {
  set(0, from);
  set(1, residual);
  set(2, mean);
  set(3, rstd);
  set(4, dy);
  set(5, dgamma);
  set(6, dbeta);
  set(7, count);
  set(8, cols);
  launch(LAYER_NORM_PARAMETER_GRAD, (cols + 3) >> 2, 1, <f32> count * 2);
}

function setAttention(
  starts: usize,
  tokens: u32,
  heads: u32,
  headSize: u32,
  scale: f32,
  threshold: u32,
  keepScale: f32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  set(10, tokens);
  set(11, heads);
  set(12, headSize);
  set(13, scale);
  set(14, threshold);
  set(15, keepScale);
  set(16, c1);
  set(17, c2);
  set(18, c3);
  set(19, k0);
  set(20, k1);
  set(21, c0);
  set(22, starts);
}

export function attentionForward(
  q: usize,
  k: usize,
  v: usize,
  mask: usize,
  out: usize,
  logSumExp: usize,
  starts: usize,
  batch: u32,
  tokens: u32,
  heads: u32,
  headSize: u32,
  scale: f32,
  threshold: u32,
  keepScale: f32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  set(0, q);
  set(1, k);
  set(2, v);
  set(3, mask);
  set(4, out);
  set(5, logSumExp);
  setAttention(starts, tokens, heads, headSize, scale, threshold, keepScale, c0, c1, c2, c3, k0, k1);
  launch(ATTENTION, batch * heads, 1, <f32> tokens * <f32> tokens * (<f32> headSize * 0.1 + 1.5));
}

export function attentionBackward(
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
  batch: u32,
  tokens: u32,
  heads: u32,
  headSize: u32,
  scale: f32,
  threshold: u32,
  keepScale: f32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  set(0, q);
  set(1, k);
  set(2, v);
  set(3, mask);
  set(4, out);
  set(5, logSumExp);
  set(6, dout);
  set(7, dq);
  set(8, dk);
  set(9, dv);
  setAttention(starts, tokens, heads, headSize, scale, threshold, keepScale, c0, c1, c2, c3, k0, k1);
  launch(ATTENTION_GRAD, batch * heads, 1, <f32> tokens * <f32> tokens * (<f32> headSize * 0.25 + 2));
}

/** The tables; the rest is set by the call that follows. */
export function setTables(
  positionKeys: usize,
  positionQueries: usize,
  relative: usize,
  tableRows: u32,
  ownTables: bool,
  dPositionKeys: usize,
  dPositionQueries: usize,
): void {
  set(23, positionKeys);
  set(24, positionQueries);
  set(25, relative);
  set(26, tableRows);
  set<u32>(27, ownTables);
  set(28, dPositionKeys);
  set(29, dPositionQueries);
}

/** After setTables. */
export function disentangledForward(
  q: usize,
  k: usize,
  v: usize,
  mask: usize,
  out: usize,
  logSumExp: usize,
  starts: usize,
  batch: u32,
  tokens: u32,
  heads: u32,
  headSize: u32,
  scale: f32,
  threshold: u32,
  keepScale: f32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  set(0, q);
  set(1, k);
  set(2, v);
  set(3, mask);
  set(4, out);
  set(5, logSumExp);
  setAttention(starts, tokens, heads, headSize, scale, threshold, keepScale, c0, c1, c2, c3, k0, k1);
  launch(DISENTANGLED, batch * heads, 1, <f32> tokens * <f32> tokens * (<f32> headSize * 0.3 + 3));
}

/** After setTables. */
export function disentangledBackward(
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
  batch: u32,
  tokens: u32,
  heads: u32,
  headSize: u32,
  scale: f32,
  threshold: u32,
  keepScale: f32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  set(0, q);
  set(1, k);
  set(2, v);
  set(3, mask);
  set(4, out);
  set(5, logSumExp);
  set(6, dout);
  set(7, dq);
  set(8, dk);
  set(9, dv);
  setAttention(starts, tokens, heads, headSize, scale, threshold, keepScale, c0, c1, c2, c3, k0, k1);
  launch(DISENTANGLED_GRAD, batch * heads, 1, <f32> tokens * <f32> tokens * (<f32> headSize * 0.6 + 4));
}

export function embedding(table: usize, indices: usize, out: usize, count: u32, width: u32): void {
  set(0, table);
  set(1, indices);
  set(2, out);
  set(3, width);
  launch(EMBEDDING, count, 1, <f32> width * 0.2);
}

/** In the order of the indices, one thread. */
export function embeddingGrad(
  dy: usize,
  indices: usize,
  dtable: usize,
  count: u32,
  tableRows: u32,
  width: u32,
  ignored: i32,
): void {
  memory.fill(dtable, 0, (tableRows * width) << 2);
  const line = width << 2;
  for (let i: u32 = 0; i < count; i++) {
    const index = load<i32>(indices + (i << 2));
    if (index != ignored) flat.addTo(dy + i * line, dtable + <u32> index * line, 1, 0, width);
  }
}

export function dropoutForward(
  from: usize,
  to: usize,
  length: u32,
  threshold: u32,
  keepScale: f32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  set(0, from);
  set(1, to);
  set(2, threshold);
  set(3, keepScale);
  set(4, c1);
  set(5, c2);
  set(6, c3);
  set(7, k0);
  set(8, k1);
  set(9, c0);
  launch(DROPOUT, length, 64, 0.8);
}

export function dropoutRowsForward(
  from: usize,
  to: usize,
  places: usize,
  count: u32,
  width: u32,
  threshold: u32,
  keepScale: f32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  set(0, from);
  set(1, to);
  set(2, threshold);
  set(3, keepScale);
  set(4, c1);
  set(5, c2);
  set(6, c3);
  set(7, k0);
  set(8, k1);
  set(9, c0);
  set(10, places);
  set(11, width);
  launch(DROPOUT_ROWS, count, 1, <f32> width * 0.8);
}

export function crossEntropy(logits: usize, targets: usize, loss: usize, count: u32, cols: u32): void {
  set(0, logits);
  set(1, targets);
  set(2, loss);
  set(3, cols);
  launch(CROSS_ENTROPY, count, 1, <f32> cols);
}

export function crossEntropyGrad(
  logits: usize,
  targets: usize,
  dloss: usize,
  dlogits: usize,
  count: u32,
  cols: u32,
): void {
  set(0, logits);
  set(1, targets);
  set(2, dloss);
  set(3, dlogits);
  set(4, cols);
  launch(CROSS_ENTROPY_GRAD, count, 1, <f32> cols * 2);
}

export function clipScale(normSquared: usize, out: usize, maximum: f32): void {
  f32.store(out, min<f32>(1, maximum / (sqrt<f32>(f32.load(normSquared)) + 1e-6)));
}

/** gradientScale: address of one factor, or 0. */
export function adamw(
  parameter: usize,
  gradient: usize,
  firstMoment: usize,
  secondMoment: usize,
  gradientScale: usize,
  length: u32,
  beta1: f32,
  beta2: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  stepSize: f32,
  secondMomentScale: f32,
  epsilon: f32,
  keepBefore: f32,
  keepAfter: f32,
): void {
  set(0, parameter);
  set(1, gradient);
  set(2, firstMoment);
  set(3, secondMoment);
  set<f32>(4, gradientScale != 0 ? f32.load(gradientScale) : 1);
  set(5, beta1);
  set(6, beta2);
  set(7, oneMinusBeta1);
  set(8, oneMinusBeta2);
  set(9, stepSize);
  set(10, secondMomentScale);
  set(11, epsilon);
  set(12, keepBefore);
  set(13, keepAfter);
  launch(ADAMW, length, 16, 1);
}
