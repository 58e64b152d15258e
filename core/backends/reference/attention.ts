// Reference kernels of masked multi-head attention with dropout on the probabilities, and of its gradient.
// It leaves projections and mask building to the model.

import { dropThreshold, philoxHalves } from "../../random.ts";
import type { DeviceBuffer } from "../backend.ts";
import type { AttentionShape, KernelSet } from "../kernels.ts";
import { Arguments } from "./buffers.ts";

export interface Inputs {
  q: Float64Array;
  k: Float64Array;
  v: Float64Array;
  mask: Int32Array | undefined;
  /** First token of each example, and one more. */
  starts: Int32Array;
}

export function readInputs(
  args: Arguments,
  shape: AttentionShape & { q: DeviceBuffer; k: DeviceBuffer; v: DeviceBuffer; mask?: DeviceBuffer },
): Inputs {
  const { batch, tokens, heads, headSize } = shape;
  for (const [name, value] of Object.entries({ batch, tokens, heads, headSize })) args.count(name, value);
  args.number("scale", shape.scale);
  args.probability(shape.dropout);
  if (shape.starts && shape.mask) {
    args.fail("starts and mask were both given; rows without padding need no mask");
  }
  const starts = shape.starts
    ? args.i32("starts", shape.starts, batch + 1)
    : Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens);
  for (let b = 0; b < batch; b++) {
    const count = starts[b + 1] - starts[b];
    if (count < 0 || count > tokens) {
      args.fail(`starts give example ${b} ${count} tokens; wanted 0 … ${tokens}`);
    }
  }
  const length = starts[batch] * heads * headSize;
  const mask = shape.mask && args.i32("mask", shape.mask, batch * tokens);
  for (const flag of mask ?? []) {
    if (flag !== 0 && flag !== 1) args.fail(`mask holds ${flag}; wanted 1 (attend) or 0 (padding)`);
  }
  return {
    q: args.f32("q", shape.q, length),
    k: args.f32("k", shape.k, length),
    v: args.f32("v", shape.v, length),
    mask,
    starts,
  };
}

/** Dropout factor 0 or 1/(1 − p) of each of `count` keys for one query. */
export function keptOf(
  args: Arguments,
  shape: AttentionShape,
  count: number,
  b: number,
  a: number,
  i: number,
): number[] {
  const { tokens, heads, dropout } = shape;
  if (dropout === 0) return new Array(count).fill(1);
  const halves = philoxHalves(args.stream(shape.random), count, ((b * heads + a) * tokens + i) * tokens);
  return Array.from(halves, (half) => half >= dropThreshold(dropout) ? 1 / (1 - dropout) : 0);
}

/** What one query does: scaled scores of all keys (−∞ where masked) and the dropout factor of each. */
function queryRow(
  args: Arguments,
  shape: AttentionShape,
  inputs: Inputs,
  b: number,
  a: number,
  i: number,
): { scores: number[]; kept: number[] } {
  const { headSize, scale, tokens } = shape;
  const scores: number[] = [];
  for (let j = 0; j < tokensOf(inputs, b); j++) {
    let score = 0;
    for (let d = 0; d < headSize; d++) {
      score += inputs.q[at(shape, inputs, b, i, a, d)] * inputs.k[at(shape, inputs, b, j, a, d)];
    }
    scores.push(inputs.mask && inputs.mask[b * tokens + j] === 0 ? -Infinity : scale * score);
  }
  return { scores, kept: keptOf(args, shape, scores.length, b, a, i) };
}

export const tokensOf = ({ starts }: Pick<Inputs, "starts">, b: number) => starts[b + 1] - starts[b];

/** Offset of element d of head a of token t of example b. */
export function at(
  shape: AttentionShape,
  { starts }: Pick<Inputs, "starts">,
  b: number,
  t: number,
  a: number,
  d: number,
): number {
  return ((starts[b] + t) * shape.heads + a) * shape.headSize + d;
}

export function eachQuery(
  shape: AttentionShape,
  inputs: Pick<Inputs, "starts">,
  visit: (b: number, a: number, i: number) => void,
): void {
  for (let b = 0; b < shape.batch; b++) {
    for (let a = 0; a < shape.heads; a++) for (let i = 0; i < tokensOf(inputs, b); i++) visit(b, a, i);
  }
}

export const attention: Pick<KernelSet, "attention" | "attentionGrad"> = {
  attention(shape) {
    const { q, k, v, mask, out, logSumExp, batch, tokens, heads, headSize } = shape;
    const args = new Arguments("attention");
    args.distinct({ out, logSumExp }, { q, k, v, mask });
    const inputs = readInputs(args, shape);
    const to = args.f32("out", out, inputs.q.length);
    const sums = args.f32("logSumExp", logSumExp, batch * heads * tokens);
    eachQuery(shape, inputs, (b, a, i) => {
      const { scores, kept } = queryRow(args, shape, inputs, b, a, i);
      const top = Math.max(...scores);
      const sum = top === -Infinity ? 0 : scores.reduce((total, score) => total + Math.exp(score - top), 0);
      const normaliser = top + Math.log(sum);
      sums[(b * heads + a) * tokens + i] = sum === 0 ? -Infinity : normaliser;
      for (let d = 0; d < headSize; d++) {
        let value = 0;
        for (let j = 0; j < scores.length; j++) {
          if (scores[j] === -Infinity) continue;
          value += Math.exp(scores[j] - normaliser) * kept[j] * inputs.v[at(shape, inputs, b, j, a, d)];
        }
        to[at(shape, inputs, b, i, a, d)] = value;
      }
    });
  },

  attentionGrad(shape) {
    const { q, k, v, mask, out, logSumExp, dout, dq, dk, dv, batch, tokens, heads, headSize, scale } = shape;
    const args = new Arguments("attentionGrad");
    args.distinct({ dq, dk, dv }, { q, k, v, mask, out, logSumExp, dout });
    const inputs = readInputs(args, shape);
    const length = inputs.q.length;
    args.f32("out", out, length);
    const sums = args.f32("logSumExp", logSumExp, batch * heads * tokens);
    const upper = args.f32("dout", dout, length);
    const toQ = args.f32("dq", dq, length).fill(0);
    const toK = args.f32("dk", dk, length).fill(0);
    const toV = args.f32("dv", dv, length).fill(0);
    eachQuery(shape, inputs, (b, a, i) => {
      const { scores, kept } = queryRow(args, shape, inputs, b, a, i);
      const normaliser = sums[(b * heads + a) * tokens + i];
      const probabilities = scores.map((score) => score === -Infinity ? 0 : Math.exp(score - normaliser));
      // Gradient of each probability, through dropout, then through the softmax.
      const dProbabilities = probabilities.map((_, j) => {
        let sum = 0;
        for (let d = 0; d < headSize; d++) {
          sum += upper[at(shape, inputs, b, i, a, d)] * inputs.v[at(shape, inputs, b, j, a, d)];
        }
        return sum * kept[j];
      });
      const mean = probabilities.reduce((sum, p, j) => sum + p * dProbabilities[j], 0);
      for (let j = 0; j < probabilities.length; j++) {
        const dScore = probabilities[j] * (dProbabilities[j] - mean);
        for (let d = 0; d < headSize; d++) {
          const query = at(shape, inputs, b, i, a, d);
          const key = at(shape, inputs, b, j, a, d);
          toQ[query] += scale * dScore * inputs.k[key];
          toK[key] += scale * dScore * inputs.q[query];
          toV[key] += probabilities[j] * kept[j] * upper[query];
        }
      }
    });
  },
};
