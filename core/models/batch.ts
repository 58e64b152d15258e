// A batch of token ids on the host, checked, and what the embedding layer needs on the device.
// It leaves tokenization, padding and the order of examples to the data pipeline.

import type { Backend } from "../backends/backend.ts";
import { fail } from "../errors.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { architectureOf } from "./architecture.ts";
import type { EncoderConfig } from "./config.ts";
import { relativeRows } from "./relative.ts";

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
  /**
   * Spans: false (the default, and what transformers computes) scores padding like any other position, so it has its share of
   * the loss; true gives it no probability, as if each row had its own length. Nothing else reads padding.
   */
  ignorePadding?: boolean;
}

/** Rows one after another, N tokens in all, without padding. */
export interface Packing<Integers> {
  /** i32 [rows + 1]: where each row begins, and N. */
  readonly starts: Integers;
  /** i32 [N]: where each token is in [rows, T]. */
  readonly places: Integers;
  /** i32 [rows · T]: the number of each token, N for padding. */
  readonly numbers: Integers;
}

/** What one set of logits should predict: a class for each row (negative = ignored) and the row's share of the loss. */
export interface Targets<Values, Weights> {
  targets: Values;
  weights: Weights;
}

/** A checked batch as the model reads it: numbers on the host, or tensors on the device. */
export interface Inputs<Integers, Weights> {
  readonly examples: number;
  readonly choices: number;
  /** examples · choices */
  readonly rows: number;
  readonly tokens: number;
  /** i32 [rows, T] each; [N] with `packing`; positions or types undefined where the encoder embeds none. */
  readonly ids: Integers;
  readonly positions: Integers | undefined;
  readonly types: Integers | undefined;
  /** i32 [rows, T], or undefined when nothing is padded. */
  readonly mask: Integers | undefined;
  /** Where padding is left out. */
  readonly packing: Packing<Integers> | undefined;
  /** i32 [rows]: numbers of the rows' first tokens, among those that there are and in [rows, T]. */
  readonly firsts: Integers;
  readonly firstPlaces: Integers;
  /** No score is wanted of padding. */
  readonly isPaddingUnread: boolean;
  /** i32 [2T − 1], where the encoder has relative positions: the row of each distance, see relative.ts. */
  readonly relative: Integers | undefined;
  /** Masked-language modelling: i32 [N], which tokens are predicted; undefined for all. */
  readonly predicted: Integers | undefined;
  /** One for each set of logits; empty when the batch is for logits only. */
  readonly targets: readonly Targets<Integers, Weights>[];
}

export type HostBatch = Inputs<Int32Array, Float64Array>;
export type HostTargets = Targets<Int32Array, Float64Array>;
export type DeviceBatch = Inputs<Tensor, Tensor>;

/** Checks a batch; `targets` and `predicted` are the head's. */
export function hostBatch(
  config: EncoderConfig,
  batch: Batch,
  head: Pick<HostBatch, "targets" | "predicted" | "isPaddingUnread">,
): HostBatch {
  const choices = batch.choices ?? 1;
  const rows = batch.examples * choices;
  const { examples, tokens, inputIds, attentionMask } = batch;
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
  const mask = attentionMask.every((value) => value === 1) ? undefined : attentionMask;
  const firstPlaces = Int32Array.from({ length: rows }, (_, row) => row * tokens);
  return {
    ...{ examples, choices, rows, tokens, mask, ids: inputIds },
    positions: absolutePositions(config, inputIds, rows, tokens),
    types: tokenTypes(config, batch.tokenTypeIds, rows * tokens),
    relative: config.relative && relativeRows(config.relative, tokens).rows,
    ...{ packing: undefined, firsts: firstPlaces, firstPlaces },
    ...head,
  };
}

function absolutePositions(config: EncoderConfig, ids: Int32Array, rows: number, tokens: number) {
  if (!architectureOf(config).absolutePositions) return undefined;
  const positions = positionIds(config, ids, rows, tokens);
  checkRange(
    "positions",
    positions,
    config.maximumPositions,
    `${tokens} tokens are too many; shorten the maximum length`,
  );
  return positions;
}

/** Encoders without segments (one type, or none) take whatever a tokenizer gives. */
function tokenTypes(config: EncoderConfig, given: Int32Array | undefined, length: number) {
  const count = config.typeVocabularySize;
  if (count === 0) return undefined;
  const types = count === 1 || given === undefined ? new Int32Array(length) : given;
  checkRange("tokenTypeIds", types, count, "give 0 for the first and 1 for the second segment");
  return types;
}

/** The same batch on the device, in tensors of the active scope. */
export function uploadBatch(backend: Backend, host: HostBatch): DeviceBatch {
  const { rows, tokens, packing } = host;
  const grid = (values: Int32Array) => tensor(backend, values, packing ? [values.length] : [rows, tokens]);
  return {
    ...host,
    ids: grid(host.ids),
    positions: host.positions && grid(host.positions),
    types: host.types && grid(host.types),
    mask: host.mask && grid(host.mask),
    packing: packing && {
      starts: tensor(backend, packing.starts),
      places: tensor(backend, packing.places),
      numbers: tensor(backend, packing.numbers),
    },
    firsts: tensor(backend, host.firsts),
    firstPlaces: tensor(backend, host.firstPlaces),
    relative: host.relative && tensor(backend, host.relative),
    predicted: host.predicted && tensor(backend, host.predicted),
    targets: host.targets.map(({ targets, weights }) => ({
      targets: tensor(backend, targets),
      weights: tensor(backend, weights),
    })),
  };
}

/** All tensors or arrays of a batch, in a fixed order. */
export function partsOf<Integers, Weights>(batch: Inputs<Integers, Weights>): (Integers | Weights)[] {
  const { ids, positions, types, mask, packing, firsts, firstPlaces, relative, predicted, targets } = batch;
  return [
    ...[ids, positions, types, mask, packing?.starts, packing?.places, packing?.numbers, firsts, firstPlaces],
    ...[relative, predicted],
    ...targets.flatMap((each) => [each.targets, each.weights]),
  ].filter((each) => each !== undefined);
}

/** Batches of equal shape can take each other's place on the device. */
export function shapeOf(
  { examples, choices, tokens, mask, packing, predicted, targets, isPaddingUnread }: HostBatch,
): string {
  const heads = targets.map((each) => each.targets.length);
  const padding = mask
    ? isPaddingUnread ? "unread" : "masked"
    : packing
    ? `${packing.places.length}`
    : "full";
  return `${examples}·${choices}×${tokens} ${padding} ${predicted?.length ?? "all"} ${heads}`;
}

/** BERT counts from 0; XLM-R numbers the tokens that are not padding from padTokenId + 1 and gives padding padTokenId. */
export function positionIds(
  config: EncoderConfig,
  ids: Int32Array,
  rows: number,
  tokens: number,
): Int32Array {
  const { positionsFromPadding } = architectureOf(config);
  const out = new Int32Array(rows * tokens);
  for (let row = 0; row < rows; row++) {
    let seen = 0;
    for (let t = 0; t < tokens; t++) {
      const i = row * tokens + t;
      if (!positionsFromPadding) out[i] = t;
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
