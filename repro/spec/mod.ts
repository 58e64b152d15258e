// Promises the public surface of run specifications, and nothing else.
export { canonicalJson, sha256 } from "./canonical.ts";
export {
  adapterKinds,
  backends,
  datasetNames,
  fidelities,
  methodNames,
  numericsVersion,
  parseSpec,
  runId,
  runName,
  scales,
  SpecError,
  taskNames,
} from "./spec.ts";
export type {
  AdapterKind,
  BackendName,
  DatasetName,
  Fidelity,
  Hyperparameters,
  RunSpec,
  Scale,
  TaskName,
} from "./spec.ts";
