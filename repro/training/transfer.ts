// Promises the model of a run that trains on a task in English, and its scores in every language that the run names, with the
// language adapter of each. Leaves training to trainer.ts and what becomes of the scores to execute.ts.
import { type Backend, createModel, type Model, type State, type TaskConfig } from "../../core/mod.ts";
import type { DataSource } from "../data/source.ts";
import type { TargetName } from "../data/datasets.ts";
import type { Metrics } from "../runs/mod.ts";
import type { TransferSpec } from "../spec/mod.ts";
import type { EvaluationResult } from "../tasks/task-data.ts";
import { type CheckpointUse, checkpointUse } from "./checkpoint-use.ts";
import { targetData } from "./data.ts";
import { evaluate } from "./evaluate.ts";
import type { Mutant } from "./mutants.ts";
import { taskAdapterOf } from "./parts.ts";
import type { EncoderBundle } from "./world.ts";

const heads = {
  squad: { kind: "span" },
  xnli: { kind: "classification", labels: 3 },
  copa: { kind: "choice" },
} as const;

/** Score by which the best checkpoint is chosen, as in the authors' scripts. */
export const validationMetric = { squad: "f1", xnli: "accuracy", copa: "accuracy" } as const;

/**
 * Encoder, English language adapter, task adapter and head; with full fine-tuning encoder and head. Nothing trainable yet.
 * @param onLoad told what the checkpoint had too much and too little, where there is one
 * @param kind of task adapter, in place of the one that this run trains
 */
export async function transferModel(
  spec: TransferSpec,
  mutant: Mutant | undefined,
  bundle: EncoderBundle,
  backend: Backend,
  onLoad?: (use: CheckpointUse) => void,
  kind?: TaskConfig,
): Promise<Model> {
  const full = spec.adapter === "full";
  const task = kind ?? taskAdapterOf(spec);
  const model = createModel(backend, {
    config: bundle.config,
    task: heads[spec.task],
    ...(full ? {} : { adapters: { languages: { en: (await bundle.language("en")).config }, task } }),
    seed: spec.seed,
    layerNormPasses: mutant === "single-layer-norm" ? "first" : "every",
    initialEncoder: "empty",
  });
  if (bundle.weights === null) model.loadEncoder(await untrainedWeights(bundle, backend));
  else {
    const report = await model.streamEncoder(bundle.weights);
    onLoad?.(checkpointUse(model, report));
  }
  await useLanguage(model, bundle, "en");
  return model;
}

/** The same random encoder for every seed: only head and task adapters may differ from run to run. */
async function untrainedWeights(bundle: EncoderBundle, backend: Backend): Promise<State> {
  const model = createModel(backend, { config: bundle.config, task: { kind: "span" }, seed: 0 });
  const state = await model.state();
  model.dispose();
  return state;
}

/** Puts the language's adapter in; a model without adapters reads every language alike. */
async function useLanguage(model: Model, bundle: EncoderBundle, code: string): Promise<void> {
  if (model.adapters.taskName === null) return;
  const known = model.adapters.languages.includes(code);
  if (!known || code === "en") {
    const { config, state } = await bundle.language(code);
    if (!known) model.adapters.addLanguage(code, config);
    if (state !== null) model.loadAdapter(code, state);
  }
  model.setLanguage(code);
}

export interface TargetResult extends EvaluationResult {
  dataset: TargetName;
  language: string;
  /** Examples scored. */
  examples: number;
  partial: readonly string[];
}

export interface EvaluationContext {
  spec: TransferSpec;
  mutant?: Mutant;
  model: Model;
  bundle: EncoderBundle;
  source: DataSource;
  signal: AbortSignal;
  /** Told before each. */
  onTarget?(what: string): void;
}

/** Scores the model in every language of `spec.evaluate`, in that order. Throws the signal's reason when aborted. */
export async function* evaluateTargets(context: EvaluationContext): AsyncGenerator<TargetResult> {
  const { spec, mutant, model, bundle, source, signal } = context;
  const targets = Object.entries(spec.evaluate).flatMap(([dataset, languages]) =>
    languages.map((language) => ({ dataset: dataset as TargetName, language }))
  );
  for (const [done, { dataset, language }] of targets.entries()) {
    signal.throwIfAborted();
    context.onTarget?.(`${dataset} ${language} (${done + 1} of ${targets.length})`);
    const { data, partial } = await targetData(source, bundle.tokenizer, spec, dataset, language);
    await useLanguage(model, bundle, mutant === "language-not-swapped" ? "en" : language);
    const result = await evaluate(model, data, signal);
    yield { ...result, dataset, language, examples: data.examples, partial };
  }
}

/** The scores of one language under the names of a run's metrics. */
export function metricsOf({ dataset, language, metrics }: TargetResult): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [`${dataset}/${language}/${name}`, value]),
  );
}
