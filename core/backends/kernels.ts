// Every primitive kernel with its exact arguments and meaning: the one list that the three backends implement.
// All buffers are dense and row-major. Outputs never alias inputs unless a line says "may alias".
// Shape letters: B batch, T tokens, A heads, D head size, H = A·D hidden.

import type { DeviceBuffer } from "./backend.ts";

/** A number that may differ each time recorded work is replayed; see `Backend.replay`. */
export interface Live {
  readonly value: number;
}

/** A plain number stays what it was when work was recorded. */
export type Scalar = number | Live;

export function scalarValue(scalar: Scalar): number {
  return typeof scalar === "number" ? scalar : scalar.value;
}

/** Position in the Philox-4x32-10 stream: word(i) = philox(counter = [c0 + (i >>> 2), c1, c2, c3], key = [k0, k1])[i & 3]. */
export interface RandomStream {
  readonly k0: number;
  readonly k1: number;
  /** Blocks of four words before the first that is read: where the elements are a later part of something larger. Default 0. */
  readonly c0?: number;
  /** The step. */
  readonly c1: Scalar;
  readonly c2: number;
  readonly c3: number;
}

export type UnaryOperation =
  | "neg"
  | "abs"
  | "exp"
  | "log"
  | "sqrt"
  | "reciprocal"
  | "square"
  | "tanh"
  | "sigmoid"
  | "relu"
  /** Exact GELU: x · Φ(x) with the error function. */
  | "gelu";

export type BinaryOperation = "add" | "sub" | "mul" | "div" | "max" | "min";

export interface MatmulArguments {
  /** op(a)[i] is m × k: stored [m, k], or [k, m] when transposeA. */
  a: DeviceBuffer;
  /** op(b)[i] is k × n: stored [k, n], or [n, k] when transposeB. */
  b: DeviceBuffer;
  /** Added to every row of the product; length n. */
  bias?: DeviceBuffer;
  /** [batch, m, n]. */
  out: DeviceBuffer;
  batch: number;
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
  /** Elements from one matrix of the batch to the next; 0 repeats the same matrix. */
  strideA: number;
  strideB: number;
  /** out += product instead of out = product. Not together with bias. */
  accumulate: boolean;
}

export interface AttentionShape {
  batch: number;
  tokens: number;
  heads: number;
  headSize: number;
  /** Multiplies q·k before the softmax, usually 1/√D. */
  scale: number;
  /** Probability of dropping an attention weight after the softmax (0 = none); kept weights are divided by 1 − p. */
  dropout: number;
  /** Stream of the dropout mask; element number ((b·A + a)·T + i)·T + j for query i and key j. Unused when dropout is 0. */
  random: RandomStream;
  /**
   * i32 [batch + 1], only where `Backend.packsRows`: tokens starts[b] … starts[b + 1] − 1 (at most T) are example b's, and q, k, v
   * and out hold just these, [starts[batch], A·D], without padding and without a mask. logSumExp and the numbers of the dropout
   * mask stay those of [B, A, T].
   */
  starts?: DeviceBuffer;
}

/** Rows of a larger tensor: places, i32 [length / width], are their numbers there. */
export interface DroppedRows {
  places: DeviceBuffer;
  width: number;
}

/** Position tables of disentangled attention, with R rows. */
export interface DisentangledShape extends AttentionShape {
  rows: number;
  /** Each example has tables of its own, [B, R, A·D]; else one [R, A·D] serves all. */
  ownTables: boolean;
}

export interface DisentangledInputs {
  q: DeviceBuffer;
  k: DeviceBuffer;
  v: DeviceBuffer;
  mask?: DeviceBuffer;
  positionKeys: DeviceBuffer;
  positionQueries: DeviceBuffer;
  /** i32 [2T − 1]: the tables' row for query i and key j stands at i − j + T − 1. It never decreases; each is below R. */
  relative: DeviceBuffer;
}

/** Which parts of packed buffers a kernel works on. What lies between them is neither read nor written. */
export interface Segments {
  /** i32 [count or more, 2]: first element and length of each segment. They do not overlap. */
  segments: DeviceBuffer;
  count: number;
  /** Length of the longest of them. */
  longest: number;
}

export interface KernelSet {
  fill(args: { out: DeviceBuffer; length: number; value: number }): void;
  /** Copies `length` elements between offsets (in elements); same dtype. */
  copy(
    args: { x: DeviceBuffer; out: DeviceBuffer; length: number; xOffset: number; outOffset: number },
  ): void;
  /** i32 → f32 exactly, f32 → i32 by truncation. Directions are read from the buffers' dtypes. */
  cast(args: { x: DeviceBuffer; out: DeviceBuffer; length: number }): void;
  /** Rounds f32 values to the nearest f16 and back (ties to even; overflow to ±infinity): the storage precision of half floats. May alias. */
  roundToHalf(args: { x: DeviceBuffer; out: DeviceBuffer; length: number }): void;

