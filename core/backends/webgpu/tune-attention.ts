// Checks the ways to compute attention on one device against the reference, forward and backward, and times those that are right.
// Choosing among them is tune.ts's.

import { streamKey, uniform } from "../../random.ts";
import type { AttentionShape } from "../kernels.ts";
import { createReferenceBackend } from "../reference/backend.ts";
import { attentionKernels, type MatrixChoice } from "./kernels/attention.ts";
import type { Recorder } from "./recorder.ts";
import { timed } from "./tune-clock.ts";

export interface TuneAttention {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headSize: number;
}

export interface AttentionForm {
  readonly name: string;
  readonly matrices: MatrixChoice;
  /** Rounds operands and weights to f16. */
  readonly rounds: boolean;
}

export interface TriedForm {
  readonly form: string;
  /** Largest error of the output and the three gradients, as a part of the largest number of each. */
  readonly error: number;
  /** Of one forward and backward call; null for a form that was wrong and was not timed. */
  readonly milliseconds: number | null;
}

/** Sums of f32, or operands, weights and slopes rounded to f16 (2⁻¹¹ each), which largely cancel in sums. */
const allowedError = { single: 1e-5, half: 5e-3 };

const operands = ["q", "k", "v", "dout"] as const;
const results = ["out", "dq", "dk", "dv"] as const;

export async function tryAttention(
  recorder: Recorder,
  forms: readonly AttentionForm[],
  problem: TuneAttention,
  clock: () => number,
): Promise<TriedForm[]> {
  const { batch, tokens, heads, headSize } = problem;
  const shape: AttentionShape = {
    ...problem,
    scale: 1 / Math.sqrt(headSize),
    dropout: 0.1,
    random: streamKey(0, "tune attention dropout"),
  };
  const length = batch * tokens * heads * headSize;
  const values = operands.map((name) => uniform(streamKey(0, `tune attention ${name}`), length, -1, 1));
  const wanted = await firstHead(shape, values);
  const float = (count: number) => recorder.pool.allocate(count, "f32");
  const [q, k, v, dout] = values.map((data) => {
    const buffer = float(length);
    recorder.write(buffer, data, 0);
    return buffer;
  });
  const [out, dq, dk, dv] = results.map(() => float(length));
  const logSumExp = float(batch * heads * tokens);
  const tried: TriedForm[] = [];
  for (const { name, matrices, rounds } of forms) {
    const kernels = attentionKernels(recorder, matrices);
    const run = () => {
      kernels.attention({ ...shape, q, k, v, out, logSumExp });
      kernels.attentionGrad({ ...shape, q, k, v, out, logSumExp, dout, dq, dk, dv });
    };
    // What a form leaves out must show, also where another wrote before.
    for (const each of [out, dq, dk, dv]) recorder.write(each, new Float32Array(length).fill(NaN), 0);
    run();
    let error = 0;
    for (const [i, buffer] of [out, dq, dk, dv].entries()) {
      error = Math.max(error, largestError(shape, await recorder.read(buffer), wanted[i]));
    }
    const allowed = rounds ? allowedError.half : allowedError.single;
    const milliseconds = error <= allowed ? await timed(recorder, run, clock) : null;
    tried.push({ form: name, error, milliseconds });
  }
  for (const each of [q, k, v, dout, out, dq, dk, dv, logSumExp]) recorder.pool.free(each);
  return tried;
}

/** Rows of the first head of the first example: they begin `heads · headSize` elements after each other. */
function gathered({ tokens, heads, headSize }: AttentionShape, of: ArrayLike<number>): Float32Array {
  const width = heads * headSize;
  return Float32Array.from(
    { length: tokens * headSize },
    (_, i) => of[Math.floor(i / headSize) * width + i % headSize],
  );
}

/** out, dq, dk and dv of the first head of the first example, whose dropout is that of a batch of its own. */
async function firstHead(shape: AttentionShape, values: Float32Array[]): Promise<ArrayLike<number>[]> {
  const reference = createReferenceBackend();
  const alone = { ...shape, batch: 1, heads: 1 };
  const length = shape.tokens * shape.headSize;
  const [q, k, v, dout] = values.map((data) => {
    const buffer = reference.allocate(length, "f32");
    reference.write(buffer, gathered(shape, data));
    return buffer;
  });
  const [out, dq, dk, dv] = results.map(() => reference.allocate(length, "f32"));
  const logSumExp = reference.allocate(shape.tokens, "f32");
  reference.kernels.attention({ ...alone, q, k, v, out, logSumExp });
  reference.kernels.attentionGrad({ ...alone, q, k, v, out, logSumExp, dout, dq, dk, dv });
  return await Promise.all([out, dq, dk, dv].map((each) => reference.read(each)));
}

function largestError(shape: AttentionShape, out: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let worst = 0, largest = 0;
  for (const [i, value] of gathered(shape, out).entries()) {
    const error = Math.abs(value - wanted[i]);
    // NaN is no number to be compared with; it is as wrong as can be.
    if (Number.isNaN(error)) return Infinity;
    worst = Math.max(worst, error);
    largest = Math.max(largest, Math.abs(wanted[i]));
  }
  return worst / largest;
}
