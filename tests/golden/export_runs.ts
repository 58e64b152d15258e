// Exports every finished run of a store for Python, beside it the language adapters that its stack needs, and writes the logits that
// the runs give here, for check_exports.py. It leaves making the runs to `repro run` and loading the files to that script.
//
//   npx repro run --task xnli --steps 5 --training-size 64 --store STORE      and others: --adapter lora, --adapter full, --task mlm
//   npx tsx tests/golden/export_runs.ts STORE FOLDER
//   python tests/golden/check_exports.py FOLDER

import process from "node:process";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { languageDefaults } from "../../core/adapters/adapters.ts";
import { type Batch, type Model, scope } from "../../core/mod.ts";
import { type FinishedRun, RunStore } from "../../repro/runs/mod.ts";
import { join, list, resolve, writeAtomic } from "../../repro/runtime.ts";
import { isTransfer } from "../../repro/spec/mod.ts";
import { saveAdapter } from "../../repro/training/adapter-files.ts";
import { storedAdapter } from "../../repro/training/evaluate-run.ts";
import { exportRun } from "../../repro/training/export.ts";
import { languageModel } from "../../repro/training/language.ts";
import { transferModel } from "../../repro/training/transfer.ts";
import { type EncoderBundle, openEncoderOf } from "../../repro/training/world.ts";
import { inputsOf, patternBatch } from "./batches.ts";

async function modelOf(run: FinishedRun, bundle: EncoderBundle, store: RunStore): Promise<Model> {
  const { spec } = run;
  const backend = createReferenceBackend();
  const model = isTransfer(spec)
    ? await transferModel(spec, undefined, bundle, backend)
    : await languageModel(spec, bundle, backend);
  model.loadState(await storedAdapter(store, run), { missing: "keep" });
  return model;
}

/** The English language adapter below the task adapter, as an AdapterHub folder: the run did not train it. */
async function saveEnglish(folder: string, bundle: EncoderBundle): Promise<void> {
  const { config, state } = await bundle.language("en");
  const { modelType, hiddenSize } = bundle.config;
  await saveAdapter(folder, {
    description: {
      ...{ name: "en", hiddenSize, modelType },
      method: { kind: "bottleneck", leaveOut: [], ...languageDefaults, ...config },
    },
    ...{ state: state!, task: { kind: "span" }, head: null },
  });
}

/** For the tokenizer: words, a number, capitals and an accent. */
const text = "Where does Ana live? She has 2 cars, Él no.";

async function exported(store: RunStore, id: string, folder: string) {
  const run = (await store.finished(id))!;
  const { spec } = run;
  const bundle = await openEncoderOf(spec);
  await exportRun(store, run, join(folder, id));
  const isStack = isTransfer(spec) && spec.adapter !== "full";
  if (isStack) await saveEnglish(join(folder, `${id}-en`), bundle);
  const model = await modelOf(run, bundle, store);
  const batch: Batch = patternBatch(bundle.config, spec.task === "copa" ? 2 : 1);
  const { special: { cls, sep }, encode } = bundle.tokenizer;
  const [{ ids }] = await encode([text]);
  const logits = scope(() => model.logits({ ...batch, labels: undefined }));
  const values = [...await logits.read()];
  logits.dispose();
  model.dispose();
  return {
    ...{ folder: id, encoder: bundle.folder, task: spec.task, adapter: spec.adapter },
    adapters: isStack ? [`${id}-en`, id] : spec.adapter === "full" && isTransfer(spec) ? [] : [id],
    ...{ inputs: inputsOf(batch), logits: values, text, ids: [cls, ...ids, sep] },
  };
}

const [storeFolder, folder] = process.argv.slice(2).map((path) => resolve(path));
if (folder === undefined) {
  throw new Error("export_runs: whence and where to? npx tsx tests/golden/export_runs.ts STORE FOLDER");
}
const store = new RunStore(storeFolder);
const written: unknown[] = [];
for (const id of await list(storeFolder)) {
  if (/^[0-9a-f]+$/.test(id) && await store.finished(id)) written.push(await exported(store, id, folder));
}
await writeAtomic(join(folder, "expected.json"), JSON.stringify(written));
console.log(`${written.length} runs exported to ${folder}`);