  /** out = f(x). May alias. */
  unary(args: { operation: UnaryOperation; x: DeviceBuffer; out: DeviceBuffer; length: number }): void;
  /** dx = dy · f'(x), from the input x (neg, abs, log, square, relu, gelu) or the output y (exp, sqrt, reciprocal, tanh, sigmoid); the other may be absent. dx may alias dy. relu'(0) = 0. */
  unaryGrad(
    args: {
      operation: UnaryOperation;
      x?: DeviceBuffer;
      y?: DeviceBuffer;
      dy: DeviceBuffer;
      dx: DeviceBuffer;
      length: number;
    },
  ): void;
  /** out = scale · x + shift. May alias. */
  affine(args: { x: DeviceBuffer; out: DeviceBuffer; length: number; scale: number; shift: number }): void;
  /** out += scale · x. */
  addTo(args: { x: DeviceBuffer; out: DeviceBuffer; length: number; scale: number }): void;
  /** out[i] = a[i] ∘ b[i] over `shape` (at most 5 axes), operand strides in elements (0 broadcasts). out is dense and may alias an operand of the same shape. */
  binary(
    args: {
      operation: BinaryOperation;
      a: DeviceBuffer;
      b: DeviceBuffer;
      out: DeviceBuffer;
      shape: readonly number[];
      aStrides: readonly number[];
      bStrides: readonly number[];
    },
  ): void;
  /** out[outOffset + Σ i·outStrides] = x[xOffset + Σ i·xStrides] for every index i of `shape` (at most 5 axes): transpose, slice, concat. f32 or i32. */
  stridedCopy(
    args: {
      x: DeviceBuffer;
      out: DeviceBuffer;
      shape: readonly number[];
      xStrides: readonly number[];
      outStrides: readonly number[];
      xOffset: number;
      outOffset: number;
    },
  ): void;
  /** x is [outer, size, inner]; out[o, i] = scale · (Σ or max over the middle axis), or += for a sum when accumulate. */
  reduce(
    args: {
      operation: "sum" | "max";
      x: DeviceBuffer;
      out: DeviceBuffer;
      outer: number;
      size: number;
      inner: number;
      scale: number;
      accumulate: boolean;
    },
  ): void;
  /** out[r] = Σ_c x[r, c]² (or += when accumulate): grad² of a batch (rows = 1) or per example. */
  sumSquares(
    args: { x: DeviceBuffer; out: DeviceBuffer; rows: number; cols: number; accumulate: boolean },
  ): void;

  matmul(args: MatmulArguments): void;
  /**
   * out = GELU(product + bias); `before`, [batch, m, n], receives product + bias for the gradient. Present only where it is
   * faster than matmul and unary one after the other, which is what it means.
   */
  matmulGelu?(args: MatmulArguments & { before?: DeviceBuffer }): void;

  /** Rows of [rows, cols]: softmax, or log-softmax when log. */
  softmax(args: { x: DeviceBuffer; out: DeviceBuffer; rows: number; cols: number; log: boolean }): void;
  /** From the output y: softmax dx = y·(dy − Σ dy·y); log-softmax dx = dy − exp(y)·Σ dy. */
  softmaxGrad(
    args: { y: DeviceBuffer; dy: DeviceBuffer; dx: DeviceBuffer; rows: number; cols: number; log: boolean },
  ): void;

  /** s = x (+ residual); y = (s − mean)·rstd·gamma + beta per row, biased variance; mean and rstd [rows] are written for the gradient. */
  layerNorm(
    args: {
      x: DeviceBuffer;
      residual?: DeviceBuffer;
      gamma: DeviceBuffer;
      beta: DeviceBuffer;
      y: DeviceBuffer;
      mean: DeviceBuffer;
      rstd: DeviceBuffer;
      rows: number;
      cols: number;
      epsilon: number;
    },
  ): void;
  /** Gradient by s (the same for x and residual). */
  layerNormGrad(
    args: {
      x: DeviceBuffer;
      residual?: DeviceBuffer;
      gamma: DeviceBuffer;
      mean: DeviceBuffer;
      rstd: DeviceBuffer;
      dy: DeviceBuffer;
      dx: DeviceBuffer;
      rows: number;
      cols: number;
    },
  ): void;
  /** dgamma = Σ_rows dy·(s − mean)·rstd, dbeta = Σ_rows dy; both [cols]. */
  layerNormParameterGrad(
    args: {
      x: DeviceBuffer;
      residual?: DeviceBuffer;
      mean: DeviceBuffer;
      rstd: DeviceBuffer;
      dy: DeviceBuffer;
      dgamma: DeviceBuffer;
      dbeta: DeviceBuffer;
      rows: number;
      cols: number;
    },
  ): void;

