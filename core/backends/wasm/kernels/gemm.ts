// One thread's matrix product: blocks of k and n, packed panels of B, and A read in place where its layout allows.
// It leaves the arithmetic to micro.ts and the split over threads and batches to tasks.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import {
  ADD,
  BIAS,
  loadsAreChecked,
  panelColumns,
  panelPairRows,
  panelRows,
  panelTiles,
  rowsBeyondColumns,
  STORE,
  takesPairs,
  tileRows,
} from "./micro";

/** Largest block of k: a panel of B (12 KB) and a tile of A (9 KB) stay in the first-level cache. */
const K_BLOCK: u32 = 384;
/** Columns of B packed at a time, and rows of A gone through per panel. */
export const N_BLOCK: u32 = 384;
const M_BLOCK: u32 = 144;

const PACKED_B: usize = (K_BLOCK * N_BLOCK) << 2;
const PACKED_A: usize = (K_BLOCK * (M_BLOCK + 4)) << 2;
/** A padded bias (32 bytes) and a tile of the product (384). */
const SPARE: usize = 448;
/** Bytes of scratch that gemm needs. */
export const GEMM_SCRATCH: usize = PACKED_B + PACKED_A + SPARE;

/** Panel of `columns` ≤ 8 columns from B stored [k, n]; missing columns become zeros. */
function packPanel(b: usize, ldb: usize, k: u32, columns: u32, to: usize): void {
  if (columns == 8) {
    for (let i = k; i > 0; i--) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
      b += ldb;
      to += 32;
    }
    return;
  }
  const zero = i32x4.splat(0);
  for (let i = k; i > 0; i--) {
    v128.store(to, zero);
    v128.store(to, zero, 16);
    for (let j: u32 = 0; j < columns; j++) f32.store(to + (j << 2), f32.load(b + (j << 2)));
    b += ldb;
    to += 32;
  }
}

/** Four rows of k values become k groups of four, `step` bytes apart. */
function packFour(from: usize, line: usize, k: u32, to: usize, step: usize): void {
  let from1 = from + line;
  let from2 = from1 + line;
  let from3 = from2 + line;
  let i: u32 = k;
  for (; i >= 4; i -= 4) {
    const r0 = v128.load(from);
    const r1 = v128.load(from1);
    const r2 = v128.load(from2);
    const r3 = v128.load(from3);
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(low01, low23, 0, 2));
    to += step;
    v128.store(to, v128.shuffle<f64>(low01, low23, 1, 3));
    to += step;
    v128.store(to, v128.shuffle<f64>(high01, high23, 0, 2));
    to += step;
    v128.store(to, v128.shuffle<f64>(high01, high23, 1, 3));
    to += step;
    from += 16;
    from1 += 16;
    from2 += 16;
    from3 += 16;
  }
  for (; i > 0; i--) {
    f32.store(to, f32.load(from));
    f32.store(to, f32.load(from1), 4);
    f32.store(to, f32.load(from2), 8);
    f32.store(to, f32.load(from3), 12);
    from += 4;
    from1 += 4;
    from2 += 4;
    from3 += 4;
    to += step;
  }
}

/** As packFour for two rows. */
function packTwo(from: usize, line: usize, k: u32, to: usize, step: usize): void {
  let other = from + line;
  let i: u32 = k;
  for (; i >= 4; i -= 4) {
    const r0 = v128.load(from);
    const r1 = v128.load(other);
    const low = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const high = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    v128.store_lane<f64>(to, low, 0);
    to += step;
    v128.store_lane<f64>(to, low, 1);
    to += step;
    v128.store_lane<f64>(to, high, 0);
    to += step;
    v128.store_lane<f64>(to, high, 1);
    to += step;
    from += 16;
    other += 16;
  }
  for (; i > 0; i--) {
    f32.store(to, f32.load(from));
    f32.store(to, f32.load(other), 4);
    from += 4;
    other += 4;
    to += step;
  }
}

/** Panel from B stored [n, k]. */
function packPanelTransposed(b: usize, ldb: usize, k: u32, columns: u32, to: usize): void {
  let done: u32 = 0;
  for (; done + 4 <= columns; done += 4) packFour(b + done * ldb, ldb, k, to + (done << 2), 32);
  for (; done < 8; done++) {
    let p = to + (done << 2);
    if (done < columns) {
      let q = b + done * ldb;
      for (let i = k; i > 0; i--) {
        f32.store(p, f32.load(q));
        q += 4;
        p += 32;
      }
    } else {
      for (let i = k; i > 0; i--) {
        f32.store(p, 0);
        p += 32;
      }
    }
  }
}

/** Tiles from A stored [m, k]: [tile][k][rows of the tile], the last one filled up with zeros. */
function packRows(a: usize, lda: usize, rows: u32, k: u32, to: usize): void {
  while (rows > 0) {
    const tile = tileRows(rows);
    const step: usize = tile << 2;
    const here = min(rows, tile);
    let done: u32 = 0;
    for (; done + 4 <= here; done += 4) packFour(a + done * lda, lda, k, to + (done << 2), step);
    for (; done + 2 <= here; done += 2) packTwo(a + done * lda, lda, k, to + (done << 2), step);
    for (; done < tile; done++) {
      let p = to + (done << 2);
      const from = a + done * lda;
      for (let i: u32 = 0; i < k; i++) {
        f32.store(p, done < here ? f32.load(from + (i << 2)) : 0);
        p += step;
      }
    }
    to += k * step;
    a += here * lda;
    rows -= here;
  }
}

