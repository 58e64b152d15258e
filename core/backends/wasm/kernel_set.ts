// The kernels of the contract as thin calls into the compiled module: addresses and numbers, no work of their own.
// It leaves the arithmetic to kernels/ and the meaning of each argument to ../kernels.ts.

import type { DeviceBuffer } from "../backend.ts";
import {
  type BinaryOperation,
  type DisentangledInputs,
  type DisentangledShape,
  type KernelSet,
  scalarValue,
  type UnaryOperation,
} from "../kernels.ts";
import { dropThreshold } from "../../random.ts";
import type { KernelExports } from "./module.ts";
import type { MemoryPool, WasmBuffer } from "./pool.ts";

const UNARY: Record<UnaryOperation, number> = {
  neg: 0,
  abs: 1,
  exp: 2,
  log: 3,
  sqrt: 4,
  reciprocal: 5,
  square: 6,
  tanh: 7,
  sigmoid: 8,
  relu: 9,
  gelu: 10,
};

/** Operations whose derivative is taken at the output. */
const FROM_OUTPUT: ReadonlySet<UnaryOperation> = new Set(["exp", "sqrt", "reciprocal", "tanh", "sigmoid"]);

const BINARY: Record<BinaryOperation, number> = { add: 0, sub: 1, mul: 2, div: 3, max: 4, min: 5 };

const AXES = 5;
/** Word index of the shape block; kernels/memory.ts has the byte address. */
const SHAPE_BLOCK = 512 / 4;

const bits = new Int32Array(1);
const bitsAsFloat = new Float32Array(bits.buffer);

function at(buffer: DeviceBuffer): number {
  const pointer = (buffer as WasmBuffer).pointer;
  if (pointer === 0) {
    throw new Error(
      `kernel: a buffer of ${buffer.length} ${buffer.dtype} was used after free; keep it until the call`,
    );
  }
  return pointer;
}

function atOrZero(buffer: DeviceBuffer | undefined): number {
  return buffer === undefined ? 0 : at(buffer);
}

