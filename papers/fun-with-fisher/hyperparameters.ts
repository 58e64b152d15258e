// Promises the settings of every run of this paper, at every scale, from the printed tables (numbers/*.json).
// Leaves which runs a table needs to tables/ and what the settings do to the toolkit.
import type { Fidelity, Hyperparameters, Scale, TaskName } from "../../repro/spec/mod.ts";
import printed from "./numbers/hyperparameters.json" with { type: "json" };
import tiny from "./numbers/tiny.json" with { type: "json" };

export type Encoder = "mbert" | "xlmr";

export interface Setting {
  scale: Scale;
  task: TaskName;
  encoder: Encoder;
  method: string;
  fidelity: Fidelity;
  adapter?: "mad-x" | "lora";
  /** Training examples, at scale low-data: 1000, 5000 or 10000. */
  trainingSize?: number;
  /** At scale tiny: a data root in place of the tiny world. */
  realData?: boolean;
}

/** Intervals that the published code knows; any other silently becomes the first of its fallbacks. */
const codeIntervals = [1, 10, 25, 50, 100, 800, 1000, 1200];
const codeFallback = 100;

function pick<T extends { task: string; model: string }>(table: T[], { task, encoder }: Setting): T {
  const found = table.find((entry) => entry.task === task && entry.model === encoder);
  if (!found) throw new Error(`hyperparameters: none are printed for ${task} with ${encoder}`);
  return found;
}

/** Methods without an interval of their own in the tables (rand, rev, fixed schedules) take that of GU. */
function intervalOf(intervals: Partial<Record<string, number>>, { method, fidelity }: Setting): number {
  const interval = intervals[method] ?? intervals.gu!;
  if (fidelity === "authors-code" && !codeIntervals.includes(interval)) return codeFallback;
  return interval;
}

function atTiny({ task, realData }: Setting): Hyperparameters {
  const settings = { ...tiny.common, ...tiny[task], ...(realData ? tiny.realData[task] : {}) };
  return settings as Hyperparameters;
}

function atPaper(setting: Setting): Hyperparameters {
  const lora = setting.adapter === "lora";
  const row = pick<(typeof printed.table3)[number] | (typeof printed.table15)[number]>(
    lora ? printed.table15 : printed.table3,
    setting,
  );
  const column = setting.method === "standard" ? 0 : 1;
  return {
    ...common(setting),
    epochs: row.epochs[column],
    learningRate: row.learningRate[column],
    learningRateSchedule: row.learningRateSchedule as "linear" | "constant",
    batchSize: row.batchSize,
    interval: intervalOf(row.interval, setting),
    ...(lora ? { loraRank: printed.lora.loraRank, loraAlpha: printed.lora.loraAlpha } : {}),
  };
}

function atLowData(setting: Setting): Hyperparameters {
  // The paper cuts SQuAD and MNLI only: COPA has 400 examples to begin with.
  if (setting.task === "copa") return atPaper(setting);
  const row = pick(printed.table4, setting);
  const size = String(setting.trainingSize ?? 1000) as keyof typeof row.interval;
  if (!(size in row.interval)) {
    const sizes = Object.keys(row.interval).join(", ");
    throw new Error(`hyperparameters: training size ${size} is not printed; choose ${sizes}`);
  }
  return {
    ...common(setting),
    epochs: row.epochs,
    trainingSize: Number(size),
    learningRate: row.learningRate,
    learningRateSchedule: pick(printed.table3, setting).learningRateSchedule as "linear" | "constant",
    batchSize: row.batchSize,
    interval: setting.method === "fun" ? row.intervalFun[size] : row.interval[size],
  };
}

function common({ task }: Setting) {
  const { read: _, ...shared } = printed.common;
  // The published scripts evaluate and save every 500 steps and keep the best.
  return { ...shared, ...printed.inputs[task], evaluateEvery: 500 };
}

/** The settings of one run. Throws where the paper prints none. */
export function hyperparameters(setting: Setting): Hyperparameters {
  if (setting.scale === "tiny") return atTiny(setting);
  return setting.scale === "paper" ? atPaper(setting) : atLowData(setting);
}
