// Promises what a run's folder holds, file by file, read with every doubt stated: wrong JSON, a wrong id, a changed byte.
// Leaves writing to writer.ts and finding runs to store.ts.
import { z } from "zod";
import { sizeOrNull } from "../disk.ts";
import { errorCode, fileSha256, join, readText } from "../runtime.ts";
import { parseSpec, runId, type RunSpec, sha256 } from "../spec/mod.ts";

/** Names of the files in a run's folder. */
export const files = {
  spec: "spec.json",
  status: "status.json",
  provenance: "provenance.json",
  metrics: "metrics.json",
  schedule: "schedule.json",
  losses: "losses.jsonl",
  trf: "trf.jsonl",
  validation: "validation.jsonl",
  adapter: "adapter.safetensors",
  predictions: "predictions",
  checkpoint: "checkpoint",
  trained: "trained.json",
} as const;

/** A file in a run's folder that is not what was written there. */
export class DamagedError extends Error {
  readonly path: string;
  constructor(path: string, what: string) {
    super(`run file ${path}: ${what}`);
    this.name = "DamagedError";
    this.path = path;
  }
}

const statusSchema = z.strictObject({
  format: z.literal(1),
  state: z.enum(["unfinished", "failed", "finished"]),
  step: z.number(),
  steps: z.number(),
  started: z.string(),
  updated: z.string(),
  /** Seconds of execution, summed over its parts where it was interrupted. */
  seconds: z.number(),
  message: z.string().optional(),
  /** SHA-256 of what a finished run's result is read from. */
  digests: z.record(z.string(), z.string()).optional(),
});
export type RunStatus = z.infer<typeof statusSchema>;

/** `"<dataset>/<language>/<metric>"` → value in 0..100. */
export type Metrics = Record<string, number>;

/** One unfreezing: before the update of `step` (from 0) these layers became trainable. */
export interface ScheduleEntry {
  step: number;
  layers: number[];
}

/** Where and how a run was made. What cannot be known is absent; further fields are kept as they are. */
export interface Provenance {
  runtime: string;
  platform: string;
  /** Class of machine: processor, cores, memory. */
  host?: string;
  /** Commit of this project and whether its files differed from it. */
  git?: { commit: string; dirty: boolean };
  packages?: Record<string, string>;
  /** SHA-256 of what was read and of what was trained. */
  hashes?: { model: string; data: string; adapter?: string };
  fidelity?: string;
  /** A GPU's adapter and driver. */
  adapter?: unknown;
  backend: string;
  device: string;
  started: string;
  finished: string;
  seconds: number;
  peakMemoryBytes: number;
  /** What differs from the full data, one sentence each. */
  partial?: string[];
  [field: string]: unknown;
}

export interface FinishedRun {
  id: string;
  spec: RunSpec;
  metrics: Metrics;
  schedule: ScheduleEntry[];
  provenance: Provenance;
}

/** What a training left, written at its end: scores can be made from it at any time, by this run or by one that differs in languages. */
const trainedSchema = z.strictObject({
  format: z.literal(1),
  steps: z.number(),
  /** SHA-256 of the file of what was trained. */
  adapter: z.string(),
  schedule: z.array(z.strictObject({ step: z.number(), layers: z.array(z.number()) })),
  /** SHA-256 of the files that it read. */
  data: z.string(),
  /** What differs from the full training data, one sentence each. */
  partial: z.array(z.string()),
  /** Of the training: device memory, best checkpoint, … */
  provenance: z.record(z.string(), z.unknown()),
});
export type Trained = z.infer<typeof trainedSchema>;

/** What the training of a run left; null where it is not at its end, or what it left has changed since. */
export async function readTrained(folder: string): Promise<Trained | null> {
  const path = join(folder, files.trained), adapter = join(folder, files.adapter);
  if ((await textOrNull(path)) === null || (await sizeOrNull(adapter)) === null) return null;
  const result = trainedSchema.safeParse(await json(path).catch(() => null));
  return result.success && await fileSha256(adapter) === result.data.adapter ? result.data : null;
}

const metricsSchema = z.record(z.string().regex(/^[a-z]+\/[a-z]+\/[a-z0-9]+$/), z.number().min(0).max(100));

/** Checks metrics before they are stored. Throws naming the first wrong key or value. */
export function checkMetrics(metrics: Metrics): Metrics {
  const result = metricsSchema.safeParse(metrics);
  if (result.success) return result.data;
  const { path } = result.error.issues[0];
  const key = String(path[0]);
  throw new Error(
    `metrics: "${key}" is ${metrics[key]}; wanted "<dataset>/<language>/<metric>" with a value in 0..100`,
  );
}

async function textOrNull(path: string): Promise<string | null> {
  try {
    return await readText(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw new DamagedError(path, (error as Error).message);
  }
}

async function json(path: string, digest?: string): Promise<unknown> {
  const text = await textOrNull(path);
  if (text === null) throw new DamagedError(path, "the file is absent");
  if (digest !== undefined && (await sha256(text)) !== digest) {
    throw new DamagedError(path, "its content has changed since the run was finished (SHA-256 differs)");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DamagedError(path, `not valid JSON (${(error as Error).message})`);
  }
}

/** The status, or null where none was written yet. */
export async function readStatus(folder: string): Promise<RunStatus | null> {
  const path = join(folder, files.status);
  if ((await textOrNull(path)) === null) return null;
  const result = statusSchema.safeParse(await json(path));
  if (!result.success) throw new DamagedError(path, z.prettifyError(result.error));
  return result.data;
}

/** The specification; its hash must be the folder's name. */
export async function readSpec(folder: string, id: string): Promise<RunSpec> {
  const path = join(folder, files.spec);
  const value = await json(path);
  let spec: RunSpec;
  try {
    spec = parseSpec(value, path);
  } catch (error) {
    throw new DamagedError(path, (error as Error).message);
  }
  const actual = await runId(spec);
  if (actual !== id) throw new DamagedError(path, `it describes run ${actual}, not ${id}`);
  return spec;
}

/** A finished run's result, each file verified. */
export async function readFinished(folder: string, id: string): Promise<FinishedRun> {
  const status = await readStatus(folder);
  const digests = status?.digests ?? {};
  const [spec, metrics, schedule, provenance] = await Promise.all([
    readSpec(folder, id),
    json(join(folder, files.metrics), digests[files.metrics] ?? "none"),
    json(join(folder, files.schedule), digests[files.schedule] ?? "none"),
    json(join(folder, files.provenance), digests[files.provenance] ?? "none"),
  ]);
  try {
    checkMetrics(metrics as Metrics);
  } catch (error) {
    throw new DamagedError(join(folder, files.metrics), (error as Error).message);
  }
  return {
    id,
    spec,
    metrics: metrics as Metrics,
    schedule: schedule as ScheduleEntry[],
    provenance: provenance as Provenance,
  };
}
