// The matrix micro-kernels: one panel of at most 8 columns of B against all rows of a block of A.
// It leaves packing, blocking and the choice of layout to gemm.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { constant, madd } from "./simd";

/** The product replaces C. */
export const STORE: u32 = 0;
/** The product is added to C. */
export const ADD: u32 = 1;
/** A bias vector (8 lanes, padded) is added to the product, which replaces C. */
export const BIAS: u32 = 2;

// @ts-ignore: decorator
@inline
function finish(c: usize, low: v128, high: v128, columns: u32, mode: u32, bias: usize): void {
  if (columns == 8) {
    if (mode == ADD) {
      low = f32x4.add(v128.load(c), low);
      high = f32x4.add(v128.load(c, 16), high);
    } else if (mode == BIAS) {
      low = f32x4.add(low, v128.load(bias));
      high = f32x4.add(high, v128.load(bias, 16));
    }
    v128.store(c, low);
    v128.store(c, high, 16);
  } else {
    finishPart(c, low, high, columns, mode, bias);
  }
}

function finishPart(c: usize, low: v128, high: v128, columns: u32, mode: u32, bias: usize): void {
  if (mode == BIAS) {
    low = f32x4.add(low, v128.load(bias));
    high = f32x4.add(high, v128.load(bias, 16));
  }
  if (columns >= 4) {
    if (mode == ADD) low = f32x4.add(v128.load(c), low);
    v128.store(c, low);
    c += 16;
    columns -= 4;
    low = high;
  }
  if (columns == 0) return;
  if (mode == ADD) {
    f32.store(c, f32.load(c) + f32x4.extract_lane(low, 0));
    if (columns > 1) f32.store(c, f32.load(c, 4) + f32x4.extract_lane(low, 1), 4);
    if (columns > 2) f32.store(c, f32.load(c, 8) + f32x4.extract_lane(low, 2), 8);
  } else {
    v128.store_lane<f32>(c, low, 0);
    if (columns > 1) v128.store_lane<f32>(c, low, 1, 4);
    if (columns > 2) v128.store_lane<f32>(c, low, 2, 8);
  }
}

// A tile is 4 × 8: 8 accumulators, 4 broadcasts and 2 loads of B fill the 15 registers that V8 gives out on x86-64.
// It places all loads of a loop body before the arithmetic, so a larger tile or an unrolled loop spills (measured:
// 51 GFLOP/s for this form, 27 to 40 for 6 × 8 and for two steps a turn).

/**
 * C[rows, columns ≤ 8] from A[rows, k] by rows (stride lda bytes) and a panel b of k rows of 8 floats, stepB bytes
 * apart. Every element is one chain of multiply-adds over k, whatever the tile it falls in.
 */
export function panelRows(
  a: usize,
  lda: usize,
  rows: u32,
  k: u32,
  b: usize,
  stepB: usize,
  c: usize,
  ldc: usize,
  columns: u32,
  mode: u32,
  bias: usize,
): void {
  while (rows > 0) {
    // Rows beyond the last read the last one again and are not stored.
    let a0 = a;
    let a1 = rows > 1 ? a0 + lda : a0;
    let a2 = rows > 2 ? a1 + lda : a1;
    let a3 = rows > 3 ? a2 + lda : a2;
    let p = b;
    let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
    let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
    for (let i = k; i > 0; i--) {
      const b0 = v128.load(p);
      const b1 = v128.load(p, 16);
      const x0 = v128.load32_splat(a0);
      c00 = madd(x0, b0, c00);
      c01 = madd(x0, b1, c01);
      const x1 = v128.load32_splat(a1);
      c10 = madd(x1, b0, c10);
      c11 = madd(x1, b1, c11);
      const x2 = v128.load32_splat(a2);
      c20 = madd(x2, b0, c20);
      c21 = madd(x2, b1, c21);
      const x3 = v128.load32_splat(a3);
      c30 = madd(x3, b0, c30);
      c31 = madd(x3, b1, c31);
      p += stepB;
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
    }
    finish(c, c00, c01, columns, mode, bias);
    if (rows > 1) finish(c + ldc, c10, c11, columns, mode, bias);
    if (rows > 2) finish(c + 2 * ldc, c20, c21, columns, mode, bias);
    if (rows > 3) finish(c + 3 * ldc, c30, c31, columns, mode, bias);
    if (rows <= 4) break;
    rows -= 4;
    a += 4 * lda;
    c += 4 * ldc;
  }
}

/**
 * As panelRows for a transposed A: the four values of a tile at step k are contiguous, stepA bytes apart from one k to
 * the next; tiles are strideTile bytes apart. Reads four values whatever `rows` is: a part tile must be packed.
 */
export function panelColumns(
  a: usize,
  stepA: usize,
  strideTile: usize,
  rows: u32,
  k: u32,
  b: usize,
  stepB: usize,
  c: usize,
  ldc: usize,
  columns: u32,
  mode: u32,
  bias: usize,
): void {
  while (rows > 0) {
    let q = a;
    let p = b;
    let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
    let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
    for (let i = k; i > 0; i--) {
      const b0 = v128.load(p);
      const b1 = v128.load(p, 16);
      const x0 = v128.load32_splat(q);
      c00 = madd(x0, b0, c00);
      c01 = madd(x0, b1, c01);
      const x1 = v128.load32_splat(q, 4);
      c10 = madd(x1, b0, c10);
      c11 = madd(x1, b1, c11);
      const x2 = v128.load32_splat(q, 8);
      c20 = madd(x2, b0, c20);
      c21 = madd(x2, b1, c21);
      const x3 = v128.load32_splat(q, 12);
      c30 = madd(x3, b0, c30);
      c31 = madd(x3, b1, c31);
      p += stepB;
      q += stepA;
    }
    finish(c, c00, c01, columns, mode, bias);
    if (rows > 1) finish(c + ldc, c10, c11, columns, mode, bias);
    if (rows > 2) finish(c + 2 * ldc, c20, c21, columns, mode, bias);
    if (rows > 3) finish(c + 3 * ldc, c30, c31, columns, mode, bias);
    if (rows <= 4) break;
    rows -= 4;
    a += strideTile;
    c += 4 * ldc;
  }
}
