// Promises how much a run computes, from its specification and sizes alone: updates, tr(F), evaluations, and what it leaves on the
// disk. Leaves the formulas of a step to flops.ts and the time that it takes to probe.ts.
import { createUnfreezer } from "../../core/mod.ts";
import type { EncoderShape as Widths, TaskSize } from "../paper/mod.ts";
import type { RunSpec } from "../spec/mod.ts";
import { type EncoderShape, forwardFlops, stepFlops, type TaskAdapter } from "./flops.ts";
import { bottleneckParameters, encoderParameters } from "./parameters.ts";

export interface RunWork {
  steps: number;
  /** Floating-point operations: updates, selection and tracking by tr(F), validation and test sets. */
  training: number;
  fisher: number;
  evaluation: number;
  total: number;
  /** What the finished run keeps: adapter and head (or the encoder), predictions. */
  bytes: number;
}

/** Bytes of one prediction with its id, about. */
const predictionBytes = 60;

/** Depth from the top down to the lowest open layer, as a list of [from step, depth]. */
async function depths(spec: RunSpec, layers: number, steps: number): Promise<[number, number][]> {
  const found: [number, number][] = [];
  let lowest = layers;
  const unfreezer = createUnfreezer({
    layers,
    interval: spec.hyperparameters.interval,
    method: spec.method,
    fidelity: spec.fidelity,
    seed: spec.seed,
    // FUN's order is not known before it is run: from the top down, as the paper finds it to be for the most part.
    trace: () => Promise.resolve(Array.from({ length: layers }, (_, layer) => layer)),
  });
  for (let step = 0; step < steps && lowest > 0; step++) {
    const { unfreeze } = await unfreezer.before(step);
    const least = Math.min(lowest, ...unfreeze);
    if (least < lowest || step === 0) found.push([step, layers - least]);
    lowest = least;
  }
  return found;
}

const kept = new Map<string, Promise<[number, number][]>>();

/** Schedules are the same for many runs; only "rand" depends on the seed. */
function depthsOf(spec: RunSpec, layers: number, steps: number): Promise<[number, number][]> {
  const { method, fidelity, seed, hyperparameters: { interval } } = spec;
  const key = JSON.stringify([method, fidelity, interval, layers, steps, method === "rand" ? seed : 0]);
  const known = kept.get(key) ?? depths(spec, layers, steps);
  kept.set(key, known);
  return known;
}

export async function workOf(spec: RunSpec, widths: Widths, size: TaskSize): Promise<RunWork> {
  const hp = spec.hyperparameters;
  const items = Math.min(hp.trainingSize ?? Infinity, size.train);
  const steps = hp.steps ?? Math.ceil(hp.epochs! * Math.ceil(items / hp.batchSize));
  const full = spec.adapter === "full";
  const task: TaskAdapter = spec.adapter === "lora"
    ? { kind: "lora", rank: hp.loraRank ?? 8 }
    : { kind: "bottleneck", reduction: hp.reductionFactor };
  const shape = (batch: number, tokens: number): EncoderShape => ({ ...widths, batch, tokens });
  const batch = shape(hp.batchSize, size.trainTokens);
  const limited = (examples: number) => Math.min(hp.evaluationLimit ?? Infinity, examples);

  let training = 0, fisher = 0;
  if (full) training = steps * stepFlops(batch, "all");
  else {
    const changes = await depthsOf(spec, widths.layers, steps);
    for (const [index, [from, depth]] of changes.entries()) {
      const until = changes[index + 1]?.[0] ?? steps;
      training += (until - from) * stepFlops(batch, depth, task);
      if (hp.trackFisherEvery > 0) {
        fisher += ((until - from) / hp.trackFisherEvery) * hp.fisherBatches * stepFlops(batch, depth, task);
      }
    }
    if (spec.method === "fun") {
      const batches = hp.fisherBatches + (spec.fidelity === "authors-code" ? 1 : 0);
      fisher += Math.min(widths.layers, Math.floor(steps / hp.interval)) * batches *
        stepFlops(batch, widths.layers, task);
    }
  }
  const validations = hp.evaluateEvery > 0 ? Math.floor(steps / hp.evaluateEvery) : 0;
  const tests = Object.entries(spec.evaluate).reduce(
    (sum, [dataset, languages]) =>
      sum + languages.length * limited(size.test[dataset as keyof typeof size.test] ?? size.validation),
    0,
  );
  const scored = validations * limited(size.validation) + tests;
  const evaluation = forwardFlops(shape(scored, size.scoreTokens), full ? null : task);
  return {
    steps,
    training,
    fisher,
    evaluation,
    total: training + fisher + evaluation,
    bytes: 4 * trainedParameters(widths, full ? null : task) + predictionBytes * tests,
  };
}

/** Parameters that a run keeps: task adapters, or the whole encoder. Heads, being small beside them, as one pooler's size. */
function trainedParameters(widths: Widths, task: TaskAdapter | null): number {
  const { layers, hidden } = widths;
  const head = hidden * hidden;
  if (task === null) return encoderParameters(widths) + head;
  return head +
    (task.kind === "lora" ? layers * 4 * hidden * task.rank : bottleneckParameters(widths, task.reduction));
}