/** `reserveScratch(bytes)` makes sure that every thread has that much scratch. */
export function createKernelSet(
  x: KernelExports,
  pool: MemoryPool,
  reserveScratch: (bytes: number) => void,
): KernelSet {
  function writeShape(shape: readonly number[], first: readonly number[], second: readonly number[]): void {
    const words = pool.int32;
    const missing = AXES - shape.length;
    if (missing < 0) {
      throw new RangeError(`kernel: ${shape.length} axes; at most ${AXES} are supported, merge some`);
    }
    for (let i = 0; i < AXES; i++) {
      const present = i >= missing;
      words[SHAPE_BLOCK + i] = present ? shape[i - missing]! : 1;
      words[SHAPE_BLOCK + AXES + i] = present ? first[i - missing]! : 0;
      words[SHAPE_BLOCK + 2 * AXES + i] = present ? second[i - missing]! : 0;
    }
  }

  /** The host reads tables of segments where the kernels read their operands. */
  function eachSegment(
    segments: DeviceBuffer,
    count: number,
    run: (row: number, start: number, length: number) => void,
  ): void {
    const table = at(segments) / 4;
    for (let row = 0; row < count; row++) {
      run(row, pool.int32[table + row * 2]!, pool.int32[table + row * 2 + 1]!);
    }
  }

  function setTables(
    p: DisentangledShape & DisentangledInputs,
    dPositionKeys?: DeviceBuffer,
    dPositionQueries?: DeviceBuffer,
  ): void {
    reserveScratch(x.scratchBytesForDisentangled!(p.tokens, p.rows));
    x.setTables!(
      ...[at(p.positionKeys), at(p.positionQueries), at(p.relative), p.rows, p.ownTables ? 1 : 0],
      ...[atOrZero(dPositionKeys), atOrZero(dPositionQueries)],
    );
  }

  return {
    fill({ out, length, value }) {
      if (out.dtype === "i32") bits[0] = value;
      else bitsAsFloat[0] = value;
      x.fill!(at(out), bits[0]!, length);
    },
    copy({ x: from, out, length, xOffset, outOffset }) {
      x.copy!(at(from) + xOffset * 4, at(out) + outOffset * 4, length);
    },
    cast({ x: from, out, length }) {
      if (from.dtype === out.dtype) x.copy!(at(from), at(out), length);
      else if (from.dtype === "i32") x.intToFloat!(at(from), at(out), length);
      else x.floatToInt!(at(from), at(out), length);
    },
    roundToHalf({ x: from, out, length }) {
      x.roundToHalf!(at(from), at(out), length);
    },
    unary({ operation, x: from, out, length }) {
      x.unary!(UNARY[operation], at(from), at(out), length);
    },
    unaryGrad({ operation, x: input, y: output, dy, dx, length }) {
      const z = FROM_OUTPUT.has(operation) ? output : operation === "neg" ? dy : input;
      if (z === undefined) {
        throw new Error(
          `unaryGrad: ${operation} needs its ${
            FROM_OUTPUT.has(operation) ? "output y" : "input x"
          }; save it in forward`,
        );
      }
      x.unaryGrad!(UNARY[operation], at(z), at(dy), at(dx), length);
    },
    affine({ x: from, out, length, scale, shift }) {
      x.affine!(at(from), at(out), length, scale, shift);
    },
    addTo({ x: from, out, length, scale }) {
      x.addTo!(at(from), at(out), length, scale);
    },
    binary({ operation, a, b, out, shape, aStrides, bStrides }) {
      writeShape(shape, aStrides, bStrides);
      x.binary!(BINARY[operation], at(a), at(b), at(out));
    },
    stridedCopy({ x: from, out, shape, xStrides, outStrides, xOffset, outOffset }) {
      writeShape(shape, xStrides, outStrides);
      x.stridedCopy!(at(from) + xOffset * 4, at(out) + outOffset * 4);
    },
    reduce({ operation, x: from, out, outer, size, inner, scale, accumulate }) {
      x.reduce!(
        operation === "max" ? 1 : 0,
        at(from),
        at(out),
        outer,
        size,
        inner,
        scale,
        accumulate ? 1 : 0,
      );
    },
    sumSquares({ x: from, out, rows, cols, accumulate }) {
      x.sumSquares!(at(from), at(out), rows, cols, accumulate ? 1 : 0);
    },
    matmul(p) {
      const bytes = x.matmulScratch!(p.batch, p.m, p.n, p.k, p.transposeA ? 1 : 0, p.strideA, p.strideB);
      const packed = bytes === 0 ? undefined : pool.allocate(bytes / 4, "f32");
      x.matmul!(
        atOrZero(packed),
        at(p.a),
        at(p.b),
        atOrZero(p.bias),
        at(p.out),
        p.batch,
        p.m,
        p.n,
        p.k,
        p.transposeA ? 1 : 0,
        p.transposeB ? 1 : 0,
        p.strideA,
        p.strideB,
        p.accumulate ? 1 : 0,
      );
      if (packed !== undefined) pool.free(packed);
    },
    softmax({ x: from, out, rows, cols, log }) {
      x.softmax!(at(from), at(out), rows, cols, log ? 1 : 0);
    },
    softmaxGrad({ y, dy, dx, rows, cols, log }) {
      x.softmaxGrad!(at(y), at(dy), at(dx), rows, cols, log ? 1 : 0);
    },
    layerNorm(p) {
      x.layerNorm!(
        at(p.x),
        atOrZero(p.residual),
        at(p.gamma),
        at(p.beta),
        at(p.y),
        at(p.mean),
        at(p.rstd),
        p.rows,
        p.cols,
        p.epsilon,
      );
    },
    layerNormGrad(p) {
      x.layerNormGrad!(
        at(p.x),
        atOrZero(p.residual),
        at(p.gamma),
        at(p.mean),
        at(p.rstd),
        at(p.dy),
        at(p.dx),
        p.rows,
        p.cols,
      );
    },
    layerNormParameterGrad(p) {
      x.layerNormParameterGrad!(
        at(p.x),
        atOrZero(p.residual),
        at(p.mean),
        at(p.rstd),
        at(p.dy),
        at(p.dgamma),
        at(p.dbeta),
        p.rows,
        p.cols,
      );
    },
    attention(p) {
      reserveScratch(x.scratchBytesForAttention!(p.tokens, p.headSize));
      const r = p.random;
      const q = at(p.q),
        k = at(p.k),
        v = at(p.v),
        mask = atOrZero(p.mask),
        out = at(p.out),
        lse = at(p.logSumExp),
        starts = atOrZero(p.starts);
      const limit = dropThreshold(p.dropout), keep = 1 / (1 - p.dropout);
      const { batch, tokens, heads, headSize, scale } = p;
      x.attentionForward!(
        ...[q, k, v, mask, out, lse, starts, batch, tokens, heads, headSize, scale, limit, keep],
        ...[r.c0 ?? 0, scalarValue(r.c1), r.c2, r.c3, r.k0, r.k1],
      );
    },
    attentionGrad(p) {
      reserveScratch(x.scratchBytesForAttention!(p.tokens, p.headSize));
      const r = p.random;
      const q = at(p.q),
        k = at(p.k),
        v = at(p.v),
        mask = atOrZero(p.mask),
        out = at(p.out),
        lse = at(p.logSumExp),
        starts = atOrZero(p.starts);
      const dout = at(p.dout), dq = at(p.dq), dk = at(p.dk), dv = at(p.dv);
      const limit = dropThreshold(p.dropout), keep = 1 / (1 - p.dropout);
      const { batch, tokens, heads, headSize, scale } = p;
      x.attentionBackward!(
        ...[
          q,
          k,
          v,
          mask,
          out,
          lse,
          dout,
          dq,
          dk,
          dv,
          starts,
          batch,
          tokens,
          heads,
          headSize,
          scale,
          limit,
          keep,
        ],
        ...[r.c0 ?? 0, scalarValue(r.c1), r.c2, r.c3, r.k0, r.k1],
      );
    },
    disentangledAttention(p) {
      setTables(p);
      const r = p.random;
      x.disentangledForward!(
        ...[at(p.q), at(p.k), at(p.v), atOrZero(p.mask), at(p.out), at(p.logSumExp), atOrZero(p.starts)],
        ...[p.batch, p.tokens, p.heads, p.headSize, p.scale, dropThreshold(p.dropout), 1 / (1 - p.dropout)],
        ...[r.c0 ?? 0, scalarValue(r.c1), r.c2, r.c3, r.k0, r.k1],
      );
    },
    disentangledAttentionGrad(p) {
      setTables(p, p.dPositionKeys, p.dPositionQueries);
      const r = p.random;
      x.disentangledBackward!(
        ...[at(p.q), at(p.k), at(p.v), atOrZero(p.mask), at(p.out), at(p.logSumExp)],
        ...[at(p.dout), at(p.dq), at(p.dk), at(p.dv), atOrZero(p.starts)],
        ...[p.batch, p.tokens, p.heads, p.headSize, p.scale, dropThreshold(p.dropout), 1 / (1 - p.dropout)],
        ...[r.c0 ?? 0, scalarValue(r.c1), r.c2, r.c3, r.k0, r.k1],
      );
    },
    embedding({ table, indices, out, count, width }) {
      x.embedding!(at(table), at(indices), at(out), count, width);
    },
    embeddingGrad({ dy, indices, dtable, count, rows, width, ignored }) {
      x.embeddingGrad!(at(dy), at(indices), at(dtable), count, rows, width, ignored);
    },
    dropout({ x: from, out, length, probability, random: r, rows }) {
      const keep = probability < 1 ? 1 / (1 - probability) : 0;
      const drawn = [dropThreshold(probability), keep, r.c0 ?? 0, scalarValue(r.c1), r.c2, r.c3, r.k0, r.k1];
      if (rows === undefined) x.dropoutForward!(at(from), at(out), length, ...drawn);
      else {
        const { places, width } = rows;
        x.dropoutRowsForward!(at(from), at(out), at(places), length / width, width, ...drawn);
      }
    },
    crossEntropy({ logits, targets, loss, rows, cols }) {
      x.crossEntropy!(at(logits), at(targets), at(loss), rows, cols);
    },
    crossEntropyGrad({ logits, targets, dloss, dlogits, rows, cols }) {
      x.crossEntropyGrad!(at(logits), at(targets), at(dloss), at(dlogits), rows, cols);
    },
    clipScale({ normSquared, out, maximum }) {
      x.clipScale!(at(normSquared), at(out), maximum);
    },
    packedSumSquares({ x: from, segments, count, out, accumulate }) {
      eachSegment(segments, count, (row, start, length) => {
        x.sumSquares!(at(from) + start * 4, at(out), 1, length, accumulate || row > 0 ? 1 : 0);
      });
    },
    adamw(p) {
      const scalars = at(p.scalars) / 4;
      eachSegment(p.segments, p.count, (row, start, length) => {
        const numbers = scalars + row * 4;
        x.adamw!(
          at(p.parameter) + start * 4,
          at(p.gradient) + start * 4,
          at(p.firstMoment) + start * 4,
          at(p.secondMoment) + start * 4,
          atOrZero(p.gradientScale),
          length,
          p.beta1,
          p.beta2,
          1 - p.beta1,
          1 - p.beta2,
          pool.float32[numbers]!,
          pool.float32[numbers + 1]!,
          p.epsilon,
          pool.float32[numbers + 2]!,
          pool.float32[numbers + 3]!,
        );
      });
    },
  };
}
