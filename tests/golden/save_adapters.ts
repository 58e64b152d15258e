// Trains adapters for a few steps on the goldens' encoders, saves them as AdapterHub folders and writes the logits that they give here,
// for make_adapter_files.py --check. It leaves loading them in Python to that script.
//
//   npx tsx tests/golden/save_adapters.ts FOLDER

import process from "node:process";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import {
  AdamW,
  type Batch,
  createModel,
  type Model,
  scope,
  type Task,
  TrainingStep,
} from "../../core/mod.ts";
import type { EncoderConfig } from "../../core/models/config.ts";
import type { AdapterOptions } from "../../core/adapters/adapters.ts";
import { join, writeAtomic } from "../../repro/runtime.ts";
import { type AdapterToSave, saveAdapter } from "../../repro/training/adapter-files.ts";
import { inputsOf, patternBatch, rowsOf } from "./batches.ts";
import { configOf, formulaState, type PassEncoder } from "./fixtures.ts";

const encoders = ["bert", "xlmr", "deberta", "distilbert"] as const;
const languages = { sw: { reduction: 2, nonLinearity: "gelu", invertibleReduction: 4 } };
const bottleneck = { kind: "bottleneck", name: "mine", reduction: 8, nonLinearity: "swish" } as const;
const lora = { kind: "lora", name: "mine", rank: 4, alpha: 12 } as const;

interface Case {
  name: string;
  task: Task;
  adapters: AdapterOptions;
  /** The task adapter of every layer with the head, or the language adapter. */
  trains: "task" | "sw";
}

const cases: Case[] = [
  {
    name: "span",
    task: { kind: "span" },
    adapters: { languages, task: bottleneck },
    trains: "task",
  },
  {
    name: "classification",
    task: { kind: "classification", labels: 3 },
    adapters: { languages, task: bottleneck },
    trains: "task",
  },
  {
    name: "choice",
    task: { kind: "choice" },
    adapters: { languages, task: bottleneck },
    trains: "task",
  },
  {
    name: "lora",
    task: { kind: "classification", labels: 3 },
    adapters: { task: lora },
    trains: "task",
  },
  // The language adapter itself, with its invertible block, by masked-language modelling.
  { name: "mlm", task: { kind: "masked-lm" }, adapters: { languages }, trains: "sw" },
];

/** With targets for every task. */
function batchFor({ kind }: Task, config: EncoderConfig): Batch {
  const batch = patternBatch(config, kind === "choice" ? 2 : 1);
  return {
    ...batch,
    startPositions: Int32Array.of(1, 2, 3),
    endPositions: Int32Array.of(2, 2, 5),
    labels: kind === "masked-lm"
      ? rowsOf(3, (row, token) => token % 3 === 1 ? 6 + 10 * row + token : -100)
      : Int32Array.of(0, 1, kind === "choice" ? 0 : 2),
  };
}

async function trained(encoder: PassEncoder, each: Case): Promise<{ model: Model; batch: Batch }> {
  const backend = await createWasmBackend();
  const config = await configOf(encoder);
  const model = createModel(backend, { config, task: each.task, adapters: each.adapters, seed: 3 });
  model.loadEncoder(formulaState(model.parameters));
  const layers = model.taskGroups.map(({ layer }) => layer);
  model.setTrainable(each.trains === "task" ? { layers, head: true } : { language: each.trains });
  const batch = batchFor(each.task, config);
  const optimizer = new AdamW();
  const step = new TrainingStep({ model, optimizer, losses: 20 });
  for (let number = 0; number < 20; number++) step.run(batch, { number, learningRate: 0.02 });
  const losses = await step.losses();
  console.log(`${encoder} ${each.name}: loss ${losses[0].toFixed(3)} → ${losses[19].toFixed(3)}`);
  return { model, batch };
}

async function main(folder: string): Promise<void> {
  const written: unknown[] = [];
  for (const encoder of encoders) {
    for (const each of cases) {
      const { model, batch } = await trained(encoder, each);
      const path = `${encoder}-${each.name}`;
      const { hiddenSize, modelType } = model.config;
      const save = async (name: string, method: AdapterToSave["description"]["method"], head: boolean) => {
        await saveAdapter(join(folder, path, name), {
          description: { name, hiddenSize, modelType, method },
          state: await model.adapterState(name),
          task: each.task,
          head: head ? await model.headState() : null,
        });
      };
      if (each.adapters.languages) {
        // Where there is nothing but a language adapter it goes with the head that it was trained with.
        const isAlone = each.adapters.task === undefined;
        await save("sw", { kind: "bottleneck", ...languages.sw, leaveOut: [] }, isAlone);
      }
      const task = each.adapters.task;
      if (task?.kind === "lora") {
        await save("mine", { kind: "lora", rank: task.rank, alpha: task.alpha }, true);
      }
      if (task?.kind === "bottleneck") {
        const { reduction, nonLinearity } = task;
        await save("mine", {
          kind: "bottleneck",
          reduction,
          nonLinearity,
          invertibleReduction: null,
          leaveOut: [],
        }, true);
      }
      // Logits of all tokens: Python's masked LM has no choice of them.
      const logits = scope(() => model.logits({ ...batch, labels: undefined }));
      written.push({
        encoder,
        task: each.task.kind === "masked-lm" ? "mlm" : each.task.kind,
        folder: path,
        adapters: [...(each.adapters.languages ? ["sw"] : []), ...(each.adapters.task ? ["mine"] : [])],
        inputs: inputsOf(batch),
        logits: [...await logits.read()],
      });
      logits.dispose();
      model.dispose();
    }
  }
  await writeAtomic(join(folder, "expected.json"), JSON.stringify(written));
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  throw new Error("save_adapters: where to? npx tsx tests/golden/save_adapters.ts FOLDER");
}
await main(folder);
