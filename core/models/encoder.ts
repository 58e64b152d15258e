// The Transformer encoder of BERT and XLM-R with adapters in it: token ids to hidden states.
// It leaves heads and losses to heads.ts and lm_head.ts, and which parameters train to model.ts.

import { type Adapters } from "../adapters/adapters.ts";
import { adapterStack } from "../adapters/bottleneck.ts";
import type { Lora } from "../adapters/lora.ts";
import { type Activation, activation } from "../nn/activation.ts";
import type { Dropout, PartOfRows } from "../nn/dropout.ts";
import { type Initialiser, normalInit, onesInit, zerosInit } from "../nn/initialise.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import { attention } from "../ops/attention.ts";
import { add } from "../ops/binary.ts";
import { embedding } from "../ops/embedding.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear, linearGelu } from "../ops/linear.ts";
import { reshape } from "../ops/reshape.ts";
import { activations } from "../ops/unary.ts";
import { scope, type Tensor } from "../tensor.ts";
import type { DeviceBatch } from "./batch.ts";
import { type EncoderConfig, namePrefix } from "./config.ts";

/** Which LayerNorms of an adapter stack are applied; "first" is an ablation that no published model uses. */
export type LayerNormPasses = "every" | "first";

/** "empty" leaves the encoder's values undefined: they are loaded at once, and drawing 300 million numbers takes its time. */
export type InitialEncoder = "random" | "empty";

interface Dense {
  weight: Tensor;
  bias: Tensor;
}

interface Norm {
  gamma: Tensor;
  beta: Tensor;
}

interface Layer {
  query: Dense;
  key: Dense;
  value: Dense;
  attentionOutput: Dense;
  attentionNorm: Norm;
  intermediate: Dense;
  output: Dense;
  outputNorm: Norm;
}

/** Dropout sites: 0 the embeddings, three a layer, then the head's. */
const siteOf = (layer: number, which: 0 | 1 | 2) => 1 + 3 * layer + which;

export class Encoder {
  readonly config: EncoderConfig;
  readonly wordEmbeddings: Tensor;
  readonly #positionEmbeddings: Tensor;
  readonly #typeEmbeddings: Tensor;
  readonly #embeddingNorm: Norm;
  readonly #layers: Layer[];
  readonly #activation: Activation;
  readonly #adapters: Adapters;
  readonly #passes: LayerNormPasses;

