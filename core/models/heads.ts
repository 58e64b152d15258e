// The heads of the paper's tasks: span extraction, sequence classification and multiple choice, with the split into trainable
// and frozen parts that the authors used. Masked-language modelling is in lm_head.ts; the loss itself in model.ts.

import { fail } from "../errors.ts";
import { type Activation, activation } from "../nn/activation.ts";
import type { Dropout } from "../nn/dropout.ts";
import { normalInit, zerosInit } from "../nn/initialise.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import { affine } from "../ops/affine.ts";
import { add } from "../ops/binary.ts";
import { cast } from "../ops/cast.ts";
import { concat } from "../ops/concat.ts";
import { embedding } from "../ops/embedding.ts";
import { linear } from "../ops/linear.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { relu, tanh } from "../ops/unary.ts";
import { full, type Tensor } from "../tensor.ts";
import type { Batch, DeviceBatch, HostTargets } from "./batch.ts";
import { namePrefix } from "./architecture.ts";
import type { EncoderConfig } from "./config.ts";

export interface Head {
  /** Trained whenever the head is: every parameter outside the encoder. */
  readonly parameters: readonly Tensor[];
  /** The first token of each row, all tokens, or all positions of [rows, T], padding too. */
  readonly reads: "first" | "tokens" | "positions";
  /** Logits as rows of one distribution each, from what the head reads: [rows, H], [rows, T, H] or, packed, [N, H]. */
  logits(hidden: Tensor, batch: DeviceBatch, dropout: Dropout): Tensor[];
  /** One entry for each set of logits. @throws when the batch lacks the labels */
  targets(batch: Batch): HostTargets[];
  /** Numbers of the tokens that are to be predicted, where the head predicts tokens and the batch says which. */
  predicted?(batch: Batch): Int32Array | undefined;
}

export class DenseLayer {
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(store: ParameterStore, name: string, outSize: number, inSize: number, config: EncoderConfig) {
    this.weight = store.create(`${name}.weight`, [outSize, inSize], normalInit(config.initializerRange));
    this.bias = store.create(`${name}.bias`, [outSize], zerosInit);
  }

  get parameters(): Tensor[] {
    return [this.weight, this.bias];
  }

