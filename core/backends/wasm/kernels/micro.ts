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

/** Rows of the largest tile: 6, or 4 on hosts that check each load. A global is private to an instance. */
let tallest: u32 = 6;

/** Columns of the widest tile: 8, or 16 where V8 joins pairs of vectors. */
let widest: u32 = 8;

export function setTiles(rows: u32, columns: u32): void {
  tallest = rows;
  widest = columns;
}

/** Whether two panels of B are gone through together. */
// @ts-ignore: decorator
@inline
export function takesPairs(): bool {
  return widest == 16;
}

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

/** Whether loads cost so much that A is copied into tiles wherever more than a few panels use it. */
// @ts-ignore: decorator
@inline
export function loadsAreChecked(): bool {
  return tallest == 4;
}

/** Rows of the next tile when `rows` are left; a tile of six is always whole. */
// @ts-ignore: decorator
@inline
export function tileRows(rows: u32): u32 {
  return rows == 6 || rows > 8 ? tallest : 4;
}

/**
 * C[rows, columns ≤ 8] from A[rows, k] by rows (lda bytes apart) and a panel b of k rows of 8 floats, stepB bytes apart.
 * `spare`: 192 bytes for a tile that does not go to C as it is.
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
  spare: usize,
): void {
  const whole = columns == 8 && mode == STORE;
  while (rows > 0) {
    const tile = stepB == 32 ? tileRows(rows) : 4;
    if (tile == 4) {
      fourRows(a, lda, rows, k, b, stepB, c, ldc, columns, mode, bias);
      if (rows <= 4) break;
    } else if (whole) {
      sixRows(a, lda, k, b, c, ldc);
    } else {
      sixRows(a, lda, k, b, spare, 32);
      finishTile(spare, c, ldc, columns, mode, bias);
    }
    rows -= tile;
    a += tile * lda;
    c += tile * ldc;
  }
}

/** As panelRows for two whole panels, the second behind the first, with tiles of 6 × 16. `spare`: 384 bytes. */
export function panelPairRows(
  a: usize,
  lda: usize,
  rows: u32,
  k: u32,
  b: usize,
  c: usize,
  ldc: usize,
  mode: u32,
  bias: usize,
  spare: usize,
): void {
  const next = b + (k << 5);
  while (rows > 0) {
    const tile = tileRows(rows);
    if (tile == 4) {
      fourRows(a, lda, rows, k, b, 32, c, ldc, 8, mode, bias);
      fourRows(a, lda, rows, k, next, 32, c + 32, ldc, 8, mode, bias + 32);
      if (rows <= 4) break;
    } else if (mode == STORE) {
      sixBySixteen(a, lda, k, b, next, c, c + 32, ldc);
    } else {
      sixBySixteen(a, lda, k, b, next, spare, spare + 192, 32);
      finishTile(spare, c, ldc, 8, mode, bias);
      finishTile(spare + 192, c + 32, ldc, 8, mode, bias + 32);
    }
    rows -= tile;
    a += tile * lda;
    c += tile * ldc;
  }
}

/**
 * As panelRows for A copied into tiles (gemm.ts): [tile][k][rows of the tile], filled up with zeros. A panel in place
 * (stepB other than 32) goes with less than four rows only.
 */
export function panelTiles(
  a: usize,
  rows: u32,
  k: u32,
  b: usize,
  stepB: usize,
  c: usize,
  ldc: usize,
  columns: u32,
  mode: u32,
  bias: usize,
  spare: usize,
): void {
  const whole = columns == 8 && mode == STORE;
  while (rows > 0) {
    const tile = tileRows(rows);
    if (tile == 4) {
      fourPacked(a, rows, k, b, stepB, c, ldc, columns, mode, bias);
      if (rows <= 4) break;
    } else if (whole) {
      sixPacked(a, k, b, c, ldc);
    } else {
      sixPacked(a, k, b, spare, 32);
      finishTile(spare, c, ldc, columns, mode, bias);
    }
    rows -= tile;
    a += (tile * k) << 2;
    c += tile * ldc;
  }
}

/** As panelRows for A[k, rows] in place, lda bytes from one k to the next; the last `rowsBeyondColumns` are left out. */
export function panelColumns(
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
  spare: usize,
  tall: bool,
): void {
  const whole = columns == 8 && mode == STORE;
  while (rows >= 4) {
    const tile = tall ? tileRows(rows) : 4;
    if (tile == 4) {
      fourColumns(a, lda, k, b, stepB, c, ldc, columns, mode, bias);
    } else if (whole) {
      sixColumns(a, lda, k, b, c, ldc);
    } else {
      sixColumns(a, lda, k, b, spare, 32);
      finishTile(spare, c, ldc, columns, mode, bias);
    }
    rows -= tile;
    a += tile << 2;
    c += tile * ldc;
  }
}

/** Rows of the last tile where it has less than four. `tall`: tiles of six rows too, for packed panels of B only. */
export function rowsBeyondColumns(rows: u32, tall: bool): u32 {
  while (rows >= 4) rows -= tall ? tileRows(rows) : 4;
  return rows;
}

