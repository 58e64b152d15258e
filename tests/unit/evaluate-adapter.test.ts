// A task adapter in files is scored as the run that trained it was: AdapterHub's folder with MAD-X or LoRA, PEFT's folder, heads whose
// classes come in another order; what lacks a head or belongs to another task is refused. Formats are golden/adapter_files.test.ts's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type State, writeTorch } from "../../core/mod.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { join, readText, remove, writeAtomic } from "../../repro/runtime.ts";
import { isTransfer, parseSpec, type RunSpec, type TransferSpec } from "../../repro/spec/mod.ts";
import { runId } from "../../repro/spec/mod.ts";
import { openAdapter } from "../../repro/training/adapter-files.ts";
import { evaluateAdapter } from "../../repro/training/evaluate-adapter.ts";
import { executeRun } from "../../repro/training/execute.ts";
import { exportRun } from "../../repro/training/export.ts";
import { identifyModel } from "../../repro/training/identify.ts";
import { openEncoder } from "../../repro/training/world.ts";
import { randomEncoder, temporaryFolder } from "../fakes/encoders.ts";
import { spec as fakeSpec } from "../fakes/specs.ts";

const test = suite("evaluate an adapter");
const encoder = await randomEncoder(["en", "de"]);
const { config } = await openEncoder(encoder, "tiny");
const { revision, adapters } = await identifyModel(encoder, "tiny", ["en", "de"]);
const { signal } = new AbortController();
const store = new RunStore(await temporaryFolder());

const specOf = (changes: Partial<RunSpec>): TransferSpec => {
  const spec = parseSpec({
    ...fakeSpec({
      model: encoder,
      modelRevision: revision,
      method: "standard",
      evaluate: { xnli: ["en", "de"] },
      // Only runs of the store must name them all.
      ...(Object.values(changes.evaluate ?? {}).flat().every((code) => code in adapters!)
        ? { languageAdapters: adapters }
        : {}),
    }),
    hyperparameters: {
      ...fakeSpec().hyperparameters,
      ...{ steps: 6, learningRate: 5e-3, reductionFactor: 4, loraRank: 2, loraAlpha: 6, trainingSize: 12 },
      ...{ evaluateEvery: 0, evaluationLimit: 20, maxLength: 96 },
    },
    ...changes,
  });
  if (!isTransfer(spec)) throw new Error("a task is wanted");
  return spec;
};

/** A finished run and the folder that it was exported to. */
async function exported(spec: TransferSpec) {
  await executeRun(spec, { store, signal, onProgress() {} });
  const run = (await store.finished(await runId(spec)))!;
  const folder = join(await temporaryFolder(), "adapter");
  await exportRun(store, run, folder);
  return { run, folder };
}

/** By the names of a run's metrics. Nothing that the run was specified with for training may matter. */
async function scoresOf(spec: TransferSpec, folder: string, available = false) {
  const asked = specOf({
    ...{ task: spec.task, model: spec.model, evaluate: spec.evaluate, seed: 77 },
    hyperparameters: { ...spec.hyperparameters, reductionFactor: 16, loraRank: 8, loraAlpha: 8 },
  });
  const scores: Record<string, number> = {};
  for await (const { dataset, language, metrics } of evaluateAdapter(asked, folder, { signal, available })) {
    for (const [name, value] of Object.entries(metrics)) scores[`${dataset}/${language}/${name}`] = value;
  }
  return scores;
}

const refused = async (spec: TransferSpec, folder: string, message: RegExp) => {
  const error = await scoresOf(spec, folder).then(() => null, (thrown) => thrown);
  assert.match(error?.message ?? "scored", message);
};

test("MAD-X and LoRA, for classes, answers and choices: the scores are the run's own", async () => {
  for (
    const changes of [
      {},
      { task: "squad", evaluate: { xquad: ["en", "de"] } },
      { task: "copa", adapter: "lora", evaluate: { xcopa: ["en"] } },
    ] as const
  ) {
    const spec = specOf(changes as Partial<RunSpec>);
    const { run, folder } = await exported(spec);
    assert.equal(await scoresOf(spec, folder), run.metrics, spec.task);
  }
});

