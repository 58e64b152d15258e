// The Transformer encoder of BERT, XLM-R, DeBERTa-v2 and DistilBERT with adapters in it: token ids to hidden states.
// It leaves heads and losses to heads.ts and lm_head.ts, and which parameters train to model.ts.

import { type Adapters } from "../adapters/adapters.ts";
import { adapterStack } from "../adapters/bottleneck.ts";
import type { Lora } from "../adapters/lora.ts";
import { type Activation, activation } from "../nn/activation.ts";
import type { Dropout, PartOfRows } from "../nn/dropout.ts";
import { type Initialiser, normalInit, onesInit, zerosInit } from "../nn/initialise.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import { attention } from "../ops/attention.ts";
import { add, mul } from "../ops/binary.ts";
import { cast } from "../ops/cast.ts";
import { disentangledAttention } from "../ops/disentangled_attention.ts";
import { embedding } from "../ops/embedding.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear, linearGelu } from "../ops/linear.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { activations } from "../ops/unary.ts";
import { scope, type Tensor, zeros } from "../tensor.ts";
import { type Architecture, architectureOf, layerName } from "./architecture.ts";
import type { DeviceBatch } from "./batch.ts";
import type { EncoderConfig } from "./config.ts";
import { relativeRows, tableRows } from "./relative.ts";

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

/** Dropout sites: 0 the embeddings, three a layer, then the head's; after those one a layer for relative positions. */
const siteOf = (layer: number, which: 0 | 1 | 2) => 1 + 3 * layer + which;
const HEAD_SITES = 8;

/** Relative positions: the table before its LayerNorm. */
interface PositionTable {
  embeddings: Tensor;
  norm: Norm | undefined;
}

export interface EncoderOptions {
  /** Gradients will be taken per example: what all examples share, and a LoRA reads, is laid out once for each. Default false. */
  perExample?: boolean;
  /** Only the first token of each row is read of the last layer. Default false. */
  firstOnly?: boolean;
}

