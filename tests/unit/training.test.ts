// One run from specification to store: repeatable, resumable to the same numbers, the same on wasm and webgpu, and changed by
// every deliberate fault.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { loadTarget, loadTask } from "../../repro/data/datasets.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { runId, type RunSpec } from "../../repro/spec/mod.ts";
import { tinyWorld } from "../../repro/tinyworld/mod.ts";
import { scoredExamples } from "../../repro/training/data.ts";
import { executeRun } from "../../repro/training/execute.ts";
import { identifyModel } from "../../repro/training/identify.ts";
import { mutants } from "../../repro/training/mutants.ts";
import { openEncoder } from "../../repro/training/world.ts";
import { randomEncoder, temporaryFolder } from "../fakes/encoders.ts";
import { testAdapter } from "../fakes/webgpu.ts";

const test = suite("training");
const folder = await randomEncoder(["en", "de"]);
const { revision, adapters } = await identifyModel(folder, "tiny", ["en", "de"]);

function specOf(
  changes: Partial<RunSpec> = {},
  hyperparameters: Partial<RunSpec["hyperparameters"]> = {},
): RunSpec {
  return {
    format: 1,
    scale: "tiny",
    model: folder,
    modelRevision: revision,
    task: "xnli",
    data: "tiny",
    dataRevision: "test",
    method: "fun",
    adapter: "mad-x",
    seed: 3,
    fidelity: "authors-code",
    backend: "wasm",
    numericsVersion: 1,
    hyperparameters: {
      steps: 26,
      learningRate: 5e-3,
      learningRateSchedule: "linear",
      batchSize: 4,
      interval: 2,
      reductionFactor: 4,
      maxLength: 48,
      docStride: 0,
      maxGradientNorm: 1,
      weightDecay: 0,
      evaluateEvery: 10,
      evaluationLimit: 12,
      fisherBatches: 2,
      trackFisherEvery: 0,
      trainingSize: 60,
      ...hyperparameters,
    },
    evaluate: { xnli: ["en", "de"] },
    languageAdapters: adapters,
    ...changes,
  };
}

interface Result {
  metrics: Record<string, number>;
  schedule: { step: number; layers: number[] }[];
  losses: { step: number; loss: number }[];
  traces: number[][];
  validations: { step: number; score: number }[];
  adapter: string;
}

async function resultOf(store: RunStore, spec: RunSpec): Promise<Result> {
  const id = await runId(spec);
  const run = await store.finished(id);
  assert.ok(run, "the run is not finished");
  const lines = async (name: string) =>
    (await readFile(join(store.runFolder(id), name), "utf8").catch(() => "")).trim().split("\n").filter(
      Boolean,
    )
      .map((line) => JSON.parse(line));
  return {
    metrics: run!.metrics,
    schedule: run!.schedule,
    losses: (await lines("losses.jsonl")).map(({ step, loss }) => ({ step, loss })),
    traces: (await lines("trf.jsonl")).map(({ layers }) => layers),
    validations: await lines("validation.jsonl"),
    adapter: (await readFile(join(store.runFolder(id), "adapter.safetensors"))).toString("base64"),
  };
}

async function execute(spec: RunSpec, stopAt?: number, store?: RunStore): Promise<Result | null> {
  const used = store ?? new RunStore(await temporaryFolder());
  const stop = new AbortController();
  try {
    await executeRun(spec, {
      store: used,
      signal: stop.signal,
      onProgress: ({ phase, step }) => {
        if (phase === "train" && step === stopAt) stop.abort(new Error("stopped by the test"));
      },
    });
  } catch (error) {
    if (error !== stop.signal.reason) throw error;
    return null;
  }
  return await resultOf(used, spec);
}

test("the same specification gives the same bytes", async () => {
  const [first, second] = [await execute(specOf()), await execute(specOf())];
  assert.equal(first, second);
  assert.is(first!.losses.length, 26);
  assert.is(first!.schedule[0].layers[0], 11);
  // Scored after updates 9 and 19, the tenth and the twentieth.
  assert.equal(first!.validations.map(({ step }) => step), [9, 19]);
  assert.ok(first!.validations.every(({ score }) => score >= 0 && score <= 100));
});

test("a finished run says how much device memory its training took", async () => {
  const store = new RunStore(await temporaryFolder());
  const spec = specOf({ method: "standard" }, { steps: 3 });
  await execute(spec, undefined, store);
  const { trainingPeakBytes, devicePeakBytes } = (await store.finished(await runId(spec)))!.provenance;
  assert.ok(trainingPeakBytes as number > 1e5, String(trainingPeakBytes));
  assert.ok(devicePeakBytes as number >= (trainingPeakBytes as number));
});

test("an interrupted run goes on to the same bytes, also across a validation and an unfreezing", async () => {
  const whole = await execute(specOf());
  // The last is stopped twice between two validations, so that the second checkpoint takes the best one out of the first.
  for (const stops of [[3], [11], [20], [11, 15]]) {
    const store = new RunStore(await temporaryFolder());
    for (const stopAt of stops) assert.is(await execute(specOf(), stopAt, store), null);
    assert.equal(await execute(specOf(), undefined, store), whole, `stopped at ${stops}`);
  }
});