test("XLM-R's choices read a pooler that the run drew: it comes with the head", async () => {
  const { revision } = await openEncoder("xlmr", "tiny");
  const spec = specOf({
    ...{ task: "copa", model: "xlmr", modelRevision: revision, evaluate: { xcopa: ["en", "sw"] } },
    hyperparameters: { ...specOf({}).hyperparameters, learningRate: 5e-2, evaluationLimit: 60 },
  });
  const { run, folder } = await exported(spec);
  assert.equal(await scoresOf(spec, folder), run.metrics);
  const { head } = await openAdapter(folder, (await openEncoder("xlmr", "tiny")).config, "task");
  assert.ok((await head())!.has("roberta.pooler.dense.weight"));
});

test("all languages that have an adapter, where none is named; else one without is an error", async () => {
  const { folder } = await exported(specOf({}));
  const spec = specOf({ evaluate: { xnli: ["sw", "de", "en"] } });
  assert.equal(Object.keys(await scoresOf(spec, folder, true)), ["xnli/de/accuracy", "xnli/en/accuracy"]);
  await refused(spec, folder, /no language adapter for sw in .*; there are de, en/);
  const none = specOf({ evaluate: { xnli: ["sw"] } });
  const error = await scoresOf(none, folder, true).then(() => null, (thrown) => thrown);
  assert.match(error?.message ?? "scored", /has a language adapter; there are de, en/);
});

test("PEFT's folder of a LoRA with its head gives the scores that AdapterHub's gives", async () => {
  const spec = specOf({ adapter: "lora" });
  const { run, folder } = await exported(spec);
  const { state, head } = await openAdapter(folder, config, "task");
  const out = join(await temporaryFolder(), "peft");
  const tensors: State = new Map([
    ...[...state].map(([name, value]) =>
      [`base_model.model.${name.replace(/\.loras\.task\.lora_([AB])$/, ".lora_$1.weight")}`, value] as const
    ),
    ...[...(await head())!].map(([name, value]) => [`base_model.model.${name}`, value] as const),
  ]);
  await writeAtomic(join(out, "adapter_model.bin"), writeTorch(tensors));
  const peft = { peft_type: "LORA", r: 2, lora_alpha: 6, target_modules: ["query", "value"] };
  await writeAtomic(join(out, "adapter_config.json"), JSON.stringify(peft));
  assert.equal(await scoresOf(spec, out), run.metrics);
});

test("classes in another order are put into ours by their names; names that we do not have are refused", async () => {
  const spec = specOf({});
  const { run, folder } = await exported(spec);
  const path = join(folder, "head_config.json"), json = JSON.parse(await readText(path));
  const named = (labels: readonly string[]) =>
    writeAtomic(
      path,
      JSON.stringify({ ...json, label2id: Object.fromEntries(labels.map((label, i) => [label, i])) }),
    );
  const head = (await (await openAdapter(folder, config, "task")).head())!;
  // Contradiction, entailment, neutral: our rows 2, 0, 1.
  const turned: State = new Map([...head].map(([name, { shape, data }]) => {
    const width = data.length / 3,
      rows = [2, 0, 1].flatMap((row) => [...data.slice(row * width, (row + 1) * width)]);
    return [name, { shape, data: Float32Array.from(rows) }];
  }));
  await writeAtomic(join(folder, "pytorch_model_head.bin"), writeTorch(turned));
  await named(["contradiction", "Entailment", "neutral"]);
  assert.equal(await scoresOf(spec, folder), run.metrics);
  await named(["yes", "no", "maybe"]);
  await refused(spec, folder, /labels yes, no, maybe; task xnli has entailment, neutral, contradiction/);
});

test("without a head, or with another task's, there are no scores", async () => {
  const spec = specOf({});
  const { folder } = await exported(spec);
  const squad = specOf({ task: "squad", evaluate: { xquad: ["en"] } });
  await refused(squad, folder, /its head is not that of task squad: .*missing qa_outputs/);
  await remove(join(folder, "pytorch_model_head.bin"));
  await refused(spec, folder, /no head lies beside it; scores need the one that it was trained with/);
});

test.run();
