// A model: encoder, adapters and one head behind one object, with the loss, and with the groups of parameters that training
// schedules switch on and off. It leaves the optimizer, schedules and data to others.

import {
  adapterOf,
  type AdapterOptions,
  Adapters,
  type LayerGroup,
  renameAdapter,
} from "../adapters/adapters.ts";
import type { Backend, MemoryStatistics } from "../backends/backend.ts";
import { fail } from "../errors.ts";
import { Dropout, type DropoutKey } from "../nn/dropout.ts";
import { FrozenStorage } from "../nn/frozen.ts";
import { type LoadOptions, type LoadReport, ParameterStore, type State } from "../nn/parameters.ts";
import type { StoredTensors } from "../io/stored.ts";
import { add, mul } from "../ops/binary.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { sum } from "../ops/reduce.ts";
import { scope, type Tensor } from "../tensor.ts";
import { architectureOf, layerName } from "./architecture.ts";
import { type Batch, type DeviceBatch, type HostBatch, hostBatch, uploadBatch } from "./batch.ts";
import { checkConfig, type EncoderConfig } from "./config.ts";
import { Encoder, type InitialEncoder, type LayerNormPasses } from "./encoder.ts";
import { ChoiceHead, ClassificationHead, type Head, SpanHead } from "./heads.ts";
import { MaskedLmHead } from "./lm_head.ts";
import { packed } from "./packing.ts";
import { canonicalNames } from "./state_names.ts";

export type Task =
  | { kind: "span" }
  | { kind: "classification"; labels: number }
  | { kind: "choice" }
  /** BERT's next-sentence head comes with nextSentence. */
  | { kind: "masked-lm"; nextSentence?: boolean };

export interface ModelOptions {
  config: EncoderConfig;
  task: Task;
  adapters?: AdapterOptions;
  /** Seed of the initial values; default 0. */
  seed?: number;
  /** "first" leaves out all but the first LayerNorm of each adapter stack: an ablation. */
  layerNormPasses?: LayerNormPasses;
  /** "empty" where `streamEncoder` or `loadEncoder` follows; default "random". A pooler is always drawn: files may lack it. */
  initialEncoder?: InitialEncoder;
}

export interface ForwardOptions {
  /** Given while training; without it nothing is dropped. */
  dropout?: DropoutKey;
  /** Gradients of this pass will be taken per example (`backward` with examples), so padding is kept. Default false. */
  perExample?: boolean;
}

/** Which parts train; whatever is not named is frozen. */
export interface Trainable {
  /** Layers whose task adapter (or LoRA) trains. */
  layers?: Iterable<number>;
  head?: boolean;
  /** A language adapter with its invertible block. */
  language?: string;
  /** Embeddings, all layers and the pooler. */
  encoder?: boolean;
  /** Layers of the encoder itself, with what `encoderGroups` counts to them. */
  encoderLayers?: Iterable<number>;
}

export interface ModelMemory {
  parameterCount: number;
  trainableCount: number;
  device: MemoryStatistics;
}

export class Model {
  readonly backend: Backend;
  readonly config: EncoderConfig;
  readonly task: Task;
  readonly adapters: Adapters;
  readonly #store: ParameterStore;
  readonly #encoder: Encoder;
  readonly #head: Head;
  readonly #prefix: string;
  readonly #frozen = new FrozenStorage();

