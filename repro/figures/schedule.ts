// Promises what a schedule opens and when, by running the unfreezing that training runs, and what finished runs opened.
// Leaves the selection itself to core/unfreezing.
import { createUnfreezer } from "../../core/mod.ts";
import type { FinishedRun } from "../runs/mod.ts";
import { type RunSpec, sideOf } from "../spec/mod.ts";

/** For each layer the update before which it opens; null: never. */
export type Openings = (number | null)[];

/**
 * Runs SELECT before each of `steps` updates.
 * @param selections what was measured where the method selects by tr(F): the values of the same run, step by step
 */
export async function traceSchedule(
  spec: Pick<RunSpec, "method" | "fidelity" | "items" | "seed"> & { hyperparameters: { interval: number } },
  layers: number,
  steps: number,
  selections: readonly { step: number; layers: readonly number[] }[] = [],
): Promise<Openings> {
  let step = 0;
  const unfreezer = createUnfreezer({
    ...{ layers, method: spec.method, fidelity: sideOf(spec, "schedule"), seed: spec.seed },
    interval: spec.hyperparameters.interval,
    trace: () => {
      const found = selections.find((each) => each.step === step);
      if (found !== undefined) return Promise.resolve(found.layers);
      throw new Error(
        `schedule: ${spec.method} selects before step ${step}, but no tr(F) was logged there; the log belongs to another run`,
      );
    },
  });
  const openings: Openings = Array.from({ length: layers }, () => null);
  for (; step < steps; step++) {
    for (const layer of (await unfreezer.before(step)).unfreeze) openings[layer] = step;
  }
  return openings;
}

/** What a finished run opened. */
export function openingsOf({ schedule }: Pick<FinishedRun, "schedule">, layers: number): Openings {
  const openings: Openings = Array.from({ length: layers }, () => null);
  for (const { step, layers: opened } of schedule) for (const layer of opened) openings[layer] = step;
  return openings;
}

/** Layers in the order in which a run opened them; those of one moment from the top down. */
export const orderOf = ({ schedule }: Pick<FinishedRun, "schedule">): number[] =>
  schedule.flatMap(({ layers }) => [...layers].sort((a, b) => b - a));
