// Promises the scores of a finished run computed anew from its stored adapter alone, in its own languages or in others.
// Leaves models and scoring to transfer.ts and how scores are shown to the caller.
import type { State } from "../../core/mod.ts";
import { files, type FinishedRun, type RunStore } from "../runs/mod.ts";
import { fileReader, fileSha256, join } from "../runtime.ts";
import { type BackendName, isTransfer, languagesRead, type RunSpec } from "../spec/mod.ts";
import { openBackend, precisionOf } from "./backend.ts";
import { languageData, languageModel, likelihood } from "./language.ts";
import { parseMutant } from "./mutants.ts";
import { readStateFile } from "./state-file.ts";
import { evaluateTargets, type TargetResult, transferModel } from "./transfer.ts";
import { type EncoderBundle, openData, openEncoderOf } from "./world.ts";

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
  // Only what is scored now: an adapter that is gone or has changed since is no matter where it is not used.
  const bundle = await openEncoderOf(run.spec, isTransfer(spec) && spec.adapter !== "full" ? ["en"] : []);
  bundle.adapters?.require(languagesRead(spec));
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
      for await (const result of evaluateTargets({ spec, mutant, model, bundle, source, signal, onTarget })) {
        yield {
          ...result,
          partial: [...result.partial, ...await otherAdapter(bundle, run.spec, result.language)],
        };
      }
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

/** A score by another language adapter than the run's own is no score of that run. */
async function otherAdapter({ adapters }: EncoderBundle, spec: RunSpec, code: string): Promise<string[]> {
  const own = spec.languageAdapters?.[code];
  if (adapters === null || own === undefined) return [];
  const now = await adapters.digest(code);
  return now === own ? [] : [
    `${code}: its language adapter is another one (SHA-256 ${now.slice(0, 16)}…) than that of the run (${
      own.slice(0, 16)
    }…); do not compare this score with the stored one`,
  ];
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
