// The shape of an encoder, read from Hugging Face's config.json and written back to it.
// It leaves everything that is not shape (tokenizer, task labels) to others.

import { fail } from "../errors.ts";

export type ModelType = "bert" | "xlm-roberta";

export interface EncoderConfig {
  modelType: ModelType;
  hiddenSize: number;
  layers: number;
  heads: number;
  intermediateSize: number;
  vocabularySize: number;
  maximumPositions: number;
  typeVocabularySize: number;
  layerNormEpsilon: number;
  hiddenActivation: string;
  hiddenDropout: number;
  attentionDropout: number;
  /** Dropout before the classifier; null = hiddenDropout. */
  classifierDropout: number | null;
  padTokenId: number;
  initializerRange: number;
}

/** Our name, theirs, and what they assume when it is absent (undefined = it must be there). */
const fields: readonly [keyof EncoderConfig, string, number | string | null | undefined][] = [
  ["hiddenSize", "hidden_size", undefined],
  ["layers", "num_hidden_layers", undefined],
  ["heads", "num_attention_heads", undefined],
  ["intermediateSize", "intermediate_size", undefined],
  ["vocabularySize", "vocab_size", undefined],
  ["maximumPositions", "max_position_embeddings", undefined],
  ["typeVocabularySize", "type_vocab_size", undefined],
  ["layerNormEpsilon", "layer_norm_eps", 1e-12],
  ["hiddenActivation", "hidden_act", "gelu"],
  ["hiddenDropout", "hidden_dropout_prob", 0.1],
  ["attentionDropout", "attention_probs_dropout_prob", 0.1],
  ["classifierDropout", "classifier_dropout", null],
  ["padTokenId", "pad_token_id", undefined],
  ["initializerRange", "initializer_range", 0.02],
];

const counts: readonly (keyof EncoderConfig)[] = [
  "hiddenSize",
  "layers",
  "heads",
  "intermediateSize",
  "vocabularySize",
  "maximumPositions",
  "typeVocabularySize",
];

/** Reads a parsed config.json. @throws for another model type, a missing field, or a size that is not a positive integer */
export function encoderConfig(json: Readonly<Record<string, unknown>>): EncoderConfig {
  const modelType = json.model_type;
  if (modelType !== "bert" && modelType !== "xlm-roberta") {
    fail(`config.json: model_type is ${JSON.stringify(modelType)}; this encoder is "bert" or "xlm-roberta"`);
  }
  const out: Record<string, unknown> = { modelType };
  for (const [ours, theirs, otherwise] of fields) {
    const value = json[theirs] ?? (theirs === "pad_token_id" ? (modelType === "bert" ? 0 : 1) : otherwise);
    if (value === undefined) {
      fail(`config.json: ${theirs} is missing; take the file that came with the weights`);
    }
    out[ours] = value;
  }
  const config = out as unknown as EncoderConfig;
  checkConfig(config);
  return config;
}

/** The config.json of an encoder, for `encoderConfig` and for transformers. */
export function configJson(config: EncoderConfig): Record<string, unknown> {
  const out: Record<string, unknown> = { model_type: config.modelType };
  for (const [ours, theirs] of fields) out[theirs] = config[ours];
  return out;
}

export function checkConfig(config: EncoderConfig): void {
  for (const name of counts) {
    const value = config[name];
    if (!Number.isInteger(value) || (value as number) < 1) {
      fail(`encoder configuration: ${name} is ${value}; wanted a positive integer`);
    }
  }
  if (config.hiddenSize % config.heads !== 0) {
    fail(
      `encoder configuration: hiddenSize ${config.hiddenSize} is not divisible by heads ${config.heads}; change one of them`,
    );
  }
}

/** First part of every parameter name of the encoder. */
export function namePrefix(config: EncoderConfig): "bert" | "roberta" {
  return config.modelType === "bert" ? "bert" : "roberta";
}
