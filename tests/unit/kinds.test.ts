// Every kind of training end to end on a narrow encoder: LoRA, full fine-tuning, reduced data, named schedules, language adapters;
// micro-batches change neither the id nor the numbers; scores come back from the stored adapter; every item of fidelity has an effect.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { deviations } from "../../papers/fun-with-fisher/deviations.ts";
import { hyperparameters, type Setting, settingItems } from "../../papers/fun-with-fisher/hyperparameters.ts";
import { readAllStored } from "../../core/mod.ts";
import { readFidelity } from "../../cli/ui/fidelity.ts";
import { folderSource } from "../../repro/data/source.ts";
import { openText } from "../../repro/data/text.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { exists, pathOf } from "../../repro/runtime.ts";
import {
  type FidelityChoices,
  type FidelityItem,
  fidelityItemNames,
  fidelityItems,
  parseSpec,
  runId,
  runName,
  type RunSpec,
} from "../../repro/spec/mod.ts";
import { maskedLmData, textBlocks } from "../../repro/tasks/masked-lm.ts";
import { openBackend } from "../../repro/training/backend.ts";
import { evaluateRun } from "../../repro/training/evaluate-run.ts";
import { executeRun } from "../../repro/training/execute.ts";
import { identifyModel, textRevision } from "../../repro/training/identify.ts";
import { readStateFile } from "../../repro/training/state-file.ts";
import { openEncoder } from "../../repro/training/world.ts";
import { randomEncoder, temporaryFolder } from "../fakes/encoders.ts";
import { testAdapter } from "../fakes/webgpu.ts";

const test = suite("kinds of training");
const folder = await randomEncoder(["en", "de"]);
const { revision, adapters } = await identifyModel(folder, "tiny", ["en", "de"]);

function specOf(
  changes: Partial<RunSpec> = {},
  hyperparameters: Partial<RunSpec["hyperparameters"]> = {},
): RunSpec {
  return parseSpec({
    format: 1,
    scale: "tiny",
    model: folder,
    modelRevision: revision,
    task: "xnli",
    data: "tiny",
    dataRevision: "test",
    method: "gu",
    adapter: "mad-x",
    seed: 3,
    fidelity: "authors-code",
    backend: "wasm",
    numericsVersion: 1,
    hyperparameters: {
      steps: 8,
      learningRate: 5e-3,
      learningRateSchedule: "linear",
      batchSize: 6,
      interval: 2,
      reductionFactor: 4,
      maxLength: 48,
      docStride: 0,
      maxGradientNorm: 1,
      weightDecay: 0,
      evaluateEvery: 4,
      evaluationLimit: 12,
      fisherBatches: 2,
      trackFisherEvery: 0,
      trainingSize: 20,
      ...hyperparameters,
    },
    evaluate: { xnli: ["en", "de"] },
    ...(changes.adapter === "full" || changes.task === "mlm" ? {} : { languageAdapters: adapters }),
    ...changes,
  });
}

const lines = async (path: string) =>
  (await readFile(path, "utf8").catch(() => "")).trim().split("\n").filter(Boolean).map((line) =>
    JSON.parse(line)
  );

async function execute(spec: RunSpec, microBatch?: number) {
  const store = new RunStore(await temporaryFolder());
  const { signal } = new AbortController();
  await executeRun(spec, { store, signal, onProgress() {}, ...(microBatch ? { microBatch } : {}) });
  const id = await runId(spec);
  const at = (name: string) => join(store.runFolder(id), name);
  return {
    ...{ store, id, folder: store.runFolder(id) },
    run: (await store.finished(id))!,
    losses: (await lines(at("losses.jsonl"))).map(({ loss }) => loss as number),
    traces: (await lines(at("trf.jsonl"))).map(({ layers, average }) => layers ?? [average]) as number[][],
    adapter: (await readStateFile(await readFile(at("adapter.safetensors")), "adapter")).state,
  };
}

const layersOf = (names: Iterable<string>) =>
  new Set([...names].flatMap((name) => /layer\.(\d+)\./.exec(name)?.[1] ?? []).map(Number));

