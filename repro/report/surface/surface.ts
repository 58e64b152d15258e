// Promises tr(F) over layers and steps as one plain value, of a run or averaged over runs that differ in their seed alone, with the
// layers that trained already. Leaves reading logs to gather.ts, scales to scale.ts and pictures to heat-map.ts and page/.
import { short } from "../curves.ts";

export interface Surface {
  /** Updates before which tr(F) was measured, rising. */
  steps: number[];
  /** [step][layer], layers from the lowest; null where it was not finite. */
  values: (number | null)[][];
  /** [run][layer]: the update before which the layer opened; null: never. */
  opened: (number | null)[][];
}

/** What a finished run tells: where tr(F) of each layer was logged, and what opened when. */
export interface TracedRun {
  layers: { steps: number[]; values: (number | null)[][] } | null;
  schedule: readonly { step: number; layers: readonly number[] }[];
}

/**
 * The mean over runs at each step that all of them measured; one run's own values, if it is alone. Null where no step is left, or
 * where runs have different numbers of layers.
 */
export function surfaceOf(runs: readonly TracedRun[]): Surface | null {
  const traces = runs.flatMap(({ layers }) => layers ?? []);
  if (traces.length === 0 || traces.length < runs.length) return null;
  const rows = traces.map(({ steps, values }) => new Map(steps.map((step, i) => [step, values[i]])));
  const steps = traces[0].steps.filter((step) => rows.every((row) => row.has(step)));
  const count = traces[0].values[0].length;
  const same = traces.every(({ values }) => values.every((row) => row.length === count));
  if (steps.length === 0 || count === 0 || !same) return null;
  const meanAt = (step: number, layer: number) => {
    let sum = 0;
    for (const row of rows) {
      const value = row.get(step)![layer];
      if (value === null) return null;
      sum += value;
    }
    return rows.length === 1 ? sum : short(sum / rows.length);
  };
  return {
    steps,
    values: steps.map((step) => Array.from({ length: count }, (_, layer) => meanAt(step, layer))),
    opened: runs.map(({ schedule }) =>
      Array.from(
        { length: count },
        (_, layer) => schedule.find(({ layers }) => layers.includes(layer))?.step ?? null,
      )
    ),
  };
}

export const layersOf = ({ values }: Surface): number => values[0].length;

/** Share of the runs in which a layer trained already when tr(F) was measured; what opens at that very step did not yet. */
export function openShare({ steps, opened }: Surface, step: number, layer: number): number {
  const open = opened.filter((of) => of[layer] !== null && of[layer]! < steps[step]);
  return open.length / opened.length;
}
