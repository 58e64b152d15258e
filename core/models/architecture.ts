// What differs between kinds of encoder: the names of their parts in a state dict, and which parts they have.
// It leaves sizes to config.ts and the arithmetic to encoder.ts and heads.ts.

import type { EncoderConfig, ModelType } from "./config.ts";

/** Names below a layer's own; a LayerNorm's are complete. */
export interface LayerNames {
  query: string;
  key: string;
  value: string;
  attentionOutput: string;
  attentionNorm: string;
  intermediate: string;
  output: string;
  outputNorm: string;
  /** What holds the bottleneck adapters. */
  adapters: string;
}

export interface Architecture {
  /** First part of every parameter name of the encoder. */
  prefix: string;
  /** What the layers' numbers follow. */
  layers: string;
  names: LayerNames;
  /** Adds an embedding of each token's absolute position. */
  absolutePositions: boolean;
  /** Numbers positions from padTokenId + 1, tokens that are not padding only. */
  positionsFromPadding: boolean;
  /** Sets the embeddings of padding to zero. */
  masksEmbeddings: boolean;
  /** Dropout between the attention's output projection and the residual sum. */
  attentionOutputDropout: boolean;
  lmHead: { dense: string; norm: string; bias: string };
}

const bertNames: LayerNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attentionOutput: "attention.output.dense",
  attentionNorm: "attention.output.LayerNorm",
  intermediate: "intermediate.dense",
  output: "output.dense",
  outputNorm: "output.LayerNorm",
  adapters: "output.adapters",
};

const bert: Architecture = {
  prefix: "bert",
  layers: "encoder.layer",
  names: bertNames,
  absolutePositions: true,
  positionsFromPadding: false,
  masksEmbeddings: false,
  attentionOutputDropout: true,
  lmHead: {
    dense: "cls.predictions.transform.dense",
    norm: "cls.predictions.transform.LayerNorm",
    bias: "cls.predictions.bias",
  },
};

const architectures: Readonly<Record<ModelType, Architecture>> = {
  "bert": bert,
  "xlm-roberta": {
    ...bert,
    prefix: "roberta",
    positionsFromPadding: true,
    lmHead: { dense: "lm_head.dense", norm: "lm_head.layer_norm", bias: "lm_head.bias" },
  },
  "deberta-v2": {
    ...bert,
    prefix: "deberta",
    names: {
      ...bertNames,
      query: "attention.self.query_proj",
      key: "attention.self.key_proj",
      value: "attention.self.value_proj",
    },
    absolutePositions: false,
    masksEmbeddings: true,
  },
  "distilbert": {
    ...bert,
    prefix: "distilbert",
    layers: "transformer.layer",
    names: {
      query: "attention.q_lin",
      key: "attention.k_lin",
      value: "attention.v_lin",
      attentionOutput: "attention.out_lin",
      attentionNorm: "sa_layer_norm",
      intermediate: "ffn.lin1",
      output: "ffn.lin2",
      outputNorm: "output_layer_norm",
      adapters: "output_adapters.adapters",
    },
    attentionOutputDropout: false,
    lmHead: { dense: "vocab_transform", norm: "vocab_layer_norm", bias: "vocab_projector.bias" },
  },
};

export const architectureOf = (config: Pick<EncoderConfig, "modelType">): Architecture =>
  architectures[config.modelType];

/** First part of every parameter name of the encoder. */
export const namePrefix = (config: Pick<EncoderConfig, "modelType">): string => architectureOf(config).prefix;

/** Name of layer `i`, with the prefix. */
export const layerName = ({ prefix, layers }: Architecture, i: number): string => `${prefix}.${layers}.${i}`;
