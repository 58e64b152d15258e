// Promises the settings of every run of this paper, at every scale, from the printed tables (numbers/*.json).
// Leaves which runs a table needs to tables/ and what the settings do to the toolkit.
import type { AdapterKind, Fidelity, Hyperparameters, Scale, TaskName } from "../../repro/spec/mod.ts";
import printed from "./numbers/hyperparameters.json" with { type: "json" };
import tiny from "./numbers/tiny.json" with { type: "json" };

export type Encoder = "mbert" | "xlmr" | "mdeberta";

/** Differences between paper and code that are numbers of a run, chosen when it is specified. */
export const settingItems = ["gu-interval", "unknown-interval", "adamw-variant"] as const;
export type SettingItem = (typeof settingItems)[number];

export interface Setting {
  scale: Scale;
  /** "mlm" is the training of a language adapter. */
  task: TaskName | "mlm";
  encoder: Encoder;
  method: string;
  fidelity: Fidelity;
  /** What is to differ from `fidelity`. */
  items?: Partial<Record<SettingItem, Fidelity>>;
  adapter?: AdapterKind;
  /** Training examples, where the paper cuts them: 1000, 5000 or 10000. */
  trainingSize?: number;
  /** At scale tiny: a data root in place of the tiny world. */
  realData?: boolean;
  /** tr(F) and validation scores are to be drawn. Beyond tiny every run is tracked as the paper says. */
  tracked?: boolean;
}

/** Models without settings of their own in print, and whose are taken: Table 3 and 4 do not mention mDeBERTa. */
const likeness: Partial<Record<Encoder, Encoder>> = { mdeberta: "xlmr" };

type TransferSetting = Setting & { task: TaskName };

const asCoded = ({ fidelity, items }: Setting, item: SettingItem): boolean =>
  (items?.[item] ?? fidelity) === "authors-code";

function pick<T extends { task: string; model: string }>(table: T[], { task, encoder }: Setting): T {
  const like = likeness[encoder] ?? encoder;
  const found = table.find((entry) => entry.task === task && entry.model === like);
  if (!found) throw new Error(`hyperparameters: none are printed for ${task} with ${encoder}`);
  return found;
}

/** Methods without an interval of their own in the tables (rand, rev, fixed schedules) take that of GU. */
function intervalOf(intervals: Partial<Record<string, number>>, setting: TransferSetting): number {
  const { method, task, encoder } = setting;
  const { gu, accepted, fallback } = printed.codeIntervals;
  const fixed: Partial<Record<Encoder, number>> = gu[task];
  if (method === "gu" && asCoded(setting, "gu-interval")) {
    return fixed[encoder] ?? fixed[likeness[encoder]!]!;
  }
  const interval = intervals[method] ?? intervals.gu!;
  return asCoded(setting, "unknown-interval") && !accepted.includes(interval) ? fallback : interval;
}

function atTiny({ task, adapter, trainingSize, realData, tracked }: Setting): Hyperparameters {
  if (task === "mlm") return { ...tiny.common, ...tiny.mlm } as Hyperparameters;
  const sizes: Partial<Record<string, number>> = tiny.trainingSizes;
  const settings = {
    ...tiny.common,
    ...tiny[task],
    ...(realData ? tiny.realData[task] : {}),
    ...(tracked ? tiny.tracked : {}),
    ...(adapter === "lora" ? tiny.lora : adapter === "full" ? tiny.full : {}),
    ...(trainingSize === undefined ? {} : { trainingSize: sizes[trainingSize] ?? trainingSize }),
  };
  return settings as Hyperparameters;
}

function forLanguages(): Hyperparameters {
  const { read: _r, ...settings } = printed.languageAdapters;
  const { read: _s, ...assumed } = printed.languageAdaptersAssumed;
  const { fisherBatches, maxGradientNorm, weightDecay } = printed.common;
  return {
    ...{ fisherBatches, maxGradientNorm, weightDecay, docStride: 0, evaluateEvery: 0, trackFisherEvery: 0 },
    ...settings,
    ...assumed,
    interval: 1,
  } as Hyperparameters;
}

function atPaper(setting: TransferSetting): Hyperparameters {
  if (setting.adapter === "full") return fullFineTuning(setting);
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

/** No table prints these: see where they were read. tr(F) is that of task adapters, of which there are none. */
function fullFineTuning(setting: TransferSetting): Hyperparameters {
  const { read: _, ...full } = printed.full;
  const { squad, xnli, copa } = full;
  return {
    ...common(setting),
    ...{ squad, xnli, copa }[setting.task],
    learningRateSchedule: "linear",
    interval: intervalOf(pick(printed.table3, setting).interval, setting),
    trackFisherEvery: 0,
  };
}

function atLowData(setting: TransferSetting): Hyperparameters {
  // The paper cuts SQuAD and MNLI only: COPA has 400 examples to begin with.
  if (setting.task === "copa" || setting.adapter === "full") return atPaper(setting);
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
    // As coded, GU's interval would be longer than the whole training on 1K of SQuAD: what ran must have been Table 4's.
    interval: setting.method === "fun" ? row.intervalFun[size] : row.interval[size],
  };
}

function common({ task }: TransferSetting) {
  const { read: _, ...shared } = printed.common;
  // The published scripts evaluate and save every 500 steps and keep the best.
  return { ...shared, ...printed.inputs[task], evaluateEvery: 500 };
}

/** The settings of one run. Throws where the paper prints none. */
export function hyperparameters(setting: Setting): Hyperparameters {
  const settings = ofScale(setting);
  // AdamW as published (Loshchilov and Hutter, 2019), which the paper cites, adds epsilon to the corrected root.
  return asCoded(setting, "adamw-variant") ? settings : { ...settings, optimizer: "torch" };
}

function ofScale(setting: Setting): Hyperparameters {
  if (setting.scale === "tiny") return atTiny(setting);
  const { task } = setting;
  if (task === "mlm") return forLanguages();
  return setting.scale === "paper" ? atPaper({ ...setting, task }) : atLowData({ ...setting, task });
}
