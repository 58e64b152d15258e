// Disentangled attention of DeBERTa over all heads in one kernel: content to content, content to position, position to content.
// It leaves which table row a distance has, and the projections, to the model.

import { needsGrad, record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { sameShape, type Shape, showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import { type AttentionOptions, checkedHeads, noRandom } from "./attention.ts";
import type { OpSample } from "./sample.ts";

export interface DisentangledOptions extends AttentionOptions {
  /** Default 1/√(3·headSize): one share for each of the three parts of a score. */
  scale?: number;
}

/** What relative positions look like to attention. */
export interface PositionTables {
  /** [R, H], or [B, R, H] with a table for each example. */
  keys: Tensor;
  /** As `keys`. */
  queries: Tensor;
  /** i32 [2T − 1]: the tables' row for query i and key j, at i − j + T − 1; it never decreases (the caller checks, on the host). */
  relative: Tensor;
}

/**
 * Softmax of scale · (q_i·k_j + q_i·keys_r + k_j·queries_r) with r the row for the distance of i and j (He et al., 2021, Eq. 4),
 * times v. Nothing of size [T, T] is kept: the gradient computes the weights anew. A padded query attends to all keys alike.
 * @param q [B, T, H]; heads lie as in `attention`, as do packed rows
 * @param k as q
 * @param v as q
 * @returns as q
 */
export function disentangledAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  positions: PositionTables,
  options: DisentangledOptions,
): Tensor {
  const { heads, mask, packed, dropout = 0, random } = options;
  const { keys, queries, relative } = positions;
  const { batch, tokens, hidden, headSize } = checkedHeads("disentangledAttention", q, k, v, options);
  const ownTables = keys.shape.length === 3;
  const rows = keys.shape[keys.shape.length - 2];
  if (!sameShape(keys.shape, queries.shape) || !isTable(keys.shape, batch, hidden)) {
    fail(
      `disentangledAttention: position tables ${showShape(keys.shape)} and ${
        showShape(queries.shape)
      }; wanted two equal [R, ${hidden}] or [${batch}, R, ${hidden}]`,
    );
  }
  if (relative.dtype !== "i32" || relative.size !== 2 * tokens - 1) {
    fail(
      `disentangledAttention: relative ${relative.dtype} ${showShape(relative.shape)}; wanted i32 [${
        2 * tokens - 1
      }]`,
    );
  }
  const shape = {
    batch,
    tokens,
    heads,
    headSize,
    rows,
    ownTables,
    scale: options.scale ?? 1 / Math.sqrt(3 * headSize),
    dropout,
    random: random ?? noRandom,
  };
  const inputsOf = (tensors: readonly Tensor[]) => {
    const [q, k, v, positionKeys, positionQueries, relative, extra] = tensors.map((each) => each.buffer);
    const padding = { mask: mask && extra, starts: packed && extra };
    return { q, k, v, positionKeys, positionQueries, relative, ...padding };
  };
  const extra = mask ?? packed?.starts;
  const given = [q, k, v, keys, queries, relative, ...(extra ? [extra] : [])];
  const out = empty(q.backend, q.shape), logSumExp = empty(q.backend, [batch, heads, tokens]);
  q.backend.kernels.disentangledAttention({
    ...shape,
    ...inputsOf(given),
    out: out.buffer,
    logSumExp: logSumExp.buffer,
  });
  const need = [q, k, v, keys, queries].map(needsGrad);
  const needTables = need[3] || need[4];
  return record(
    "disentangledAttention",
    out,
    [q, k, v, keys, queries],
    () => [out, logSumExp, ...given],
    (dy, [keptOut, keptLogSumExp, ...kept], { examples }) => {
      if (needTables && examples !== null && !ownTables) {
        fail(
          "disentangledAttention: gradients per example need tables per example; give keys and queries as [B, R, H] (a model: the option perExample)",
        );
      }
      const grads = [0, 1, 2].map(() => empty(dy.backend, q.shape));
      const tables = needTables ? [0, 1].map(() => empty(dy.backend, [batch, rows, hidden])) : [];
      dy.backend.kernels.disentangledAttentionGrad({
        ...shape,
        ...inputsOf(kept),
        out: keptOut.buffer,
        logSumExp: keptLogSumExp.buffer,
        dout: dy.buffer,
        dq: grads[0].buffer,
        dk: grads[1].buffer,
        dv: grads[2].buffer,
        dPositionKeys: tables[0]?.buffer,
        dPositionQueries: tables[1]?.buffer,
      });
      const ofTables = tables.map((each, i) => need[3 + i] ? sharedBy(each, keys.shape) : undefined);
      return [...grads, ...ofTables].map((each, i) => (need[i] ? each : undefined));
    },
  );
}

const isTable = (shape: Shape, batch: number, hidden: number) =>
  shape[shape.length - 1] === hidden &&
  (shape.length === 2 || (shape.length === 3 && shape[0] === batch));

/** The sum over examples of their tables' gradients, where they share one table. */
function sharedBy(gradient: Tensor, shape: Shape): Tensor {
  if (shape.length === 3) return gradient;
  const out = empty(gradient.backend, shape);
  gradient.backend.kernels.reduce({
    operation: "sum",
    x: gradient.buffer,
    out: out.buffer,
    outer: 1,
    size: gradient.shape[0],
    inner: out.size,
    scale: 1,
    accumulate: false,
  });
  return out;
}

/** Rows for distances −(T − 1) … T − 1, clipped at both ends. */
const clipped = (tokens: number, rows: number) =>
  Array.from(
    { length: 2 * tokens - 1 },
    (_, n) => Math.max(0, Math.min(rows - 1, n - tokens + 1 + (rows >> 1))),
  );

const sampleOf = (
  name: string,
  [batch, tokens, hidden]: readonly [number, number, number],
  rows: number,
  options: DisentangledOptions,
  more: { ownTables?: boolean; mask?: readonly number[]; frozenTables?: boolean } = {},
): OpSample => {
  const content = { shape: [batch, tokens, hidden] };
  const table = {
    shape: more.ownTables ? [batch, rows, hidden] : [rows, hidden],
    grad: !more.frozenTables,
  };
  const relative = {
    shape: [2 * tokens - 1],
    dtype: "i32" as const,
    values: clipped(tokens, rows),
  };
  const mask = more.mask && { shape: [batch, tokens], dtype: "i32" as const, values: more.mask };
  return {
    name: `disentangledAttention${name}`,
    inputs: [content, content, content, table, table, relative, ...(mask ? [mask] : [])],
    run: (q, k, v, keys, queries, relative, mask) =>
      disentangledAttention(q, k, v, { keys, queries, relative }, { ...options, mask }),
  };
};

const random = { k0: 7, k1: 11, c1: 1, c2: 2, c3: 3 };

export const samples: OpSample[] = [
  sampleOf("", [2, 5, 12], 9, { heads: 3 }),
  sampleOf(" with padding", [2, 6, 8], 6, { heads: 2 }, { mask: [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1] }),
  sampleOf(" with tables of each example", [2, 5, 8], 4, { heads: 2 }, { ownTables: true }),
  sampleOf(
    " with frozen tables, padding and dropout",
    [2, 7, 16],
    13,
    { heads: 1, dropout: 0.3, random },
    { frozenTables: true, mask: [1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1] },
  ),
  sampleOf(" over more tokens than a tile", [1, 53, 32], 32, { heads: 2, scale: 0.2 }),
];
