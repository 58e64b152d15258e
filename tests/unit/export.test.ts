// Checks that a finished run leaves the store as an adapter in AdapterHub's format, with its head and, where it drew one, its pooler.
// It leaves loading it in Python to tests/golden/make_adapter_files.py --check.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { createModel, type State, type TensorToWrite, writeSafetensors } from "../../core/mod.ts";
import type { TaskConfig } from "../../core/mod.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { join, remove } from "../../repro/runtime.ts";
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
  const state = await trained.state((name) => head.has(name) || name.includes(".task."));
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

test("a run without an adapter has nothing to export", async () => {
  const { run } = await finished({ adapter: "full", method: "standard", model: "mbert", seed: 9 }, undefined);
  const error = await exportRun(store, run, join(folder, "none")).then(() => null, (thrown) => thrown);
  assert.match(error?.message ?? "exported", /it trained 0 adapters; a run of method mad-x or lora has one/);
});

test.run();
