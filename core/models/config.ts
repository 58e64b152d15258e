// The shape of an encoder, read from Hugging Face's config.json and written back to it.
// It leaves everything that is not shape (tokenizer, task labels) to others.

import { fail } from "../errors.ts";
import { relativeJson, type RelativePositions, relativePositions } from "./relative.ts";

export type ModelType = "bert" | "xlm-roberta" | "deberta-v2" | "distilbert";

export interface EncoderConfig {
  modelType: ModelType;
  hiddenSize: number;
  layers: number;
  heads: number;
  intermediateSize: number;
  vocabularySize: number;
  maximumPositions: number;
  /** 0 where there are no segments. */
  typeVocabularySize: number;
  layerNormEpsilon: number;
  hiddenActivation: string;
  hiddenDropout: number;
  attentionDropout: number;
  /** Dropout before the classifier; null = hiddenDropout. */
  classifierDropout: number | null;
  padTokenId: number;
  initializerRange: number;
  /** DistilBERT: dropout before the span head. */
  spanDropout?: number;
  /** DeBERTa. */
  relative?: RelativePositions;
  /** DeBERTa: dropout of the first token before the pooler. */
  poolerDropout?: number;
  poolerActivation?: string;
}

/** Our name, theirs, and what they assume when it is absent (undefined = it must be there). */
type Field = readonly [keyof EncoderConfig, string, number | string | null | undefined];

const common: readonly Field[] = [
  ["vocabularySize", "vocab_size", undefined],
  ["maximumPositions", "max_position_embeddings", undefined],
  ["padTokenId", "pad_token_id", 0],
  ["initializerRange", "initializer_range", 0.02],
];

const bert: readonly Field[] = [
  ["hiddenSize", "hidden_size", undefined],
  ["layers", "num_hidden_layers", undefined],
  ["heads", "num_attention_heads", undefined],
  ["intermediateSize", "intermediate_size", undefined],
  ["typeVocabularySize", "type_vocab_size", undefined],
  ["layerNormEpsilon", "layer_norm_eps", 1e-12],
  ["hiddenActivation", "hidden_act", "gelu"],
  ["hiddenDropout", "hidden_dropout_prob", 0.1],
  ["attentionDropout", "attention_probs_dropout_prob", 0.1],
  ["classifierDropout", "classifier_dropout", null],
  ...common,
];

/** `fields` with some names or defaults changed. */
const changed = (fields: readonly Field[], ...changes: Field[]): readonly Field[] =>
  fields.map((field) => changes.find(([ours]) => ours === field[0]) ?? field);

const fieldsOf: Readonly<Record<ModelType, readonly Field[]>> = {
  "bert": bert,
  "xlm-roberta": changed(bert, ["padTokenId", "pad_token_id", 1]),
  "deberta-v2": [
    ...changed(
      bert,
      ["typeVocabularySize", "type_vocab_size", 0],
      ["layerNormEpsilon", "layer_norm_eps", 1e-7],
      ["classifierDropout", "cls_dropout", null],
    ),
    ["poolerDropout", "pooler_dropout", 0],
    ["poolerActivation", "pooler_hidden_act", "gelu"],
  ],
  "distilbert": [
    ["hiddenSize", "dim", undefined],
    ["layers", "n_layers", undefined],
    ["heads", "n_heads", undefined],
    ["intermediateSize", "hidden_dim", undefined],
    ["hiddenActivation", "activation", "gelu"],
    ["hiddenDropout", "dropout", 0.1],
    ["attentionDropout", "attention_dropout", 0.1],
    ["classifierDropout", "seq_classif_dropout", 0.2],
    ["spanDropout", "qa_dropout", 0.1],
    ...common,
  ],
};

/** What DistilBERT has no field for. */
const distilbertConstants = { typeVocabularySize: 0, layerNormEpsilon: 1e-12 };

const counts: readonly (keyof EncoderConfig)[] = [
  "hiddenSize",
  "layers",
  "heads",
  "intermediateSize",
  "vocabularySize",
  "maximumPositions",
];

/**
 * Reads a parsed config.json.
 * @throws for another model type, a missing field, a size that is not a positive integer, or a variant that is not computed
 */
export function encoderConfig(json: Readonly<Record<string, unknown>>): EncoderConfig {
  const known = Object.keys(fieldsOf);
  if (!known.includes(json.model_type as string)) {
    fail(
      `config.json: model_type is ${JSON.stringify(json.model_type)}; this encoder is one of ${
        known.join(", ")
      }`,
    );
  }
  const modelType = json.model_type as ModelType;
  const out: Record<string, unknown> = {
    modelType,
    ...(modelType === "distilbert" ? distilbertConstants : {}),
  };
  for (const [ours, theirs, otherwise] of fieldsOf[modelType]) {
    const value = json[theirs] ?? otherwise;
    if (value === undefined) {
      fail(`config.json: ${theirs} is missing; take the file that came with the weights`);
    }
    out[ours] = value;
  }
  if (modelType === "deberta-v2") out.relative = relativePositions(json);
  const config = out as unknown as EncoderConfig;
  checkConfig(config);
  return config;
}

/** The config.json of an encoder, for `encoderConfig` and for transformers. */
export function configJson(config: EncoderConfig): Record<string, unknown> {
  const out: Record<string, unknown> = { model_type: config.modelType };
  for (const [ours, theirs] of fieldsOf[config.modelType]) out[theirs] = config[ours];
  return config.relative === undefined ? out : { ...out, ...relativeJson(config.relative) };
}

export function checkConfig(config: EncoderConfig): void {
  for (const name of counts) {
    const value = config[name];
    if (!Number.isInteger(value) || (value as number) < 1) {
      fail(`encoder configuration: ${name} is ${value}; wanted a positive integer`);
    }
  }
  if (!(Number.isInteger(config.typeVocabularySize) && config.typeVocabularySize >= 0)) {
    fail(
      `encoder configuration: typeVocabularySize is ${config.typeVocabularySize}; wanted 0 or a positive integer`,
    );
  }
  if ((config.modelType === "deberta-v2") !== (config.relative !== undefined)) {
    fail(`encoder configuration: ${config.modelType} with${config.relative ? "" : "out"} relative positions`);
  }
  if (config.hiddenSize % config.heads !== 0) {
    fail(
      `encoder configuration: hiddenSize ${config.hiddenSize} is not divisible by heads ${config.heads}; change one of them`,
    );
  }
}
