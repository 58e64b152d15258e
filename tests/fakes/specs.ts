// Promises a small valid run specification to change from. Leaves running it to the fake execution beside it.
import type { Hyperparameters, RunSpec } from "../../repro/spec/mod.ts";

export const hyperparameters: Hyperparameters = {
  steps: 20,
  learningRate: 5e-4,
  learningRateSchedule: "linear",
  batchSize: 8,
  interval: 2,
  reductionFactor: 16,
  maxLength: 64,
  docStride: 16,
  maxGradientNorm: 1,
  weightDecay: 0,
  evaluateEvery: 10,
  fisherBatches: 4,
  trackFisherEvery: 0,
};

export function spec(changes: Partial<RunSpec> = {}): RunSpec {
  return {
    format: 1,
    scale: "tiny",
    model: "mbert",
    modelRevision: "m1",
    task: "xnli",
    data: "tiny",
    dataRevision: "d1",
    method: "gu",
    adapter: "mad-x",
    seed: 1,
    fidelity: "authors-code",
    backend: "wasm",
    numericsVersion: 1,
    hyperparameters,
    evaluate: { xnli: ["en", "ar", "sw"] },
    ...changes,
  };
}