export class Encoder {
  readonly config: EncoderConfig;
  readonly wordEmbeddings: Tensor;
  readonly #architecture: Architecture;
  readonly #positionEmbeddings: Tensor | undefined;
  readonly #typeEmbeddings: Tensor | undefined;
  readonly #positionTable: PositionTable | undefined;
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
    const architecture = this.#architecture = architectureOf(config);
    const { prefix, names, absolutePositions, positionsFromPadding } = architecture;
    const { hiddenSize, intermediateSize, initializerRange, padTokenId } = config;
    const drawn = (initialise: Initialiser) => initial === "random" ? initialise : null;
    const weights = drawn(normalInit(initializerRange));
    const dense = (name: string, outSize: number, inSize: number): Dense => ({
      weight: store.create(`${name}.weight`, [outSize, inSize], weights),
      bias: store.create(`${name}.bias`, [outSize], drawn(zerosInit)),
    });
    const norm = (name: string): Norm => ({
      gamma: store.create(`${name}.weight`, [hiddenSize], drawn(onesInit)),
      beta: store.create(`${name}.bias`, [hiddenSize], drawn(zerosInit)),
    });
    const table = (name: string, rows: number, zeroRow?: number) =>
      store.create(
        `${prefix}.${name}.weight`,
        [rows, hiddenSize],
        drawn(normalInit(initializerRange, zeroRow)),
      );
    this.config = config;
    this.wordEmbeddings = table("embeddings.word_embeddings", config.vocabularySize, padTokenId);
    if (absolutePositions) {
      this.#positionEmbeddings = table(
        "embeddings.position_embeddings",
        config.maximumPositions,
        positionsFromPadding ? padTokenId : undefined,
      );
    }
    if (config.typeVocabularySize > 0) {
      this.#typeEmbeddings = table("embeddings.token_type_embeddings", config.typeVocabularySize);
    }
    this.#embeddingNorm = norm(`${prefix}.embeddings.LayerNorm`);
    if (config.relative !== undefined) {
      this.#positionTable = {
        embeddings: table("encoder.rel_embeddings", tableRows(config.relative)),
        norm: config.relative.normalised ? norm(`${prefix}.encoder.LayerNorm`) : undefined,
      };
    }
    this.#layers = Array.from({ length: config.layers }, (_, i) => {
      const part = (name: keyof typeof names) => `${layerName(architecture, i)}.${names[name]}`;
      return {
        query: dense(part("query"), hiddenSize, hiddenSize),
        key: dense(part("key"), hiddenSize, hiddenSize),
        value: dense(part("value"), hiddenSize, hiddenSize),
        attentionOutput: dense(part("attentionOutput"), hiddenSize, hiddenSize),
        attentionNorm: norm(part("attentionNorm")),
        intermediate: dense(part("intermediate"), intermediateSize, hiddenSize),
        output: dense(part("output"), hiddenSize, intermediateSize),
        outputNorm: norm(part("outputNorm")),
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
  forward(batch: DeviceBatch, dropout: Dropout, options: EncoderOptions = {}): Tensor {
    let x = scope(() => this.#embed(batch, dropout));
    const table = this.#positionTable && scope(() => this.#usedPositions(this.#positionTable!, batch.tokens));
    for (let i = 0; i < this.#layers.length; i++) {
      const firstOnly = options.firstOnly === true && i === this.#layers.length - 1;
      const next = scope(() => this.#layer(i, x, batch, table, dropout, { ...options, firstOnly }));
      x.dispose();
      x = next;
    }
    table?.dispose();
    return x;
  }

  #embed(batch: DeviceBatch, dropout: Dropout): Tensor {
    const { padTokenId } = this.config;
    const words = embedding(this.wordEmbeddings, batch.ids, padTokenId);
    const types = this.#typeEmbeddings && embedding(this.#typeEmbeddings, batch.types!);
    const positions = this.#positionEmbeddings && embedding(
      this.#positionEmbeddings,
      batch.positions!,
      this.#architecture.positionsFromPadding ? padTokenId : undefined,
    );
    const normed = this.#norm(this.#embeddingNorm, types ? add(words, types) : words, positions);
    const masked = this.#architecture.masksEmbeddings && batch.mask !== undefined
      ? mul(normed, cast(reshape(batch.mask, [...batch.mask.shape, 1]), "f32"))
      : normed;
    const dropped = dropout.apply(masked, this.config.hiddenDropout, 0, this.#rowsOf(batch));
    return this.#adapters.invertible?.apply(dropped) ?? dropped;
  }

  /** Of the hidden states in a batch, what dropout must know of rows that are left of [rows, T]. */
  #rowsOf({ packing, tokens }: DeviceBatch): PartOfRows | undefined {
    return packing && { places: packing.places, rowSize: tokens * this.config.hiddenSize };
  }

  /** The rows of the position table that T tokens use, [R, H]: all layers share them. */
  #usedPositions({ embeddings, norm }: PositionTable, tokens: number): Tensor {
    const { first, count } = relativeRows(this.config.relative!, tokens);
    const used = slice(embeddings, 0, first, first + count);
    return norm === undefined ? used : this.#norm(norm, used);
  }

  /** Softmax of all heads' scores times the values, of the input's shape. */
  #attend(
    index: number,
    x: Tensor,
    batch: DeviceBatch,
    table: Tensor | undefined,
    dropout: Dropout,
    { perExample = false }: EncoderOptions,
  ): Tensor {
    const { heads, attentionDropout, hiddenDropout } = this.config;
    const { rows, tokens, mask, packing } = batch;
    const { query, key, value } = this.#layers[index];
    const lora = this.#adapters.loraOf(index);
    const [q, k, v] = [project(x, query, lora.query), project(x, key), project(x, value, lora.value)];
    const options = {
      heads,
      mask,
      packed: packing && { starts: packing.starts, batch: rows, tokens },
      ...dropout.options(attentionDropout, siteOf(index, 0), heads * tokens ** 2),
    };
    if (table === undefined) return attention(q, k, v, options);
    const site = siteOf(this.config.layers, 0) + HEAD_SITES + index;
    const dropped = dropout.applyShared(table, hiddenDropout, site);
    const queries = project(dropped, query), keys = project(dropped, key);
    const relative = batch.relative!;
    if (lora.query === undefined) return disentangledAttention(q, k, v, { keys, queries, relative }, options);
    // The query's LoRA also sees the positions. For gradients per example each example needs positions of its own.
    const each = (part: Tensor) => perExample ? repeat(part, rows) : part;
    const adapted = lora.query.apply(each(dropped), queries);
    return disentangledAttention(q, k, v, { keys: each(keys), queries: adapted, relative }, options);
  }

  /** With `firstOnly` what follows on attention, which reads all tokens, is computed of the rows' first tokens. */
  #layer(
    index: number,
    input: Tensor,
    batch: DeviceBatch,
    table: Tensor | undefined,
    dropout: Dropout,
    options: EncoderOptions,
  ): Tensor {
    const { firstOnly = false } = options;
    const { config } = this;
    const layer = this.#layers[index];
    const { hiddenSize } = config;
    const contexts = this.#attend(index, input, batch, table, dropout, options);
    const picked = (each: Tensor) =>
      firstOnly ? embedding(reshape(each, [each.size / hiddenSize, hiddenSize]), batch.firsts) : each;
    const [context, x] = [picked(contexts), picked(input)];
    const part = firstOnly
      ? { places: batch.firstPlaces, rowSize: batch.tokens * hiddenSize }
      : this.#rowsOf(batch);
    const attended = dropout.apply(
      project(context, layer.attentionOutput),
      this.#architecture.attentionOutputDropout ? config.hiddenDropout : 0,
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

  #norm(norm: Norm, x: Tensor, residual?: Tensor): Tensor {
    return layerNorm(x, norm.gamma, norm.beta, this.config.layerNormEpsilon, residual);
  }
}

function project(x: Tensor, dense: Dense, lora?: Lora): Tensor {
  const projected = linear(x, dense.weight, dense.bias);
  return lora === undefined ? projected : lora.apply(x, projected);
}

/** [R, H] → [count, R, H]. */
function repeat(rows: Tensor, count: number): Tensor {
  return add(zeros(rows.backend, [count, 1, 1]), rows);
}
