// Promises the public surface of run specifications, and nothing else.
export { canonicalJson, sha256 } from "./canonical.ts";
export {
  fidelities,
  type Fidelity,
  type FidelityChoices,
  type FidelityItem,
  fidelityItemNames,
  fidelityItems,
  sideOf,
} from "./fidelity.ts";
export {
  adapterKinds,
  backends,
  datasetNames,
  isMethod,
  isTransfer,
  languagesRead,
  methodNames,
  methodWords,
  numericsVersion,
  parseSpec,
  precisions,
  runId,
  runName,
  scales,
  scheduleNames,
  SpecError,
  taskNames,
  trainingId,
} from "./spec.ts";
export type {
  AdapterKind,
  BackendName,
  DatasetName,
  Hyperparameters,
  Precision,
  RunSpec,
  Scale,
  TaskName,
  TransferSpec,
} from "./spec.ts";