  apply(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/** tanh(W·h + b) of the first token. Part of the encoder by name, so frozen in all of the paper's training. */
export class Pooler {
  readonly #dense: DenseLayer;

  constructor(store: ParameterStore, config: EncoderConfig) {
    const { hiddenSize } = config;
    this.#dense = new DenseLayer(store, `${namePrefix(config)}.pooler.dense`, hiddenSize, hiddenSize, config);
  }

  /** [rows, H] → [rows, H] */
  apply(first: Tensor): Tensor {
    return tanh(this.#dense.apply(first));
  }
}

/** The score of what cannot be chosen: its probability is 0 in float32. */
const never = -1e30;

/** Start and end scores of every token. Logits are [2·B, T]: all starts, then all ends. */
export class SpanHead implements Head {
  readonly reads = "tokens";
  readonly #output: DenseLayer;
  readonly #dropout: number;
  readonly #site: number;

  constructor(store: ParameterStore, config: EncoderConfig, site: number) {
    this.#output = new DenseLayer(store, "qa_outputs", 2, config.hiddenSize, config);
    this.#dropout = config.spanDropout ?? 0;
    this.#site = site;
  }

  get parameters(): Tensor[] {
    return this.#output.parameters;
  }

  logits(
    hidden: Tensor,
    { rows, tokens, mask, packing, isPaddingUnread }: DeviceBatch,
    dropout: Dropout,
  ): Tensor[] {
    const part = packing &&
      { places: packing.places, rowSize: tokens * hidden.shape[hidden.shape.length - 1] };
    const both = this.#output.apply(dropout.apply(hidden, this.#dropout, this.#site, part));
    const all = packing === undefined
      ? both
      : embedding(concat([both, full(both.backend, [1, 2], never)], 0), packing.numbers);
    const logits = concat([0, 1].map((i) => reshape(slice(all, -1, i, i + 1), [rows, tokens])), 0);
    if (mask === undefined || !isPaddingUnread) return [logits];
    const padding = affine(cast(mask, "f32"), -never, never);
    return [add(logits, concat([padding, padding], 0))];
  }

  /** Mean of the starts' and the ends' cross-entropies; a position outside the window is ignored. */
  targets(batch: Batch): HostTargets[] {
    const { examples, tokens } = batch;
    const targets = new Int32Array(2 * examples), weights = new Float64Array(2 * examples);
    [batch.startPositions, batch.endPositions].forEach((positions, which) => {
      const given = needed(positions, which === 0 ? "startPositions" : "endPositions", examples);
      const inside = given.map((position) => position >= 0 && position < tokens ? position : -1);
      targets.set(inside, which * examples);
      weights.fill(0.5 / Math.max(1, count(inside)), which * examples, (which + 1) * examples);
    });
    return [{ targets, weights }];
  }
}

/** What becomes of the first token before the output layer. */
interface Features {
  /** Name of the dense layer. It trains unless the encoder has it by name. */
  dense: string;
  activation: Activation;
  /** Dropout of the first token; absent where there is none. */
  dropoutBefore?: number;
  output: string;
}

/** As transformers has them for each model: BERT pools in the encoder, the others in the head; XLM-R's choices pool as BERT does. */
function featuresOf(config: EncoderConfig, kind: "classification" | "choice"): Features {
  const pooler = { dense: `${namePrefix(config)}.pooler.dense`, activation: tanh, output: "classifier" };
  switch (config.modelType) {
    case "bert":
      return pooler;
    case "xlm-roberta":
      return kind === "choice" ? pooler : {
        dense: "classifier.dense",
        activation: tanh,
        dropoutBefore: classifierDropout(config),
        output: "classifier.out_proj",
      };
    case "deberta-v2":
      return {
        dense: "pooler.dense",
        activation: activation(config.poolerActivation ?? "gelu"),
        dropoutBefore: config.poolerDropout ?? 0,
        output: "classifier",
      };
    case "distilbert":
      return { dense: "pre_classifier", activation: relu, output: "classifier" };
  }
}

/** First token, dropout where the model has it, dense layer, activation, dropout, output layer: [rows, H] → [rows, outputs]. */
class FirstTokenHead {
  readonly #config: EncoderConfig;
  readonly #features: Features;
  readonly #dense: DenseLayer;
  readonly #output: DenseLayer;
  readonly #site: number;

  constructor(
    store: ParameterStore,
    config: EncoderConfig,
    kind: "classification" | "choice",
    outputs: number,
    site: number,
  ) {
    const { hiddenSize } = config;
    this.#config = config;
    this.#site = site;
    this.#features = featuresOf(config, kind);
    this.#dense = new DenseLayer(store, this.#features.dense, hiddenSize, hiddenSize, config);
    this.#output = new DenseLayer(store, this.#features.output, outputs, hiddenSize, config);
  }

  get parameters(): Tensor[] {
    const isEncoders = this.#features.dense.startsWith(`${namePrefix(this.#config)}.`);
    return [...(isEncoders ? [] : this.#dense.parameters), ...this.#output.parameters];
  }

  apply(first: Tensor, dropout: Dropout): Tensor {
    const { activation, dropoutBefore } = this.#features;
    let site = this.#site;
    const given = dropoutBefore === undefined ? first : dropout.apply(first, dropoutBefore, site++);
    const features = activation(this.#dense.apply(given));
    return this.#output.apply(dropout.apply(features, classifierDropout(this.#config), site));
  }
}

/** Logits are [B, labels]. */
export class ClassificationHead implements Head {
  readonly reads = "first";
  readonly #head: FirstTokenHead;

  constructor(store: ParameterStore, config: EncoderConfig, labels: number, site: number) {
    if (!Number.isInteger(labels) || labels < 2) {
      fail(`classification head: ${labels} labels; wanted at least 2`);
    }
    this.#head = new FirstTokenHead(store, config, "classification", labels, site);
  }

  get parameters(): Tensor[] {
    return this.#head.parameters;
  }

  logits(first: Tensor, _batch: DeviceBatch, dropout: Dropout): Tensor[] {
    return [this.#head.apply(first, dropout)];
  }

  targets(batch: Batch): HostTargets[] {
    return [meanTargets(needed(batch.labels, "labels", batch.examples))];
  }
}

/** One score a choice. Logits are [B, choices]. A pooler that the checkpoint lacks is drawn, and frozen like one that it has. */
export class ChoiceHead implements Head {
  readonly reads = "first";
  readonly #head: FirstTokenHead;

  constructor(store: ParameterStore, config: EncoderConfig, site: number) {
    this.#head = new FirstTokenHead(store, config, "choice", 1, site);
  }

  get parameters(): Tensor[] {
    return this.#head.parameters;
  }

  logits(first: Tensor, batch: DeviceBatch, dropout: Dropout): Tensor[] {
    const { choices } = batch;
    if (choices < 2) {
      fail(`multiple choice: the batch has ${choices} choice an example; set choices to 2 or more`);
    }
    return [reshape(this.#head.apply(first, dropout), [batch.examples, choices])];
  }

  targets(batch: Batch): HostTargets[] {
    return [meanTargets(needed(batch.labels, "labels", batch.examples))];
  }
}

/** [rows, T, H] → [rows, H] */
export function firstToken(hidden: Tensor): Tensor {
  const [rows, , width] = hidden.shape;
  return reshape(slice(hidden, 1, 0, 1), [rows, width]);
}

/** Equal shares for all rows that count: the mean. */
export function meanTargets(targets: Int32Array): HostTargets {
  return { targets, weights: new Float64Array(targets.length).fill(1 / Math.max(1, count(targets))) };
}

export function needed(values: Int32Array | undefined, name: string, length: number): Int32Array {
  if (values === undefined) {
    fail(`loss: the batch has no ${name}; give ${length} of them, or ask for logits only`);
  }
  if (values.length !== length) fail(`loss: ${name} has ${values.length} values, wanted ${length}`);
  return values;
}

const count = (targets: Int32Array) => targets.reduce((sum, target) => sum + (target >= 0 ? 1 : 0), 0);

const classifierDropout = (config: EncoderConfig) => config.classifierDropout ?? config.hiddenDropout;
