// Promises the public surface of the report, and nothing else.
export type * from "./data.ts";
export { gatherReport, type ReportInputs } from "./gather.ts";
export { renderReport } from "./html.ts";
export { dark, light, pairs, type Palette } from "./style.ts";
