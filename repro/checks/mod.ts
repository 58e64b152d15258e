// Promises the public surface of checks, and nothing else.
export {
  parseReference,
  referenceCells,
  settingsKey,
  storedReference,
  toleranceReason,
} from "./reference.ts";
export type { MeasuredCell, ReferenceFile, ReferenceFileCell } from "./reference.ts";
export { mean, standardDeviation, studentT, welchHalfWidth } from "./statistics.ts";
export { holds, judge } from "./verdict.ts";
export type { Judgement, PublishedReference, Reference, StoredReference, Verdict } from "./verdict.ts";
