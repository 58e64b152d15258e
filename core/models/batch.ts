// A batch of token ids on the host, checked, and what the embedding layer needs on the device.
// It leaves tokenization, padding and the order of examples to the data pipeline.

import type { Backend } from "../backends/backend.ts";
import { fail } from "../errors.ts";
import { type Tensor, tensor } from "../tensor.ts";
import type { EncoderConfig } from "./config.ts";

/** B examples of T tokens; for multiple choice C rows an example, consecutive. Arrays are row-major [B·C, T]. */
export interface Batch {
  examples: number;
  tokens: number;
  /** C; default 1. */
  choices?: number;
  inputIds: Int32Array;
  /** 1 for a token, 0 for padding. */
  attentionMask: Int32Array;
  /** BERT's segment ids; default all 0. */
  tokenTypeIds?: Int32Array;
  /** [B] class or choice; [B·T] token ids for masked-language modelling, negative where nothing is predicted. */
  labels?: Int32Array;
  /** [B] token positions of the answer; a position ≥ T is ignored. */
  startPositions?: Int32Array;
  endPositions?: Int32Array;
  /** [B] 0 = the second segment follows the first, 1 = it does not. */
  nextSentenceLabels?: Int32Array;
}

export interface DeviceBatch {
  rows: number;
  tokens: number;
  ids: Tensor;
  positions: Tensor;
  types: Tensor;
  /** i32 [rows, T], or undefined when nothing is padded. */
  mask: Tensor | undefined;
}

export function uploadBatch(backend: Backend, config: EncoderConfig, batch: Batch): DeviceBatch {
  const rows = batch.examples * (batch.choices ?? 1);
  const { tokens, inputIds, attentionMask } = batch;
  const shape = [rows, tokens];
  for (const [name, values] of [["inputIds", inputIds], ["attentionMask", attentionMask]] as const) {
    if (values.length !== rows * tokens) {
      fail(
        `batch: ${name} has ${values.length} values; ${rows} rows of ${tokens} tokens need ${rows * tokens}`,
      );
    }
  }
  checkRange(
    "inputIds",
    inputIds,
    config.vocabularySize,
    "the tokenizer and the encoder's vocab_size differ",
  );
  const positions = positionIds(config, inputIds, rows, tokens);
  checkRange(
    "positions",
    positions,
    config.maximumPositions,
    `${tokens} tokens are too many; shorten the maximum length`,
  );
  const types = batch.tokenTypeIds ?? new Int32Array(rows * tokens);
  // Encoders without segments (one type) take whatever a tokenizer gives.
  const usedTypes = config.typeVocabularySize === 1 ? new Int32Array(rows * tokens) : types;
  checkRange(
    "tokenTypeIds",
    usedTypes,
    config.typeVocabularySize,
    "give 0 for the first and 1 for the second segment",
  );
  return {
    rows,
    tokens,
    ids: tensor(backend, inputIds, shape),
    positions: tensor(backend, positions, shape),
    types: tensor(backend, usedTypes, shape),
    mask: attentionMask.every((value) => value === 1) ? undefined : tensor(backend, attentionMask, shape),
  };
}

/** BERT counts from 0; XLM-R numbers the tokens that are not padding from padTokenId + 1 and gives padding padTokenId. */
export function positionIds(
  config: EncoderConfig,
  ids: Int32Array,
  rows: number,
  tokens: number,
): Int32Array {
  const out = new Int32Array(rows * tokens);
  for (let row = 0; row < rows; row++) {
    let seen = 0;
    for (let t = 0; t < tokens; t++) {
      const i = row * tokens + t;
      if (config.modelType === "bert") out[i] = t;
      else out[i] = config.padTokenId + (ids[i] === config.padTokenId ? 0 : ++seen);
    }
  }
  return out;
}

function checkRange(name: string, values: Int32Array, limit: number, next: string): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i] < 0 || values[i] >= limit) {
      fail(`batch: ${name}[${i}] is ${values[i]}, wanted 0 … ${limit - 1}; ${next}`);
    }
  }
}
