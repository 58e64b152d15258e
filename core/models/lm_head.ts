// The masked-LM head with its decoder tied to the word embeddings, computed only where something is predicted, and BERT's
// next-sentence head. It leaves the choice of masked tokens to the data pipeline.

import { type Adapters } from "../adapters/adapters.ts";
import { activation } from "../nn/activation.ts";
import type { Dropout } from "../nn/dropout.ts";
import { onesInit, zerosInit } from "../nn/initialise.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import { embedding } from "../ops/embedding.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear } from "../ops/linear.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor.ts";
import { architectureOf } from "./architecture.ts";
import type { Batch, DeviceBatch, HostTargets } from "./batch.ts";
import type { EncoderConfig } from "./config.ts";
import type { Encoder } from "./encoder.ts";
import { DenseLayer, firstToken, type Head, meanTargets, needed, Pooler } from "./heads.ts";

/**
 * Dense, activation, LayerNorm, the inverse of the active language's invertible adapter, decoder.
 * Logits are [N, V] for the N tokens whose label is not negative (all tokens without labels), then, for BERT with
 * next-sentence prediction, [B, 2]. The loss is the sum of the two means.
 */
export class MaskedLmHead implements Head {
  readonly reads = "positions";
  readonly #config: EncoderConfig;
  readonly #encoder: Encoder;
  readonly #adapters: Adapters;
  readonly #dense: DenseLayer;
  readonly #gamma: Tensor;
  readonly #beta: Tensor;
  readonly #decoderBias: Tensor;
  readonly #nextSentence: { pooler: Pooler; output: DenseLayer } | undefined;

  constructor(store: ParameterStore, encoder: Encoder, adapters: Adapters, nextSentence: boolean) {
    const config = this.#config = encoder.config;
    this.#encoder = encoder;
    this.#adapters = adapters;
    const { hiddenSize } = config;
    const names = architectureOf(config).lmHead;
    this.#dense = new DenseLayer(store, names.dense, hiddenSize, hiddenSize, config);
    this.#gamma = store.create(`${names.norm}.weight`, [hiddenSize], onesInit);
    this.#beta = store.create(`${names.norm}.bias`, [hiddenSize], zerosInit);
    this.#decoderBias = store.create(names.bias, [config.vocabularySize], zerosInit);
    if (nextSentence) {
      this.#nextSentence = {
        pooler: new Pooler(store, config),
        output: new DenseLayer(store, "cls.seq_relationship", 2, hiddenSize, config),
      };
    }
  }

  get parameters(): Tensor[] {
    return [
      ...this.#dense.parameters,
      this.#gamma,
      this.#beta,
      this.#decoderBias,
      ...(this.#nextSentence?.output.parameters ?? []),
    ];
  }

  logits(hidden: Tensor, batch: DeviceBatch, _dropout: Dropout): Tensor[] {
    const [rows, tokens, width] = hidden.shape;
    const flat = reshape(hidden, [rows * tokens, width]);
    const chosen = batch.predicted === undefined ? flat : embedding(flat, batch.predicted);
    const inner = activation(this.#config.hiddenActivation)(this.#dense.apply(chosen));
    const normed = layerNorm(inner, this.#gamma, this.#beta, this.#config.layerNormEpsilon);
    const inverted = this.#adapters.invertible?.invert(normed) ?? normed;
    const logits = [linear(inverted, this.#encoder.wordEmbeddings, this.#decoderBias)];
    if (this.#nextSentence !== undefined) {
      logits.push(this.#nextSentence.output.apply(this.#nextSentence.pooler.apply(firstToken(hidden))));
    }
    return logits;
  }

  predicted(batch: Batch): Int32Array | undefined {
    return batch.labels && predictedAt(batch.labels);
  }

  targets(batch: Batch): HostTargets[] {
    const labels = needed(batch.labels, "labels", batch.examples * batch.tokens);
    const predicted = labels.filter((label) => label >= 0);
    const out = [meanTargets(predicted.length > 0 ? predicted : Int32Array.of(-1))];
    if (this.#nextSentence !== undefined) {
      out.push(meanTargets(needed(batch.nextSentenceLabels, "nextSentenceLabels", batch.examples)));
    }
    return out;
  }
}

/** Numbers of the tokens that are predicted. With none, token 0, whose target is then ignored: no kernel sees an empty matrix. */
function predictedAt(labels: Int32Array): Int32Array {
  const out: number[] = [];
  labels.forEach((label, i) => {
    if (label >= 0) out.push(i);
  });
  return Int32Array.from(out.length > 0 ? out : [0]);
}