/** Brings a product of 6 × 8 from `tile` to C as `mode` says. */
function finishTile(tile: usize, c: usize, ldc: usize, columns: u32, mode: u32, bias: usize): void {
  const end = tile + 192;
  if (columns < 8) {
    for (; tile < end; tile += 32) {
      finishPart(c, v128.load(tile), v128.load(tile, 16), columns, mode, bias);
      c += ldc;
    }
  } else if (mode == ADD) {
    for (; tile < end; tile += 32) {
      v128.store(c, f32x4.add(v128.load(c), v128.load(tile)));
      v128.store(c, f32x4.add(v128.load(c, 16), v128.load(tile, 16)), 16);
      c += ldc;
    }
  } else {
    const low = v128.load(bias);
    const high = v128.load(bias, 16);
    for (; tile < end; tile += 32) {
      v128.store(c, f32x4.add(v128.load(tile), low));
      v128.store(c, f32x4.add(v128.load(tile, 16), high), 16);
      c += ldc;
    }
  }
}

// The tile and how its values of A come depend on the host (384 steps of k; GFLOP/s of one core):
//
//                                            6 × 8, broadcast loads   4 × 8, one load and lane broadcasts
//   Node 20 (a bad address is a page fault)        54 to 57                        50
//   Deno 2.9 (the address of each load is checked)    37                           50
//
// 12 accumulators, 2 vectors of B and one of A fill the 15 registers that V8 gives out on x86-64. Node 20's compiler places
// multiply-adds backwards from their last uses, so the tall tile stays in registers only in this form: one step of k a
// turn, constant steps, nothing but unconditional stores after the loop (adding a bias there halves the speed).
// Whatever the tile, an element is one chain of multiply-adds over k: the bits do not depend on it.

