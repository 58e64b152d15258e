// Batches that follow from an encoder's configuration, and the same batches under transformers' names for Python's side.
// It leaves goldens of single passes to passes.ts.

import type { Batch } from "../../core/mod.ts";
import type { EncoderConfig } from "../../core/models/config.ts";

const examples = 3, tokens = 10;

/** Three examples of ten tokens, `choices` rows each; the last row is padded. */
export function patternBatch(
  { vocabularySize, padTokenId, typeVocabularySize }: EncoderConfig,
  choices: number,
): Batch {
  const rows = examples * choices;
  const values = (value: (row: number, token: number) => number) => rowsOf(rows, value);
  const isPadding = (row: number, token: number) => row === rows - 1 && token >= 7;
  return {
    examples,
    tokens,
    ...choices > 1 ? { choices } : {},
    inputIds: values((row, token) =>
      isPadding(row, token) ? padTokenId : 5 + (13 * (row * tokens + token) + 7 * row) % (vocabularySize - 5)
    ),
    attentionMask: values((row, token) => isPadding(row, token) ? 0 : 1),
    ...typeVocabularySize > 1
      ? { tokenTypeIds: values((row, token) => token >= 5 && !isPadding(row, token) ? 1 : 0) }
      : {},
  };
}

/** [rows, tokens] of values. */
export const rowsOf = (rows: number, value: (row: number, token: number) => number): Int32Array =>
  Int32Array.from({ length: rows * tokens }, (_, i) => value(Math.floor(i / tokens), i % tokens));

/** As nested lists under transformers' names. */
export function inputsOf({ examples, choices, tokens, inputIds, attentionMask, tokenTypeIds }: Batch) {
  const rows = (values: Int32Array) =>
    Array.from(
      { length: values.length / tokens },
      (_, i) => [...values.subarray(i * tokens, (i + 1) * tokens)],
    );
  const nested = (values: Int32Array) =>
    choices === undefined
      ? rows(values)
      : Array.from({ length: examples }, (_, i) => rows(values).slice(i * choices, (i + 1) * choices));
  return {
    input_ids: nested(inputIds),
    attention_mask: nested(attentionMask),
    ...(tokenTypeIds ? { token_type_ids: nested(tokenTypeIds) } : {}),
  };
}