test("LoRA: two low-rank pairs a layer, unfrozen together, under every method", async () => {
  for (const method of ["standard", "gu", "lpft", "rand", "fun", "rev", "schedule-2"]) {
    const { adapter, losses, run } = await execute(
      specOf({ adapter: "lora", method }, { loraRank: 2, loraAlpha: 2, evaluateEvery: 0 }),
    );
    const names = [...adapter.keys()];
    assert.is(names.filter((name) => name.includes(".loras.")).length, 12 * 2 * 2);
    assert.ok(names.every((name) => !name.includes(".adapters.")));
    assert.is(losses.length, 8);
    // What was never opened is as it was made: B is nothing.
    const open = new Set(run.schedule.flatMap(({ layers }) => layers));
    for (const [name, { data }] of adapter) {
      if (!name.endsWith("lora_B")) continue;
      const trained = open.has([...layersOf([name])][0]);
      assert.is((data as Float32Array).some((value) => value !== 0), trained, `${method} ${name}`);
    }
  }
});

test("full fine-tuning: every weight, no adapter; layers can be unfrozen too, embeddings with the lowest", async () => {
  const encoder = await readAllStored((await openEncoder(folder, "tiny")).weights!);
  for (const method of ["standard", "gu", "lpft"]) {
    const { adapter, run } = await execute(
      specOf({ adapter: "full", method, hyperparameters: specOf({}, { evaluateEvery: 0 }).hyperparameters }),
    );
    assert.ok([...adapter.keys()].every((name) => !/adapters|loras/.test(name)));
    assert.is(layersOf(adapter.keys()).size, 12);
    const moved = new Set(
      [...adapter].filter(([name, { data }]) =>
        encoder.has(name) && (data as Float32Array).some((value, i) => value !== encoder.get(name)!.data[i])
      ).map(([name]) => name),
    );
    const open = new Set(run.schedule.flatMap(({ layers }) => layers));
    assert.equal([...layersOf(moved)].sort(), [...open].sort(), method);
    assert.is(moved.has("bert.embeddings.word_embeddings.weight"), open.has(0), method);
  }
});

test("micro-batches: the same run by its id, the same losses and tr(F) but for rounding", async () => {
  const spec = specOf({ method: "fun", fidelity: "paper" }, { trackFisherEvery: 3 });
  const [whole, cut] = [await execute(spec), await execute(spec, 4)];
  assert.is(cut.id, whole.id);
  assert.is(cut.run.provenance.microBatch, 4);
  assert.equal(cut.run.schedule, whole.run.schedule);
  const worst = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value / b[i] - 1)));
  assert.ok(worst(cut.losses, whole.losses) < 1e-5);
  assert.is(cut.traces.length, 4 + 3);
  cut.traces.forEach((trace, i) =>
    assert.ok(worst(trace, whole.traces[i]) < 1e-3, `${trace} ${whole.traces[i]}`)
  );
});

test("wasm: REPRO_THREADS changes how long a run takes, none of its bits", async () => {
  const spec = specOf({ method: "fun" }, { trackFisherEvery: 4 });
  const runs = [];
  for (const threads of ["1", "2"]) {
    process.env.REPRO_THREADS = threads;
    runs.push(await execute(spec).finally(() => delete process.env.REPRO_THREADS));
  }
  const [one, two] = runs;
  assert.match(one.run.provenance.device as string, /, 1 thread$/);
  assert.match(two.run.provenance.device as string, /, 2 threads$/);
  assert.equal(two.adapter, one.adapter);
  assert.equal([two.losses, two.traces, two.run.metrics], [one.losses, one.traces, one.run.metrics]);
  process.env.REPRO_THREADS = "all";
  const error = await openBackend("wasm").then(() => null, (thrown) => thrown).finally(() =>
    delete process.env.REPRO_THREADS
  );
  assert.match(error?.message ?? "opened", /REPRO_THREADS is "all"; a whole number from 1 is needed/);
});

test("a finished run is scored anew from its stored adapter alone, in its own languages and others", async () => {
  const spec = specOf({ task: "squad", evaluate: { xquad: ["en", "de"] } }, { maxLength: 96, docStride: 16 });
  for (const adapter of ["mad-x", "full"] as const) {
    const { store, run, folder } = await execute({
      ...spec,
      adapter,
      languageAdapters: adapter === "full" ? undefined : adapters,
    });
    const signal = new AbortController().signal;
    const scores: Record<string, number> = {};
    for await (const { dataset, language, metrics, conventions } of evaluateRun(store, run, { signal })) {
      for (const [name, value] of Object.entries(metrics)) scores[`${dataset}/${language}/${name}`] = value;
      assert.equal(Object.keys(conventions), ["squad", "mlqa"]);
    }
    assert.equal(scores, run.metrics);
    const path = join(folder, "adapter.safetensors");
    const bytes = await readFile(path);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(path, bytes);
    try {
      for await (const _ of evaluateRun(store, run, { signal })) assert.unreachable("it was scored");
    } catch (error) {
      assert.match((error as Error).message, /its content has changed since the run was finished/);
    }
  }
});

