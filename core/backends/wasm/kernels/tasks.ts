// Every parallel kernel as a task: items begin … end − 1 of it, from the arguments in memory. Any split gives the same bits.
// It leaves who runs which items to threads.ts and the arithmetic to the kernel files.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { attention, attentionGrad } from "./attention";
import { disentangledAttention, disentangledAttentionGrad } from "./disentangled";
import * as flat from "./elementwise";
import { gemm, gemmColumns, N_BLOCK, packPart } from "./gemm";
import { ARGUMENTS, SCRATCH } from "./memory";
import { dropout, dropoutRows } from "./random";
import * as rows from "./rows";
import * as strided from "./strided";

export const UNARY: u32 = 0;
export const UNARY_GRAD: u32 = 1;
export const FILL: u32 = 2;
export const ROUND_TO_HALF: u32 = 3;
export const AFFINE: u32 = 4;
export const ADD_TO: u32 = 5;
export const ADAMW: u32 = 6;
export const DROPOUT: u32 = 7;
export const BINARY_LINES: u32 = 8;
export const BINARY_PIECE: u32 = 9;
export const STRIDED_COPY: u32 = 10;
export const REDUCE: u32 = 11;
export const SUM_SQUARES: u32 = 12;
export const MATMUL: u32 = 13;
export const SOFTMAX: u32 = 14;
export const SOFTMAX_GRAD: u32 = 15;
export const LAYER_NORM: u32 = 16;
export const LAYER_NORM_GRAD: u32 = 17;
export const LAYER_NORM_PARAMETER_GRAD: u32 = 18;
export const ATTENTION: u32 = 19;
export const ATTENTION_GRAD: u32 = 20;
export const EMBEDDING: u32 = 21;
export const CROSS_ENTROPY: u32 = 22;
export const CROSS_ENTROPY_GRAD: u32 = 23;
export const DROPOUT_ROWS: u32 = 24;
export const DISENTANGLED: u32 = 25;
export const DISENTANGLED_GRAD: u32 = 26;
export const PACK: u32 = 27;

/** Which thread this instance serves: 0 is the caller, 1 … are workers. A global is private to an instance. */
let thread: u32 = 0;

export function setScratch(index: u32): void {
  thread = index;
}

