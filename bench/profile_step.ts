// Prints where a training step of the tiny encoder spends its time: kernel families, JavaScript and garbage collection, and on
// webgpu uploading, submitting and waiting. Leaves comparisons with other engines to the other benches.
// Run: npx tsx bench/profile_step.ts [--backend wasm|webgpu|swiftshader|null] [--open 12] [--steps 60] [--warmup 60]
//      [--model xlmr] [--json]

import { type Profiler, Session } from "node:inspector";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Backend, createModel, type Model } from "../core/mod.ts";
import { createWasmBackend } from "../core/backends/wasm/backend.ts";
import { createWebgpuBackend } from "../core/backends/webgpu/backend.ts";
import { hyperparameters } from "../papers/fun-with-fisher/hyperparameters.ts";
import { requireAdapter } from "../repro/gpu.ts";
import type { TransferSpec } from "../repro/spec/mod.ts";
import { trainingData } from "../repro/training/data.ts";
import { Trainer } from "../repro/training/trainer.ts";
import { openData, openEncoder } from "../repro/training/world.ts";
import { testAdapter, withDevice } from "../tests/fakes/webgpu.ts";

const { values: options } = parseArgs({
  options: {
    backend: { type: "string", default: "wasm" },
    open: { type: "string", default: "12" },
    steps: { type: "string", default: "60" },
    warmup: { type: "string", default: "60" },
    model: { type: "string", default: "xlmr" },
    json: { type: "boolean", default: false },
  },
});
const open = Number(options.open), steps = Number(options.steps);

/** Milliseconds in the queue's methods, and how often commands were submitted. */
const queueTimes = { upload: 0, submit: 0, submissions: 0 };

/** Times the queue of the device that the adapter will give. */
function watched(adapter: GPUAdapter): GPUAdapter {
  return withDevice(adapter, ({ queue }) => {
    const submit = queue.submit.bind(queue), writeBuffer = queue.writeBuffer.bind(queue);
    const timed = (kind: "upload" | "submit", run: () => void): undefined => {
      const start = performance.now();
      run();
      queueTimes[kind] += performance.now() - start;
    };
    queue.submit = (commands) => {
      queueTimes.submissions++;
      return timed("submit", () => submit(commands));
    };
    queue.writeBuffer = (...args: Parameters<GPUQueue["writeBuffer"]>) =>
      timed("upload", () => writeBuffer(...args));
  });
}

/** "null" is Dawn's device without hardware: calls are checked and encoded, nothing is computed; this side's cost is what remains. */
async function openBackend(name: string): Promise<Backend> {
  if (name === "wasm") return await createWasmBackend({ threads: 1 });
  if (name === "webgpu") {
    return await createWebgpuBackend({ adapter: watched((await requireAdapter()).adapter) });
  }
  if (name === "swiftshader") return await createWebgpuBackend({ adapter: watched(await testAdapter()) });
  if (name !== "null") {
    throw new Error(`profile_step: there is no backend ${name}; choose wasm, webgpu, swiftshader or null`);
  }
  const { create } = await import("webgpu");
  const gpu = create(["backend=null"]);
  // Collected, Dawn's object takes the process with it.
  (globalThis as Record<string, unknown>).dawn = gpu;
  const adapter = watched((await gpu.requestAdapter())!);
  const backend = await createWebgpuBackend({ adapter, isSoftware: false });
  // Nothing was computed, so what is read is whatever lay there; training would take it for divergence.
  const read = backend.read;
  backend.read = async (buffer) => (await read(buffer)).fill(0);
  return backend;
}

async function openTrainer(backend: Backend): Promise<{ trainer: Trainer; model: Model }> {
  const encoder = options.model as "xlmr" | "mbert";
  const bundle = await openEncoder(encoder, "tiny");
  const setting = { scale: "tiny", task: "xnli", encoder, method: "standard", fidelity: "paper" } as const;
  const layers = Array.from({ length: open }, (_, i) => bundle.config.layers - 1 - i);
  const spec: TransferSpec = {
    ...setting,
    format: 1,
    model: encoder,
    modelRevision: bundle.revision,
    data: "tiny",
    dataRevision: "profile",
    method: `schedule:${layers.join(",")}`,
    adapter: "mad-x",
    seed: 0,
    backend: backend.name,
    numericsVersion: 1,
    hyperparameters: {
      ...hyperparameters(setting),
      steps: 10_000,
      interval: 1,
      evaluateEvery: 0,
    },
    evaluate: { xnli: ["en"] },
  };
  const source = openData("tiny");
  const { data } = await trainingData(source, bundle.tokenizer, spec);
  const english = await bundle.language("en");
  const model = createModel(backend, {
    config: bundle.config,
    task: { kind: "classification", labels: 3 },
    adapters: {
      languages: { en: english.config },
      task: { kind: "bottleneck", reduction: spec.hyperparameters.reductionFactor, nonLinearity: "relu" },
    },
  });
  await model.streamEncoder(bundle.weights!);
  model.loadAdapter("en", english.state!);
  return {
    model,
    trainer: new Trainer({
      model,
      data,
      spec,
      validate: () => Promise.reject(new Error("profile_step: nothing is validated")),
      onLoss() {},
      onTrace() {},
    }),
  };
}

