// Language adapters belong to the runs that read them: what is missing is named before anything is trained, one more changes no run, and
// a training that is at its end is never made again because a score failed.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { adapterSteps, gapOf, type Setup, specify } from "../../repro/paper/mod.ts";
import { leftOut } from "../../repro/paper/mod.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { parseSpec, runId, type RunSpec, trainingId } from "../../repro/spec/mod.ts";
import { evaluateRun } from "../../repro/training/evaluate-run.ts";
import { executeRun } from "../../repro/training/execute.ts";
import { identifyModel } from "../../repro/training/identify.ts";
import { MissingAdaptersError } from "../../repro/training/language-adapters.ts";
import { openEncoder, openEncoderOf } from "../../repro/training/world.ts";
import { paper } from "../../papers/fun-with-fisher/paper.ts";
import { randomEncoder, temporaryFolder } from "../fakes/encoders.ts";

const test = suite("language adapters");
const folder = await randomEncoder(["en", "de", "el"]);
const at = (code: string) => join(folder, "adapters", `${code}.safetensors`);
const aside = (code: string) => join(folder, `${code}.aside`);
const signal = new AbortController().signal;

async function specOf(languages: readonly string[], changes: Partial<RunSpec> = {}): Promise<RunSpec> {
  const { revision, adapters } = await identifyModel(folder, "tiny", [...new Set(["en", ...languages])]);
  return parseSpec({
    ...{ format: 1, scale: "tiny", model: folder, modelRevision: revision, task: "xnli", data: "tiny" },
    ...{ dataRevision: "test", method: "standard", adapter: "mad-x", seed: 3, fidelity: "authors-code" },
    ...{ backend: "wasm", numericsVersion: 1, evaluate: { xnli: languages } },
    languageAdapters: adapters,
    hyperparameters: {
      ...{ steps: 3, learningRate: 5e-3, learningRateSchedule: "linear", batchSize: 4, interval: 2 },
      ...{ reductionFactor: 4, maxLength: 48, docStride: 0, maxGradientNorm: 1, weightDecay: 0 },
      ...{ evaluateEvery: 2, evaluationLimit: 8, fisherBatches: 2, trackFisherEvery: 0, trainingSize: 20 },
    },
    ...changes,
  });
}

/** The steps that were trained. */
async function execute(store: RunStore, spec: RunSpec): Promise<number> {
  let trained = 0;
  await executeRun(spec, { store, signal, onProgress: ({ phase }) => phase === "train" && trained++ });
  return trained;
}

async function fails(work: Promise<unknown>, ...parts: RegExp[]): Promise<Error> {
  const error = await work.then(() => null, (thrown) => thrown as Error);
  if (error === null) assert.unreachable(`no error; one with ${parts.join(", ")} was wanted`);
  for (const part of parts) assert.match(error!.message, part);
  return error!;
}

test("all that are missing are named at once, before the first step", async () => {
  const spec = await specOf(["en", "de", "el"]);
  await rename(at("de"), aside("de"));
  await rename(at("el"), aside("el"));
  try {
    const store = new RunStore(await temporaryFolder());
    let trained = 0;
    const error = await fails(
      executeRun(spec, { store, signal, onProgress: ({ phase }) => phase === "train" && trained++ }),
      /no language adapter for de, el in .*adapters; there are en; put .* there, or leave its language out/,
    );
    assert.instance(error, MissingAdaptersError);
    assert.equal([(error as MissingAdaptersError).languages, trained], [["de", "el"], 0]);
    // Nothing of them is needed where nothing of them is read.
    assert.is((await openEncoderOf(await specOf(["en"]))).adapters!.languages.join(), "en");
  } finally {
    await rename(aside("de"), at("de"));
    await rename(aside("el"), at("el"));
  }
});

