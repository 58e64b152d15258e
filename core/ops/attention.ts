// Scaled dot-product attention over all heads in one kernel: scores, mask, softmax, dropout, weighted sum.

import { needsGrad, record } from "../autograd.ts";
import type { RandomStream } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import { sameShape, showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

export interface AttentionOptions {
  heads: number;
  /** i32 [B, T]: 1 = a key that may be attended, 0 = padding. */
  mask?: Tensor;
  /** Where q, k and v are [N, H], the tokens of rows of at most T without padding: where each row begins, i32 [B + 1]. Takes no mask. */
  packed?: { starts: Tensor; batch: number; tokens: number };
  /** Default 1/√headSize. */
  scale?: number;
  /** Probability of dropping an attention weight; needs `random`. */
  dropout?: number;
  random?: RandomStream;
}

export const noRandom: RandomStream = { k0: 0, k1: 0, c1: 0, c2: 0, c3: 0 };

/** What q, k, v and the options say of an attention over heads. @throws when they do not fit together */
export function checkedHeads(name: string, q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions) {
  const { heads, mask, packed, dropout = 0, random } = options;
  const axes = packed ? 2 : 3;
  if (q.shape.length !== axes || !sameShape(q.shape, k.shape) || !sameShape(q.shape, v.shape)) {
    fail(
      `${name}: q ${showShape(q.shape)}, k ${showShape(k.shape)}, v ${
        showShape(v.shape)
      }; wanted three equal ${packed ? "[N, H] of packed rows" : "[B, T, H]"}`,
    );
  }
  if (packed && mask) fail(`${name}: packed rows have no padding; give no mask with them`);
  const [batch, tokens] = packed ? [packed.batch, packed.tokens] : q.shape;
  const hidden = q.shape[axes - 1];
  if (hidden % heads !== 0) {
    fail(`${name}: hidden size ${hidden} is not divisible by ${heads} heads; check num_attention_heads`);
  }
  if (mask !== undefined && (mask.dtype !== "i32" || mask.size !== batch * tokens)) {
    fail(`${name}: mask ${mask.dtype} ${showShape(mask.shape)}; wanted i32 [${batch},${tokens}]`);
  }
  if (dropout > 0 && random === undefined) fail(`${name}: dropout needs a random stream; pass \`random\``);
  return { batch, tokens, hidden, headSize: hidden / heads };
}

/**
 * Multi-head self-attention (Vaswani et al., 2017, Eq. 1) without the projections.
 * @param q [B, T, H]; head a of a token is its elements a·H/heads … (a+1)·H/heads − 1
 * @param k [B, T, H]
 * @param v [B, T, H]
 * @returns [B, T, H]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { mask, packed, heads, dropout = 0, random } = options;
  const { batch, tokens, headSize } = checkedHeads("attention", q, k, v, options);
  const shape = {
    batch,
    tokens,
    heads,
    headSize,
    scale: options.scale ?? 1 / Math.sqrt(headSize),
    dropout,
    random: random ?? noRandom,
  };
  const out = empty(q.backend, q.shape), logSumExp = empty(q.backend, [batch, heads, tokens]);
  q.backend.kernels.attention({
    ...shape,
    q: q.buffer,
    k: k.buffer,
    v: v.buffer,
    mask: mask?.buffer,
    starts: packed?.starts.buffer,
    out: out.buffer,
    logSumExp: logSumExp.buffer,
  });
  const extra = [mask, packed?.starts].filter((each) => each !== undefined);
  const need = [needsGrad(q), needsGrad(k), needsGrad(v)];
  return record(
    "attention",
    out,
    [q, k, v],
    () => [q, k, v, out, logSumExp, ...extra],
    (dy, [keptQ, keptK, keptV, keptOut, keptLogSumExp, keptExtra]) => {
      const grads = [0, 1, 2].map(() => empty(dy.backend, q.shape));
      dy.backend.kernels.attentionGrad({
        ...shape,
        q: keptQ.buffer,
        k: keptK.buffer,
        v: keptV.buffer,
        mask: mask && keptExtra.buffer,
        starts: packed && keptExtra.buffer,
        out: keptOut.buffer,
        logSumExp: keptLogSumExp.buffer,
        dout: dy.buffer,
        dq: grads[0].buffer,
        dk: grads[1].buffer,
        dv: grads[2].buffer,
      });
      return grads.map((each, i) => (need[i] ? each : undefined));
    },
  );
}

const stream: RandomStream = { k0: 7, k1: 11, c1: 1, c2: 2, c3: 3 };

export const samples: OpSample[] = [
  {
    name: "attention",
    inputs: [{ shape: [2, 5, 12] }, { shape: [2, 5, 12] }, { shape: [2, 5, 12] }],
    run: (q, k, v) => attention(q, k, v, { heads: 3 }),
  },
  {
    name: "attention with padding",
    inputs: [
      { shape: [2, 6, 8] },
      { shape: [2, 6, 8] },
      { shape: [2, 6, 8] },
      { shape: [2, 6], dtype: "i32", values: [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1] },
    ],
    run: (q, k, v, mask) => attention(q, k, v, { heads: 2, mask }),
  },
  {
    name: "attention with dropout",
    inputs: [{ shape: [2, 7, 16] }, { shape: [2, 7, 16] }, { shape: [2, 7, 16] }],
    run: (q, k, v) => attention(q, k, v, { heads: 1, dropout: 0.3, random: stream }),
  },
  {
    name: "attention over more tokens than a tile",
    inputs: [{ shape: [1, 40, 32] }, { shape: [1, 40, 32] }, { shape: [1, 40, 32] }],
    run: (q, k, v) => attention(q, k, v, { heads: 2, scale: 0.2 }),
  },
];
