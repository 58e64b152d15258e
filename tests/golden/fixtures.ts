// Reads the stored PyTorch state beside this file; shared by the golden tests.
// It leaves the comparisons, and their tolerances, to the tests.

import { readFile } from "node:fs/promises";
import { openSafetensors } from "../../core/io/safetensors.ts";
import type { Batch } from "../../core/models/batch.ts";
import { type EncoderConfig, encoderConfig } from "../../core/models/config.ts";
import type { State } from "../../core/nn/parameters.ts";

export type Encoder = "bert" | "xlmr";
export const encoders: readonly Encoder[] = ["bert", "xlmr"];

const folder = new URL("./fixtures/", import.meta.url);

/** weights, inputs, outputs and gradients of one stored case. */
export interface Golden {
  weights: State;
  inputs: State;
  outputs: State;
  gradients: State;
}

export async function readGolden(name: string): Promise<Golden> {
  const file = await openSafetensors(
    new Uint8Array(await readFile(new URL(`${name}.safetensors`, folder))),
    name,
  );
  const out: Golden = { weights: new Map(), inputs: new Map(), outputs: new Map(), gradients: new Map() };
  for (const key of file.entries.keys()) {
    const at = key.indexOf("/");
    out[key.slice(0, at) as keyof Golden].set(key.slice(at + 1), await file.read(key));
  }
  return out;
}

async function readJson(name: string): Promise<any> {
  return JSON.parse(await readFile(new URL(`${name}.json`, folder), "utf8"));
}

export const configOf = async (encoder: Encoder): Promise<EncoderConfig> =>
  encoderConfig(await readJson(`${encoder}-config`));

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
