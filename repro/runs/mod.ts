// Promises the public surface of the run store, and nothing else.
export { compareRuns, comparisonLines } from "./compare.ts";
export type { Comparison as RunComparison } from "./compare.ts";
export type { ExecuteOptions, ExecuteRun, RunProgress } from "./execute.ts";
export { LockedError } from "./lock.ts";
export { DamagedError, files } from "./record.ts";
export type { FinishedRun, Metrics, Provenance, RunStatus, ScheduleEntry, Trained } from "./record.ts";
export { RunStore, storeFolder } from "./store.ts";
export type { RunEntry, RunState } from "./store.ts";
export { RunWriter } from "./writer.ts";
export type { Checkpoint, LogLine, LogName } from "./writer.ts";
