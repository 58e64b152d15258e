// Promises what a run is, as one plain value: everything that can change its result and nothing else, checked field by field.
// Leaves executing it to training/, keeping it to runs/, and which runs a table needs to the papers.
import { z } from "zod";
import { namedSchedules } from "../../core/mod.ts";
import { canonicalJson, sha256 } from "./canonical.ts";
import { fidelities, itemsSchema } from "./fidelity.ts";

/**
 * Raise it whenever the same specification would give other numbers than before: stored runs are then made anew.
 * 2: dropout takes 16 bits an element where it took 32; padding has no share in SQuAD's loss at tiny scale.
 */
export const numericsVersion = 2;

export const scales = ["tiny", "low-data", "paper"] as const;
export const taskNames = ["squad", "xnli", "copa"] as const;
export const datasetNames = ["xquad", "mlqa", "xnli", "xcopa"] as const;
export const backends = ["wasm", "webgpu", "reference"] as const;
/** "full" trains the whole encoder, without any adapter. */
export const adapterKinds = ["mad-x", "lora", "full"] as const;
export const methodNames = ["standard", "gu", "rev", "lpft", "rand", "fun"] as const;
export const scheduleNames = Object.keys(namedSchedules);
export const precisions = ["f32", "f16"] as const;

export type Scale = (typeof scales)[number];
export type TaskName = (typeof taskNames)[number];
export type DatasetName = (typeof datasetNames)[number];
export type BackendName = (typeof backends)[number];
export type AdapterKind = (typeof adapterKinds)[number];
export type Precision = (typeof precisions)[number];

const count = z.number().int().min(1);
const countOrNone = z.number().int().min(0);

const hyperparameterFields = {
  /** Length of the training: exactly one of the two. */
  steps: count.optional(),
  epochs: z.number().positive().optional(),
  /** The first so many training examples of a seeded permutation; all of them when absent. */
  trainingSize: count.optional(),
  learningRate: z.number().positive(),
  learningRateSchedule: z.enum(["linear", "constant"]),
  batchSize: count,
  /** Steps between two unfreezings (k of Algorithm 1). */
  interval: count,
  /** Task adapter bottleneck = hiddenSize / reductionFactor. */
  reductionFactor: z.number().positive(),
  loraRank: count.optional(),
  loraAlpha: z.number().positive().optional(),
  /** Tokens of one input, longest. */
  maxLength: count,
  /** Tokens by which neighbouring windows of a long context overlap. */
  docStride: countOrNone,
  maxGradientNorm: z.number().positive(),
  weightDecay: z.number().min(0),
  /** AdamW as in transformers 4.19 ("huggingface", the default) or as published and in PyTorch; see core/optim/adamw.ts. */
  optimizer: z.enum(["huggingface", "torch"]).optional(),
  /** Masked-language modelling: share of the tokens that are to be predicted. */
  maskedShare: z.number().gt(0).lt(1).optional(),
  /** Steps between two evaluations on the English validation set; 0: only at the end. */
  evaluateEvery: countOrNone,
  /** Most batches that one estimate of tr(F) may use. */
  fisherBatches: count,
  /** Steps between two entries of the tr(F) log; 0: none. */
  trackFisherEvery: countOrNone,
  /** Most examples of each validation or test set that are scored; all of them when absent. */
  evaluationLimit: count.optional(),
};

export const hyperparameterSchema = z.strictObject(hyperparameterFields).refine(
  (value) => (value.steps === undefined) !== (value.epochs === undefined),
  { message: "give exactly one of steps and epochs" },
);

/** A method's name, a named schedule, or one spelled out. */
export const isMethod = (text: string): boolean =>
  [...methodNames, ...scheduleNames].includes(text) || /^schedule:\d{1,3}(,\d{1,3})*$/.test(text);

/** For messages and help. */
export const methodWords = `${
  methodNames.join(", ")
}, schedule-0 … schedule-9, schedule-rev or schedule:10,9,…`;