test("one more adapter changes no run that does not read it; another one in its place is another run", async () => {
  const before = await specOf(["en", "de"]);
  const { revision } = await openEncoder(folder, "tiny");
  await writeFile(at("sw"), await readFile(at("el")));
  try {
    assert.is(await runId(await specOf(["en", "de"])), await runId(before));
    assert.is((await openEncoder(folder, "tiny")).revision, revision);
    const german = await readFile(at("de"));
    await writeFile(at("de"), await readFile(at("el")));
    const other = await specOf(["en", "de"]);
    assert.is.not(await runId(other), await runId(before));
    assert.is(await trainingId(other), await trainingId(before));
    await fails(
      openEncoderOf(before),
      /its language adapter de has SHA-256 .*has changed since the run was specified/,
    );
    await writeFile(at("de"), german);
    const english = await readFile(at("en"));
    await writeFile(at("en"), await readFile(at("el")));
    assert.is.not(await trainingId(await specOf(["en", "de"])), await trainingId(before));
    await writeFile(at("en"), english);
  } finally {
    await rm(at("sw"));
  }
});

test("full fine-tuning and the training of a language adapter read none, and may name none", async () => {
  for (
    const changes of [{ adapter: "full" }, { task: "mlm", language: "de", evaluate: {} }] as Partial<
      RunSpec
    >[]
  ) {
    await fails(specOf(["en"], changes), /languageAdapters is \{.*\}: this run reads no language adapter/);
  }
  await fails(specOf(["en", "de"], { languageAdapters: { en: "x" } }), /the run also reads that of de/);
});

test("a score that failed loses no training: it is evaluated as it is, and the same command makes the scores alone", async () => {
  const store = new RunStore(await temporaryFolder());
  const whole = new RunStore(await temporaryFolder());
  const good = await readFile(at("el"));
  // A file that only opening it shows to be damaged.
  await writeFile(at("el"), good.subarray(0, good.length - 40));
  const spec = await specOf(["en", "de", "el"]);
  const id = await runId(spec);
  try {
    await fails(execute(store, spec), /el\.safetensors/);
    const entry = await store.inspect(id);
    assert.equal([entry.state, entry.status!.step], ["failed", 3]);
    assert.is(await store.finished(id), null);
    const run = (await store.trained(id))!;
    const scores: Record<string, number> = {};
    const evaluate = { xnli: ["en", "de"] };
    for await (const { language, metrics } of evaluateRun(store, run, { evaluate, signal })) {
      scores[`xnli/${language}/accuracy`] = metrics.accuracy;
    }
    await writeFile(at("el"), good);
    // The mended file is another file: another run, of the same training.
    const mended = await specOf(["en", "de", "el"]);
    assert.is(await execute(store, mended), 0);
    const finished = (await store.finished(await runId(mended)))!;
    assert.is(finished.provenance.trainedBy, id);
    assert.is(await execute(whole, mended), 3);
    const once = (await whole.finished(await runId(mended)))!;
    assert.equal(finished.metrics, once.metrics);
    assert.equal(finished.schedule, once.schedule);
    assert.equal(finished.provenance.best, once.provenance.best);
    for (const [name, value] of Object.entries(scores)) assert.is(value, once.metrics[name], name);
    for (const name of ["losses.jsonl", "validation.jsonl", "adapter.safetensors"]) {
      const [a, b] = await Promise.all(
        [store, whole].map((each) => readFile(join(each.runFolder(finished.id), name))),
      );
      assert.ok(a.equals(b), name);
    }
  } finally {
    await writeFile(at("el"), good);
  }
});

test("a run that was stopped while scoring goes on with its scores; more languages later are scores alone", async () => {
  const store = new RunStore(await temporaryFolder());
  const few = await specOf(["en"]);
  const stop = new AbortController();
  await executeRun(few, {
    store,
    signal: stop.signal,
    onProgress: ({ phase }) => phase === "evaluate" && stop.abort(new Error("stopped by the test")),
  }).catch((error) => assert.is(error, stop.signal.reason));
  assert.is(await store.finished(await runId(few)), null);
  assert.is(await execute(store, few), 0);
  const more = await specOf(["en", "de"]);
  assert.is(await execute(store, more), 0);
  const { metrics, provenance } = (await store.finished(await runId(more)))!;
  assert.equal(Object.keys(metrics), ["xnli/en/accuracy", "xnli/de/accuracy"]);
  assert.is(
    metrics["xnli/en/accuracy"],
    (await store.finished(await runId(few)))!.metrics["xnli/en/accuracy"],
  );
  assert.equal(provenance.languageAdapters, more.languageAdapters);
  // What was trained must be what was left: a changed file is trained anew.
  await rm(store.runFolder(await runId(more)), { recursive: true });
  await writeFile(join(store.runFolder(await runId(few)), "adapter.safetensors"), "x");
  assert.is(await execute(store, more), 3);
});