  constructor(backend: Backend, options: ModelOptions) {
    checkConfig(options.config);
    const { config, task } = options;
    this.backend = backend;
    this.config = config;
    this.task = task;
    const architecture = architectureOf(config), { prefix, names } = architecture;
    this.#prefix = `${prefix}.`;
    this.#store = new ParameterStore(backend, options.seed ?? 0);
    this.adapters = new Adapters(
      this.#store,
      {
        ...{ prefix, names, hiddenSize: config.hiddenSize, layers: config.layers },
        layerName: (i) => layerName(architecture, i),
      },
      options.adapters,
    );
    this.#encoder = new Encoder(
      this.#store,
      config,
      this.adapters,
      options.layerNormPasses,
      options.initialEncoder,
    );
    this.#head = this.#makeHead(task);
  }

  #makeHead(task: Task): Head {
    const site = this.#encoder.headSite;
    switch (task.kind) {
      case "span":
        return new SpanHead(this.#store, this.config, site);
      case "classification":
        return new ClassificationHead(this.#store, this.config, task.labels, site);
      case "choice":
        return new ChoiceHead(this.#store, this.config, site);
      case "masked-lm":
        return new MaskedLmHead(this.#store, this.#encoder, this.adapters, task.nextSentence ?? false);
    }
  }

  /**
   * Logits as rows of one distribution each: span [2·B, T] (starts, then ends), classification [B, labels], choice [B, C],
   * masked-lm [N, V] for the N predicted tokens.
   */
  logits(batch: Batch | DeviceBatch, options: ForwardOptions = {}): Tensor {
    return this.outputs(batch, options)[0];
  }

  /** Checks a batch and lays out what this model reads of it. Without `labelled` it is for logits only. */
  prepare(batch: Batch, labelled: boolean): HostBatch {
    return hostBatch(this.config, batch, {
      predicted: this.#head.predicted?.(batch),
      isPaddingUnread: this.#head.reads === "first" ||
        (this.#head.reads === "tokens" && !!batch.ignorePadding),
      targets: labelled ? this.#head.targets(batch) : [],
    });
  }

  /** A prepared batch, or a piece of one, on the device: in tensors of the active scope, without padding where it can go. */
  upload(host: HostBatch, perExample = false): DeviceBatch {
    // Gradients per example are of examples of equal size.
    return uploadBatch(this.backend, this.backend.packsRows && !perExample ? packed(host) : host);
  }

  #onDevice(batch: Batch | DeviceBatch, labelled: boolean, perExample = false): DeviceBatch {
    return "ids" in batch ? batch : this.upload(this.prepare(batch, labelled), perExample);
  }

  /** All sets of logits: one, or two for masked-lm with the next-sentence head. */
  outputs(batch: Batch | DeviceBatch, options: ForwardOptions = {}): Tensor[] {
    return scope(() => {
      const dropout = new Dropout(options.dropout);
      const inputs = this.#onDevice(batch, false, options.perExample);
      const hidden = this.#encoder.forward(inputs, dropout, {
        ...options,
        firstOnly: this.#head.reads === "first",
      });
      return this.#head.logits(hidden, inputs, dropout);
    });
  }

  /** Hidden states of the last layer, [rows, T, H]. */
  hidden(batch: Batch | DeviceBatch, options: ForwardOptions = {}): Tensor {
    return scope(() => {
      const inputs = "ids" in batch ? batch : uploadBatch(this.backend, this.prepare(batch, false));
      return this.#encoder.forward(inputs, new Dropout(options.dropout), options);
    });
  }

  /** Mean cross-entropy, shape []: spans average starts and ends, masked-lm with next sentences adds the two means. */
  loss(batch: Batch | DeviceBatch, options: ForwardOptions = {}): Tensor {
    return scope(() => {
      const inputs = this.#onDevice(batch, true, options.perExample);
      return this.lossOf(this.outputs(inputs, options), inputs);
    });
  }

  /** The loss from logits that `outputs` gave. */
  lossOf(outputs: readonly Tensor[], batch: Batch | DeviceBatch): Tensor {
    return scope(() =>
      this.#onDevice(batch, true).targets
        .map(({ targets, weights }, i) => sum(mul(crossEntropy(outputs[i], targets), weights)))
        .reduce((total, each) => add(total, each))
    );
  }

  /** The active language adapter; null for none. */
  get language(): string | null {
    return this.adapters.language;
  }

  setLanguage(name: string | null): void {
    this.adapters.setLanguage(name);
  }

  /** One group a layer, bottom first: the unit of unfreezing and of tr(F). */
  get taskGroups(): LayerGroup[] {
    return this.adapters.taskGroups;
  }

  /**
   * The encoder itself as one group a layer, bottom first: the unit of unfreezing where no adapter stands in its place. What lies
   * below the layers or is shared by them is counted to the lowest, the pooler to the top.
   */
  get encoderGroups(): LayerGroup[] {
    const { layers } = this.config, start = `${this.#prefix}${architectureOf(this.config).layers}.`;
    const groups = Array.from({ length: layers }, (_, layer): LayerGroup => ({ layer, parameters: [] }));
    for (const each of this.encoderParameters) {
      const name = each.name!;
      const at = name.startsWith(start)
        ? Number.parseInt(name.slice(start.length))
        : name.includes(".pooler.")
        ? layers - 1
        : 0;
      groups[at].parameters.push(each);
    }
    return groups;
  }

  get headParameters(): readonly Tensor[] {
    return this.#head.parameters;
  }

  get encoderParameters(): Tensor[] {
    return this.#store.matching((name) => this.#isEncoder(name));
  }

  /** By Hugging Face name. */
  get parameters(): ReadonlyMap<string, Tensor> {
    return this.#store.all;
  }

  get trainableParameters(): Tensor[] {
    return [...this.#store.all.values()].filter((each) => each.trainable);
  }

  /**
   * Freezes everything and switches the named parts on. Gradients of what is frozen now are dropped. On a backend that keeps
   * frozen weights in half precision the layers' matrices are rounded now; those that train again stay rounded, in f32.
   */
  setTrainable(parts: Trainable): void {
    const on = new Set<Tensor>(parts.head ? this.headParameters : []);
    const add = (what: string, groups: LayerGroup[], layers: Iterable<number>) => {
      for (const layer of layers) {
        const group = groups[layer] ??
          fail(
            `setTrainable: layer ${layer} has no ${what}; there are ${groups.length} such layers, counted from 0`,
          );
        for (const each of group.parameters) on.add(each);
      }
    };
    if (parts.layers) add("task adapter", this.taskGroups, parts.layers);
    if (parts.encoderLayers) add("weights", this.encoderGroups, parts.encoderLayers);
    if (parts.language !== undefined) {
      for (const each of this.adapters.languageParameters(parts.language)) on.add(each);
    }
    if (parts.encoder) { for (const each of this.encoderParameters) on.add(each); }
    for (const each of this.#store.all.values()) {
      each.trainable = on.has(each);
      if (!each.trainable) each.zeroGrad();
    }
    this.#frozen.update(this.#encoder.denseWeights);
  }

  zeroGrad(): void {
    for (const each of this.#store.all.values()) each.zeroGrad();
  }

  /** All parameters (or those whose name passes `test`) with their values. */
  state(test?: (name: string) => boolean): Promise<State> {
    return this.#store.state(test);
  }

  /** Loads every parameter; names may be of the older kind (LayerNorm.gamma) or lack the encoder's prefix. */
  loadState(state: State, options: LoadOptions = {}): LoadReport {
    return this.#store.load(canonicalNames(state, this.#prefix), options);
  }

  /** Loads the encoder and ignores what else the state holds. A pooler that the state lacks keeps its random values. */
  loadEncoder(state: State): LoadReport {
    const named = canonicalNames(state, this.#prefix);
    return this.#store.load(named, this.#encoderOf(named));
  }

  /**
   * As `loadEncoder`, from files, with no more than a part of one tensor on the host beside the device.
   * @returns the parameters that it found, a pooler that the files lack, and tensors of the files that this encoder has no use for
   */
  async streamEncoder(tensors: StoredTensors): Promise<LoadReport> {
    const named = canonicalNames(tensors, this.#prefix);
    const report = await this.#store.stream(named, this.#encoderOf(named));
    const missing = [...this.#store.all.keys()].filter((name) => this.#isEncoder(name) && !named.has(name));
    return { ...report, missing };
  }

  #encoderOf(named: ReadonlyMap<string, unknown>) {
    return {
      extra: "ignore" as const,
      within: (name: string) => this.#isEncoder(name) && (!name.includes(".pooler.") || named.has(name)),
    };
  }

  /** Loads the head and ignores what else the state holds. */
  loadHead(state: State): LoadReport {
    return this.#store.load(canonicalNames(state, this.#prefix), {
      extra: "ignore",
      within: (name) => !name.startsWith(this.#prefix),
    });
  }

  /** As `loadHead`, from files; what the files lack is an error. */
  streamHead(tensors: StoredTensors): Promise<LoadReport> {
    return this.#store.stream(canonicalNames(tensors, this.#prefix), {
      extra: "ignore",
      within: (name) => !name.startsWith(this.#prefix),
    });
  }

  /**
   * What must be kept beside an adapter: the head, and of XLM-R the pooler that multiple choice reads. A checkpoint saved from its
   * language model may lack it; then it was drawn, and nobody else has it.
   */
  headState(): Promise<State> {
    const mayBeDrawn = this.config.modelType === "xlm-roberta";
    return this.state((name) =>
      !name.startsWith(this.#prefix) || (mayBeDrawn && name.startsWith(`${this.#prefix}pooler.`))
    );
  }

  /** Parameters of one adapter, under AdapterHub's names. */
  adapterState(name: string): Promise<State> {
    return this.state((each) => adapterOf(each) === name);
  }

  /**
   * Loads one resident adapter; the state may hold other things beside it.
   * @param from its name in the state; default the same name, or the only adapter there
   * @throws when parts are missing, or are there that this adapter does not have (another configuration)
   */
  loadAdapter(name: string, state: State, from?: string): LoadReport {
    const named = canonicalNames(state, this.#prefix);
    const there = new Set([...named.keys()].map(adapterOf).filter((each) => each !== null));
    const source = from ?? (there.has(name) || there.size !== 1 ? name : [...there][0]);
    if (!there.has(source)) {
      fail(
        `load adapter "${name}": the file holds ${
          [...there].join(", ") || "no adapter"
        }; say which one to take`,
      );
    }
    const renamed: State = new Map();
    for (const [key, value] of named) {
      if (adapterOf(key) === source) renamed.set(renameAdapter(key, name), value);
    }
    return this.#store.load(renamed, { within: (each) => adapterOf(each) === name });
  }

  memory(): ModelMemory {
    let parameterCount = 0, trainableCount = 0;
    for (const each of this.#store.all.values()) {
      parameterCount += each.size;
      if (each.trainable) trainableCount += each.size;
    }
    return { parameterCount, trainableCount, device: this.backend.memory() };
  }

  dispose(): void {
    this.#store.dispose();
  }

  #isEncoder(name: string): boolean {
    return name.startsWith(this.#prefix) && adapterOf(name) === null;
  }
}

/** Everything frozen; call `setTrainable` before training. */
export function createModel(backend: Backend, options: ModelOptions): Model {
  return new Model(backend, options);
}
