// All adapters of one encoder: any number of resident language adapters, of which one is active, and one task adapter or LoRA.
// It leaves their arithmetic to bottleneck.ts, invertible.ts and lora.ts, and file formats to io/.

import { fail } from "../errors.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import type { Tensor } from "../tensor.ts";
import { Bottleneck, type BottleneckConfig } from "./bottleneck.ts";
import { Invertible } from "./invertible.ts";
import { Lora, type LoraConfig } from "./lora.ts";

export interface LanguageConfig extends BottleneckConfig {
  /** Reduction of the invertible block; null when the adapter has none. */
  invertibleReduction: number | null;
  /** Layers without a bottleneck. */
  leaveOut?: readonly number[];
}

export type TaskConfig =
  | ({ kind: "bottleneck"; name?: string } & BottleneckConfig)
  | ({ kind: "lora"; name?: string } & LoraConfig);

/** MAD-X: bottleneck hidden/2, invertible block, ReLU. */
export const languageDefaults: LanguageConfig = {
  reduction: 2,
  nonLinearity: "relu",
  invertibleReduction: 2,
};
/** The paper's task adapter: bottleneck hidden/16, ReLU. */
export const taskDefaults: TaskConfig = { kind: "bottleneck", reduction: 16, nonLinearity: "relu" };
/** The paper's LoRA on query and value. */
export const loraDefaults: TaskConfig = { kind: "lora", rank: 8, alpha: 8 };

export interface AdapterOptions {
  /** Resident from the start, by name (a language code). The first one is active. */
  languages?: Readonly<Record<string, Partial<LanguageConfig>>>;
  task?: TaskConfig;
}

interface Language {
  layers: (Bottleneck | undefined)[];
  invertible: Invertible | undefined;
}

interface Task {
  name: string;
  config: TaskConfig;
  bottlenecks: Bottleneck[];
  query: Lora[];
  value: Lora[];
}

/** Trainable parameters of one layer's task adapter: the unit of unfreezing and of tr(F). */
export interface LayerGroup {
  layer: number;
  parameters: Tensor[];
}

/** What adapters know of the encoder they are in. Names are those of Python's `adapters`. */
export interface EncoderShape {
  prefix: string;
  hiddenSize: number;
  layers: number;
  /** Name of layer i. */
  layerName(i: number): string;
  /** Below a layer: what holds the bottlenecks, and the projections that LoRA changes. */
  names: { adapters: string; query: string; value: string };
}

export class Adapters {
  readonly #store: ParameterStore;
  readonly #shape: EncoderShape;
  readonly #languages = new Map<string, Language>();
  #active: string | null = null;
  #task: Task | undefined;

  constructor(store: ParameterStore, shape: EncoderShape, options: AdapterOptions = {}) {
    this.#store = store;
    this.#shape = shape;
    for (const [name, config] of Object.entries(options.languages ?? {})) this.addLanguage(name, config);
    this.#active = this.languages[0] ?? null;
    if (options.task !== undefined) this.#task = this.#makeTask(options.task);
  }