test("a language adapter from plain text: it alone is trained, and hidden words become likelier", async () => {
  const mbert = await openEncoder("mbert", "tiny");
  const spec = parseSpec({
    ...specOf(),
    languageAdapters: undefined,
    ...{ task: "mlm", language: "it", method: "standard", model: "mbert", modelRevision: mbert.revision },
    ...{ dataRevision: await textRevision("tiny", "it"), evaluate: {} },
    hyperparameters: {
      ...hyperparameters({
        scale: "tiny",
        task: "mlm",
        encoder: "mbert",
        method: "standard",
        fidelity: "authors-code",
      }),
      ...{ steps: 12, batchSize: 8, learningRate: 3e-3, evaluationLimit: 8, evaluateEvery: 6 },
    },
  });
  assert.is(runName(spec), "mbert language adapter it seed 3");
  const { run, losses, adapter, store } = await execute(spec);
  const likelihood = run.metrics["text/it/likelihood"];
  assert.ok(losses.slice(-3).every((loss) => loss < losses[0]), String(losses));
  assert.ok(likelihood > 100 * Math.exp(-losses[0]), `${likelihood}`);
  assert.ok([...adapter.keys()].every((name) => name.includes("adapters.it.")));
  assert.ok([...adapter.keys()].some((name) => name.includes("invertible_adapters.it.G.2.weight")));
  const signal = new AbortController().signal;
  for await (const { metrics } of evaluateRun(store, run, { signal })) {
    assert.is(metrics.likelihood, likelihood);
  }
  const cut = await execute(spec, 4);
  cut.losses.forEach((loss, i) => assert.ok(Math.abs(loss / losses[i] - 1) < 1e-4));
});

test("masked text: the share asked for, never a special token, the same for the same draw", async () => {
  const { tokenizer } = await openEncoder(folder, "tiny");
  const root = await temporaryFolder();
  await writeFile(join(root, "sw.txt"), "ana kula\n\n  \nana lala\r\n".repeat(300));
  const { lines, files } = await openText(folderSource(root), "sw");
  let count = 0;
  for await (const some of lines()) count += some.length;
  assert.is(count, 600);
  assert.equal(files, ["sw.txt"]);
  const blocks = await textBlocks(tokenizer, lines(), 40);
  assert.equal(await textBlocks(tokenizer, lines(), 40, 3), blocks.slice(0, 3));
  const { cls, sep, mask } = tokenizer.special;
  assert.ok(blocks.length > 50 && blocks.every((block) => block.length === 40));
  assert.is(blocks[0][0], cls);
  const data = maskedLmData(tokenizer, blocks, { maxLength: 40, maskedShare: 0.15, seed: 1 });
  const all = Array.from({ length: data.size }, (_, i) => i);
  const batch = data.collate(all, 7);
  const labels = batch.labels.kind === "tokens" ? batch.labels.labels : new Int32Array();
  let words = 0, hidden = 0, masks = 0, kept = 0;
  labels.forEach((label, i) => {
    const id = blocks[Math.floor(i / 40)][i % 40];
    if (id === cls || id === sep) return assert.is(label, -1);
    words++;
    if (label < 0) return assert.is(batch.inputIds[i], id);
    hidden++;
    assert.is(label, id);
    if (batch.inputIds[i] === mask) masks++;
    if (batch.inputIds[i] === id) kept++;
  });
  const near = (value: number, wanted: number, what: string) =>
    assert.ok(Math.abs(value - wanted) < 0.05, `${what}: ${value}`);
  near(hidden / words, 0.15, "hidden");
  near(masks / hidden, 0.8, "masks");
  near(kept / hidden, 0.1, "kept");
  // Alone or among others, a block is masked alike: pieces of a batch are the batch's.
  assert.equal(data.collate([5], 7).inputIds, batch.inputIds.slice(200, 240));
  assert.not.equal(data.collate(all, 8).inputIds, batch.inputIds);
});

test("half precision is refused where there is none, with what to do", async () => {
  assert.throws(
    () => specOf({ precision: "f16" }),
    /precision is "f16": half precision needs backend webgpu/,
  );
  const { features } = await testAdapter({ half: true });
  try {
    (await openBackend("webgpu", { half: "all" })).dispose();
    assert.ok(features.has("shader-f16"));
  } catch (error) {
    assert.match(
      (error as Error).message,
      /^half precision: .* has no shader-f16; use a GPU that has it, or leave/,
    );
  }
  for (const name of ["wasm", "reference"] as const) {
    try {
      await openBackend(name, { half: "products" });
    } catch (error) {
      assert.match((error as Error).message, /backend \w+ has none; choose webgpu on a GPU/);
      continue;
    }
    assert.unreachable(`${name} opened with half precision`);
  }
});

