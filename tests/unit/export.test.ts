// Checks that a finished run leaves the store as an adapter in AdapterHub's format, with its head and, where it drew one, its pooler,
// or as a whole model for transformers. It leaves loading them in Python to tests/golden/check_exports.py.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import {
  createModel,
  openSafetensors,
  type State,
  type TensorToWrite,
  writeSafetensors,
} from "../../core/mod.ts";
import type { TaskConfig } from "../../core/mod.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { fileReader, join, readText, remove } from "../../repro/runtime.ts";
import { runId, type RunSpec } from "../../repro/spec/mod.ts";
import { openAdapter } from "../../repro/training/adapter-files.ts";
import { exportRun } from "../../repro/training/export.ts";
import { openEncoder } from "../../repro/training/world.ts";
import { temporaryFolder } from "../fakes/encoders.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("export");

const folder = await temporaryFolder();
const store = new RunStore(join(folder, "runs"));
test.after(() => remove(folder));

/** A run in the store as training leaves it, with initial values for trained ones. */
async function finished(changes: Partial<RunSpec>, task: TaskConfig | undefined) {
  const model = changes.model ?? "xlmr";
  const bundle = await openEncoder(model, "tiny");
  const run = spec({ model, modelRevision: bundle.revision, ...changes });
  const kind = run.task === "copa"
    ? { kind: "choice" as const }
    : { kind: "classification" as const, labels: 3 };
  const trained = createModel(createReferenceBackend(), {
    config: bundle.config,
    task: kind,
    adapters: { task },
    seed: run.seed,
  });
  const head = new Set(trained.headParameters.map((each) => each.name));
  const isWhole = run.adapter === "full";
  const state = await trained.state((name) => isWhole || head.has(name) || name.includes(".task."));
  const writer = (await store.begin(run))!;
  await writer.writeAdapter(writeSafetensors(state as ReadonlyMap<string, TensorToWrite>));
  await writer.finish({
    metrics: Object.fromEntries(
      Object.entries(run.evaluate).flatMap(([set, codes]) =>
        codes.map((code) => [`${set}/${code}/accuracy`, 50])
      ),
    ),
    schedule: [],
    steps: 20,
    provenance: { backend: "reference", device: "x" },
  });
  const pooler = await trained.state((name) => name.includes(".pooler."));
  return { run: (await store.finished(await runId(run)))!, state, pooler, config: bundle.config };
}

const values = (state: State, name: string) => [...Float32Array.from(state.get(name)!.data)];

test("a task adapter with its head, under the task's name", async () => {
  const { run, state, config } = await finished({ model: "mbert" }, {
    kind: "bottleneck",
    reduction: 16,
    nonLinearity: "relu",
  });
  const out = join(folder, "mad-x");
  const paths = await exportRun(store, run, out);
  assert.equal(paths.map((path) => path.slice(out.length + 1)), [
    "adapter_config.json",
    "pytorch_adapter.bin",
    "head_config.json",
    "pytorch_model_head.bin",
  ]);
  const opened = await openAdapter(out, config, "task");
  assert.is(opened.description.name, "xnli");
  assert.equal(opened.description.method, {
    kind: "bottleneck",
    reduction: 16,
    nonLinearity: "relu",
    invertibleReduction: null,
    leaveOut: [],
  });
  const head = (await opened.head())!;
  assert.is(opened.state.size + head.size, state.size);
  for (const name of opened.state.keys()) assert.equal(values(opened.state, name), values(state, name), name);
  for (const name of head.keys()) assert.equal(values(head, name), values(state, name), name);
});

test("LoRA keeps its scaling; a pooler that the run drew goes with the head", async () => {
  const { run, pooler, config } = await finished(
    {
      task: "copa",
      adapter: "lora",
      seed: 4,
      evaluate: { xcopa: ["en"] },
      hyperparameters: { ...spec().hyperparameters, loraRank: 4, loraAlpha: 16 },
    },
    { kind: "lora", rank: 4, alpha: 16 },
  );
  const out = join(folder, "lora");
  await exportRun(store, run, out, "mine");
  const opened = await openAdapter(out, config, "x");
  assert.is(opened.description.name, "mine");
  assert.equal(opened.description.method, { kind: "lora", rank: 4, alpha: 16 });
  const head = (await opened.head())!;
  assert.equal([...pooler.keys()].sort(), [...head.keys()].filter((name) => name.includes("pooler")).sort());
  for (const name of pooler.keys()) assert.equal(values(head, name), values(pooler, name), name);
});

test("a fully fine-tuned model: configuration, weights and tokenizer of transformers, read back to the same values", async () => {
  const { run, state, config } = await finished(
    { adapter: "full", method: "standard", model: "mbert", seed: 9 },
    undefined,
  );
  const out = join(folder, "whole");
  const paths = await exportRun(store, run, out);
  assert.equal(paths.map((path) => path.slice(out.length + 1)), [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  const json = JSON.parse(await readText(join(out, "config.json")));
  assert.equal(json.architectures, ["BertForSequenceClassification"]);
  assert.equal(json.id2label, { 0: "entailment", 1: "neutral", 2: "contradiction" });
  assert.equal(JSON.parse(await readText(join(out, "tokenizer_config.json"))), {
    ...{ tokenizer_class: "PreTrainedTokenizerFast", cls_token: "[CLS]", sep_token: "[SEP]" },
    ...{ pad_token: "[PAD]", unk_token: "[UNK]", mask_token: "[MASK]" },
  });
  assert.is((await openSafetensors(await fileReader(paths[1]))).metadata.format, "pt");
  const bundle = await openEncoder(out, "tiny");
  assert.equal(bundle.config, config);
  const model = createModel(createReferenceBackend(), {
    config,
    task: { kind: "classification", labels: 3 },
    initialEncoder: "empty",
  });
  assert.equal((await model.streamEncoder(bundle.weights!)).missing, []);
  await model.streamHead(bundle.weights!);
  const read = await model.state();
  assert.equal([...read.keys()].sort(), [...state.keys()].sort());
  for (const name of read.keys()) assert.equal(values(read, name), values(state, name), name);
  const error = await exportRun(store, run, out, "mine").then(() => null, (thrown) => thrown);
  assert.match(
    error?.message ?? "exported",
    /a whole model, no adapter that "mine" could name; leave --name out/,
  );
});

test.run();
