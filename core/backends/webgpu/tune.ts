// Finds the fastest tile for each product of a model on one device, and the fastest form of its attention. Every candidate is checked against float64 sums first, and
// only then timed. Keeping the choices, and using them in later runs, is the caller's: a run itself never measures.

import { streamKey, uniform } from "../../random.ts";
import { openRecorder, type WebgpuOptions } from "./backend.ts";
import { matmulKernels, type MatmulProblem, type MatmulTile } from "./kernels/matmul.ts";
import { problemKey } from "./kernels/matmul-choice.ts";
import { attentionForms, attentionKey } from "./kernels/attention.ts";
import { matrixAttention } from "./kernels/attention-matrix.ts";
import type { MatrixShape } from "./kernels/matmul-matrix.ts";
import type { Recorder } from "./recorder.ts";
import { type AttentionForm, type TriedForm, tryAttention, type TuneAttention } from "./tune-attention.ts";
import { timed } from "./tune-clock.ts";

export type TuneProblem = Omit<MatmulProblem, "alignedA" | "alignedB">;

export interface TriedTile {
  readonly tile: string;
  /** Largest error, as a part of Σ|a·b| of its element. */
  readonly error: number;
  /** Of one product; null for a tile that was wrong and was not timed. */
  readonly milliseconds: number | null;
}

export interface TunedProduct {
  readonly key: string;
  readonly problem: TuneProblem;
  readonly tried: readonly TriedTile[];
  readonly fixed: string;
  readonly chosen: string;
}

export interface TunedAttention {
  readonly key: string;
  readonly problem: TuneAttention;
  readonly tried: readonly TriedForm[];
  readonly fixed: string;
  readonly chosen: string;
}

export interface Tuning {
  /** The device in words; a tuning is of use on no other. */
  readonly device: string;
  readonly products: readonly TunedProduct[];
  /** Only of head sizes that the device computes in more than one form. */
  readonly attention: readonly TunedAttention[];
  /** For WebgpuOptions.choices. */
  readonly choices: Record<string, string>;
}

/** Largest error allowed, as a part of Σ|a·b|: float32 sums, or operands rounded to f16 (2⁻¹¹ each) as well. */
const allowedError = { single: 2e-6, half: 1.2e-3 };
/** Another tile than the fixed one must be faster by this factor: less is noise. */
const worthwhile = 0.95;

/** @param clock milliseconds; for tests */
export async function tuneWebgpu(
  options: WebgpuOptions,
  { products, attention = [] }: { products: readonly TuneProblem[]; attention?: readonly TuneAttention[] },
  clock: () => number = () => performance.now(),
): Promise<Tuning> {
  const { recorder, tiles, matrix, description } = await openRecorder({ ...options, choices: {} });
  try {
    const tuned: TunedProduct[] = [], tunedAttention: TunedAttention[] = [];
    const choices: Record<string, string> = {};
    for (const each of products) {
      const problem = aligned(each);
      const key = problemKey(problem);
      if (key in choices) continue;
      const fixed = tiles.choose(problem).name;
      const tried = await tryTiles(recorder, tiles.candidates(problem), problem, clock);
      const chosen = fastest(tried, ({ tile }) => tile, fixed);
      choices[key] = chosen;
      tuned.push({ key, problem: each, tried, fixed, chosen });
    }
    for (const problem of attention) {
      const key = attentionKey(problem.headSize), fixed = attentionForms.single;
      const forms = formsOf(matrix, problem.headSize);
      if (key in choices || forms.length < 2) continue;
      const tried = await tryAttention(recorder, forms, problem, clock);
      const chosen = fastest(tried, ({ form }) => form, fixed);
      choices[key] = chosen;
      tunedAttention.push({ key, problem, tried, fixed, chosen });
    }
    return { device: description, products: tuned, attention: tunedAttention, choices };
  } finally {
    recorder.dispose();
  }
}

function formsOf(matrix: MatrixShape | null, headSize: number): AttentionForm[] {
  const single = { name: attentionForms.single, matrices: () => null, rounds: false };
  const made = matrix && matrixAttention(matrix, headSize);
  return made === null
    ? [single]
    : [single, { name: attentionForms.matrix, matrices: () => made, rounds: true }];
}

/** The problem where every operand's rows are packed. */
export function aligned(problem: TuneProblem): MatmulProblem {
  const { m, n, k, transposeA, transposeB } = problem;
  return {
    ...problem,
    alignedA: (transposeA ? m : k) % 4 === 0 && (m * k) % 4 === 0,
    alignedB: (transposeB ? k : n) % 4 === 0 && (k * n) % 4 === 0,
  };
}

