// LoRA adapters in the format of Hugging Face's PEFT: adapter_config.json and the names of adapter_model.*. Read only: what is
// trained here is written in AdapterHub's format. It leaves checking weights against the model to adapter_files.ts.

import { fail } from "../errors.ts";
import type { LoraDescription } from "./adapter_config.ts";

type Fields = Readonly<Record<string, unknown>>;

export const isPeft = (json: unknown): json is Fields =>
  typeof json === "object" && json !== null && "peft_type" in json;

/** Fields that change what the weights mean, with the values under which they do not. */
const plain: Readonly<Record<string, readonly unknown[]>> = {
  bias: ["none"],
  use_dora: [false],
  rank_pattern: ["{}"],
  alpha_pattern: ["{}"],
  layers_to_transform: [null],
  fan_in_fan_out: [false],
  lora_bias: [false],
  use_qalora: [false],
};

/** @throws for another method than LoRA on query and value of every layer, by field and value */
export function peftDescription(json: Fields, label: string): LoraDescription {
  if (json.peft_type !== "LORA") {
    fail(`${label}: peft_type is ${JSON.stringify(json.peft_type)}; this engine has LORA`);
  }
  for (const [field, allowed] of Object.entries(plain)) {
    const value = json[field] ?? allowed[0];
    const shown = typeof value === "object" && value !== null ? JSON.stringify(value) : value;
    if (!allowed.includes(shown)) {
      fail(`${label}: ${field} is ${JSON.stringify(value)}; this engine has ${allowed[0]}`);
    }
  }
  const modules = json.target_modules;
  const ends = Array.isArray(modules) ? modules.map((each) => String(each).split(".").at(-1)).sort() : [];
  // As BERT and XLM-R, DeBERTa and DistilBERT call them.
  if (!["query,value", "query_proj,value_proj", "q_lin,v_lin"].includes(ends.join())) {
    fail(`${label}: target_modules is ${JSON.stringify(modules)}; this engine has LoRA on ["query","value"]`);
  }
  const { r, lora_alpha: alpha } = json;
  if (!Number.isInteger(r) || (r as number) < 1 || typeof alpha !== "number") {
    fail(
      `${label}: r is ${JSON.stringify(r)}, lora_alpha ${JSON.stringify(alpha)}; wanted a rank and a number`,
    );
  }
  const rank = r as number;
  // Rank-stabilised LoRA scales by alpha / √r; ours by alpha / r.
  return { kind: "lora", rank, alpha: json.use_rslora === true ? alpha * Math.sqrt(rank) : alpha };
}

/** PEFT's names as AdapterHub's, for an adapter of this name. Modules saved whole (heads) lose PEFT's wrapper only. */
export function peftNames<T>(tensors: ReadonlyMap<string, T>, name: string): Map<string, T> {
  const out = new Map<string, T>();
  for (const [key, value] of tensors) {
    const own = key.replace(/^base_model\.model\./, "").replace(/\.modules_to_save(\.[^.]+)?\./, ".");
    out.set(own.replace(/\.lora_([AB])(?:\.[^.]+)?\.weight$/, `.loras.${name}.lora_$1`), value);
  }
  return out;
}
