// Promises the public surface of papers as the toolkit sees them, and nothing else.
export { factTable, type ResultOptions, resultTable } from "./declare.ts";
export { capital, columnTitle, metricTitle, runTitle } from "./names.ts";
export type { Figure, FigureContext, LoggedValue, RunOfFigure } from "./figure.ts";
export type {
  Deviation,
  Download,
  EncoderShape,
  Fact,
  FactContext,
  FactTable,
  LayoutBlock,
  Paper,
  PaperDataset,
  PaperModel,
  ResultColumn,
  ResultRow,
  ResultTable,
  RunRequest,
  SettingRequest,
  Table,
  TaskSize,
} from "./paper.ts";
export {
  chosenColumns,
  chosenRows,
  countedLanguages,
  datasetOf,
  evaluations,
  fidelityWords,
  gapOf,
  judgedRuns,
  modelOf,
  requestKey,
  requestOf,
  requestsOf,
  requestWords,
  scaleWords,
  sourceWords,
  specify,
  targetsOf,
  wantedByFigure,
  wantedRuns,
} from "./specify.ts";
export { adapterSteps, languagesOf, leftOut, missingAdapters, notAtHand } from "./adapters.ts";
export type { Choice, Setup, SetupModel, Wanted } from "./specify.ts";