// @ts-ignore: decorator
@inline
function scratch(): usize {
  return load<u32>(SCRATCH + (thread << 2));
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

/** Rows per matmul item, a multiple of the tiles. */
export const MATMUL_ROWS: u32 = 24;

/** Column blocks of a product, each with items of its own: one where a thread packs what it needs of B itself. */
export function columnBlocks(n: u32, isPacked: bool): u32 {
  return isPacked ? (n + N_BLOCK - 1) / N_BLOCK : 1;
}

function matmulItems(begin: u32, end: u32): void {
  const m = u(5);
  const n = u(6);
  const k = u(7);
  const transposeA = u(8) != 0;
  const transposeB = u(9) != 0;
  const packed = u(13);
  const perBlock = (m + MATMUL_ROWS - 1) / MATMUL_ROWS;
  const blocks = columnBlocks(n, packed != 0);
  const lda = (transposeA ? m : k) << 2;
  const ldb = (transposeB ? k : n) << 2;
  while (begin < end) {
    const block = begin / perBlock;
    const matrix = block / blocks;
    const first = begin - block * perBlock;
    const last = min(perBlock, first + (end - begin));
    const row = first * MATMUL_ROWS;
    const a = u(0) + ((matrix * u(10)) << 2) + (transposeA ? row << 2 : row * lda);
    const c = u(3) + (((matrix * m + row) * n) << 2);
    const count = min(last * MATMUL_ROWS, m) - row;
    const accumulate = u(12) != 0;
    if (packed != 0) {
      const column = (block - matrix * blocks) * N_BLOCK;
      const beyond = min(column + N_BLOCK, n);
      gemmColumns(count, n, k, a, lda, transposeA, packed, column, beyond, c, n << 2, accumulate, u(2), scratch());
    } else {
      const b = u(1) + ((matrix * u(11)) << 2);
      gemm(count, n, k, a, lda, transposeA, b, ldb, transposeB, c, n << 2, accumulate, u(2), scratch());
    }
    begin += last - first;
  }
}

function embeddingRows(begin: u32, end: u32): void {
  const line = u(3) << 2;
  for (let i = begin; i < end; i++) {
    memory.copy(u(2) + i * line, u(0) + load<u32>(u(1) + (i << 2)) * line, line);
  }
}

function sumSquaresRows(begin: u32, end: u32): void {
  for (let r = begin; r < end; r++) {
    const to = u(1) + (r << 2);
    const value = <f32> strided.squares(u(0) + ((r * u(2)) << 2), u(2));
    f32.store(to, u(3) != 0 ? f32.load(to) + value : value);
  }
}

/** Items begin … end − 1 of a task, from the arguments in memory. */
export function runTask(task: u32, begin: u32, end: u32): void {
  switch (task) {
    case UNARY:
      return flat.unary(u(0), u(1), u(2), begin, end);
    case UNARY_GRAD:
      return flat.unaryGrad(u(0), u(1), u(2), u(3), begin, end);
    case FILL:
      return flat.fill(u(0), u(1), begin, end);
    case ROUND_TO_HALF:
      return flat.roundToHalf(u(0), u(1), begin, end);
    case AFFINE:
      return flat.affine(u(0), u(1), x(2), x(3), begin, end);
    case ADD_TO:
      return flat.addTo(u(0), u(1), x(2), begin, end);
    case ADAMW:
      return flat.adamw(
        u(0),
        u(1),
        u(2),
        u(3),
        x(4),
        x(5),
        x(6),
        x(7),
        x(8),
        x(9),
        x(10),
        x(11),
        x(12),
        x(13),
        begin,
        end,
      );
    case DROPOUT:
      return dropout(u(0), u(1), u(2), x(3), u(4), u(5), u(6), u(7), u(8), u(9), scratch(), begin, end);
    case DROPOUT_ROWS:
      return dropoutRows(
        u(0),
        u(1),
        u(10),
        u(11),
        u(2),
        x(3),
        u(4),
        u(5),
        u(6),
        u(7),
        u(8),
        u(9),
        scratch(),
        begin,
        end,
      );
    case BINARY_LINES:
      return strided.binary(u(0), u(1), u(2), u(3), begin, end);
    case BINARY_PIECE:
      return strided.binaryPiece(u(0), u(1), u(2), u(3), begin, end);
    case STRIDED_COPY:
      return strided.stridedCopy(u(0), u(1), begin, end);
    case REDUCE:
      return strided.reduce(u(0) != 0, u(1), u(2), u(3), u(4), x(5), u(6) != 0, begin, end);
    case SUM_SQUARES:
      return sumSquaresRows(begin, end);
    case PACK:
      return packPart(u(6), u(7), u(1), (u(9) != 0 ? u(7) : u(6)) << 2, u(9) != 0, u(13), begin, end);
    case MATMUL:
      return matmulItems(begin, end);
    case SOFTMAX:
      return rows.softmax(u(0), u(1), u(2), u(3) != 0, begin, end);
    case SOFTMAX_GRAD:
      return rows.softmaxGrad(u(0), u(1), u(2), u(3), u(4) != 0, begin, end);
    case LAYER_NORM:
      return rows.layerNorm(u(0), u(1), u(2), u(3), u(4), u(5), u(6), u(7), x(8), begin, end);
    case LAYER_NORM_GRAD:
      return rows.layerNormGrad(u(0), u(1), u(2), u(3), u(4), u(5), u(6), u(7), begin, end);
    case LAYER_NORM_PARAMETER_GRAD:
      return rows.layerNormParameterGrad(u(0), u(1), u(2), u(3), u(4), u(5), u(6), u(7), u(8), begin, end);
    case ATTENTION:
      return attention(
        u(0),
        u(1),
        u(2),
        u(3),
        u(4),
        u(5),
        u(22),
        u(10),
        u(11),
        u(12),
        x(13),
        u(14),
        x(15),
        u(16),
        u(17),
        u(18),
        u(19),
        u(20),
        u(21),
        scratch(),
        begin,
        end,
      );
    case ATTENTION_GRAD:
      return attentionGrad(
        u(0),
        u(1),
        u(2),
        u(3),
        u(4),
        u(5),
        u(6),
        u(7),
        u(8),
        u(9),
        u(22),
        u(10),
        u(11),
        u(12),
        x(13),
        u(14),
        x(15),
        u(16),
        u(17),
        u(18),
        u(19),
        u(20),
        u(21),
        scratch(),
        begin,
        end,
      );
    case DISENTANGLED:
      return disentangledAttention(scratch(), begin, end);
    case DISENTANGLED_GRAD:
      return disentangledAttentionGrad(scratch(), begin, end);
    case EMBEDDING:
      return embeddingRows(begin, end);
    case CROSS_ENTROPY:
      return rows.crossEntropy(u(0), u(1), u(2), u(3), begin, end);
    case CROSS_ENTROPY_GRAD:
      return rows.crossEntropyGrad(u(0), u(1), u(2), u(3), u(4), begin, end);
  }
}
