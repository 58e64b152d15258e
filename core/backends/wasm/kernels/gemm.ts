// One thread's matrix product: blocks of k and n, packed panels of B, and A read in place where its layout allows.
// It leaves the arithmetic to micro.ts and the split over threads and batches to tasks.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { ADD, BIAS, loadsAreChecked, panelColumns, panelRows, panelTiles, STORE, tileRows } from "./micro";

/** Largest block of k: a panel of B (12 KB) and a tile of A (9 KB) stay in the first-level cache. */
const K_BLOCK: u32 = 384;
/** Columns of B packed at a time, and rows of A gone through per panel. */
const N_BLOCK: u32 = 384;
const M_BLOCK: u32 = 144;

const PACKED_B: usize = (K_BLOCK * N_BLOCK) << 2;
const PACKED_A: usize = (K_BLOCK * (M_BLOCK + 4)) << 2;
/** A padded bias (32 bytes) and a tile of the product (192). */
const SPARE: usize = 256;
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
  const packedB = scratch;
  const packedA = scratch + PACKED_B;
  const paddedBias = packedA + PACKED_A;
  const spare = paddedBias + 64;
  const blocks = max<u32>((k + K_BLOCK - 1) / K_BLOCK, 1);
  const kBlock = (k + blocks - 1) / blocks;
  const mBlocks = (m + M_BLOCK - 1) / M_BLOCK;
  const mBlock = ((m + mBlocks - 1) / mBlocks + 5) / 6 * 6;
  // Rows of B are read in place where packing them would cost about as much as the product.
  const direct = !transposeB && m <= 24;
  for (let k0: u32 = 0, block: u32 = 0; block < blocks; block++, k0 += kBlock) {
    const kc = min(kBlock, k - k0);
    const mode: u32 = block > 0 || accumulate ? ADD : bias != 0 ? BIAS : STORE;
    for (let n0: u32 = 0; n0 < n; n0 += N_BLOCK) {
      const nc = min(N_BLOCK, n - n0);
      const panels = (nc + 7) >> 3;
      for (let j: u32 = 0; j < panels; j++) {
        const columns = min<u32>(8, nc - (j << 3));
        if (direct && columns == 8) continue;
        const column = n0 + (j << 3);
        const to = packedB + ((j * kc) << 5);
        if (transposeB) packPanelTransposed(b + column * ldb + (k0 << 2), ldb, kc, columns, to);
        else packPanel(b + k0 * ldb + (column << 2), ldb, kc, columns, to);
      }
      for (let m0: u32 = 0; m0 < m; m0 += mBlock) {
        const mc = min(mBlock, m - m0);
        const from = a + (transposeA ? k0 * lda + (m0 << 2) : m0 * lda + (k0 << 2));
        // A few panels do not repay a copy of A; a part tile of a transposed A is always copied.
        const copyA = !direct && panels > 2 && (transposeA || loadsAreChecked());
        const whole = transposeA && !copyA ? mc & ~3 : mc;
        if (copyA) {
          if (transposeA) packColumns(from, lda, mc, kc, packedA);
          else packRows(from, lda, mc, kc, packedA);
        } else if (whole < mc) packColumns(from + (whole << 2), lda, mc - whole, kc, packedA);
        for (let j: u32 = 0; j < panels; j++) {
          const columns = min<u32>(8, nc - (j << 3));
          const column = n0 + (j << 3);
          const inPlace = direct && columns == 8;
          const panel = inPlace ? b + k0 * ldb + (column << 2) : packedB + ((j * kc) << 5);
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
            panelColumns(from, lda, whole, kc, panel, stepB, to, ldc, columns, mode, biasHere);
            if (whole < mc) {
              panelTiles(packedA, mc - whole, kc, panel, stepB, to + whole * ldc, ldc, columns, mode, biasHere, spare);
            }
          }
        }
      }
    }
  }
}
