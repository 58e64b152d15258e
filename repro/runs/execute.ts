// Promises the one agreement between what executes a run and what starts it.
// Leaves executing to training/ (or a fake in tests) and starting to launch/.
import type { RunSpec } from "../spec/mod.ts";
import type { RunStore } from "./store.ts";

export interface RunProgress {
  /** Steps done. */
  step: number;
  steps: number;
  phase: "load" | "train" | "evaluate";
  message?: string;
}

export interface ExecuteOptions {
  store: RunStore;
  /** When aborted, the execution saves a checkpoint and rejects with the signal's reason. */
  signal: AbortSignal;
  /** Examples on the device at a time, of a larger batch; changes no number but by rounding, so it is no part of the run. */
  microBatch?: number;
  onProgress(progress: RunProgress): void;
}

/** Executes one run into the store, from its checkpoint where there is one; returns at once if it is finished. */
export type ExecuteRun = (spec: RunSpec, options: ExecuteOptions) => Promise<void>;
