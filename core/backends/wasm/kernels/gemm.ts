// One thread's matrix product: blocks of k and n, packed panels of B, and A read in place where its layout allows.
// It leaves the arithmetic to micro.ts and the split over threads and batches to main.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { ADD, BIAS, panelColumns, panelRows, STORE } from "./micro";

/** Largest block of k: a panel of B (12 KB) and a tile of A (6 KB) stay in the first-level cache. */
const K_BLOCK: u32 = 384;
/** Columns of B packed at a time, and rows of A gone through per panel. */
const N_BLOCK: u32 = 256;
const M_BLOCK: u32 = 128;

const PACKED_B: usize = (K_BLOCK * N_BLOCK) << 2;
const PACKED_A: usize = (K_BLOCK * M_BLOCK) << 2;
/** Bytes of scratch that gemm needs. */
export const GEMM_SCRATCH: usize = PACKED_B + PACKED_A + 64;

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

/** Four rows of stored B become four columns of the panel. */
function packFour(b: usize, ldb: usize, k: u32, to: usize): void {
  let b1 = b + ldb;
  let b2 = b1 + ldb;
  let b3 = b2 + ldb;
  let i: u32 = k;
  for (; i >= 4; i -= 4) {
    const r0 = v128.load(b);
    const r1 = v128.load(b1);
    const r2 = v128.load(b2);
    const r3 = v128.load(b3);
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(low01, low23, 0, 2));
    v128.store(to, v128.shuffle<f64>(low01, low23, 1, 3), 32);
    v128.store(to, v128.shuffle<f64>(high01, high23, 0, 2), 64);
    v128.store(to, v128.shuffle<f64>(high01, high23, 1, 3), 96);
    b += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
    to += 128;
  }
  for (; i > 0; i--) {
    f32.store(to, f32.load(b));
    f32.store(to, f32.load(b1), 4);
    f32.store(to, f32.load(b2), 8);
    f32.store(to, f32.load(b3), 12);
    b += 4;
    b1 += 4;
    b2 += 4;
    b3 += 4;
    to += 32;
  }
}

/** Panel from B stored [n, k]. */
function packPanelTransposed(b: usize, ldb: usize, k: u32, columns: u32, to: usize): void {
  let done: u32 = 0;
  for (; done + 4 <= columns; done += 4) packFour(b + done * ldb, ldb, k, to + (done << 2));
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

/** Tiles of four rows from A stored [k, m]: [tile][k][4], the last one filled up with zeros. */
function packTiles(a: usize, lda: usize, rows: u32, k: u32, to: usize): void {
  for (; rows >= 4; rows -= 4) {
    let p = a;
    for (let i = k; i > 0; i--) {
      v128.store(to, v128.load(p));
      p += lda;
      to += 16;
    }
    a += 16;
  }
  if (rows > 0) {
    let p = a;
    for (let i = k; i > 0; i--) {
      v128.store(to, i32x4.splat(0));
      for (let r: u32 = 0; r < rows; r++) f32.store(to + (r << 2), f32.load(p + (r << 2)));
      p += lda;
      to += 16;
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
  const packedB = scratch;
  const packedA = scratch + PACKED_B;
  const paddedBias = packedA + PACKED_A;
  const blocks = max<u32>((k + K_BLOCK - 1) / K_BLOCK, 1);
  const kBlock = (k + blocks - 1) / blocks;
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
      for (let m0: u32 = 0; m0 < m; m0 += M_BLOCK) {
        const mc = min(M_BLOCK, m - m0);
        const whole = mc & ~3;
        // A few panels do not repay a copy of A; a part tile is always copied.
        const copyA = transposeA && (panels > 2);
        if (transposeA) {
          const from = a + k0 * lda + (m0 << 2);
          if (copyA) packTiles(from, lda, mc, kc, packedA);
          else if (whole < mc) packTiles(from + (whole << 2), lda, mc - whole, kc, packedA);
        }
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
          if (!transposeA) {
            panelRows(a + m0 * lda + (k0 << 2), lda, mc, kc, panel, stepB, to, ldc, columns, mode, biasHere);
          } else if (copyA) {
            panelColumns(packedA, 16, kc << 4, mc, kc, panel, stepB, to, ldc, columns, mode, biasHere);
          } else {
            const from = a + k0 * lda + (m0 << 2);
            panelColumns(from, lda, 16, whole, kc, panel, stepB, to, ldc, columns, mode, biasHere);
            if (whole < mc) {
              const last = to + whole * ldc;
              panelColumns(packedA, 16, 0, mc - whole, kc, panel, stepB, last, ldc, columns, mode, biasHere);
            }
          }
        }
      }
    }
  }
}
