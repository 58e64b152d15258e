// Promises the public surface of checks, and nothing else.
export { equivalenceHalfWidth, level, smallest } from "./published.ts";
export {
  parseReference,
  referenceCells,
  settingsKey,
  storedReference,
  toleranceReason,
} from "./reference.ts";
export type { MeasuredCell, ReferenceFile, ReferenceFileCell } from "./reference.ts";
export { holm, mean, standardDeviation, studentT, twoSidedP, welch, welchHalfWidth } from "./statistics.ts";
export { judge, judgeAll } from "./verdict.ts";
export type { CellToJudge } from "./verdict.ts";
export { holds, points, verdicts } from "./judgement.ts";
export type {
  Illegible,
  Judgement,
  PublishedReference,
  Reference,
  StoredReference,
  Verdict,
} from "./judgement.ts";
