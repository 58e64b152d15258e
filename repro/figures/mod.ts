// Promises the public surface of what figures are made from, and nothing else.
export { blocksOf, layerSignature, traceArchitecture, tracing } from "./architecture.ts";
export type { ArchitectureTrace, Block, BlockKind, KernelCall, Operation } from "./architecture.ts";
export { groupedByResult, meanCurve, movingAverage, normalised } from "./curves.ts";
export type { CurvePoint } from "./curves.ts";
export { openArchitecture } from "./open.ts";
export { drawFigure, missingLines, runsOfFigure } from "./runs.ts";
export { openingsOf, orderOf, traceSchedule } from "./schedule.ts";
export type { Openings } from "./schedule.ts";
