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
import type { Trainable } from "../../core/models/model.ts";
import { join, writeAtomic } from "../../repro/runtime.ts";
import { type AdapterToSave, saveAdapter } from "../../repro/training/adapter-files.ts";
import { configOf, type Encoder, encoders, readGolden } from "./fixtures.ts";

const layers = Array.from({ length: 12 }, (_, i) => i);
const languages = { sw: { reduction: 2, nonLinearity: "gelu", invertibleReduction: 4 } };
const bottleneck = { kind: "bottleneck", name: "mine", reduction: 8, nonLinearity: "swish" } as const;
const lora = { kind: "lora", name: "mine", rank: 4, alpha: 12 } as const;

interface Case {
  name: string;
  task: Task;
  adapters: AdapterOptions;
  trainable: Trainable;
}

const cases: Case[] = [
  {
    name: "span",
    task: { kind: "span" },
    adapters: { languages, task: bottleneck },
    trainable: { layers, head: true },
  },
  {
    name: "classification",
    task: { kind: "classification", labels: 3 },
    adapters: { languages, task: bottleneck },
    trainable: { layers, head: true },
  },
  {
    name: "choice",
    task: { kind: "choice" },
    adapters: { languages, task: bottleneck },
    trainable: { layers, head: true },
  },
  {
    name: "lora",
    task: { kind: "classification", labels: 3 },
    adapters: { task: lora },
    trainable: { layers, head: true },
  },
  // The language adapter itself, with its invertible block, by masked-language modelling.
  { name: "mlm", task: { kind: "masked-lm" }, adapters: { languages }, trainable: { language: "sw" } },
];

/** Two rows for each example of multiple choice, one otherwise; the last row is padded. */
function batchFor(task: Task, { vocabularySize, padTokenId, typeVocabularySize }: EncoderConfig): Batch {
  const examples = 3, tokens = 10, choices = task.kind === "choice" ? 2 : 1, rows = examples * choices;
  const at = (row: number, token: number) => row * tokens + token;
  const values = (value: (row: number, token: number) => number) =>
    Int32Array.from({ length: rows * tokens }, (_, i) => value(Math.floor(i / tokens), i % tokens));
  const isPadding = (row: number, token: number) => row === rows - 1 && token >= 7;
  return {
    examples,
    tokens,
    ...choices > 1 ? { choices } : {},
    inputIds: values((row, token) =>
      isPadding(row, token) ? padTokenId : 5 + (13 * at(row, token) + 7 * row) % (vocabularySize - 5)
    ),
    attentionMask: values((row, token) => isPadding(row, token) ? 0 : 1),
    ...typeVocabularySize > 1
      ? { tokenTypeIds: values((row, token) => token >= 5 && !isPadding(row, token) ? 1 : 0) }
      : {},
    startPositions: Int32Array.of(1, 2, 3),
    endPositions: Int32Array.of(2, 2, 5),
    labels: task.kind === "masked-lm"
      ? values((row, token) => token % 3 === 1 ? 6 + at(row, token) : -100)
      : Int32Array.of(0, 1, task.kind === "choice" ? 0 : 2),
  };
}

async function trained(encoder: Encoder, each: Case): Promise<{ model: Model; batch: Batch }> {
  const backend = await createWasmBackend();
  const config = await configOf(encoder);
  const model = createModel(backend, { config, task: each.task, adapters: each.adapters, seed: 3 });
  model.loadEncoder((await readGolden(`${encoder}-encoder`)).weights);
  model.setTrainable(each.trainable);
  const batch = batchFor(each.task, config);
  const optimizer = new AdamW();
  const step = new TrainingStep({ model, optimizer, losses: 20 });
  for (let number = 0; number < 20; number++) step.run(batch, { number, learningRate: 0.02 });
  const losses = await step.losses();
  console.log(`${encoder} ${each.name}: loss ${losses[0].toFixed(3)} → ${losses[19].toFixed(3)}`);
  return { model, batch };
}

const descriptionOf = (encoder: Encoder, hiddenSize: number) => ({
  hiddenSize,
  modelType: encoder === "bert" ? "bert" : "xlm-roberta",
});

async function main(folder: string): Promise<void> {
  const written: unknown[] = [];
  for (const encoder of encoders) {
    for (const each of cases) {
      const { model, batch } = await trained(encoder, each);
      const path = `${encoder}-${each.name}`;
      const common = { ...descriptionOf(encoder, model.config.hiddenSize), task: each.task };
      const save = async (name: string, method: AdapterToSave["description"]["method"], head: boolean) => {
        await saveAdapter(join(folder, path, name), {
          description: { name, hiddenSize: common.hiddenSize, modelType: common.modelType, method },
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

/** As nested lists under transformers' names. */
function inputsOf({ examples, choices, tokens, inputIds, attentionMask, tokenTypeIds }: Batch) {
  const rows = (values: Int32Array) =>
    Array.from(
      { length: values.length / tokens },
      (_, i) => [...values.subarray(i * tokens, (i + 1) * tokens)],
    );
  const nested = (values: Int32Array) =>
    choices === undefined
      ? rows(values)
      : Array.from({ length: examples }, (_, i) => rows(values).slice(i * choices, (i + 1) * choices));
  return {
    input_ids: nested(inputIds),
    attention_mask: nested(attentionMask),
    ...(tokenTypeIds ? { token_type_ids: nested(tokenTypeIds) } : {}),
  };
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  throw new Error("save_adapters: where to? npx tsx tests/golden/save_adapters.ts FOLDER");
}
await main(folder);
