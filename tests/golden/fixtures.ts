// What the golden tests share: encoders whose weights follow from their names, batches from stored inputs, how differences are taken.
// It leaves the comparisons, and their tolerances, to the tests.

import { readFile } from "node:fs/promises";
import type { Batch } from "../../core/models/batch.ts";
import { type EncoderConfig, encoderConfig } from "../../core/models/config.ts";
import type { State } from "../../core/nn/parameters.ts";
import type { Tensor } from "../../core/tensor.ts";
import { formulaWeights } from "./formula.ts";

export const passEncoders = ["bert", "xlmr", "deberta", "distilbert", "minilm"] as const;
export type PassEncoder = (typeof passEncoders)[number];

/** The configuration that make_passes.py wrote. */
export const configOf = async (encoder: PassEncoder): Promise<EncoderConfig> =>
  encoderConfig(
    JSON.parse(await readFile(new URL(`./fixtures/passes-${encoder}.json`, import.meta.url), "utf8")),
  );

/** The values that the formula gives parameters. */
export const formulaState = (parameters: Iterable<readonly [string, Tensor]>): State =>
  new Map(
    [...parameters].map(([name, { shape, size }]) => [name, { shape, data: formulaWeights(name, size) }]),
  );

export function batchOf(inputs: State): Batch {
  const ids = inputs.get("input_ids")!;
  const ints = (name: string) => inputs.get(name)?.data as Int32Array | undefined;
  return {
    examples: ids.shape[0],
    choices: ids.shape.length === 3 ? ids.shape[1] : undefined,
    tokens: ids.shape[ids.shape.length - 1],
    inputIds: ids.data as Int32Array,
    attentionMask: ints("attention_mask")!,
    tokenTypeIds: ints("token_type_ids"),
    labels: ints("labels"),
    startPositions: ints("start_positions"),
    endPositions: ints("end_positions"),
    nextSentenceLabels: ints("next_sentence_label"),
  };
}

/** Largest |ours − theirs| over the largest |theirs|: the size of a difference against the tensor it is in. */
export function relativeDifference(
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  floor = 1e-12,
): number {
  if (ours.length !== theirs.length) return Infinity;
  let difference = 0, size = floor;
  for (let i = 0; i < theirs.length; i++) {
    const each = Math.abs(ours[i] - theirs[i]);
    // NaN must not pass for small.
    if (!(each <= difference)) difference = each;
    size = Math.max(size, Math.abs(theirs[i]));
  }
  return difference / size;
}
