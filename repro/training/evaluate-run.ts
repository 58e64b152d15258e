// Promises the scores of a finished run computed anew from its stored adapter alone, in its own languages or in others.
// Leaves models and scoring to transfer.ts and how scores are shown to the caller.
import type { State } from "../../core/mod.ts";
import { files, type FinishedRun, type RunStore } from "../runs/mod.ts";
import { fileReader, fileSha256, join } from "../runtime.ts";
import { type BackendName, isTransfer, type RunSpec } from "../spec/mod.ts";
import { openBackend, precisionOf } from "./backend.ts";
import { languageData, languageModel, likelihood } from "./language.ts";
import { parseMutant } from "./mutants.ts";
import { readStateFile } from "./state-file.ts";
import { evaluateTargets, type TargetResult, transferModel } from "./transfer.ts";
import { openData, openEncoderOf } from "./world.ts";

export interface EvaluateRunOptions {
  /** Data sets and languages in place of the run's own. */
  evaluate?: RunSpec["evaluate"];
  /** In place of the run's own. */
  backend?: BackendName;
  /** Of wasm; default as openBackend says. */
  threads?: number;
  signal: AbortSignal;
  onTarget?(what: string): void;
}

/** Results in the order of the specification; for a language adapter one, under the data set "text". */
export async function* evaluateRun(
  store: RunStore,
  run: FinishedRun,
  options: EvaluateRunOptions,
): AsyncGenerator<Omit<TargetResult, "dataset"> & { dataset: string }> {
  const spec = { ...run.spec, evaluate: options.evaluate ?? run.spec.evaluate };
  const adapter = await storedAdapter(store, run);
  const bundle = await openEncoderOf(spec);
  const source = openData(spec.data);
  const name = options.backend ?? spec.backend;
  const { signal, onTarget, threads } = options;
  const backend = await openBackend(name, {
    ...(name === spec.backend ? precisionOf(spec) : {}),
    ...(threads === undefined ? {} : { threads }),
  });
  try {
    if (isTransfer(spec)) {
      const mutant = parseMutant(spec.mutant);
      const model = await transferModel(spec, mutant, bundle, backend);
      model.loadState(adapter, { missing: "keep" });
      yield* evaluateTargets({ spec, mutant, model, bundle, source, signal, onTarget });
      model.dispose();
    } else {
      const model = await languageModel(spec, bundle, backend);
      model.loadState(adapter, { missing: "keep" });
      const { validation } = await languageData(source, bundle, spec);
      const language = spec.language!;
      yield {
        ...{ dataset: "text", language, examples: validation.size, partial: [] },
        metrics: { likelihood: await likelihood(model, validation, signal) },
        ...{ conventions: {}, predictions: {} },
      };
      model.dispose();
    }
  } finally {
    backend.dispose();
  }
}

/** What a finished run trained, as it was stored. Throws when the file has changed since. */
export async function storedAdapter(store: RunStore, { id }: FinishedRun): Promise<State> {
  const path = join(store.runFolder(id), files.adapter);
  const wanted = await store.digestOf(id, files.adapter);
  if (wanted === undefined || await fileSha256(path) !== wanted) {
    throw new Error(
      `adapter ${path}: its content has changed since the run was finished (SHA-256 differs); make the run anew`,
    );
  }
  return (await readStateFile(await fileReader(path), path)).state;
}