  /**
   * Fused masked attention. q, k, v, out are [B, T, A·D]; head a of a token is its elements a·D … a·D + D − 1.
   * mask is i32 [B, T], 1 = a key that may be attended, 0 = padding; a row whose keys are all masked gives zeros.
   * logSumExp [B, A, T] is written for the gradient (of scaled scores over unmasked keys, before dropout).
   */
  attention(
    args: AttentionShape & {
      q: DeviceBuffer;
      k: DeviceBuffer;
      v: DeviceBuffer;
      mask?: DeviceBuffer;
      out: DeviceBuffer;
      logSumExp: DeviceBuffer;
    },
  ): void;
  /** Recomputes the probabilities from logSumExp; no atomics, fixed order. */
  attentionGrad(
    args: AttentionShape & {
      q: DeviceBuffer;
      k: DeviceBuffer;
      v: DeviceBuffer;
      mask?: DeviceBuffer;
      out: DeviceBuffer;
      logSumExp: DeviceBuffer;
      dout: DeviceBuffer;
      dq: DeviceBuffer;
      dk: DeviceBuffer;
      dv: DeviceBuffer;
    },
  ): void;

  /**
   * Fused disentangled attention (He et al., 2021, Eq. 4). The score of query i and key j, with row r of their distance, is
   * scale · (q_i·k_j + q_i·positionKeys_r + k_j·positionQueries_r). Layouts, dropout and logSumExp are attention's. A query that
   * is itself padding attends to all T keys alike, padded ones too, as if its scores were 0.
   */
  disentangledAttention(
    args: DisentangledShape & DisentangledInputs & { out: DeviceBuffer; logSumExp: DeviceBuffer },
  ): void;
  /** dPositionKeys and dPositionQueries, [B, R, A·D] each, are of one example each also where the tables are shared; both or neither. */
  disentangledAttentionGrad(
    args: DisentangledShape & DisentangledInputs & {
      out: DeviceBuffer;
      logSumExp: DeviceBuffer;
      dout: DeviceBuffer;
      dq: DeviceBuffer;
      dk: DeviceBuffer;
      dv: DeviceBuffer;
      dPositionKeys?: DeviceBuffer;
      dPositionQueries?: DeviceBuffer;
    },
  ): void;

  /** out[i] = table[indices[i]]; table is [rows, width], indices i32 [count]. Out-of-range indices were refused on the host. */
  embedding(
    args: {
      table: DeviceBuffer;
      indices: DeviceBuffer;
      out: DeviceBuffer;
      count: number;
      rows: number;
      width: number;
    },
  ): void;
  /** dtable = 0, then dtable[indices[i]] += dy[i] in the order of i (scatter-add, deterministic). Row `ignored` stays 0; −1 for none. */
  embeddingGrad(
    args: {
      dy: DeviceBuffer;
      indices: DeviceBuffer;
      dtable: DeviceBuffer;
      count: number;
      rows: number;
      width: number;
      ignored: number;
    },
  ): void;

  /**
   * out[i] = bits(i) ≥ dropThreshold(p) ? x[i] / (1 − p) : 0 with 16 bits an element (`philoxHalves`). Its gradient is the same
   * kernel on dy. May alias. With `rows`, element c of row r is number places[r] · width + c: what is left of a larger tensor
   * is dropped as it would be there.
   */
  dropout(
    args: {
      x: DeviceBuffer;
      out: DeviceBuffer;
      length: number;
      probability: number;
      random: RandomStream;
      rows?: DroppedRows;
    },
  ): void;

  /** loss[r] = logSumExp(logits[r]) − logits[r, targets[r]], 0 where targets[r] < 0 (ignored) . targets i32 [rows]. */
  crossEntropy(
    args: { logits: DeviceBuffer; targets: DeviceBuffer; loss: DeviceBuffer; rows: number; cols: number },
  ): void;
  /** dlogits[r] = dloss[r]·(softmax(logits[r]) − onehot), 0 for ignored rows. */
  crossEntropyGrad(
    args: {
      logits: DeviceBuffer;
      targets: DeviceBuffer;
      dloss: DeviceBuffer;
      dlogits: DeviceBuffer;
      rows: number;
      cols: number;
    },
  ): void;

  /** out[0] = min(1, maximum / (√normSquared[0] + 1e-6)). */
  clipScale(args: { normSquared: DeviceBuffer; out: DeviceBuffer; maximum: number }): void;
  /** out[0] = Σ x² over the elements of all segments (or += when accumulate): one number for many gradients side by side. */
  packedSumSquares(args: Segments & { x: DeviceBuffer; out: DeviceBuffer; accumulate: boolean }): void;
  /**
   * For every element of every segment, at the same place in the four packed buffers:
   * g' = gradientScale[0]·g; m ← β1·m + (1−β1)·g'; v ← β2·v + (1−β2)·g'²;
   * p ← p·keepBefore; p ← p − stepSize·m / (√v·secondMomentScale + epsilon); p ← p·keepAfter. In place on p, m, v.
   */
  adamw(
    args: Segments & {
      parameter: DeviceBuffer;
      gradient: DeviceBuffer;
      firstMoment: DeviceBuffer;
      secondMoment: DeviceBuffer;
      gradientScale?: DeviceBuffer;
      /** f32 [count or more, 4]: stepSize, secondMomentScale, keepBefore and keepAfter of each segment. */
      scalars: DeviceBuffer;
      beta1: number;
      beta2: number;
      epsilon: number;
    },
  ): void;
}
