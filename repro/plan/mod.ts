// Promises the public surface of plans, and nothing else.
export { parsePlan, planText } from "./file.ts";
export { makePlan, shapeOf, sizeOf } from "./plan.ts";
export type { Plan, PlannedRun, PlannedTable, PlanOptions, PlanTarget } from "./plan.ts";
export { type Probe, probe } from "./probe.ts";
export { type Budget, type Decided, untilDecided, type UntilOptions } from "./until.ts";
export { bytesText, flopsText, hoursText, planLines } from "./view.ts";
export { type RunWork, workOf } from "./work.ts";
