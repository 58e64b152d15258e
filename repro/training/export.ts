// Promises what a finished run trained as files for Python: a task adapter or LoRA with its head, or a language adapter, as a folder of
// AdapterHub for `adapters`; a fully fine-tuned model as a folder for transformers. Leaves formats to adapter-files.ts and
// export-model.ts, and finding runs to the store.
import { type AdapterDescription, adapterOf, renameAdapter, type State, type Task } from "../../core/mod.ts";
import { namePrefix } from "../../core/models/architecture.ts";
import { normalInit, zerosInit } from "../../core/nn/initialise.ts";
import type { FinishedRun, RunStore } from "../runs/mod.ts";
import { isTransfer, type RunSpec } from "../spec/mod.ts";
import { saveAdapter } from "./adapter-files.ts";
import { exportModel } from "./export-model.ts";
import { storedAdapter } from "./evaluate-run.ts";
import { type EncoderBundle, openEncoderOf } from "./world.ts";

const tasks: Readonly<Record<string, Task>> = {
  squad: { kind: "span" },
  xnli: { kind: "classification", labels: 3 },
  copa: { kind: "choice" },
  mlm: { kind: "masked-lm" },
};

/** As the data sets have them. */
const classNames: Readonly<Record<string, readonly string[]>> = {
  xnli: ["entailment", "neutral", "contradiction"],
};

/**
 * Writes to `folder` what a run trained: its adapter, or its whole model.
 * @param name what the adapter is called there; default what the run is for
 * Returns the paths. Throws for a run whose encoder was drawn from a seed: nobody else has it.
 */
export async function exportRun(
  store: RunStore,
  run: FinishedRun,
  folder: string,
  name?: string,
): Promise<string[]> {
  const { id, spec } = run;
  const bundle = await openEncoderOf(spec, []);
  if (bundle.folder === null) {
    throw new Error(
      `export ${id}: its encoder is untrained and drawn from a seed; export a run on real weights or on the tiny world`,
    );
  }
  const state = await storedAdapter(store, run);
  const task = tasks[spec.task];
  if (spec.adapter === "full" && isTransfer(spec)) {
    if (name !== undefined) {
      throw new Error(
        `export ${id}: it trained a whole model, no adapter that "${name}" could name; leave --name out`,
      );
    }
    return await exportModel(folder, {
      bundle: { ...bundle, folder: bundle.folder },
      ...{ task, labels: classNames[spec.task], state },
    });
  }
  const names = new Set([...state.keys()].map(adapterOf).filter((each) => each !== null));
  if (names.size !== 1) {
    throw new Error(`export ${id}: its file holds ${names.size} adapters, wanted one; make the run anew`);
  }
  const as = name ?? ([...names][0] === "task" ? spec.task : [...names][0]);
  const own: State = new Map(), rest: State = new Map();
  for (const [key, value] of state) {
    if (adapterOf(key) === null) rest.set(key, value);
    else own.set(renameAdapter(key, as), value);
  }
  const head: State = new Map([...rest, ...drawnPooler(spec, bundle)]);
  const { modelType, hiddenSize } = bundle.config;
  return await saveAdapter(folder, {
    description: { name: as, hiddenSize, modelType, method: methodOf(own, hiddenSize, spec) },
    state: own,
    task,
    head: head.size === 0 ? null : head,
  });
}

/** Sizes are those of the weights; adapters trained here have ReLU. */
function methodOf(state: State, hiddenSize: number, spec: RunSpec): AdapterDescription["method"] {
  const rowsOf = (ending: RegExp) => {
    for (const [name, { shape }] of state) if (ending.test(name)) return shape[0];
    return undefined;
  };
  const rank = rowsOf(/\.lora_A$/);
  if (rank !== undefined) return { kind: "lora", rank, alpha: spec.hyperparameters.loraAlpha ?? 8 };
  const inner = rowsOf(/\.F\.0\.weight$/);
  return {
    kind: "bottleneck",
    reduction: hiddenSize / rowsOf(/\.adapter_down\.0\.weight$/)!,
    nonLinearity: "relu",
    invertibleReduction: inner === undefined ? null : (hiddenSize - Math.floor(hiddenSize / 2)) / inner,
    leaveOut: [],
  };
}

/** Multiple choice on an encoder without a pooler draws one from the run's seed and never trains it: it goes with the head. */
function drawnPooler({ task, seed }: RunSpec, { config, weights }: EncoderBundle): State {
  const isThere = [...weights!.keys()].some((name) => /(^|\.)pooler\.dense\.weight$/.test(name));
  if (task !== "copa" || isThere || config.modelType !== "xlm-roberta") return new Map();
  const { hiddenSize: h, initializerRange } = config;
  const weight = `${namePrefix(config)}.pooler.dense.weight`,
    bias = `${namePrefix(config)}.pooler.dense.bias`;
  return new Map([
    [weight, { shape: [h, h], data: normalInit(initializerRange)([h, h], weight, seed) }],
    [bias, { shape: [h], data: zerosInit([h], bias, seed) }],
  ]);
}
