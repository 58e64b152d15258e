// Prediction heads as AdapterHub saves them beside an adapter: those of transformers' model classes, whose names are the engine's, and
// "flexible" heads, whose layers are numbered. It leaves opening files to its callers and the arithmetic to models/heads.ts.

import { fail } from "../errors.ts";
import type { Task } from "../models/model.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Layers of a flexible head that have weights, by head type, model type and number, and the engine's names for them. */
const flexible: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>> = {
  question_answering: {
    bert: { 1: "qa_outputs" },
    "xlm-roberta": { 1: "qa_outputs" },
    "deberta-v2": { 1: "qa_outputs" },
    distilbert: { 1: "qa_outputs" },
  },
  classification: {
    bert: { 1: "classifier" },
    "xlm-roberta": { 1: "classifier.dense", 4: "classifier.out_proj" },
    "deberta-v2": { 1: "pooler.dense", 4: "classifier" },
    distilbert: { 1: "pre_classifier", 4: "classifier" },
  },
  multiple_choice: {
    bert: { 1: "classifier" },
    "xlm-roberta": { 1: "classifier" },
    "deberta-v2": { 1: "pooler.dense", 4: "classifier" },
    distilbert: { 1: "pre_classifier", 4: "classifier" },
  },
};

/**
 * The tensors of a head under the engine's names, for `Model.loadHead`.
 * @param json the parsed head_config.json; null without one
 * @throws for a flexible head that this engine does not have
 */
export function headTensors<T>(
  json: unknown,
  tensors: ReadonlyMap<string, T>,
  modelType: string,
  label: string,
): Map<string, T> {
  const { config = null, name } = (json ?? {}) as Fields;
  if (config === null) return new Map(tensors);
  const { head_type: type, layers } = config as Fields;
  const names = typeof type === "string" && Object.hasOwn(flexible, type)
    ? flexible[type][modelType]
    : undefined;
  if (names === undefined) {
    fail(
      `${label}: head_type is ${JSON.stringify(type)}; this engine has ${Object.keys(flexible).join(", ")}`,
    );
  }
  if (layers !== Object.keys(names).length) {
    fail(
      `${label}: a ${type} head of ${JSON.stringify(layers)} layers; that of ${modelType} here has ${
        Object.keys(names).length
      }`,
    );
  }
  const out = new Map<string, T>();
  const start = `heads.${String(name)}.`;
  for (const [key, value] of tensors) {
    const [, layer, part] = key.startsWith(start)
      ? /^(\d+)\.(weight|bias)$/.exec(key.slice(start.length)) ?? []
      : [];
    if (layer !== undefined && Object.hasOwn(names, layer)) out.set(`${names[layer]}.${part}`, value);
    else if (key.startsWith("heads.")) fail(`${label}: ${key} is no part of a ${type} head here`);
    else out.set(key, value);
  }
  return out;
}

const classes: Readonly<Record<string, string>> = {
  bert: "Bert",
  "xlm-roberta": "XLMRoberta",
  "deberta-v2": "DebertaV2",
  distilbert: "DistilBert",
};
const suffixes = {
  span: "ForQuestionAnswering",
  classification: "ForSequenceClassification",
  choice: "ForMultipleChoice",
  "masked-lm": "ForMaskedLM",
} as const;

/** transformers' class of a model with this head: Python loads a head into the same class only. */
export function modelClassOf(modelType: string, task: Task["kind"]): string {
  const start = classes[modelType] ??
    fail(`adapter files: there is no class for a model of type "${modelType}"`);
  return start + suffixes[task];
}

/** The head_config.json that Python's `adapters` loads. */
export function headConfigJson(
  modelType: string,
  hiddenSize: number,
  task: Task,
): Record<string, unknown> {
  const labels = task.kind === "classification" ? task.labels : task.kind === "choice" ? 1 : 2;
  return {
    config: null,
    hidden_size: hiddenSize,
    label2id: Object.fromEntries(Array.from({ length: labels }, (_, i) => [`LABEL_${i}`, i])),
    model_class: modelClassOf(modelType, task.kind),
    model_name: null,
    model_type: modelType,
    name: null,
    num_labels: labels,
    version: "adapters.1.1.0",
  };
}
