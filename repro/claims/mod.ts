// Promises the public surface of claims, and nothing else.
export type {
  Case,
  CellName,
  CellValue,
  Claim,
  ClaimVerdict,
  CurvePoint,
  Evidence,
  Outcome,
} from "./claim.ts";
export {
  areaAgainstTransfer,
  higherAtFirst,
  hill,
  hills,
  movingAverage,
  orderCorrelation,
  rankCorrelation,
  topDown,
} from "./curves.ts";
export {
  above,
  alike,
  counted,
  differences,
  halfWidth,
  outcome,
  points,
  positive,
  statedMean,
  withNoise,
} from "./predicates.ts";
export type { Pair, Quantifier, StatedMean } from "./predicates.ts";
export { publishedEvidence, referenceEvidence } from "./evidence.ts";
export { claimLegend, claimNote, claimsMarkdown, claimsText, judgeClaims } from "./render.ts";
export type { JudgedClaim } from "./render.ts";