test("a score by another adapter than the run's own says so", async () => {
  const store = new RunStore(await temporaryFolder());
  const spec = await specOf(["en", "de"]);
  await execute(store, spec);
  const run = (await store.finished(await runId(spec)))!;
  const german = await readFile(at("de"));
  await writeFile(at("de"), await readFile(at("el")));
  const said = new Map<string, readonly string[]>();
  try {
    for await (const { language, partial } of evaluateRun(store, run, { signal })) {
      said.set(language, partial);
    }
  } finally {
    await writeFile(at("de"), german);
  }
  const ofAdapters = (code: string) => said.get(code)!.filter((each) => each.includes("language adapter"));
  assert.equal(ofAdapters("en"), []);
  assert.match(
    ofAdapters("de").join(),
    /^de: its language adapter is another one .* do not compare this score/,
  );
});

const hub = paper.models.find(({ id }) => id === "mbert")!.hub;
const setup: Setup = {
  ...{ scale: "paper", seeds: [1], backend: "wasm", fidelity: "authors-code", data: "fetched" },
  models: {
    mbert: {
      ...{ model: hub, revision: "m", adaptersFolder: "/cache/adapters" },
      adapters: Object.fromEntries(
        "en ar de es hi vi zh el ru tr".split(" ").map((code) => [code, `of ${code}`]),
      ),
    },
  },
  dataRevisions: { squad: "d" },
};
const request = { model: "mbert", task: "squad", method: "gu", adapter: "mad-x" } as const;

test("a table's request lacks its adapters with the exact steps; --languages makes it a run, and its other cells gaps", () => {
  assert.is(
    gapOf(paper, setup, request),
    "no language adapter of mBERT for th: nobody publishes th; train it: repro fetch wikipedia-th, " +
      "repro run --scale paper --model mbert --task mlm --language th --micro-batch 4, repro export RUN /cache/adapters/th; " +
      "or leave out what they are for: --languages en,ar,de,es,hi,vi,zh,el,ru,tr",
  );
  assert.is(gapOf(paper, setup, { ...request, adapter: "full" }), undefined);
  const languages = ["en", "de"];
  const some = { ...setup, languages };
  assert.is(gapOf(paper, some, request), undefined);
  const spec = specify(paper, some, request, 1);
  assert.equal(spec.evaluate, { mlqa: languages, xquad: languages });
  assert.equal(spec.languageAdapters, { en: "of en", de: "of de" });
  const cell = (pick: string, lowest?: string) =>
    leftOut(paper, some, "mbert", { dataset: "xquad", pick }, lowest);
  assert.is(cell("de"), undefined);
  assert.is(cell("ar"), "left out by --languages: ar");
  assert.match(
    cell("lowest", "th")!,
    /^left out by --languages: th; nobody publishes th; train it: repro fetch wiki/,
  );
  assert.match(
    cell("average")!,
    /^left out by --languages: ar, el, es, hi, ru, th, tr, vi, zh; nobody publishes th/,
  );
});

test("steps: a fetch for what is published, a training for what is not, under the name that is typed", () => {
  assert.equal(adapterSteps(paper, hub, ["de", "it", "ta"], "/f"), [
    "repro fetch mbert-adapters (de)",
    "nobody publishes it, ta; train each XX of them: repro fetch wikipedia-XX, " +
    "repro run --scale paper --model mbert --task mlm --language XX --micro-batch 4, repro export RUN /f/XX",
  ]);
  assert.match(
    adapterSteps(paper, `${hub}#relu`, ["de"], "/f")[0],
    /nobody publishes de; .* --model mbert --task mlm/,
  );
  assert.match(
    adapterSteps(paper, "org/other", ["en", "bg"], "/f")[0],
    /text in XX .* --encoder org\/other --task mlm/,
  );
});

test.run();
