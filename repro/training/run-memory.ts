// Promises what a run is expected to take of memory and, from what is free, how many processes may run side by side and whether a
// batch must be taken in pieces. Leaves the estimate itself to core/models/memory.ts and starting processes to launch/.
import type { AdapterOptions } from "../../core/adapters/adapters.ts";
import { OutOfMemoryError, type TrainingMemory, trainingMemory } from "../../core/mod.ts";
import { requireAdapter } from "../gpu.ts";
import { availableMemory, machine } from "../runtime.ts";
import { isTransfer, languagesRead, runName, type RunSpec } from "../spec/mod.ts";
import { taskAdapterOf } from "./parts.ts";
import { encoderConfigOf } from "./world.ts";

const gibi = 2 ** 30;
const gib = (bytes: number) => `${(bytes / gibi).toFixed(1)} GiB`;

/** What WebAssembly addresses. */
const wasmBytes = 4 * gibi;

/** Of a process beside its device: the runtime, and the texts and tokens of the task. */
const beside = { tiny: gibi / 4, real: gibi };

export interface RunMemory extends TrainingMemory {
  /** What the process takes beside the device: with wasm both are the host's. */
  readonly process: number;
}

/** Longer than any choice of COPA, and than MNLI's pairs are on average. */
const shortTexts = 64;

/** Tokens of a row: the most that are allowed but where texts are short and their padding is not computed. */
function tokensOf({ task, backend, hyperparameters: { maxLength } }: RunSpec): number {
  const isShort = task === "copa" || (task === "xnli" && backend === "wasm");
  return isShort ? Math.min(maxLength, shortTexts) : maxLength;
}

/** At most, with every layer open; `microBatch` as in ExecuteOptions. */
export async function runMemory(spec: RunSpec, microBatch?: number): Promise<RunMemory> {
  const config = await encoderConfigOf(spec.model, spec.data);
  const { batchSize, maskedShare = 0 } = spec.hyperparameters, tokens = tokensOf(spec);
  const examples = Math.min(batchSize, microBatch ?? batchSize);
  const rows = spec.task === "copa" ? 2 * examples : examples;
  const { hiddenSize: h, vocabularySize, layers } = config;
  const isWhole = spec.adapter === "full", isMlm = !isTransfer(spec);
  const estimate = trainingMemory({
    ...{ config, rows, tokens, inPieces: examples < batchSize },
    adapters: adaptersOf(spec),
    // A dense layer and the output layer, small beside an encoder; or the language model's.
    headParameters: h * h + 4 * h + (isMlm ? vocabularySize : 0),
    open: Array.from({ length: layers }, (_, layer) => layer),
    trained: isMlm ? "language" : isWhole ? "encoder" : "task",
    predicted: Math.ceil(maskedShare * rows * tokens),
    ...(spec.backend === "wasm" ? { maximumBytes: wasmBytes } : {}),
    isRecorded: spec.backend === "webgpu",
  });
  // Of a whole model the best checkpoint is kept, and saving holds a copy of the weights for a while.
  const kept = isWhole ? 2 * estimate.weights : 0;
  return {
    ...estimate,
    process: (spec.data === "tiny" ? beside.tiny : beside.real) + estimate.onHost + kept,
  };
}

function adaptersOf(spec: RunSpec): AdapterOptions {
  const { adapter, language, hyperparameters: hp } = spec;
  if (!isTransfer(spec)) return { languages: { [language!]: { reduction: hp.reductionFactor } } };
  if (adapter === "full") return {};
  return {
    languages: Object.fromEntries(languagesRead(spec).map((code) => [code, {}])),
    task: taskAdapterOf(spec),
  };
}

/** Bounds of one backend on this machine, in bytes. */
export interface Room {
  readonly device: number;
  readonly longest: number;
  /** For device and process together. */
  readonly host: number;
}

/** A GPU tells how long a buffer may be, not how much memory it has. */
async function roomOf(backend: RunSpec["backend"], free: number): Promise<Room> {
  const none = { device: Infinity, longest: Infinity, host: Infinity };
  if (backend !== "webgpu") {
    return { ...none, host: free, ...(backend === "wasm" ? { device: wasmBytes } : {}) };
  }
  try {
    return { ...none, longest: (await requireAdapter()).adapter.limits.maxBufferSize };
  } catch {
    // That there is none is for the run to say.
    return none;
  }
}

/** Pools round sizes up: measured peaks were up to so many times the estimate. */
const slack = 1.15;