const method = z.string().refine(isMethod, { message: `choose ${methodWords}` });

const languageCode = z.string().regex(/^[a-z]{2,3}$/, "a language code like sw is needed");
const languages = z.array(languageCode).min(1);

const specFields = {
  format: z.literal(1),
  scale: z.enum(scales),
  /** "mbert", "xlmr" or "mdeberta" of the tiny world, a model of the Hub ("org/name@commit"), or the folder of a model. */
  model: z.string().min(1),
  /** SHA-256 over the model's configuration, tokenizer and weights; of the tiny world's own over its language adapters too. */
  modelRevision: z.string().min(1),
  /**
   * SHA-256 of each language adapter that the run reads, by language. Absent where modelRevision covers them or none is read. One that
   * other runs read is no part of this one.
   */
  languageAdapters: z.record(languageCode, z.string().min(1)).optional(),
  /** "mlm" trains a language adapter by masked-language modelling of plain text. */
  task: z.enum([...taskNames, "mlm"]),
  /** "tiny", "fetched", or the folder of a data root. */
  data: z.string().min(1),
  dataRevision: z.string().min(1),
  method,
  adapter: z.enum(adapterKinds),
  seed: z.number().int().min(0).max(2 ** 32 - 1),
  fidelity: z.enum(fidelities),
  items: itemsSchema.optional(),
  /** Task mlm: language of the text and name of the adapter. */
  language: languageCode.optional(),
  backend: z.enum(backends),
  numericsVersion: count,
  /** "f16": products and frozen weights in half precision, with loss scaling; GPUs only. Default "f32". */
  precision: z.enum(precisions).optional(),
  hyperparameters: hyperparameterSchema,
  /** Languages to evaluate on, by data set. */
  evaluate: z.partialRecord(z.enum(datasetNames), languages),
  /** Name of a deliberate fault, for testing that the checks notice it. */
  mutant: z.string().min(1).optional(),
};

/**
 * Languages whose adapters a run reads: English, in which it trains, and those that it is scored in. None where it trains the whole
 * encoder, or a language adapter.
 */
export function languagesRead(
  { task, adapter, evaluate }: {
    task: RunSpec["task"];
    adapter: AdapterKind;
    evaluate: Readonly<Record<string, readonly string[]>>;
  },
): string[] {
  if (task === "mlm" || adapter === "full") return [];
  return [...new Set(["en", ...Object.values(evaluate).flat()])];
}

/** Fields that do not go together: [whether it is so, path, what is wanted]. */
function contradictions(spec: z.infer<z.ZodObject<typeof specFields>>): [boolean, string, string][] {
  const { task, method, adapter, language, precision, backend, hyperparameters, evaluate, languageAdapters } =
    spec;
  const mlm = task === "mlm", full = adapter === "full";
  const unnamed = languageAdapters === undefined
    ? []
    : languagesRead({ task, adapter, evaluate }).filter((each) => !Object.hasOwn(languageAdapters, each));
  return [
    [mlm && language === undefined, "language", "task mlm trains an adapter for one language; name it"],
    [!mlm && language !== undefined, "language", "only task mlm has one; use evaluate for target languages"],
    [
      mlm && (method !== "standard" || adapter !== "mad-x"),
      "method",
      "a language adapter is trained as a whole: method standard, adapter mad-x",
    ],
    [
      mlm && hyperparameters.maskedShare === undefined,
      "hyperparameters.maskedShare",
      "task mlm needs one, such as 0.15",
    ],
    [
      (full || mlm) && (method === "fun" || hyperparameters.trackFisherEvery > 0),
      full ? "adapter" : "hyperparameters.trackFisherEvery",
      "tr(F) is that of task adapters, of which there are none; choose another method, and trackFisherEvery 0",
    ],
    [
      (mlm || full) && languageAdapters !== undefined,
      "languageAdapters",
      "this run reads no language adapter; leave it out",
    ],
    [
      unnamed.length > 0,
      "languageAdapters",
      `the run also reads that of ${unnamed.join(", ")}; specify it anew`,
    ],
    [precision === "f16" && backend !== "webgpu", "precision", "half precision needs backend webgpu"],
  ];
}