  get languages(): string[] {
    return [...this.#languages.keys()];
  }

  get language(): string | null {
    return this.#active;
  }

  /** Makes a language adapter active in all layers and after the embeddings; null runs without one. */
  setLanguage(name: string | null): void {
    if (name !== null) this.#languageOf(name);
    this.#active = name;
  }

  /** A language adapter with initial values; load its weights by name afterwards. */
  addLanguage(name: string, options: Partial<LanguageConfig> = {}): void {
    if (this.#languages.has(name)) fail(`language adapter "${name}" is already there; remove it first`);
    const config = { ...languageDefaults, ...options };
    const { prefix, hiddenSize, layers, layerName, names } = this.#shape;
    this.#languages.set(name, {
      layers: Array.from(
        { length: layers },
        (_, i) =>
          config.leaveOut?.includes(i) ? undefined : new Bottleneck(
            this.#store,
            `${layerName(i)}.${names.adapters}.${name}`,
            hiddenSize,
            config,
          ),
      ),
      invertible: config.invertibleReduction === null
        ? undefined
        : new Invertible(this.#store, `${prefix}.invertible_adapters.${name}`, hiddenSize, {
          reduction: config.invertibleReduction,
          nonLinearity: config.nonLinearity,
        }),
    });
  }

  removeLanguage(name: string): void {
    this.#languageOf(name);
    this.#languages.delete(name);
    if (this.#active === name) this.#active = null;
    this.#store.remove((each) => adapterOf(each) === name);
  }

  get taskName(): string | null {
    return this.#task?.name ?? null;
  }

  get taskConfig(): TaskConfig | null {
    return this.#task?.config ?? null;
  }

  /** One group a layer, bottom first; empty without a task adapter. LoRA's two of a layer are one group. */
  get taskGroups(): LayerGroup[] {
    const task = this.#task;
    if (task === undefined) return [];
    return Array.from({ length: this.#shape.layers }, (_, layer) => ({
      layer,
      parameters: [task.bottlenecks[layer], task.query[layer], task.value[layer]].flatMap((each) =>
        each?.parameters ?? []
      ),
    }));
  }

  languageParameters(name: string): Tensor[] {
    const { layers, invertible } = this.#languageOf(name);
    return [...layers.flatMap((each) => each?.parameters ?? []), ...(invertible?.parameters ?? [])];
  }

  /** Active bottlenecks of a layer, first applied first: [language, task]. */
  stackOf(layer: number): Bottleneck[] {
    const language = this.#active === null ? undefined : this.#languages.get(this.#active)!.layers[layer];
    const task = this.#task?.bottlenecks[layer];
    return [language, task].filter((each) => each !== undefined);
  }

  loraOf(layer: number): { query?: Lora; value?: Lora } {
    return { query: this.#task?.query[layer], value: this.#task?.value[layer] };
  }

  /** The active language's invertible block: of the first adapter of the stack only, so never the task's. */
  get invertible(): Invertible | undefined {
    return this.#active === null ? undefined : this.#languages.get(this.#active)!.invertible;
  }

  #languageOf(name: string): Language {
    return this.#languages.get(name) ??
      fail(
        `language adapter "${name}" is not resident; there are: ${
          this.languages.join(", ") || "none"
        }; add it first`,
      );
  }

  #makeTask(config: TaskConfig): Task {
    const { hiddenSize, layers, layerName, names } = this.#shape;
    const name = config.name ?? "task";
    if (this.#languages.has(name)) {
      fail(`task adapter "${name}" has the name of a language adapter; rename one`);
    }
    const task: Task = { name, config, bottlenecks: [], query: [], value: [] };
    for (let i = 0; i < layers; i++) {
      const layer = layerName(i);
      if (config.kind === "bottleneck") {
        task.bottlenecks.push(
          new Bottleneck(this.#store, `${layer}.${names.adapters}.${name}`, hiddenSize, config),
        );
      } else {
        task.query.push(
          new Lora(this.#store, `${layer}.${names.query}.loras.${name}`, hiddenSize, config),
        );
        task.value.push(
          new Lora(this.#store, `${layer}.${names.value}.loras.${name}`, hiddenSize, config),
        );
      }
    }
    return task;
  }
}

/** Name of the adapter that a parameter belongs to, or null for the encoder and heads. */
export function adapterOf(parameterName: string): string | null {
  return /\.(?:adapters|invertible_adapters|loras)\.([^.]+)\./.exec(parameterName)?.[1] ?? null;
}

/** The parameter's name for the same adapter under another name. */
export function renameAdapter(parameterName: string, to: string): string {
  return parameterName.replace(/(\.(?:adapters|invertible_adapters|loras)\.)[^.]+\./, `$1${to}.`);
}
