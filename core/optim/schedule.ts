// Learning rates over a run: linear decay to 0, or constant, either after a linear warm-up.
// It leaves counting steps to the training loop.

import { fail } from "../errors.ts";

export interface LearningRateOptions {
  schedule: "linear" | "constant";
  /** The highest rate. */
  learningRate: number;
  /** Updates in the whole run; the rate of "linear" would reach 0 at this one. */
  totalSteps: number;
  /** Updates over which the rate rises from 0; default none. */
  warmupSteps?: number;
}

/** Rate of update `step`, counted from 0. */
export function learningRateAt(step: number, options: LearningRateOptions): number {
  const { schedule, learningRate, totalSteps, warmupSteps = 0 } = options;
  if (schedule !== "linear" && schedule !== "constant") {
    fail(`learning rate: there is no schedule ${schedule}; choose linear or constant`);
  }
  if (!(step >= 0)) fail(`learning rate: step is ${step}; wanted 0 or more`);
  if (!(totalSteps > 0 && warmupSteps >= 0 && warmupSteps <= totalSteps)) {
    fail(
      `learning rate: ${warmupSteps} warm-up of ${totalSteps} steps; wanted 0 ≤ warm-up ≤ total, total > 0`,
    );
  }
  if (step < warmupSteps) return learningRate * step / warmupSteps;
  if (schedule === "constant") return learningRate;
  return learningRate * Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
}
