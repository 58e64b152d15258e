// Promises the public surface of tables, and nothing else.
export { chooseLowest, lowestLanguages, printedLowest, tableCells, valueOf } from "./cells.ts";
export type { CellValues, FoundCell, Lowest, RunOfTable } from "./cells.ts";
export { explainCells, explanationLines } from "./explain.ts";
export type { ExplainedSeed, Explanation } from "./explain.ts";
export { storedEvidence, storeEvidence, storeEvidenceName } from "./evidence.ts";
export type { StoreOfRuns } from "./evidence.ts";
export { factHolds, factsView, judgeFacts, same } from "./facts.ts";
export type { JudgedFact } from "./facts.ts";
export { judgeTable, judgingRules, named, settingsOf } from "./judge.ts";
export type { JudgedCell, JudgedTable, TableInputs } from "./judge.ts";
export { gatherPartial, partialOf } from "./partial.ts";
export { loadReference, makeReference, referencePath } from "./reference.ts";
export { countLine, marks, missingRuns, tableView, titleOf } from "./view.ts";
export type { ViewContext } from "./view.ts";