test("what does not go together is refused by name", () => {
  const wrong: [Partial<RunSpec>, RegExp][] = [
    [{ task: "mlm" }, /language is absent: task mlm trains an adapter for one language/],
    [{ language: "it" }, /language is "it": only task mlm has one/],
    [{ adapter: "full", method: "fun" }, /adapter is "full": tr\(F\) is that of task adapters/],
    [{ method: "schedule-10" }, /method is "schedule-10": choose standard/],
  ];
  for (const [changes, message] of wrong) assert.throws(() => specOf(changes), message);
});

/** Runs, or settings, in which each item shows. */
const shows: Record<string, (items: FidelityChoices) => Promise<unknown>> = {
  schedule: async (items) => (await execute(specOf({ items }))).run.schedule,
  "fisher-label": async (items) => (await execute(specOf({ method: "fun", items }))).traces,
  "fisher-gradient": async (items) => (await execute(specOf({ method: "fun", items }))).traces,
  "fisher-batches": async (items) => (await execute(specOf({ method: "fun", items }))).traces,
  "fisher-aggregation": async (items) =>
    (await execute(specOf({ method: "standard", items }, { trackFisherEvery: 4 }))).traces,
  "english-evaluation": async (items) =>
    (await execute(specOf({ items }, { evaluationLimit: 30 }))).run.metrics["xnli/en/accuracy"],
  "span-labels": async (items) =>
    (await execute(
      specOf({ task: "squad", items, evaluate: { xquad: ["en"] } }, {
        ...{
          maxLength: 30,
          docStride: 8,
          steps: 30,
          trainingSize: 200,
          evaluationLimit: 2,
          evaluateEvery: 0,
        },
      }),
    )).losses,
  // Padding shows in nothing but dropout's draws, at larger scales.
  padding: async (items) => (await execute(specOf({ scale: "low-data", items }))).losses,
};

for (const item of fidelityItemNames) {
  test(`fidelity item ${item} has an effect by itself`, async () => {
    assert.not.equal(await shows[item]({ [item]: "paper" }), await shows[item]({}));
  });
}

test("items that are settings: each changes the settings of some run by itself", () => {
  const setting: Setting = {
    ...{
      scale: "paper",
      task: "copa",
      encoder: "xlmr",
      adapter: "lora",
      method: "gu",
      fidelity: "authors-code",
    },
  };
  const of = (changes: Partial<Setting>) => hyperparameters({ ...setting, ...changes });
  assert.is(of({}).interval, 1000);
  assert.is(of({ items: { "gu-interval": "paper" } }).interval, 100);
  assert.is(of({ method: "fun" }).interval, 100);
  assert.is(of({ method: "fun", items: { "unknown-interval": "paper" } }).interval, 200);
  assert.is(of({ items: { "adamw-variant": "paper" } }).optimizer, "torch");
  assert.is(of({ fidelity: "paper" }).interval, 100);
  assert.equal(readFidelity("paper,fisher-label=authors-code,gu-interval=authors-code", settingItems), {
    fidelity: "paper",
    items: { "fisher-label": "authors-code" },
    settingItems: { "gu-interval": "authors-code" },
  });
  assert.throws(
    () => readFidelity("paper,fisher=paper"),
    /unknown item of fidelity "fisher"; choose schedule/,
  );
  assert.throws(() => readFidelity("paper,schedule"), /"schedule" is no item; write item=paper/);
});

test("the list of differences names every item, and files that are there", async () => {
  const named = new Set(deviations.flatMap(({ item }) => item ?? []));
  assert.equal([...named].sort(), [...fidelityItemNames, ...settingItems].sort());
  assert.is(new Set(deviations.map(({ id }) => id)).size, deviations.length);
  for (const { id, item, note } of deviations) {
    if (item === null) assert.ok(note, `${id}: no item and no reason`);
    else if (!(settingItems as readonly string[]).includes(item)) {
      const file = new URL(`../../${fidelityItems[item as FidelityItem]}`, import.meta.url);
      assert.ok(await exists(pathOf(file)), `${id}: ${file}`);
    }
  }
});

test.run();
