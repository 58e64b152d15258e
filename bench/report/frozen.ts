// Promises what frozen parameters save: a step's time, memory and time per FLOP by what is open, and the saving of gradual
// unfreezing over a whole run. Leaves measuring to measure.ts.
import { createUnfreezer } from "../../core/mod.ts";
import { hyperparameters } from "../../papers/fun-with-fisher/hyperparameters.ts";
import type { TableView } from "../../repro/render/mod.ts";
import type { BenchResults, MeasuredOperation } from "./results.ts";
import { mebibytes, medianOf, short } from "./rows.ts";
import { headingOf } from "./tables.ts";

interface Stage {
  open: number | "full";
  ms: number;
  flops: number;
  peakBytes: number | null;
}

const layers = 12;

/** null when no operation of the family frozen/ was measured. */
export async function frozenTables(results: BenchResults): Promise<TableView | null> {
  const byEncoder = new Map<string, Stage[]>();
  for (const operation of results.operations) {
    const found = /^frozen\/(.+)-(?:open-(\d+)|(full))$/.exec(operation.name);
    const stage = found && stageOf(operation, found[2] === undefined ? "full" : Number(found[2]));
    if (stage) byEncoder.set(found[1], [...byEncoder.get(found[1]) ?? [], stage]);
  }
  if (byEncoder.size === 0) return null;
  const notes = [];
  for (const [encoder, stages] of byEncoder) {
    for (const text of await savings(stages)) notes.push([{ text: `${encoder}: ${text}` }]);
  }
  return {
    title: "What frozen parameters save",
    heading: headingOf(results).slice(0, 3),
    blocks: [...byEncoder].map(([encoder, stages]) => ({
      corner: encoder,
      groups: [{
        title: "one training step",
        columns: ["ms", "GFLOP", "time, × full", "FLOP, × full", "time per FLOP, × full", "peak memory"],
      }],
      rows: stages.map((stage) => ({
        label: [[{ text: stage.open === "full" ? "full fine-tuning" : `${stage.open} adapters open` }]],
        cells: cellsOf(stage, stages.find(({ open }) => open === "full")).map((text) => [[{ text }]]),
      })),
    })),
    legend:
      "FLOP: matrix products that the open parameters need (bench/work/flops.ts). Full fine-tuning has no adapters. The head " +
      "trains throughout.",
    notes,
  };
}

function stageOf(operation: MeasuredOperation, open: number | "full"): Stage | null {
  const own = operation.results[0];
  const ms = medianOf(own);
  if (ms === null || own.state !== "measured" || operation.flops === null) return null;
  return { open, ms, flops: operation.flops, peakBytes: own.memory?.peak ?? null };
}

function cellsOf(stage: Stage, full: Stage | undefined): string[] {
  const relative = (value: number, whole: number | undefined) => whole ? (value / whole).toFixed(2) : "–";
  return [
    short(stage.ms),
    short(stage.flops / 1e9),
    relative(stage.ms, full?.ms),
    relative(stage.flops, full?.flops),
    relative(stage.ms / stage.flops, full && full.ms / full.flops),
    stage.peakBytes === null ? "–" : mebibytes(stage.peakBytes),
  ];
}

/** Time of a step with `open` adapters: measured, or on the line between the nearest two that were. */
export function stepTime(stages: readonly { open: number | "full"; ms: number }[], open: number): number {
  const known = stages.filter((stage): stage is { open: number; ms: number } => stage.open !== "full")
    .toSorted((a, b) => a.open - b.open);
  const above = known.find((stage) => stage.open >= open),
    below = known.findLast((stage) => stage.open <= open);
  if (above === undefined || below === undefined) {
    throw new Error(
      `no measured step has at least, or none at most, ${open} open adapters; measure 0 and 12 too`,
    );
  }
  if (above.open === below.open) return above.ms;
  return below.ms + (above.ms - below.ms) * (open - below.open) / (above.open - below.open);
}

/** Adapters that gradual unfreezing has open at each update of a run. */
export async function openAtEachStep(steps: number, interval: number): Promise<number[]> {
  const unfreezer = createUnfreezer({ layers, interval, method: "gu", fidelity: "authors-code", seed: 1 });
  const counts: number[] = [];
  for (let step = 0; step < steps; step++) {
    await unfreezer.before(step);
    counts.push(unfreezer.unfrozen.length);
  }
  return counts;
}

/** Runs that the paper's data describe: settings and number of training examples (steps are given, or epochs of them). */
const runs = [
  { title: "tiny SQuAD", setting: { scale: "tiny" }, examples: 0 },
  {
    title: "low-data SQuAD, 1,000 examples",
    setting: { scale: "low-data", trainingSize: 1000 },
    examples: 1000,
  },
] as const;

/** Time of a whole run under gradual unfreezing by that of one with all adapters open from the start, one sentence a run. */
async function savings(stages: readonly Stage[]): Promise<string[]> {
  const open = stages.map((stage) => stage.open);
  if (!open.includes(1) || !open.includes(layers)) return [];
  const lines: string[] = [];
  for (const { title, setting, examples } of runs) {
    const { steps, epochs, batchSize, interval } = hyperparameters({
      ...setting,
      task: "squad",
      encoder: "xlmr",
      method: "gu",
      fidelity: "authors-code",
    });
    const count = steps ?? epochs! * Math.ceil(examples / batchSize);
    const openAt = await openAtEachStep(count, interval);
    const gradual = openAt.reduce((total, each) => total + stepTime(stages, each), 0);
    const saved = 1 - gradual / (count * stepTime(stages, layers));
    lines.push(
      `gradual unfreezing, one layer every ${interval} of ${count} steps (${title}), saves ` +
        `${(100 * saved).toFixed(1)} % of the training time`,
    );
  }
  return lines;
}
