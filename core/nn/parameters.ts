// The named parameters of a model: created from initialisers, loaded and saved under Hugging Face's state-dict names.
// It leaves file formats to io/ and the meaning of a name to models/ and adapters/.

import type { Backend, HostArray } from "../backends/backend.ts";
import { fail } from "../errors.ts";
import type { StoredTensors } from "../io/stored.ts";
import { sameShape, type Shape, showShape } from "../shape.ts";
import { empty, keep, parameter, type Tensor } from "../tensor.ts";
import type { Initialiser } from "./initialise.ts";

/** Values of a tensor on the host, as files hold them. */
export interface HostTensor {
  shape: Shape;
  data: HostArray;
}

export type State = Map<string, HostTensor>;

export interface LoadOptions {
  /** Parameters that the state lacks: "error" (default), or "keep" their present values. */
  missing?: "error" | "keep";
  /** Entries of the state that nothing here is named after: "error" (default) or "ignore". */
  extra?: "error" | "ignore";
}

/** Values that may wait in a device's queue while files are streamed to it: 64 MiB. */
const mostUnwritten = 2 ** 24;

export interface LoadReport {
  loaded: string[];
  missing: string[];
  extra: string[];
}

export class ParameterStore {
  readonly #backend: Backend;
  readonly #seed: number;
  readonly #byName = new Map<string, Tensor>();

  constructor(backend: Backend, seed: number) {
    this.#backend = backend;
    this.#seed = seed;
  }

  /**
   * A new frozen parameter; training is switched on by name or group later.
   * @param initialise null: its values are undefined until they are loaded
   */
  create(name: string, shape: Shape, initialise: Initialiser | null): Tensor {
    if (this.#byName.has(name)) {
      fail(`parameter ${name} exists already; give the adapter or head another name`);
    }
    const made = initialise === null
      ? keep(empty(this.#backend, shape))
      : parameter(this.#backend, initialise(shape, name, this.#seed), shape, { trainable: false });
    made.name = name;
    this.#byName.set(name, made);
    return made;
  }

  get(name: string): Tensor {
    return this.#byName.get(name) ??
      fail(`parameter ${name} does not exist; names follow Hugging Face's state dict`);
  }

  get all(): ReadonlyMap<string, Tensor> {
    return this.#byName;
  }

  matching(test: (name: string) => boolean): Tensor[] {
    return [...this.#byName].filter(([name]) => test(name)).map(([, value]) => value);
  }

  remove(test: (name: string) => boolean): void {
    for (const [name, value] of [...this.#byName]) {
      if (!test(name)) continue;
      value.zeroGrad();
      value.dispose();
      this.#byName.delete(name);
    }
  }

  /**
   * Overwrites parameters from `state`. Nothing is written when something is wrong.
   * @param within limits which parameters must be in the state (default all)
   * @throws naming up to five missing, unknown or mis-shaped entries
   */
  load(state: State, options: LoadOptions & { within?: (name: string) => boolean } = {}): LoadReport {
    const report = this.#plan(state, options);
    for (const name of report.loaded) this.#byName.get(name)!.write(state.get(name)!.data);
    return report;
  }

  /** As `load`, from files: no more than a part of a tensor is held beside the parameters. */
  async stream(
    tensors: StoredTensors,
    options: LoadOptions & { within?: (name: string) => boolean } = {},
  ): Promise<LoadReport> {
    const report = this.#plan(tensors, options);
    let written = 0;
    for (const name of report.loaded) {
      const { buffer } = this.#byName.get(name)!;
      await tensors.get(name)!.stream(async (values, offset) => {
        this.#backend.write(buffer, values, offset);
        written += values.length;
        // A GPU's queue holds a copy of what was written until it has run.
        if (written >= mostUnwritten) await this.#backend.synchronize();
        written %= mostUnwritten;
      });
    }
    return report;
  }

  /** What of `state` goes where. @throws as `load` says */
  #plan(
    state: ReadonlyMap<string, { readonly shape: Shape }>,
    options: LoadOptions & { within?: (name: string) => boolean },
  ): LoadReport {
    const { missing: onMissing = "error", extra: onExtra = "error", within = () => true } = options;
    const report: LoadReport = { loaded: [], missing: [], extra: [] };
    const misshaped: string[] = [];
    for (const [name, value] of this.#byName) {
      if (!within(name)) continue;
      const found = state.get(name);
      if (found === undefined) report.missing.push(name);
      else if (!sameShape(found.shape, value.shape)) {
        misshaped.push(`${name} ${showShape(found.shape)}, wanted ${showShape(value.shape)}`);
      } else report.loaded.push(name);
    }
    for (const name of state.keys()) if (!this.#byName.has(name) || !within(name)) report.extra.push(name);
    if (misshaped.length > 0) {
      fail(`load weights: ${few(misshaped)}; check that config.json belongs to these weights`);
    }
    if (onMissing === "error" && report.missing.length > 0) {
      fail(
        `load weights: missing ${
          few(report.missing)
        }; wrong checkpoint, or pass missing: "keep" to leave them at their initial values`,
      );
    }
    if (onExtra === "error" && report.extra.length > 0) {
      fail(
        `load weights: nothing here is named ${
          few(report.extra)
        }; wrong model or head, or pass extra: "ignore"`,
      );
    }
    return report;
  }

  /** Copies values to the host. */
  async state(test: (name: string) => boolean = () => true): Promise<State> {
    const out: State = new Map();
    for (const [name, value] of this.#byName) {
      if (test(name)) out.set(name, { shape: value.shape, data: await value.read() });
    }
    return out;
  }

  dispose(): void {
    this.remove(() => true);
  }
}

function few(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
