// An adapter from its configuration and its tensors: names of every version of AdapterHub's format and of PEFT's brought to the
// engine's, sizes checked against the configuration and the encoder. It leaves opening folders and archives to its callers.

import type { LanguageConfig, TaskConfig } from "../adapters/adapters.ts";
import { fail } from "../errors.ts";
import { type Shape, showShape } from "../shape.ts";
import { type AdapterDescription, adapterDescription } from "./adapter_config.ts";
import { isPeft, peftDescription, peftNames } from "./peft.ts";

/** The encoder that an adapter is to be put into. */
export interface AdapterTarget {
  readonly modelType: string;
  readonly hiddenSize: number;
}

export interface FileAdapter<T> {
  readonly description: AdapterDescription;
  /** Under the engine's names, for `Model.loadAdapter`; the adapter is called `as`. */
  readonly tensors: Map<string, T>;
  /** Whatever else lay in the file: a PEFT file holds the head too. */
  readonly others: Map<string, T>;
}

/** Collections of the older formats, which kept task and language adapters apart. */
const legacy: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)invertible_lang_adapters\./, "$1invertible_adapters."],
  [/(^|\.)(?:attention|layer)_text_(?:task|lang)_adapters\./, "$1adapters."],
  [/(^|\.)text_(?:task|lang)_adapters\./, "$1adapters."],
  [/(^|\.)layer_text_(?:task|lang)\./, "$1adapters."],
  [/(^|\.)(?:layer|layer_language|attention|language_attention)_adapters\./, "$1adapters."],
];

const collections = ["invertible_adapters", "adapters", "loras"];

/**
 * @param json the parsed adapter_config.json
 * @param as name of the adapter in the model
 * @param label names the adapter in errors
 * @throws when the configuration is of another architecture, or does not fit the weights or the encoder
 */
export function adapterFromFiles<T extends { readonly shape: Shape }>(
  json: unknown,
  tensors: ReadonlyMap<string, T>,
  target: AdapterTarget,
  as: string,
  label: string,
): FileAdapter<T> {
  const peft = isPeft(json);
  const description: AdapterDescription = peft
    ? {
      name: as,
      hiddenSize: undefined,
      modelType: undefined,
      method: peftDescription(json, label),
      notes: [],
      invertibleIsOptional: false,
    }
    : adapterDescription(json, label);
  const own = new Map<string, T>(), others = new Map<string, T>();
  for (const [key, value] of peft ? peftNames(tensors, as) : tensors) {
    const name = engineName(key, description.name, as);
    if (name === undefined) others.set(key, value);
    else own.set(name, value);
  }
  if (own.size === 0) {
    fail(
      `${label}: no tensor belongs to the adapter "${description.name}"; there are, e.g., ${
        [...tensors.keys()].slice(0, 3).join(", ")
      }`,
    );
  }
  const { hiddenSize = target.hiddenSize } = description;
  if (hiddenSize !== target.hiddenSize) {
    fail(
      `${label}: made for hidden size ${hiddenSize}, the encoder has ${target.hiddenSize}; take the adapter of this encoder`,
    );
  }
  if (!isOfModel(description.modelType, target.modelType)) {
    fail(
      `${label}: made for a model of type "${description.modelType}", the encoder is "${target.modelType}"; take the adapter of this encoder`,
    );
  }
  checkSizes(description, own, target.hiddenSize, label);
  return { description: withoutAbsentBlock(description, own, label), tensors: own, others };
}

/** RoBERTa's architecture is XLM-R's. */
const isOfModel = (given: string | undefined, wanted: string) =>
  given === undefined || given === wanted || (given === "roberta" && wanted === "xlm-roberta");