function fastest<Tried extends { readonly milliseconds: number | null }>(
  tried: readonly Tried[],
  nameOf: (tried: Tried) => string,
  fixed: string,
): string {
  const time = (each: Tried) => each.milliseconds ?? Infinity;
  const best = tried.reduce((x, y) => time(y) < time(x) ? y : x);
  const standard = tried.find((each) => nameOf(each) === fixed);
  return standard === undefined || time(best) < worthwhile * time(standard) ? nameOf(best) : fixed;
}

/** Computes the product with each tile, checks it, and times those that are right. */
export async function tryTiles(
  recorder: Recorder,
  candidates: readonly MatmulTile[],
  problem: MatmulProblem,
  clock: () => number,
): Promise<TriedTile[]> {
  const { batch, m, n, k, transposeA, transposeB } = problem;
  const values = (length: number, purpose: string) => uniform(streamKey(0, purpose), length, -0.5, 0.5);
  const a = values(batch * m * k, "tune a"), b = values(batch * k * n, "tune b");
  const buffers = [a.length, b.length, batch * m * n].map((length) => recorder.pool.allocate(length, "f32"));
  recorder.write(buffers[0], a, 0);
  recorder.write(buffers[1], b, 0);
  const tried: TriedTile[] = [];
  for (const tile of candidates) {
    const { matmul } = matmulKernels(recorder, { candidates: () => [tile], choose: () => tile });
    const run = () =>
      matmul({
        a: buffers[0],
        b: buffers[1],
        out: buffers[2],
        batch,
        m,
        n,
        k,
        transposeA,
        transposeB,
        strideA: m * k,
        strideB: k * n,
        accumulate: false,
      });
    // What a tile leaves out must show, also where another tile wrote before.
    recorder.write(buffers[2], new Float32Array(batch * m * n).fill(NaN), 0);
    run();
    const out = await recorder.read(buffers[2]);
    const error = largestError(problem, a, b, out);
    const allowed = tile.roundsOperands ? allowedError.half : allowedError.single;
    const milliseconds = error <= allowed ? await timed(recorder, run, clock) : null;
    tried.push({ tile: tile.name, error, milliseconds });
  }
  for (const each of buffers) recorder.pool.free(each);
  return tried;
}

/** Over every column of some rows of every matrix: the first, the last, and the borders of tiles between. */
function largestError(
  { batch, m, n, k, transposeA, transposeB }: MatmulProblem,
  a: Float32Array,
  b: Float32Array,
  out: ArrayLike<number>,
): number {
  const rows = [...new Set([0, 7, 8, 31, 32, 63, 64, 127, m >> 1, m - 1].filter((row) => row < m))];
  let worst = 0;
  for (let z = 0; z < Math.min(batch, 2); z++) {
    for (const i of rows) {
      for (let j = 0; j < n; j++) {
        let sum = 0, size = 0;
        for (let d = 0; d < k; d++) {
          const term = a[z * m * k + (transposeA ? d * m + i : i * k + d)] *
            b[z * k * n + (transposeB ? j * k + d : d * n + j)];
          sum += term;
          size += Math.abs(term);
        }
        const error = Math.abs(sum - out[(z * m + i) * n + j]) / (size || 1);
        // NaN is no number to be compared with; it is as wrong as can be.
        worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
        if (worst === Infinity) return worst;
      }
    }
  }
  return worst;
}

/** The products of a training step of an encoder: forward, gradient by the input, gradient by the weight; all its widths. */
export function encoderProducts(
  shape: { rows: number; hiddenSize: number; intermediateSize: number; bottlenecks: readonly number[] },
): TuneProblem[] {
  const { rows, hiddenSize: h, intermediateSize, bottlenecks } = shape;
  const maps = [[h, h], ...[intermediateSize, ...bottlenecks].flatMap((size) => [[h, size], [size, h]])];
  return maps.flatMap(([inSize, outSize]) => [
    { batch: 1, m: rows, n: outSize, k: inSize, transposeA: false, transposeB: true },
    { batch: 1, m: rows, n: inSize, k: outSize, transposeA: false, transposeB: false },
    { batch: 1, m: outSize, n: inSize, k: rows, transposeA: true, transposeB: false },
  ]);
}

/** Attention of as many examples of `tokens` tokens as `rows` hold. */
export function encoderAttention(
  shape: { rows: number; tokens: number; hiddenSize: number; heads: number },
): TuneAttention[] {
  const { rows, tokens, hiddenSize, heads } = shape;
  return [{ batch: Math.max(1, Math.floor(rows / tokens)), tokens, heads, headSize: hiddenSize / heads }];
}