/** The same from A stored [k, m]. */
function packColumns(a: usize, lda: usize, rows: u32, k: u32, to: usize): void {
  while (rows > 0) {
    const tile = tileRows(rows);
    const here = min(rows, tile);
    let p = a;
    if (here == tile) {
      for (let i = k; i > 0; i--) {
        v128.store(to, v128.load(p));
        if (tile == 6) store<u64>(to, load<u64>(p, 16), 16);
        p += lda;
        to += tile << 2;
      }
    } else {
      for (let i = k; i > 0; i--) {
        for (let r: u32 = 0; r < tile; r++) f32.store(to + (r << 2), r < here ? f32.load(p + (r << 2)) : 0);
        p += lda;
        to += tile << 2;
      }
    }
    a += here << 2;
    rows -= here;
  }
}

/** Depth of a block of k: the fewest blocks of at most K_BLOCK, alike but the last. */
// @ts-ignore: decorator
@inline
function depth(k: u32): u32 {
  const blocks = max<u32>((k + K_BLOCK - 1) / K_BLOCK, 1);
  return (k + blocks - 1) / blocks;
}

/** Bytes that packMatrix writes. */
export function packedBytes(n: u32, k: u32): usize {
  return (<usize> ((n + 7) & ~7) * k) << 2;
}

/** Panels of op(B)[k, n], kc rows of them from b on: [panel][kc][8]. */
// @ts-ignore: decorator
@inline
function packPanels(b: usize, ldb: usize, transposeB: bool, n: u32, kc: u32, to: usize, inPlace: bool): void {
  for (let column: u32 = 0; column < n; column += 8) {
    const columns = min<u32>(8, n - column);
    if (!inPlace || columns < 8) {
      if (transposeB) packPanelTransposed(b + column * ldb, ldb, kc, columns, to);
      else packPanel(b + (column << 2), ldb, kc, columns, to);
    }
    to += kc << 5;
  }
}

/** How many parts packing op(B)[k, n] has: the panels of each block of k. */
export function packParts(n: u32, k: u32): u32 {
  return ((n + 7) >> 3) * ((k + K_BLOCK - 1) / K_BLOCK);
}

/** Parts begin … end − 1 of op(B)[k, n] as gemmColumns wants it, to be multiplied more than once. */
export function packPart(
  n: u32,
  k: u32,
  b: usize,
  ldb: usize,
  transposeB: bool,
  to: usize,
  begin: u32,
  end: u32,
): void {
  const kBlock = depth(k);
  const panels = (n + 7) >> 3;
  while (begin < end) {
    const block = begin / panels;
    const first = begin - block * panels;
    const last = min(panels, first + (end - begin));
    const column = first << 3;
    const k0 = block * kBlock;
    const kc = min(kBlock, k - k0);
    const from = b + (transposeB ? column * ldb + (k0 << 2) : k0 * ldb + (column << 2));
    const panel = to + block * packedBytes(n, kBlock) + ((column * kc) << 2);
    packPanels(from, ldb, transposeB, min(last << 3, n) - column, kc, panel, false);
    begin += last - first;
  }
}

/** All of op(B)[k, n], by one thread. */
export function packMatrix(n: u32, k: u32, b: usize, ldb: usize, transposeB: bool, to: usize): void {
  packPart(n, k, b, ldb, transposeB, to, 0, packParts(n, k));
}

/**
 * One block of k and n: m rows of op(A), kc deep, against the panels at packedB; a whole panel lies in B itself, ldb bytes from row
 * to row, where b is given.
 */