type Category = "wasm" | "javascript" | "garbage collection" | "native calls" | "waiting" | "profiler";

function categoryOf({ functionName, url }: { functionName: string; url: string }): Category {
  if (url.startsWith("wasm:")) return "wasm";
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(idle)" || functionName === "(program)") return "waiting";
  if (url !== "") return "javascript";
  // The inspector's own call; whatever else has no file is native: the device's bindings, timers.
  return functionName === "dispatch" ? "profiler" : "native calls";
}

interface Breakdown {
  /** Self time in milliseconds. */
  categories: Map<Category, number>;
  /** Of wasm, by the method of the kernel set that was running. */
  families: Map<string, number>;
  /** Of JavaScript and native calls, by function. */
  functions: Map<string, number>;
}

function breakdown(profile: Profiler.Profile): Breakdown {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parentOf = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node.id])));
  const familyOf = (id: number): string => {
    for (let at: number | undefined = id; at !== undefined; at = parentOf.get(at)) {
      const { functionName, url } = byId.get(at)!.callFrame;
      if (url.includes("kernel_set") && functionName !== "") return functionName;
    }
    return "other";
  };
  const result: Breakdown = { categories: new Map(), families: new Map(), functions: new Map() };
  const add = <Key>(to: Map<Key, number>, key: Key, amount: number) =>
    to.set(key, (to.get(key) ?? 0) + amount);
  profile.samples!.forEach((id, i) => {
    const elapsed = profile.timeDeltas![i] / 1000;
    const { callFrame } = byId.get(id)!;
    const category = categoryOf(callFrame);
    add(result.categories, category, elapsed);
    if (category === "wasm") add(result.families, familyOf(id), elapsed);
    if (category === "javascript" || category === "native calls") {
      const file = callFrame.url.split("/").at(-1);
      add(result.functions, `${callFrame.functionName || "(anonymous)"} ${file}`, elapsed);
    }
  });
  return result;
}

function post<T>(session: Session, method: string, parameters: object = {}): Promise<T> {
  return new Promise((resolve, reject) =>
    session.post(method, parameters, (error, result) => error ? reject(error) : resolve(result as T))
  );
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

const backend = await openBackend(options.backend);
const { trainer } = await openTrainer(backend);
// The adapters open one by one, compilers warm up, shaders are made, batch shapes have been seen.
for (let i = 0; i < open + Number(options.warmup); i++) await trainer.advance();
await trainer.readLosses();

const times: number[] = [];
Object.assign(queueTimes, { upload: 0, submit: 0, submissions: 0 });
const allocationsBefore = backend.memory();
for (let i = 0; i < steps; i++) {
  const start = performance.now();
  await trainer.advance();
  times.push(performance.now() - start);
}
const recorded = { ...queueTimes };
const allocations = backend.memory().allocations - allocationsBefore.allocations;
const fresh = backend.memory().freshAllocations - allocationsBefore.freshAllocations;
const waiting = performance.now();
await backend.synchronize();
const waited = performance.now() - waiting;

const session = new Session();
session.connect();
await post(session, "Profiler.enable");
await post(session, "Profiler.setSamplingInterval", { interval: 200 });
await post(session, "Profiler.start");
for (let i = 0; i < steps; i++) await trainer.advance();
await backend.synchronize();
const { profile } = await post<{ profile: Profiler.Profile }>(session, "Profiler.stop");
const { categories, families, functions } = breakdown(profile);
const total = [...categories].reduce((sum, [name, ms]) => name === "profiler" ? sum : sum + ms, 0);
const ofStep = (...names: Category[]) =>
  `${(100 * names.reduce((sum, name) => sum + (categories.get(name) ?? 0), 0) / total).toFixed(1)} %`;
const rows = (map: Map<string, number>, count: number) =>
  [...map].toSorted((a, b) => b[1] - a[1]).slice(0, count).map(([name, ms]) => ({
    name,
    "ms a step": Number((ms / steps).toFixed(3)),
    share: `${(100 * ms / total).toFixed(1)} %`,
  }));
const result = {
  device: backend.description,
  open,
  steps,
  "median ms of advance()": Number(median(times).toFixed(3)),
  ...(recorded.submissions > 0
    ? {
      "submissions a step": recorded.submissions / steps,
      "upload ms a step": Number((recorded.upload / steps).toFixed(3)),
      "submit ms a step": Number((recorded.submit / steps).toFixed(3)),
      "ms until the device was done, at the end": Number(waited.toFixed(3)),
    }
    : {}),
  "allocations a step": allocations / steps,
  "fresh allocations": fresh,
  "peak bytes": backend.memory().peakBytes,
  "share of JavaScript and garbage collection": ofStep("javascript", "garbage collection"),
  categories: rows(categories, 9),
  "kernels in wasm": rows(families, 20),
  "functions outside": rows(functions, 20),
};
if (options.json) console.log(JSON.stringify(result));
else {
  for (const [name, value] of Object.entries(result)) {
    if (!Array.isArray(value)) console.log(`${name}: ${value}`);
    else if (value.length > 0) {
      console.log(`\n${name}`);
      console.table(value);
    }
  }
}
process.exit(0);
