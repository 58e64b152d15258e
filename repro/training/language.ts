// Promises the model, the data and the score of a run that trains a language adapter with its invertible block by masked-language
// modelling (Pfeiffer et al., 2020, section 4.1). Leaves training to trainer.ts and masking to tasks/masked-lm.ts.
import { type Backend, createModel, type Model, scope } from "../../core/mod.ts";
import type { DataSource } from "../data/source.ts";
import { openText } from "../data/text.ts";
import type { RunSpec } from "../spec/mod.ts";
import { maskedLmData, textBlocks } from "../tasks/masked-lm.ts";
import type { Items } from "../tasks/task-data.ts";
import { type CheckpointUse, checkpointUse } from "./checkpoint-use.ts";
import { modelBatch } from "./data.ts";
import type { EncoderBundle } from "./world.ts";

/** Every so manieth block is kept for validation: 5 %. */
const validationEvery = 20;
/** Tokens of one evaluation batch. */
const batchTokens = 4096;
/** Masks of the validation are the same for every run. */
const validationSeed = 0;

export interface LanguageData {
  training: Items;
  validation: Items;
}

export async function languageData(
  source: DataSource,
  bundle: EncoderBundle,
  spec: RunSpec,
): Promise<LanguageData> {
  const { maxLength, maskedShare, trainingSize } = spec.hyperparameters;
  const { lines } = await openText(source, spec.language!);
  // The first so many blocks: a Wikipedia need not be read to its end.
  const blocks = await textBlocks(bundle.tokenizer, lines(), maxLength, trainingSize);
  const isHeldOut = (_: unknown, i: number) => i % validationEvery === validationEvery - 1;
  const kept = blocks.filter((block, i) => !isHeldOut(block, i));
  const heldOut = blocks.filter(isHeldOut);
  const limit = spec.hyperparameters.evaluationLimit ?? Infinity;
  const prepare = (chosen: Int32Array[], seed: number) =>
    maskedLmData(bundle.tokenizer, chosen, { maxLength, maskedShare: maskedShare!, seed });
  return {
    training: prepare(kept, spec.seed),
    // Text of less than a block's twentieth is its own validation.
    validation: prepare((heldOut.length > 0 ? heldOut : kept).slice(0, limit), validationSeed),
  };
}

/**
 * Encoder, masked-LM head and a new adapter for the language, active. Nothing trainable yet.
 * @param onLoad as for transferModel
 */
export async function languageModel(
  spec: RunSpec,
  bundle: EncoderBundle,
  backend: Backend,
  onLoad?: (use: CheckpointUse) => void,
): Promise<Model> {
  const { language, seed, hyperparameters: { reductionFactor } } = spec;
  const model = createModel(backend, {
    config: bundle.config,
    task: { kind: "masked-lm" },
    adapters: { languages: { [language!]: { reduction: reductionFactor } } },
    seed,
    initialEncoder: bundle.weights === null ? "random" : "empty",
  });
  if (bundle.weights !== null) {
    const encoder = await model.streamEncoder(bundle.weights);
    const head = await model.streamHead(bundle.weights);
    onLoad?.(checkpointUse(model, encoder, head));
  }
  model.setLanguage(language!);
  return model;
}

/** 100 / perplexity: the geometric mean of the probabilities that hidden tokens are given, in percent. */
export async function likelihood(
  model: Model,
  { collate, size, lengths }: Items,
  signal: AbortSignal,
): Promise<number> {
  let loss = 0, count = 0;
  const rows = Math.max(1, Math.floor(batchTokens / lengths.reduce((most, each) => Math.max(most, each), 1)));
  for (let from = 0; from < size; from += rows) {
    signal.throwIfAborted();
    const batch = collate(Array.from({ length: Math.min(rows, size - from) }, (_, i) => from + i));
    const hidden = batch.labels.kind === "tokens" ? batch.labels.labels.filter((label) => label >= 0) : [];
    if (hidden.length === 0) continue;
    const mean = scope(() => model.loss(modelBatch(batch, true)));
    loss += await mean.item() * hidden.length;
    count += hidden.length;
    mean.dispose();
  }
  if (count === 0) throw new Error("validation: no token is hidden in any block; give more text");
  return 100 * Math.exp(-loss / count);
}