export const runSpecSchema = z.strictObject(specFields).superRefine((spec, context) => {
  for (const [wrong, path, message] of contradictions(spec)) {
    if (wrong) context.addIssue({ code: "custom", path: path.split("."), message });
  }
});

export type Hyperparameters = z.infer<typeof hyperparameterSchema>;
export type RunSpec = z.infer<typeof runSpecSchema>;
/** A run that trains on a task in English and is evaluated in other languages. */
export type TransferSpec = RunSpec & { task: TaskName };

export const isTransfer = (spec: RunSpec): spec is TransferSpec => spec.task !== "mlm";

const fieldsOf: Record<string, string[]> = {
  "": Object.keys(specFields),
  hyperparameters: Object.keys(hyperparameterFields),
};

/** A specification that is not one; `problems` has one sentence for each field that is wrong. */
export class SpecError extends Error {
  readonly problems: string[];
  constructor(source: string, problems: string[]) {
    super(`${source}: ${problems.join("; ")}`);
    this.name = "SpecError";
    this.problems = problems;
  }
}

function problem(issue: z.core.$ZodIssue, value: unknown): string {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const valid = fieldsOf[path] ?? Object.keys(value as object);
    const where = path === "" ? "" : ` in ${path}`;
    return `unknown field ${issue.keys.join(", ")}${where}; the fields are ${valid.join(", ")}`;
  }
  let found: unknown = value;
  for (const key of issue.path) found = (found as Record<PropertyKey, unknown> | undefined)?.[key];
  const shown = found === undefined ? "is absent" : `is ${JSON.stringify(found)}`;
  const wanted = issue.code === "invalid_value"
    ? `choose one of ${issue.values.map(String).join(", ")}`
    : issue.message;
  return path === "" ? wanted : `${path} ${shown}: ${wanted}`;
}

/** Checks any value to be a run specification. Throws SpecError that names each wrong field and what is wanted. */
export function parseSpec(value: unknown, source = "run specification"): RunSpec {
  const result = runSpecSchema.safeParse(value);
  if (result.success) return result.data;
  throw new SpecError(source, result.error.issues.map((issue) => problem(issue, value)));
}

/** The id of a run: the first 16 hexadecimal digits of the SHA-256 of its canonical JSON. */
export async function runId(spec: RunSpec): Promise<string> {
  return (await sha256(canonicalJson(spec))).slice(0, 16);
}

/**
 * What runs have in common that train alike and differ in the languages they are scored in; the id of their training. Their data
 * revisions differ too, being of all that they read: whoever takes a training over compares the files that it read.
 */
export async function trainingId(spec: RunSpec): Promise<string> {
  const { evaluate: _, dataRevision: __, languageAdapters, ...rest } = spec;
  const english = languageAdapters && { languageAdapters: { en: languageAdapters.en } };
  return (await sha256(canonicalJson({ ...rest, ...english }))).slice(0, 16);
}

/** A short human name, for progress lines: "mbert xnli gu seed 3". */
export function runName(spec: RunSpec): string {
  const model = spec.model.split(/[/\\]/).filter(Boolean).at(-1);
  const what = spec.task === "mlm"
    ? `language adapter ${spec.language}`
    : `${spec.task}${spec.adapter === "mad-x" ? "" : ` ${spec.adapter}`} ${spec.method}`;
  const { trainingSize } = spec.hyperparameters;
  const size = trainingSize === undefined ? "" : ` ${trainingSize} examples`;
  const mutant = spec.mutant ? ` mutant ${spec.mutant}` : "";
  return `${model} ${what}${size} seed ${spec.seed}${mutant}`;
}
