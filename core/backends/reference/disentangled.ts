// Reference kernels of disentangled attention: content and relative position in one score, and the gradient of all parts.
// It leaves the tables of relative positions to the model.

import type { DeviceBuffer } from "../backend.ts";
import type { DisentangledInputs, DisentangledShape, KernelSet } from "../kernels.ts";
import { at, eachQuery, keptOf, readInputs, tokensOf } from "./attention.ts";
import { Arguments } from "./buffers.ts";

function open(args: Arguments, shape: DisentangledShape & DisentangledInputs) {
  const { batch, tokens, heads, headSize, rows, ownTables } = shape;
  const inputs = readInputs(args, shape);
  args.count("rows", rows);
  const width = heads * headSize;
  const tableLength = (ownTables ? batch : 1) * rows * width;
  const keys = args.f32("positionKeys", shape.positionKeys, tableLength);
  const queries = args.f32("positionQueries", shape.positionQueries, tableLength);
  const relative = args.i32("relative", shape.relative, 2 * tokens - 1);
  relative.forEach((row, n) => {
    if (row < 0 || row >= rows) args.fail(`relative[${n}] is ${row}; wanted 0 … ${rows - 1}`);
    if (n > 0 && row < relative[n - 1]) args.fail(`relative[${n}] is ${row}, less than the one before`);
  });
  const rowOf = (i: number, j: number) => relative[i - j + tokens - 1];
  /** Offset in gradients of tables, which each example has its own of. */
  const inOwn = (b: number, row: number, a: number, d: number) =>
    ((b * rows + row) * heads + a) * headSize + d;
  const inTable = (b: number, row: number, a: number, d: number) => inOwn(ownTables ? b : 0, row, a, d);
  const isPadding = (b: number, token: number) => inputs.mask?.[b * tokens + token] === 0;
  /** Scaled scores of all keys, −∞ where masked; those of a padded query are all 0. */
  const scoresOf = (b: number, a: number, i: number): number[] =>
    Array.from({ length: tokensOf(inputs, b) }, (_, j) => {
      if (isPadding(b, i)) return 0;
      if (isPadding(b, j)) return -Infinity;
      let score = 0;
      for (let d = 0; d < headSize; d++) {
        const q = inputs.q[at(shape, inputs, b, i, a, d)], k = inputs.k[at(shape, inputs, b, j, a, d)];
        const place = inTable(b, rowOf(i, j), a, d);
        score += q * k + q * keys[place] + k * queries[place];
      }
      return shape.scale * score;
    });
  const weightsOf = (b: number, a: number, i: number) => {
    const scores = scoresOf(b, a, i);
    const top = Math.max(...scores);
    const normaliser = top + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - top), 0));
    return { weights: scores.map((score) => Math.exp(score - normaliser)), normaliser };
  };
  return { ...inputs, keys, queries, rowOf, inOwn, inTable, isPadding, weightsOf };
}

export const disentangled: Pick<KernelSet, "disentangledAttention" | "disentangledAttentionGrad"> = {
  disentangledAttention(shape) {
    const { q, k, v, mask, positionKeys, positionQueries, relative, out, logSumExp } = shape;
    const { batch, tokens, heads, headSize } = shape;
    const args = new Arguments("disentangledAttention");
    args.distinct({ out, logSumExp }, { q, k, v, mask, positionKeys, positionQueries, relative });
    const inputs = open(args, shape);
    const to = args.f32("out", out, inputs.q.length);
    const sums = args.f32("logSumExp", logSumExp, batch * heads * tokens);
    eachQuery(shape, inputs, (b, a, i) => {
      const { weights, normaliser } = inputs.weightsOf(b, a, i);
      const kept = keptOf(args, shape, weights.length, b, a, i);
      sums[(b * heads + a) * tokens + i] = normaliser;
      for (let d = 0; d < headSize; d++) {
        to[at(shape, inputs, b, i, a, d)] = weights.reduce(
          (sum, weight, j) => sum + weight * kept[j] * inputs.v[at(shape, inputs, b, j, a, d)],
          0,
        );
      }
    });
  },

  disentangledAttentionGrad(shape) {
    const { q, k, v, mask, positionKeys, positionQueries, relative, out, logSumExp, dout } = shape;
    const { dq, dk, dv, dPositionKeys, dPositionQueries, batch, tokens, heads, headSize, scale } = shape;
    const args = new Arguments("disentangledAttentionGrad");
    args.distinct(
      { dq, dk, dv, dPositionKeys, dPositionQueries },
      { q, k, v, mask, positionKeys, positionQueries, relative, out, logSumExp, dout },
    );
    const inputs = open(args, shape);
    const length = inputs.q.length;
    args.f32("out", out, length);
    args.f32("logSumExp", logSumExp, batch * heads * tokens);
    const upper = args.f32("dout", dout, length);
    const [toQ, toK, toV] = Object.entries({ dq, dk, dv }).map(([name, to]) =>
      args.f32(name, to, length).fill(0)
    );
    const table = (name: string, to: DeviceBuffer | undefined) =>
      to && args.f32(name, to, batch * shape.rows * heads * headSize).fill(0);
    if (!dPositionKeys !== !dPositionQueries) args.fail("one of the tables' gradients is missing");
    const toKeys = table("dPositionKeys", dPositionKeys);
    const toQueries = table("dPositionQueries", dPositionQueries);
    eachQuery(shape, inputs, (b, a, i) => {
      const { weights } = inputs.weightsOf(b, a, i);
      const kept = keptOf(args, shape, weights.length, b, a, i);
      // Gradient of each weight, through dropout, then through the softmax.
      const dWeights = weights.map((_, j) => {
        let sum = 0;
        for (let d = 0; d < headSize; d++) {
          sum += upper[at(shape, inputs, b, i, a, d)] * inputs.v[at(shape, inputs, b, j, a, d)];
        }
        return sum * kept[j];
      });
      const mean = weights.reduce((sum, weight, j) => sum + weight * dWeights[j], 0);
      weights.forEach((weight, j) => {
        const dScore = inputs.isPadding(b, i) ? 0 : scale * weight * (dWeights[j] - mean);
        const row = inputs.rowOf(i, j);
        for (let d = 0; d < headSize; d++) {
          const query = at(shape, inputs, b, i, a, d), key = at(shape, inputs, b, j, a, d);
          const place = inputs.inTable(b, row, a, d), own = inputs.inOwn(b, row, a, d);
          toQ[query] += dScore * (inputs.k[key] + inputs.keys[place]);
          toK[key] += dScore * (inputs.q[query] + inputs.queries[place]);
          toV[key] += weight * kept[j] * upper[query];
          if (toKeys) toKeys[own] += dScore * inputs.q[query];
          if (toQueries) toQueries[own] += dScore * inputs.k[key];
        }
      });
    });
  },
};
