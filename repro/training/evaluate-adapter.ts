// Promises the scores of a task adapter that lies in files, whoever trained it, with the head beside it: AdapterHub's folder or archive,
// or PEFT's folder. Leaves formats to adapter-files.ts and scoring to transfer.ts.
import { type Model, type State, taskConfigOf, taskTensors } from "../../core/mod.ts";
import { targetLanguages, type TargetName } from "../data/datasets.ts";
import { nliLabels } from "../data/types.ts";
import { languagesRead, type RunSpec, type TransferSpec } from "../spec/mod.ts";
import { openAdapter } from "./adapter-files.ts";
import { openBackend, precisionOf } from "./backend.ts";
import { evaluateTargets, type TargetResult, transferModel } from "./transfer.ts";
import { openData, openEncoder } from "./world.ts";

export interface EvaluateAdapterOptions {
  /** Leaves out languages of the specification that have no language adapter, in place of an error. */
  available?: boolean;
  threads?: number;
  signal: AbortSignal;
  onTarget?(what: string): void;
  /** Told what a reader of the scores must know of the files. */
  onNote?(note: string): void;
}

/**
 * @param spec encoder, task, settings and data; what it says of training is not used
 * @param path folder or zip archive of the adapter
 * Throws for an adapter of another encoder or without the task's head, naming what it lacks.
 */
export async function* evaluateAdapter(
  spec: TransferSpec,
  path: string,
  options: EvaluateAdapterOptions,
): AsyncGenerator<TargetResult> {
  const { signal, onTarget, onNote, threads } = options;
  const bundle = await openEncoder(spec.model, spec.data);
  const evaluate = options.available ? withAdapters(spec.evaluate, bundle.languages) : spec.evaluate;
  bundle.adapters?.require(languagesRead({ ...spec, evaluate }));
  const opened = await openAdapter(path, bundle.config, "task");
  for (const note of opened.description.notes) onNote?.(note);
  const head = await opened.head();
  if (head === null) {
    throw new Error(
      `adapter ${path}: no head lies beside it; scores need the one that it was trained with ` +
        "(model_head.safetensors or pytorch_model_head.bin, with head_config.json)",
    );
  }
  const backend = await openBackend(spec.backend, { ...precisionOf(spec), ...(threads ? { threads } : {}) });
  try {
    const task = taskConfigOf(opened.description);
    const model = await transferModel(spec, undefined, bundle, backend, undefined, task);
    model.loadAdapter("task", new Map(taskTensors(opened.state)));
    try {
      loadHead(model, spec.task === "xnli" ? inOurOrder(head, await opened.labels(), path) : head);
    } catch (error) {
      throw new Error(
        `adapter ${path}: its head is not that of task ${spec.task}: ${(error as Error).message}`,
      );
    }
    const source = openData(spec.data);
    yield* evaluateTargets({ spec: { ...spec, evaluate }, model, bundle, source, signal, onTarget });
    model.dispose();
  } finally {
    backend.dispose();
  }
}

/** The head, with a pooler of the encoder where the files bring one: then it was drawn, and the head reads it. */
function loadHead(model: Model, head: State): void {
  model.loadHead(head);
  const pooler = new Map(
    [...head].filter(([name]) => model.parameters.has(name) && name.includes(".pooler.")),
  );
  if (pooler.size > 0) model.loadState(pooler, { missing: "keep" });
}

/** Only languages that can be read; untrained encoders (null) read all alike. */
function withAdapters(
  evaluate: RunSpec["evaluate"],
  languages: readonly string[] | null,
): RunSpec["evaluate"] {
  const own = Object.entries(evaluate) as [TargetName, string[]][];
  const left = own.map(([dataset, codes]) =>
    [dataset, codes.filter((code) => languages === null || languages.includes(code))] as const
  ).filter(([, codes]) => codes.length > 0);
  if (left.length > 0) return Object.fromEntries(left);
  const wanted = own.flatMap(([dataset]) => targetLanguages[dataset]);
  throw new Error(
    `evaluate: none of ${[...new Set(wanted)].join(", ")} has a language adapter; there are ${
      languages?.join(", ") || "none"
    }`,
  );
}

/** Rows of the output layer in the order of our labels, where the files name theirs: many NLI heads begin with contradiction. */
function inOurOrder(head: State, labels: readonly string[] | null, path: string): State {
  const named = labels?.map((label) => label.toLowerCase());
  if (named === undefined || named.every((label) => /^label_\d+$/.test(label))) return head;
  const order = nliLabels.map((label) => named.indexOf(label));
  if (named.length !== nliLabels.length || order.includes(-1)) {
    throw new Error(`adapter ${path}: labels ${labels!.join(", ")}; task xnli has ${nliLabels.join(", ")}`);
  }
  return new Map([...head].map(([name, { shape, data }]) => {
    const isOutput = /(^|\.)(classifier|out_proj)\.(weight|bias)$/.test(name) && shape[0] === order.length;
    if (!isOutput) return [name, { shape, data }];
    const width = data.length / order.length;
    const sorted = data.slice();
    order.forEach((from, to) => sorted.set(data.subarray(from * width, (from + 1) * width), to * width));
    return [name, { shape, data: sorted }];
  }));
}
