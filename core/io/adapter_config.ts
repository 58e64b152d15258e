// What an adapter's own configuration file says: AdapterHub's adapter_config.json of every version, read and written. Non-linearity,
// reduction and invertible block come from the file alone. It leaves weights to adapter_files.ts and PEFT's files to peft.ts.

import { fail } from "../errors.ts";

export interface BottleneckDescription {
  readonly kind: "bottleneck";
  readonly reduction: number;
  readonly nonLinearity: string;
  /** Reduction of the invertible (NICE) block; null without one. */
  readonly invertibleReduction: number | null;
  /** Layers without an adapter. */
  readonly leaveOut: readonly number[];
}

export interface LoraDescription {
  readonly kind: "lora";
  readonly rank: number;
  readonly alpha: number;
}

export interface AdapterDescription {
  readonly name: string;
  /** The encoder that it belongs to, as far as the file says. */
  readonly hiddenSize: number | undefined;
  readonly modelType: string | undefined;
  readonly method: BottleneckDescription | LoraDescription;
  /** What a reader of results with this adapter must know, one sentence each. */
  readonly notes: readonly string[];
  /** A task adapter of the first format names an invertible block that it never had; without weights it has none. */
  readonly invertibleIsOptional: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** What a field is when a file leaves it out (adapters 1.x, BnConfig and LoRAConfig; `original_ln_before` is false there). */
const bottleneckDefaults: Fields = {
  original_ln_before: false,
  original_ln_after: true,
  ln_before: false,
  ln_after: false,
  is_parallel: false,
  scaling: 1,
  use_gating: false,
  residual_before_ln: true,
  adapter_residual_before_ln: false,
  cross_adapter: false,
  phm_layer: false,
  dropout: 0,
  stochastic_depth: 0,
};
const pfeiffer: Fields = {
  ...bottleneckDefaults,
  original_ln_before: true,
  mh_adapter: false,
  output_adapter: true,
  non_linearity: "relu",
  reduction_factor: 16,
};
const pfeifferInv: Fields = { ...pfeiffer, inv_adapter: "nice", inv_adapter_reduction_factor: 2 };
const lora: Fields = {
  architecture: "lora",
  selfattn_lora: true,
  intermediate_lora: false,
  output_lora: false,
  r: 8,
  alpha: 8,
  dropout: 0,
  attn_matrices: ["q", "v"],
  composition_mode: "add",
  use_gating: false,
  use_dora: false,
  vera_d: null,
  vera_b: null,
};

/** Configurations by the identifiers of the library and by the hash that it gives them. */
const byIdentifier: Readonly<Record<string, Fields>> = {
  pfeiffer,
  seq_bn: pfeiffer,
  "pfeiffer+inv": pfeifferInv,
  seq_bn_inv: pfeifferInv,
  lora,
  "9076f36a74755ac4": pfeiffer,
  "57d1ca6590547ddd": { ...pfeiffer, non_linearity: "gelu" },
  "e15331acc3f0a5c0": { ...pfeiffer, reduction_factor: 2 },
  "d345095bcb01e325": { ...pfeiffer, reduction_factor: 2, non_linearity: "gelu" },
  "9ed5b5a29de19b71": pfeifferInv,
  "136853fefc94e5b7": { ...pfeifferInv, non_linearity: "gelu" },
  "16eaa0b5fae9ed68": { ...pfeifferInv, reduction_factor: 2 },
  "d6b47b2cc04861fc": { ...pfeifferInv, reduction_factor: 2, non_linearity: "gelu" },
  "625403edad0bf919": lora,
};

/** Values that an adapter of this engine has; anything else is another architecture. */
const wantedBottleneck: Fields = {
  mh_adapter: false,
  output_adapter: true,
  original_ln_before: true,
  original_ln_after: true,
  ln_before: false,
  ln_after: false,
  is_parallel: false,
  scaling: 1,
  use_gating: false,
  residual_before_ln: true,
  cross_adapter: false,
  phm_layer: false,
};
const wantedLora: Fields = {
  selfattn_lora: true,
  intermediate_lora: false,
  output_lora: false,
  composition_mode: "add",
  use_gating: false,
  use_dora: false,
};

/** Before the format had a version, "gelu" was the tanh approximation. */
const unversionedActivations: Readonly<Record<string, string>> = { gelu: "gelu_new", gelu_orig: "gelu" };

const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads a parsed adapter_config.json of AdapterHub.
 * @param label names the file in errors
 * @throws for another architecture and for fields that are missing, by name and value
 */
export function adapterDescription(json: unknown, label: string): AdapterDescription {
  if (!isRecord(json)) fail(`${label}: it holds no JSON object; fetch the adapter again`);
  const { name, version, hidden_size: hiddenSize, model_type: modelType, type } = json;
  if (typeof name !== "string" || name === "") fail(`${label}: the adapter has no name; fetch it again`);
  const config = typeof json.config === "string" ? identified(json.config, label) : json.config;
  if (!isRecord(config)) {
    fail(`${label}: config is ${JSON.stringify(json.config)}; wanted an object or the identifier of one`);
  }
  const { architecture = null } = config;
  if (architecture !== null && architecture !== "lora") {
    fail(
      `${label}: architecture ${JSON.stringify(architecture)}; this engine has bottleneck adapters and LoRA`,
    );
  }
  const notes: string[] = [];
  return {
    name,
    notes,
    hiddenSize: typeof hiddenSize === "number" ? hiddenSize : undefined,
    modelType: typeof modelType === "string" ? modelType : undefined,
    method: architecture === "lora"
      ? loraOf(config, version, label, notes)
      : bottleneckOf(config, version === undefined && typeof json.config !== "string", label, notes),
    invertibleIsOptional: type === "text_task",
  };
}

/** An identifier, or one with changes: pfeiffer[reduction_factor=2,non_linearity=gelu]. */
function identified(identifier: string, label: string): Fields {
  const [, name, changes] = /^([^[\]|]+)(?:\[(.*)\])?$/.exec(identifier) ?? [];
  if (name === undefined || !Object.hasOwn(byIdentifier, name)) {
    fail(
      `${label}: the configuration "${identifier}" is not known; this engine has ${
        Object.keys(byIdentifier).filter((each) => !/^[0-9a-f]{16}$/.test(each)).join(", ")
      }`,
    );
  }
  const out: Record<string, unknown> = { ...byIdentifier[name] };
  for (const change of changes?.split(",") ?? []) {
    const [key, value] = change.split("=").map((each) => each.trim());
    if (value === undefined) {
      fail(`${label}: "${change}" in the configuration "${identifier}"; wanted name=value`);
    }
    out[key] = /^-?[\d.]+$/.test(value)
      ? Number(value)
      : { True: true, False: false, None: null }[value] ?? value.replace(/^['"]|['"]$/g, "");
  }
  return out;
}

function checkFields(config: Fields, wanted: Fields, defaults: Fields, label: string): void {
  for (const [field, value] of Object.entries(wanted)) {
    const found = config[field] ?? defaults[field];
    if (found === undefined) {
      fail(`${label}: config has no ${field}; take the file that came with the weights`);
    }
    if (found !== value) {
      fail(
        `${label}: ${field} is ${JSON.stringify(found)}, this engine has ${JSON.stringify(value)} only ` +
          `(the "pfeiffer" bottleneck, and LoRA on query and value); take an adapter of that kind`,
      );
    }
  }
}

function positive(value: unknown, field: string, label: string): number {
  if (typeof value !== "number" || !(value > 0)) {
    fail(
      `${label}: ${field} is ${
        JSON.stringify(value)
      }; wanted a positive number, take the file that came with the weights`,
    );
  }
  return value;
}

function bottleneckOf(
  config: Fields,
  isUnversioned: boolean,
  label: string,
  notes: string[],
): BottleneckDescription {
  checkFields(config, wantedBottleneck, bottleneckDefaults, label);
  const nonLinearity = config.non_linearity;
  if (typeof nonLinearity !== "string") {
    fail(
      `${label}: non_linearity is ${
        JSON.stringify(nonLinearity)
      }; it decides what the weights mean, take the file that came with them`,
    );
  }
  return {
    kind: "bottleneck",
    reduction: positive(reductionOf(config.reduction_factor, label), "reduction_factor", label),
    nonLinearity: isUnversioned ? unversionedActivations[nonLinearity] ?? nonLinearity : nonLinearity,
    invertibleReduction: invertibleOf(config, nonLinearity, label, notes),
    leaveOut: leaveOutOf(config, label),
  };
}

/** One number, or a map of layers to numbers that are all the same. */
function reductionOf(value: unknown, label: string): unknown {
  if (!isRecord(value)) return value;
  const [first, ...others] = Object.values(value);
  if (others.some((each) => each !== first)) {
    fail(
      `${label}: reduction_factor differs from layer to layer (${
        JSON.stringify(value)
      }); this engine has one for all`,
    );
  }
  return first;
}

function leaveOutOf(config: Fields, label: string): number[] {
  const layers = config.leave_out ?? [];
  if (!Array.isArray(layers) || !layers.every((each) => Number.isInteger(each) && each >= 0)) {
    fail(`${label}: leave_out is ${JSON.stringify(layers)}; wanted a list of layers`);
  }
  return layers;
}

/**
 * The first format had `invertible_adapter: { block_type, reduction_factor, non_linearity }` in place of two fields. Its own
 * non-linearity is told but not used: every later library, the authors' too, applies the adapter's to both.
 */
function invertibleOf(config: Fields, nonLinearity: string, label: string, notes: string[]): number | null {
  const nested = config.invertible_adapter;
  let kind: unknown = config.inv_adapter, reduction = config.inv_adapter_reduction_factor;
  if (isRecord(nested)) {
    kind = nested.block_type;
    reduction = nested.reduction_factor;
    const own = nested.non_linearity ?? nonLinearity;
    if (own !== nonLinearity) {
      notes.push(
        `${label}: its invertible block names the non-linearity ${own}, the adapter ${nonLinearity}; the adapter's is used for both, as ` +
          `AdapterHub's libraries have done since their second version`,
      );
    }
  }
  if (kind === null || kind === undefined) return null;
  if (kind !== "nice") fail(`${label}: inv_adapter is ${JSON.stringify(kind)}; this engine has "nice"`);
  return positive(reduction, "inv_adapter_reduction_factor", label);
}

function loraOf(config: Fields, version: unknown, label: string, notes: string[]): LoraDescription {
  checkFields(config, wantedLora, lora, label);
  const matrices = config.attn_matrices ?? lora.attn_matrices;
  if (!Array.isArray(matrices) || [...matrices].sort().join() !== "q,v") {
    fail(`${label}: attn_matrices is ${JSON.stringify(matrices)}; this engine has LoRA on ["q","v"]`);
  }
  const leaveOut = leaveOutOf(config, label);
  if (leaveOut.length > 0) fail(`${label}: leave_out is [${leaveOut}]; this engine has LoRA in every layer`);
  for (const field of ["vera_d", "vera_b"]) {
    if (config[field] !== undefined && config[field] !== null) {
      fail(`${label}: ${field} is set: VeRA is another method`);
    }
  }
  const rank = positive(config.r ?? lora.r, "r", label);
  const alpha = positive(config.alpha ?? lora.alpha, "alpha", label);
  // Up to adapters 1.0 the scaling had no effect, so that such a LoRA was trained with alpha / r = 1.
  const [, major, minor] = /^adapters\.(\d+)\.(\d+)/.exec(typeof version === "string" ? version : "") ?? [];
  const isUnscaled = major !== undefined && (Number(major) < 1 || (Number(major) === 1 && Number(minor) < 1));
  if (isUnscaled && rank !== alpha) {
    notes.push(
      `${label}: saved by ${version}, which trained without the scaling ${alpha}/${rank}; it is used without`,
    );
  }
  return { kind: "lora", rank, alpha: isUnscaled ? rank : alpha };
}

/** The version that files written here name: the first whose reader takes all their fields as they are meant. */
const writtenVersion = "adapters.1.1.0";

export type AdapterToWrite = Omit<AdapterDescription, "invertibleIsOptional" | "notes">;

/** The adapter_config.json that Python's `adapters` loads. */
export function adapterConfigJson(
  description: AdapterToWrite,
  modelClass: string,
): Record<string, unknown> {
  const { name, hiddenSize, modelType, method } = description;
  // Numbers that Python must see as floats (scaling) are left to its defaults: JSON here has no 1.0.
  const { scaling: _, dropout: _dropout, stochastic_depth: _depth, ...fields } = pfeiffer;
  const config = method.kind === "lora" ? { ...lora, r: method.rank, alpha: method.alpha, leave_out: [] } : {
    ...fields,
    reduction_factor: method.reduction,
    non_linearity: method.nonLinearity,
    inv_adapter: method.invertibleReduction === null ? null : "nice",
    inv_adapter_reduction_factor: method.invertibleReduction,
    leave_out: [...method.leaveOut],
  };
  return {
    config,
    hidden_size: hiddenSize,
    model_class: modelClass,
    model_name: null,
    model_type: modelType,
    name,
    version: writtenVersion,
  };
}