/** What of a room a run exceeds, in words; null where it fits. */
function excess(memory: RunMemory, { device, longest, host }: Room): string | null {
  const total = slack * memory.total, all = total + memory.process;
  if (memory.longest > longest) return `a buffer of ${gib(memory.longest)}, this GPU allows ${gib(longest)}`;
  if (total > device) return `${gib(total)} on the device, which holds ${gib(device)}`;
  return all > host ? `${gib(all)} in all, ${gib(host)} are free` : null;
}

export interface Advice {
  /** Processes side by side. */
  readonly jobs: number;
  /** Sentences for the user before anything starts. */
  readonly notes: readonly string[];
}

export interface Asked {
  jobs?: number;
  microBatch?: number;
  /** In place of this machine's, for tests. */
  cpus?: number;
  free?: number;
  room?(backend: RunSpec["backend"], free: number): Promise<Room>;
}

/** How many of these runs to make side by side where the user does not say, and which of them will hardly fit. */
export async function memoryAdvice(specs: readonly RunSpec[], asked: Asked): Promise<Advice> {
  const { cpus = machine().cpus, free = availableMemory(), room = roomOf, microBatch } = asked;
  const kinds = new Map<string, RunSpec>();
  for (const spec of specs) {
    const { model, data, task, adapter, backend, scale, hyperparameters: hp } = spec;
    kinds.set([model, data, task, adapter, backend, scale, hp.batchSize, hp.maxLength].join(" "), spec);
  }
  const notes: string[] = [];
  let largest = { bytes: 0, name: "" };
  for (const spec of kinds.values()) {
    // An encoder that cannot be opened is for the run to tell of.
    const memory = await runMemory(spec, microBatch).catch(() => null);
    if (memory === null) continue;
    const bytes = memory.process + (spec.backend === "webgpu" ? 0 : slack * memory.total);
    if (bytes > largest.bytes) largest = { bytes, name: runName(spec) };
    // Most runs are far from any bound, and no GPU is opened for them.
    if (memory.total < gibi / 4) continue;
    const note = await fitNote(spec, memory, await room(spec.backend, free), microBatch);
    if (note !== null) notes.push(note);
  }
  const words = (jobs: number) => jobs === 1 ? "one process" : `${jobs} processes`;
  const needs = `${largest.name} may take ${gib(largest.bytes)}, ${gib(free)} are free`;
  if (asked.jobs !== undefined) {
    const together = Math.min(asked.jobs, specs.length);
    if (together > 1 && together * largest.bytes > free) {
      notes.push(`${words(together)} at a time, as asked, may not fit into memory: ${needs}`);
    }
    return { jobs: asked.jobs, notes };
  }
  if (specs.some(({ backend }) => backend === "webgpu")) return { jobs: 1, notes };
  const jobs = Math.max(1, Math.min(cpus, Math.floor(free / largest.bytes)));
  if (jobs < Math.min(cpus, specs.length)) {
    notes.push(`${words(jobs)} at a time on ${cpus} cores: ${needs}; --jobs N decides otherwise`);
  }
  return { jobs, notes };
}

async function fitNote(
  spec: RunSpec,
  memory: RunMemory,
  room: Room,
  microBatch?: number,
): Promise<string | null> {
  const whole = excess(memory, room);
  if (whole === null) return null;
  const start = `${runName(spec)}: training may need ${whole}`;
  let examples = Math.min(spec.hyperparameters.batchSize, microBatch ?? Infinity), least = whole;
  while (examples > 1) {
    examples = Math.floor(examples / 2);
    const pieces = await runMemory(spec, examples), left = excess(pieces, room);
    if (left === null) {
      return `${start}; --micro-batch ${examples} needs ${gib(slack * pieces.total)} and is the same run`;
    }
    least = left;
  }
  return `${start}, and with --micro-batch 1 ${least}; another device or backend may hold it`;
}

/** An error as it is or, where memory ran out, with the option that helps. */
export function withRemedy(error: unknown, { hyperparameters }: RunSpec, microBatch?: number): unknown {
  if (!(error instanceof OutOfMemoryError)) return error;
  const examples = Math.min(hyperparameters.batchSize, microBatch ?? Infinity);
  const remedy = examples > 1
    ? `--micro-batch ${Math.floor(examples / 2)} takes half as many as now and is the same run`
    : "it was one example at a time; take another device or backend";
  return new Error(`${error.message}; ${remedy}`, { cause: error });
}