/** The engine's name; undefined where the tensor belongs to no adapter or to another one. */
function engineName(key: string, name: string, as: string): string | undefined {
  let renamed = key;
  for (const [pattern, to] of legacy) renamed = renamed.replace(pattern, to);
  for (const collection of collections) {
    // A literal search: names of adapters may hold dots.
    const found = `${collection}.${name}.`, at = renamed.indexOf(found);
    if (at === 0 || (at > 0 && renamed[at - 1] === ".")) {
      return `${renamed.slice(0, at)}${collection}.${as}.${renamed.slice(at + found.length)}`;
    }
  }
  return undefined;
}

function checkSizes(
  { method }: AdapterDescription,
  tensors: ReadonlyMap<string, { readonly shape: Shape }>,
  hiddenSize: number,
  label: string,
): void {
  const inner = (width: number, reduction: number) => Math.max(1, Math.floor(width / reduction));
  const check = (pattern: RegExp, rows: number, columns: number, what: string) => {
    for (const [name, { shape }] of tensors) {
      if (pattern.test(name) && !(shape.length === 2 && shape[0] === rows && shape[1] === columns)) {
        fail(
          `${label}: ${name} is ${showShape(shape)}, but ${what} makes it ${showShape([rows, columns])}; ` +
            `configuration and weights do not belong together`,
        );
      }
    }
  };
  if (method.kind === "lora") {
    check(/\.lora_A$/, method.rank, hiddenSize, `rank ${method.rank}`);
    check(/\.lora_B$/, hiddenSize, method.rank, `rank ${method.rank}`);
    return;
  }
  const { reduction, invertibleReduction } = method;
  check(
    /\.adapter_down\.0\.weight$/,
    inner(hiddenSize, reduction),
    hiddenSize,
    `reduction_factor ${reduction}`,
  );
  if (invertibleReduction !== null) {
    const lower = Math.floor(hiddenSize / 2), upper = hiddenSize - lower;
    const what = `inv_adapter_reduction_factor ${invertibleReduction}`;
    check(/\.F\.0\.weight$/, inner(upper, invertibleReduction), upper, what);
    check(/\.G\.0\.weight$/, inner(lower, invertibleReduction), lower, what);
  }
}

/** The configuration and the weights must agree on the invertible block, but for the task adapters of the first format. */
function withoutAbsentBlock(
  description: AdapterDescription,
  tensors: ReadonlyMap<string, unknown>,
  label: string,
): AdapterDescription {
  const { method } = description;
  if (method.kind === "lora") return description;
  const isThere = [...tensors.keys()].some((name) => /(^|\.)invertible_adapters\./.test(name));
  if (isThere && method.invertibleReduction === null) {
    fail(
      `${label}: the weights have an invertible block, of which the configuration says nothing; take the file that came with them`,
    );
  }
  if (isThere || method.invertibleReduction === null) return description;
  if (!description.invertibleIsOptional) {
    fail(
      `${label}: the configuration has an invertible block, the weights have none; the adapter is incomplete, fetch it again`,
    );
  }
  return { ...description, method: { ...method, invertibleReduction: null } };
}

/** @throws for LoRA: a language adapter is a bottleneck */
export function languageConfigOf({ method, name }: AdapterDescription): LanguageConfig {
  if (method.kind === "lora") {
    fail(`adapter "${name}": LoRA cannot be a language adapter here; take a bottleneck`);
  }
  const { kind: _, ...config } = method;
  return config;
}

/** A task adapter's invertible block is not part of it: of a stack only the first adapter's is applied. */
export function taskConfigOf({ method, name }: AdapterDescription): TaskConfig {
  if (method.kind === "lora") return { kind: "lora", rank: method.rank, alpha: method.alpha };
  if (method.leaveOut.length > 0) {
    fail(`adapter "${name}": leave_out is [${method.leaveOut}]; a task adapter here is in every layer`);
  }
  return { kind: "bottleneck", reduction: method.reduction, nonLinearity: method.nonLinearity };
}

/** A task adapter's tensors without an invertible block. */
export function taskTensors<T>(tensors: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...tensors].filter(([name]) => !/(^|\.)invertible_adapters\./.test(name)));
}