/** Six whole rows of A in place; the product replaces 6 × 8 floats of C, lines ldc bytes apart. */
function sixRows(a: usize, lda: usize, k: u32, b: usize, c: usize, ldc: usize): void {
  let a0 = a;
  let a1 = a0 + lda;
  let a2 = a1 + lda;
  let a3 = a2 + lda;
  let a4 = a3 + lda;
  let a5 = a4 + lda;
  let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
  let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
  let c40 = constant(0), c41 = constant(0), c50 = constant(0), c51 = constant(0);
  for (let i = k; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
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
    const x4 = v128.load32_splat(a4);
    c40 = madd(x4, b0, c40);
    c41 = madd(x4, b1, c41);
    const x5 = v128.load32_splat(a5);
    c50 = madd(x5, b0, c50);
    c51 = madd(x5, b1, c51);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
    b += 32;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += ldc;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += ldc;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += ldc;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  c += ldc;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  c += ldc;
  v128.store(c, c50);
  v128.store(c, c51, 16);
}

/**
 * As sixRows for two panels: columns 0 … 7 go to c, 8 … 15 to d. In 256-bit registers its sums take as many as those of sixRows in
 * 128-bit ones, and as many multiply-adds wait for each other; without them they would not fit.
 */
function sixBySixteen(a: usize, lda: usize, k: u32, b: usize, next: usize, c: usize, d: usize, ldc: usize): void {
  let a0 = a;
  let a1 = a0 + lda;
  let a2 = a1 + lda;
  let a3 = a2 + lda;
  let a4 = a3 + lda;
  let a5 = a4 + lda;
  let c00 = constant(0), c01 = constant(0), c02 = constant(0), c03 = constant(0);
  let c10 = constant(0), c11 = constant(0), c12 = constant(0), c13 = constant(0);
  let c20 = constant(0), c21 = constant(0), c22 = constant(0), c23 = constant(0);
  let c30 = constant(0), c31 = constant(0), c32 = constant(0), c33 = constant(0);
  let c40 = constant(0), c41 = constant(0), c42 = constant(0), c43 = constant(0);
  let c50 = constant(0), c51 = constant(0), c52 = constant(0), c53 = constant(0);
  for (let i = k; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(next);
    const b3 = v128.load(next, 16);
    const x0 = v128.load32_splat(a0);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    c02 = madd(x0, b2, c02);
    c03 = madd(x0, b3, c03);
    const x1 = v128.load32_splat(a1);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    c12 = madd(x1, b2, c12);
    c13 = madd(x1, b3, c13);
    const x2 = v128.load32_splat(a2);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    c22 = madd(x2, b2, c22);
    c23 = madd(x2, b3, c23);
    const x3 = v128.load32_splat(a3);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    c32 = madd(x3, b2, c32);
    c33 = madd(x3, b3, c33);
    const x4 = v128.load32_splat(a4);
    c40 = madd(x4, b0, c40);
    c41 = madd(x4, b1, c41);
    c42 = madd(x4, b2, c42);
    c43 = madd(x4, b3, c43);
    const x5 = v128.load32_splat(a5);
    c50 = madd(x5, b0, c50);
    c51 = madd(x5, b1, c51);
    c52 = madd(x5, b2, c52);
    c53 = madd(x5, b3, c53);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
    b += 32;
    next += 32;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(d, c02);
  v128.store(d, c03, 16);
  c += ldc;
  d += ldc;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  v128.store(d, c12);
  v128.store(d, c13, 16);
  c += ldc;
  d += ldc;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  v128.store(d, c22);
  v128.store(d, c23, 16);
  c += ldc;
  d += ldc;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  v128.store(d, c32);
  v128.store(d, c33, 16);
  c += ldc;
  d += ldc;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  v128.store(d, c42);
  v128.store(d, c43, 16);
  c += ldc;
  d += ldc;
  v128.store(c, c50);
  v128.store(c, c51, 16);
  v128.store(d, c52);
  v128.store(d, c53, 16);
}

/** As sixRows for a packed tile: [k][6]. */
function sixPacked(a: usize, k: u32, b: usize, c: usize, ldc: usize): void {
  let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
  let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
  let c40 = constant(0), c41 = constant(0), c50 = constant(0), c51 = constant(0);
  for (let i = k; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.load32_splat(a, 4);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.load32_splat(a, 8);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.load32_splat(a, 12);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    const x4 = v128.load32_splat(a, 16);
    c40 = madd(x4, b0, c40);
    c41 = madd(x4, b1, c41);
    const x5 = v128.load32_splat(a, 20);
    c50 = madd(x5, b0, c50);
    c51 = madd(x5, b1, c51);
    a += 24;
    b += 32;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += ldc;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += ldc;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += ldc;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  c += ldc;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  c += ldc;
  v128.store(c, c50);
  v128.store(c, c51, 16);
}

/** As sixRows for A by columns in place: the values of a step of k are stepA bytes after those of the last. */
function sixColumns(a: usize, stepA: usize, k: u32, b: usize, c: usize, ldc: usize): void {
  let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
  let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
  let c40 = constant(0), c41 = constant(0), c50 = constant(0), c51 = constant(0);
  for (let i = k; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.load32_splat(a, 4);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.load32_splat(a, 8);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.load32_splat(a, 12);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    const x4 = v128.load32_splat(a, 16);
    c40 = madd(x4, b0, c40);
    c41 = madd(x4, b1, c41);
    const x5 = v128.load32_splat(a, 20);
    c50 = madd(x5, b0, c50);
    c51 = madd(x5, b1, c51);
    a += stepA;
    b += 32;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += ldc;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += ldc;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += ldc;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  c += ldc;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  c += ldc;
  v128.store(c, c50);
  v128.store(c, c51, 16);
}

/** Up to four rows of A in place. */
function fourRows(
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
  // Rows beyond the last read the last one again and are not stored.
  let a0 = a;
  let a1 = rows > 1 ? a0 + lda : a0;
  let a2 = rows > 2 ? a1 + lda : a1;
  let a3 = rows > 3 ? a2 + lda : a2;
  let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
  let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
  for (let i = k; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
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
    b += stepB;
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
  }
  finish(c, c00, c01, columns, mode, bias);
  if (rows > 1) finish(c + ldc, c10, c11, columns, mode, bias);
  if (rows > 2) finish(c + 2 * ldc, c20, c21, columns, mode, bias);
  if (rows > 3) finish(c + 3 * ldc, c30, c31, columns, mode, bias);
}

/** Four rows of A by columns in place: the values of a step of k are stepA bytes after those of the last. */
function fourColumns(
  a: usize,
  stepA: usize,
  k: u32,
  b: usize,
  stepB: usize,
  c: usize,
  ldc: usize,
  columns: u32,
  mode: u32,
  bias: usize,
): void {
  let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
  let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
  for (let i = k; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.load32_splat(a, 4);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.load32_splat(a, 8);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.load32_splat(a, 12);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    b += stepB;
    a += stepA;
  }
  finish(c, c00, c01, columns, mode, bias);
  finish(c + ldc, c10, c11, columns, mode, bias);
  finish(c + 2 * ldc, c20, c21, columns, mode, bias);
  finish(c + 3 * ldc, c30, c31, columns, mode, bias);
}

/** Up to four rows of a packed tile: [k][4]. */
function fourPacked(
  a: usize,
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
  let c00 = constant(0), c01 = constant(0), c10 = constant(0), c11 = constant(0);
  let c20 = constant(0), c21 = constant(0), c30 = constant(0), c31 = constant(0);
  for (let i = k; i > 0; i--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x = v128.load(a);
    const x0 = v128.shuffle<f32>(x, x, 0, 0, 0, 0);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.shuffle<f32>(x, x, 1, 1, 1, 1);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.shuffle<f32>(x, x, 2, 2, 2, 2);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.shuffle<f32>(x, x, 3, 3, 3, 3);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    b += stepB;
    a += 16;
  }
  finish(c, c00, c01, columns, mode, bias);
  if (rows > 1) finish(c + ldc, c10, c11, columns, mode, bias);
  if (rows > 2) finish(c + 2 * ldc, c20, c21, columns, mode, bias);
  if (rows > 3) finish(c + 3 * ldc, c30, c31, columns, mode, bias);
}
