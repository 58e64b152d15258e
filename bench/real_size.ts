// Loads an encoder of real size from a folder, trains a MAD-X task adapter (or with --full all of it) for a few steps by accumulation,
// evaluates, and prints what each took in time and memory. It leaves data to random numbers and files to tests/golden/make_real_size.py.
//
//   npx tsx bench/real_size.ts FOLDER [--backend wasm] [--threads 1] [--batch 32] [--tokens 384] [--piece 2] [--steps 3] [--full]
//   npx tsx bench/real_size.ts FOLDER --check       hidden states beside those that PyTorch gave (FOLDER/../expected.json)

import process from "node:process";
import {
  AdamW,
  type Batch,
  createModel,
  encoderConfig,
  type Model,
  scope,
  TrainingStep,
} from "../core/mod.ts";
import { peakMemoryBytes } from "../repro/launch/process.ts";
import { join, readText, runtimeName } from "../repro/runtime.ts";
import { openBackend } from "../repro/training/backend.ts";
import { openWeights } from "../repro/training/weights.ts";

const [folder, ...words] = process.argv.slice(2);
const option = (name: string, otherwise: string) => {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? otherwise : words[at + 1];
};
const number = (name: string, otherwise: number) => Number(option(name, String(otherwise)));
const backendName = option("backend", "wasm") as "wasm" | "webgpu";
const examples = number("batch", 32), tokens = number("tokens", 384), steps = number("steps", 3);
const fullFineTuning = words.includes("--full"), check = words.includes("--check");

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
let last = performance.now();
function report(what: string, more = ""): void {
  const now = performance.now();
  const { peakBytes } = backend.memory();
  console.log(
    `${what.padEnd(26)}${((now - last) / 1000).toFixed(1).padStart(8)} s   device peak ${
      gib(peakBytes)
    }   process peak ${gib(peakMemoryBytes())}${more}`,
  );
  last = now;
}

/** Random ids of full length: the costliest batch of this shape. */
function randomBatch(model: Model, seed: number): Batch {
  const { vocabularySize } = model.config;
  let state = seed;
  const draw = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
  return {
    examples,
    tokens,
    inputIds: Int32Array.from({ length: examples * tokens }, () => 5 + draw(vocabularySize - 5)),
    attentionMask: new Int32Array(examples * tokens).fill(1),
    startPositions: Int32Array.from({ length: examples }, () => draw(tokens)),
    endPositions: Int32Array.from({ length: examples }, () => draw(tokens)),
  };
}

const backend = await openBackend(backendName, { threads: number("threads", 1) });
console.log(`${folder} on ${backend.description}, ${runtimeName()}; batch ${examples} × ${tokens}`);
const config = encoderConfig(JSON.parse(await readText(join(folder, "config.json"))));
const weights = await openWeights(folder);
report("open");
const model = createModel(backend, {
  config,
  task: { kind: "span" },
  adapters: fullFineTuning || check ? {} : {
    languages: { en: {} },
    task: { kind: "bottleneck", reduction: 16, nonLinearity: "relu" },
  },
  initialEncoder: "empty",
});
report("create");
const loaded = await model.streamEncoder(weights.tensors);
report(
  "load",
  `   ${loaded.loaded.length} tensors; unused ${loaded.extra.join(", ") || "none"}; missing ${
    loaded.missing.join(", ") || "none"
  }`,
);

if (check) {
  const { ids, hidden } = JSON.parse(await readText(join(folder, "..", "expected.json")));
  const attentionMask = new Int32Array(ids.length).fill(1);
  const inputIds = Int32Array.from(ids);
  const ours = await scope(() => model.hidden({ examples: 1, tokens: ids.length, inputIds, attentionMask }))
    .read();
  const largest = hidden.reduce((most: number, each: number) => Math.max(most, Math.abs(each)), 0);
  const worst = hidden.reduce(
    (most: number, each: number, i: number) => Math.max(most, Math.abs(each - ours[i])),
    0,
  );
  report(
    "hidden states",
    `   largest difference to PyTorch ${(worst / largest).toExponential(1)}, relative to the largest`,
  );
  if (!(worst / largest < 1e-4)) {
    throw new Error("real_size: the hidden states differ from PyTorch's by more than 1e-4");
  }
  process.exit();
}

const layers = Array.from({ length: config.layers }, (_, i) => i);
model.setTrainable(fullFineTuning ? { encoder: true, head: true } : { layers, head: true });
const optimizer = new AdamW();
optimizer.adopt(model.trainableParameters);
report(
  "optimizer",
  `   moments ${optimizer.hostBytes > 0 ? `with the host, ${gib(optimizer.hostBytes)}` : "on the device"}`,
);
const step = new TrainingStep({
  model,
  optimizer,
  losses: steps,
  dropoutSeed: 1,
  microBatch: number("piece", 2),
});
for (let i = 0; i < steps; i++) {
  step.run(randomBatch(model, i + 1), { number: i, learningRate: 1e-4 });
  await backend.synchronize();
  report(`step ${i + 1}`);
}
const losses = await step.losses();
report("losses", `   ${losses.map((loss) => loss.toFixed(4)).join(", ")}`);
step.dispose();
optimizer.dispose();

const count = Math.min(8, examples), whole = randomBatch(model, 9);
const logits = scope(() =>
  model.logits({
    examples: count,
    tokens,
    inputIds: whole.inputIds.subarray(0, count * tokens),
    attentionMask: whole.attentionMask.subarray(0, count * tokens),
  })
);
const values = await logits.read();
report(
  `evaluate ${count} examples`,
  `   logits ${values.every(Number.isFinite) ? "finite" : "NOT FINITE"}, first ${values[0].toFixed(5)}`,
);
logits.dispose();
model.dispose();
backend.dispose();