test("a run of the tiny world on wasm and webgpu: the same order, masks and schedule, 50 losses within 1e-4", async () => {
  await testAdapter();
  const xlmr = await openEncoder("xlmr", "tiny");
  const changes = {
    ...{ model: "xlmr", modelRevision: xlmr.revision, evaluate: { xnli: ["en"] } },
    languageAdapters: undefined,
  };
  const settings = { steps: 50, interval: 4, reductionFactor: 16, evaluateEvery: 0, learningRate: 2e-3 };
  const onWasm = await execute(specOf(changes, settings));
  const onGpu = await execute(specOf({ ...changes, backend: "webgpu" }, settings));
  assert.is(onWasm!.schedule.length, 12);
  assert.equal(onGpu!.schedule, onWasm!.schedule);
  assert.is(onWasm!.losses.length, 50);
  const worst = Math.max(
    ...onWasm!.losses.map(({ loss }, i) => Math.abs(onGpu!.losses[i].loss - loss) / loss),
  );
  console.log(`  largest relative difference of ${onWasm!.losses.length} losses: ${worst.toExponential(1)}`);
  assert.ok(worst < 1e-4, `${worst}`);
});

for (const method of ["standard", "gu", "lpft", "rand", "rev", "schedule:9,3,10"]) {
  test(`method ${method} runs on every task in both fidelities`, async () => {
    for (const task of ["squad", "copa", "xnli"] as const) {
      for (const fidelity of ["paper", "authors-code"] as const) {
        const dataset = { squad: "xquad", copa: "xcopa", xnli: "xnli" }[task];
        const result = await execute(
          specOf({ task, method, fidelity, evaluate: { [dataset]: ["en"] } }, {
            steps: 4,
            trainingSize: 16,
            maxLength: 96,
          }),
        );
        assert.is(result!.losses.length, 4);
        assert.ok(Object.keys(result!.metrics).every((key) => key.startsWith(`${dataset}/en/`)));
      }
    }
  });
}

test("FUN in the paper's fidelity takes per-example traces of sampled labels", async () => {
  const result = await execute(specOf({ fidelity: "paper" }));
  assert.is(result!.schedule.length, 12);
  assert.ok(result!.traces.every((layers) => layers.length === 12 && layers.every((each) => each > 0)));
});

test("every deliberate fault changes what it says and nothing before it", async () => {
  const sound = await execute(specOf());
  const faulty = new Map<string, Result>();
  for (const mutant of Object.keys(mutants)) faulty.set(mutant, (await execute(specOf({ mutant })))!);
  const of = (mutant: keyof typeof mutants) => faulty.get(mutant)!;

  assert.equal(of("language-not-swapped").losses, sound!.losses);
  assert.is(of("language-not-swapped").metrics["xnli/en/accuracy"], sound!.metrics["xnli/en/accuracy"]);
  assert.ok(of("lower-layers-frozen").schedule.every(({ layers }) => layers.every((layer) => layer >= 6)));
  // The second adapter opens before update 1: its wrong step count shows in the loss after it.
  assert.equal(of("global-step-count").losses.slice(0, 2), sound!.losses.slice(0, 2));
  assert.not.equal(of("global-step-count").losses, sound!.losses);
  assert.not.equal(of("single-layer-norm").losses[0], sound!.losses[0]);
  assert.not.equal(of("labels-from-data").traces, sound!.traces);
});

test("as coded, XNLI's English is scored on the validation set; in the paper's fidelity on the test set", async () => {
  const size = async (language: string, fidelity: "paper" | "authors-code") =>
    (await scoredExamples(tinyWorld(), "xnli", language, fidelity)).examples.length;
  const { validation } = await loadTask(tinyWorld(), "xnli");
  const test = (await loadTarget(tinyWorld(), "xnli", "en")).examples.length;
  assert.is.not(test, validation.length);
  assert.is(await size("en", "authors-code"), validation.length);
  assert.is(await size("en", "paper"), test);
  assert.is(await size("de", "authors-code"), test);
});

test("predictions that cannot be written fail the run, not its process", async () => {
  const store = new RunStore(await temporaryFolder());
  const spec = specOf({ method: "standard" }, { steps: 2, evaluateEvery: 0 });
  const begin = store.begin.bind(store);
  store.begin = async (of) => {
    const writer = await begin(of);
    writer!.writePredictions = () => Promise.reject(new Error("predictions: the disk is full"));
    return writer;
  };
  // Nobody may be missing when a write fails while the next language is computed.
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => void unheard.push(reason);
  process.on("unhandledRejection", hear);
  try {
    await executeRun(spec, { store, signal: new AbortController().signal, onProgress() {} });
    assert.unreachable("the run is finished without its predictions");
  } catch (error) {
    assert.match((error as Error).message, /the disk is full/);
  } finally {
    await new Promise((done) => setTimeout(done, 20));
    process.off("unhandledRejection", hear);
  }
  assert.equal(unheard, []);
});

test("an unknown fault and a changed encoder are refused", async () => {
  const store = new RunStore(await temporaryFolder());
  const options = { store, signal: new AbortController().signal, onProgress() {} };
  const rejects = async (spec: RunSpec, message: RegExp) => {
    try {
      await executeRun(spec, options);
    } catch (error) {
      return assert.match((error as Error).message, message);
    }
    assert.unreachable("it was accepted");
  };
  await rejects(
    specOf({ mutant: "nothing" }),
    /there is none named "nothing"; choose one of language-not-swapped/,
  );
  await rejects(
    specOf({ modelRevision: "0".repeat(64) }),
    /the encoder has changed since the run was specified/,
  );
});

test.run();