function blockProduct(
  m: u32,
  nc: u32,
  kc: u32,
  a: usize,
  lda: usize,
  transposeA: bool,
  packedB: usize,
  b: usize,
  ldb: usize,
  c: usize,
  ldc: usize,
  mode: u32,
  bias: usize,
  scratch: usize,
): void {
  const packedA = scratch + PACKED_B;
  const paddedBias = packedA + PACKED_A;
  const spare = paddedBias + 64;
  const panels = (nc + 7) >> 3;
  const mBlocks = (m + M_BLOCK - 1) / M_BLOCK;
  const mBlock = ((m + mBlocks - 1) / mBlocks + 5) / 6 * 6;
  for (let m0: u32 = 0; m0 < m; m0 += mBlock) {
    const mc = min(mBlock, m - m0);
    const from = a + (transposeA ? m0 << 2 : m0 * lda);
    // A few panels do not repay a copy of A; a part tile of a transposed A is always copied.
    const copyA = b == 0 && panels > 2 && (transposeA || loadsAreChecked());
    const whole = transposeA && !copyA ? mc - rowsBeyondColumns(mc, b == 0) : mc;
    if (copyA) {
      if (transposeA) packColumns(from, lda, mc, kc, packedA);
      else packRows(from, lda, mc, kc, packedA);
    } else if (whole < mc) packColumns(from + (whole << 2), lda, mc - whole, kc, packedA);
    const paired: u32 = takesPairs() && b == 0 && !copyA && !transposeA ? nc >> 4 << 1 : 0;
    for (let j: u32 = 0; j < paired; j += 2) {
      const column = j << 3;
      const to = c + m0 * ldc + (column << 2);
      const biasHere = mode == BIAS ? bias + (column << 2) : 0;
      panelPairRows(from, lda, mc, kc, packedB + ((j * kc) << 5), to, ldc, mode, biasHere, spare);
    }
    for (let j = paired; j < panels; j++) {
      const column = j << 3;
      const columns = min<u32>(8, nc - column);
      const inPlace = b != 0 && columns == 8;
      const panel = inPlace ? b + (column << 2) : packedB + ((j * kc) << 5);
      const stepB: usize = inPlace ? ldb : 32;
      const to = c + m0 * ldc + (column << 2);
      let biasHere: usize = 0;
      if (mode == BIAS) {
        biasHere = bias + (column << 2);
        if (columns < 8) {
          memory.copy(paddedBias, biasHere, columns << 2);
          biasHere = paddedBias;
        }
      }
      if (copyA) {
        panelTiles(packedA, mc, kc, panel, stepB, to, ldc, columns, mode, biasHere, spare);
      } else if (!transposeA) {
        panelRows(from, lda, mc, kc, panel, stepB, to, ldc, columns, mode, biasHere, spare);
      } else {
        panelColumns(from, lda, whole, kc, panel, stepB, to, ldc, columns, mode, biasHere, spare, b == 0);
        if (whole < mc) {
          panelTiles(packedA, mc - whole, kc, panel, stepB, to + whole * ldc, ldc, columns, mode, biasHere, spare);
        }
      }
    }
  }
}

/**
 * C[m, n] = or += op(A)[m, k] · op(B)[k, n] (+ bias[n]). lda, ldb, ldc: bytes from one stored row to the next.
 * The sum of an element is: per block of k one chain of multiply-adds, the blocks added in order.
 */
export function gemm(
  m: u32,
  n: u32,
  k: u32,
  a: usize,
  lda: usize,
  transposeA: bool,
  b: usize,
  ldb: usize,
  transposeB: bool,
  c: usize,
  ldc: usize,
  accumulate: bool,
  bias: usize,
  scratch: usize,
): void {
  const kBlock = depth(k);
  // Rows of B are read in place where packing them would cost about as much as the product.
  const direct = !transposeB && m <= 24;
  for (let k0: u32 = 0; k0 < max<u32>(k, 1); k0 += max<u32>(kBlock, 1)) {
    const kc = min(kBlock, k - k0);
    const mode: u32 = k0 > 0 || accumulate ? ADD : bias != 0 ? BIAS : STORE;
    const fromA = a + (transposeA ? k0 * lda : k0 << 2);
    for (let n0: u32 = 0; n0 < n; n0 += N_BLOCK) {
      const nc = min(N_BLOCK, n - n0);
      const fromB = b + (transposeB ? n0 * ldb + (k0 << 2) : k0 * ldb + (n0 << 2));
      packPanels(fromB, ldb, transposeB, nc, kc, scratch, direct);
      blockProduct(
        m, nc, kc, fromA, lda, transposeA, scratch, direct ? fromB : 0, ldb, c + (n0 << 2), ldc, mode,
        bias + (n0 << 2), scratch,
      );
    }
  }
}

/** Columns first … last − 1 of gemm's C for a B that packMatrix packed: the bits of gemm. */
export function gemmColumns(
  m: u32,
  n: u32,
  k: u32,
  a: usize,
  lda: usize,
  transposeA: bool,
  packed: usize,
  first: u32,
  last: u32,
  c: usize,
  ldc: usize,
  accumulate: bool,
  bias: usize,
  scratch: usize,
): void {
  const kBlock = depth(k);
  for (let k0: u32 = 0; k0 < k; k0 += kBlock) {
    const kc = min(kBlock, k - k0);
    const mode: u32 = k0 > 0 || accumulate ? ADD : bias != 0 ? BIAS : STORE;
    const fromA = a + (transposeA ? k0 * lda : k0 << 2);
    const panels = packed + ((first * kc) << 2);
    blockProduct(
      m, last - first, kc, fromA, lda, transposeA, panels, 0, 0, c + (first << 2), ldc, mode, bias + (first << 2),
      scratch,
    );
    packed += packedBytes(n, kc);
  }
}

/** C[m, n] = A[m, k] · B for a B that packMatrix packed: the bits of gemm. */
export function gemmPacked(
  m: u32,
  n: u32,
  k: u32,
  a: usize,
  lda: usize,
  packed: usize,
  c: usize,
  ldc: usize,
  scratch: usize,
): void {
  gemmColumns(m, n, k, a, lda, false, packed, 0, n, c, ldc, false, 0, scratch);
}