  constructor(
    store: ParameterStore,
    config: EncoderConfig,
    adapters: Adapters,
    passes: LayerNormPasses = "every",
    initial: InitialEncoder = "random",
  ) {
    const prefix = namePrefix(config);
    const { hiddenSize, intermediateSize, initializerRange, padTokenId } = config;
    const drawn = (initialise: Initialiser) => initial === "random" ? initialise : null;
    const weights = drawn(normalInit(initializerRange));
    const dense = (name: string, outSize: number, inSize: number): Dense => ({
      weight: store.create(`${name}.weight`, [outSize, inSize], weights),
      bias: store.create(`${name}.bias`, [outSize], drawn(zerosInit)),
    });
    const norm = (name: string): Norm => ({
      gamma: store.create(`${name}.LayerNorm.weight`, [hiddenSize], drawn(onesInit)),
      beta: store.create(`${name}.LayerNorm.bias`, [hiddenSize], drawn(zerosInit)),
    });
    const table = (name: string, rows: number, zeroRow?: number) =>
      store.create(
        `${prefix}.embeddings.${name}.weight`,
        [rows, hiddenSize],
        drawn(normalInit(initializerRange, zeroRow)),
      );
    this.config = config;
    this.wordEmbeddings = table("word_embeddings", config.vocabularySize, padTokenId);
    this.#positionEmbeddings = table(
      "position_embeddings",
      config.maximumPositions,
      config.modelType === "xlm-roberta" ? padTokenId : undefined,
    );
    this.#typeEmbeddings = table("token_type_embeddings", config.typeVocabularySize);
    this.#embeddingNorm = norm(`${prefix}.embeddings`);
    this.#layers = Array.from({ length: config.layers }, (_, i) => {
      const name = `${prefix}.encoder.layer.${i}`;
      return {
        query: dense(`${name}.attention.self.query`, hiddenSize, hiddenSize),
        key: dense(`${name}.attention.self.key`, hiddenSize, hiddenSize),
        value: dense(`${name}.attention.self.value`, hiddenSize, hiddenSize),
        attentionOutput: dense(`${name}.attention.output.dense`, hiddenSize, hiddenSize),
        attentionNorm: norm(`${name}.attention.output`),
        intermediate: dense(`${name}.intermediate.dense`, intermediateSize, hiddenSize),
        output: dense(`${name}.output.dense`, hiddenSize, intermediateSize),
        outputNorm: norm(`${name}.output`),
      };
    });
    this.#activation = activation(config.hiddenActivation);
    this.#adapters = adapters;
    this.#passes = passes;
  }

  /** The first dropout site after the encoder's own. */
  get headSite(): number {
    return siteOf(this.config.layers, 0);
  }

  /** The weight matrices of all layers: nearly all of an encoder's memory but the word embeddings; only linear reads them. */
  get denseWeights(): Tensor[] {
    return this.#layers.flatMap((each) =>
      [each.query, each.key, each.value, each.attentionOutput, each.intermediate, each.output]
        .map(({ weight }) => weight)
    );
  }

  /**
   * Hidden states of the last layer: [rows, T, H], of a packed batch [N, H], of the first tokens only [rows, H]. A frozen layer keeps
   * nothing: each runs in a scope of its own.
   */
  forward(batch: DeviceBatch, dropout: Dropout, firstOnly = false): Tensor {
    let x = scope(() => this.#embed(batch, dropout));
    for (let i = 0; i < this.#layers.length; i++) {
      const isLast = i === this.#layers.length - 1;
      const next = scope(() => this.#layer(i, x, batch, dropout, firstOnly && isLast));
      x.dispose();
      x = next;
    }
    return x;
  }

  #embed(batch: DeviceBatch, dropout: Dropout): Tensor {
    const words = embedding(this.wordEmbeddings, batch.ids);
    const types = embedding(this.#typeEmbeddings, batch.types);
    const positions = embedding(this.#positionEmbeddings, batch.positions);
    const normed = this.#norm(this.#embeddingNorm, add(words, types), positions);
    const dropped = dropout.apply(normed, this.config.hiddenDropout, 0, this.#rowsOf(batch));
    return this.#adapters.invertible?.apply(dropped) ?? dropped;
  }

  /** Of the hidden states in a batch, what dropout must know of rows that are left of [rows, T]. */
  #rowsOf({ packing, tokens }: DeviceBatch): PartOfRows | undefined {
    return packing && { places: packing.places, rowSize: tokens * this.config.hiddenSize };
  }

  /** With `firstOnly` what follows on attention, which reads all tokens, is computed of the rows' first tokens. */
  #layer(index: number, input: Tensor, batch: DeviceBatch, dropout: Dropout, firstOnly: boolean): Tensor {
    const { config } = this;
    const { rows, tokens, mask, packing } = batch;
    const layer = this.#layers[index];
    const lora = this.#adapters.loraOf(index);
    const contexts = attention(
      project(input, layer.query, lora.query),
      project(input, layer.key),
      project(input, layer.value, lora.value),
      {
        heads: config.heads,
        mask,
        packed: packing && { starts: packing.starts, batch: rows, tokens },
        ...dropout.options(config.attentionDropout, siteOf(index, 0), config.heads * tokens ** 2),
      },
    );
    const picked = (each: Tensor) =>
      firstOnly
        ? embedding(reshape(each, [each.size / config.hiddenSize, config.hiddenSize]), batch.firsts)
        : each;
    const [context, x] = [picked(contexts), picked(input)];
    const part = firstOnly
      ? { places: batch.firstPlaces, rowSize: tokens * config.hiddenSize }
      : this.#rowsOf(batch);
    const attended = dropout.apply(
      project(context, layer.attentionOutput),
      config.hiddenDropout,
      siteOf(index, 1),
      part,
    );
    const a = this.#norm(layer.attentionNorm, attended, x);
    const { weight, bias } = layer.intermediate;
    const inner = this.#activation === activations.gelu
      ? linearGelu(a, weight, bias)
      : this.#activation(linear(a, weight, bias));
    const fed = dropout.apply(project(inner, layer.output), config.hiddenDropout, siteOf(index, 2), part);
    return adapterStack(
      fed,
      a,
      this.#adapters.stackOf(index),
      (value, residual) => this.#norm(layer.outputNorm, value, residual),
      this.#passes,
    );
  }

  #norm(norm: Norm, x: Tensor, residual: Tensor): Tensor {
    return layerNorm(x, norm.gamma, norm.beta, this.config.layerNormEpsilon, residual);
  }
}

function project(x: Tensor, dense: Dense, lora?: Lora): Tensor {
  const projected = linear(x, dense.weight, dense.bias);
  return lora === undefined ? projected : lora.apply(x, projected);
}
