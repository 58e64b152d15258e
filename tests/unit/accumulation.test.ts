// A batch taken in pieces trains as the whole batch does: losses, gradient norms and parameters after some steps, with dropout, on
// every backend and for every head, also where the last piece or the last batch is smaller. Loss scaling changes nothing but skips.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../core/backends/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import {
  AdamW,
  createModel,
  encoderConfig,
  fisherTrace,
  type HostBatch,
  LossScale,
  pieces,
  streamKey,
  type Task,
  TrainingStep,
  uploadBatch,
} from "../../core/mod.ts";
import type { Batch } from "../../core/models/batch.ts";
import { philoxWords } from "../../core/random.ts";
import { testWebgpuBackend } from "../fakes/webgpu.ts";

const test = suite("gradient accumulation");

const backends: Record<string, Backend> = {
  reference: createReferenceBackend(),
  wasm: await createWasmBackend(),
  webgpu: await testWebgpuBackend(),
};

const config = encoderConfig({
  model_type: "bert",
  hidden_size: 16,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  intermediate_size: 24,
  vocab_size: 50,
  max_position_embeddings: 32,
  type_vocab_size: 2,
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  initializer_range: 0.2,
});

const tasks: Record<string, Task> = {
  span: { kind: "span" },
  classification: { kind: "classification", labels: 3 },
  choice: { kind: "choice" },
  "masked-lm": { kind: "masked-lm", nextSentence: true },
};

/** Rows of differing length; an answer outside the window, and a row without a masked token, count for nothing. */
function batchOf(task: Task, n: number, examples: number, tokens: number): Batch {
  const choices = task.kind === "choice" ? 2 : 1;
  const rows = examples * choices;
  const words = philoxWords(streamKey(3, "batches", n), rows * (tokens + 4));
  const word = (row: number, i: number) => words[row * (tokens + 4) + i];
  const attentionMask = new Int32Array(rows * tokens).fill(1);
  for (let row = 1; row < rows; row += 3) attentionMask.fill(0, (row + 1) * tokens - 3, (row + 1) * tokens);
  const each = (limit: number, at: number) =>
    Int32Array.from({ length: examples }, (_, row) => word(row, at) % limit);
  const base = {
    ...{ examples, tokens, choices, attentionMask },
    inputIds: Int32Array.from({ length: rows * tokens }, (_, i) => words[i] % 50),
  };
  if (task.kind === "span") {
    const startPositions = each(tokens - 3, tokens);
    startPositions[1] = tokens + 2;
    return { ...base, startPositions, endPositions: each(tokens - 3, tokens + 1) };
  }
  if (task.kind === "masked-lm") {
    const labels = Int32Array.from(
      { length: rows * tokens },
      (_, i) => Math.floor(i / tokens) !== 2 && words[i] % 7 < 2 ? words[i] % 50 : -1,
    );
    return { ...base, labels, nextSentenceLabels: each(2, tokens) };
  }
  return { ...base, labels: each(task.kind === "choice" ? 2 : 3, tokens) };
}

interface Trained {
  losses: number[];
  norms: number[];
  parameters: Map<string, Float64Array>;
  skipped: number;
  scale: number;
}

async function train(
  backend: Backend,
  task: Task,
  options: { microBatch?: number; lossScale?: LossScale; replay?: boolean; full?: boolean } = {},
): Promise<Trained> {
  const { full, ...rest } = options;
  const before = backend.memory().liveBuffers;
  const model = createModel(backend, {
    config,
    task,
    adapters: {
      languages: { en: {} },
      task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" },
    },
    seed: 5,
  });
  model.setTrainable(
    full ? { layers: [0, 1, 2], head: true, encoder: true } : { layers: [2, 1], head: true },
  );
  const optimizer = new AdamW();
  const step = new TrainingStep({ model, optimizer, losses: 60, dropoutSeed: 9, ...rest });
  const norms: number[] = [], losses: number[] = [];
  let skipped = 0;
  for (let number = 0; number < 6; number++) {
    // The last batch of an epoch of two and a half.
    const batch = batchOf(task, number, number % 3 === 2 ? 5 : 10, 8);
    const moment = { number, learningRate: 5e-3 };
    if (rest.lossScale === undefined) step.run(batch, moment);
    // A step that was skipped is tried again, so that the same updates are made in the end.
    else while (!(await step.runScaled(batch, moment))) skipped++;
    norms.push(await optimizer.gradientNorm());
    losses.push((await step.losses()).at(-1)!);
  }
  const parameters = new Map<string, Float64Array>();
  for (const [name, { data }] of await model.state()) parameters.set(name, Float64Array.from(data));
  for (const each of [step, optimizer, model]) each.dispose();
  assert.is(backend.memory().liveBuffers, before, "everything was given back");
  return {
    ...{ losses, norms, parameters, skipped },
    scale: rest.lossScale?.value ?? 1,
  };
}

/**
 * Their gradients are exactly nothing, and Adam follows what rounding makes of it: a bias common to all choices, to all tokens,
 * or to all keys of a softmax.
 */
const nothing = /^qa_outputs\.bias|^classifier\.bias|key\.bias/;

function difference(found: Trained, wanted: Trained): Record<string, number> {
  const relative = (a: readonly number[], b: readonly number[]) =>
    Math.max(...a.map((value, i) => Math.abs(value - b[i]) / Math.abs(b[i])));
  let parameter = 0;
  for (const [name, values] of found.parameters) {
    if (nothing.test(name)) continue;
    const other = wanted.parameters.get(name)!;
    const size = Math.sqrt(other.reduce((sum, value) => sum + value ** 2, 0) / other.length) || 1;
    values.forEach((value, i) => parameter = Math.max(parameter, Math.abs(value - other[i]) / size));
  }
  return {
    loss: relative(found.losses, wanted.losses),
    norm: relative(found.norms, wanted.norms),
    parameter,
  };
}

/** Float error: Adam divides by √v, so what is left of a gradient that is nearly nothing moves a parameter by a whole step. */
const allowed = { reference: 1e-10, wasm: 1e-4, webgpu: 5e-4 } as Record<string, number>;

function check(label: string, found: Trained, wanted: Trained, limit: number): void {
  const differences = difference(found, wanted);
  const shown = Object.entries(differences).map(([key, value]) => `${key} ${value.toExponential(1)}`);
  console.log(`  ${label}: ${shown.join(", ")}`);
  for (const [key, value] of Object.entries(differences)) {
    assert.ok(value <= limit, `${label} ${key}: ${value}`);
  }
}

for (const [name, task] of Object.entries(tasks)) {
  test(`pieces of 4 and of 3 of a batch of 10: the same training (${name})`, async () => {
    for (const [which, backend] of Object.entries(backends)) {
      // The software GPU is slow: two heads that differ most in how their targets are cut.
      if (which === "webgpu" && name !== "span" && name !== "masked-lm") continue;
      const whole = await train(backend, task);
      for (const microBatch of which === "webgpu" ? [4] : [4, 3]) {
        const found = await train(backend, task, { microBatch });
        check(`${name} ${which} pieces of ${microBatch}`, found, whole, allowed[which]);
      }
    }
  });
}

test("tr(F) of a batch in pieces is the batch's, whatever the labels and gradients", async () => {
  for (const [name, task] of Object.entries(tasks)) {
    if (name === "masked-lm") continue;
    const backend = backends.reference;
    const model = createModel(backend, {
      config,
      task,
      adapters: { languages: { en: {} }, task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" } },
      seed: 5,
    });
    model.setTrainable({ layers: [0, 1, 2], head: true });
    const batches = [0, 1].map((n) => model.prepare(batchOf(task, n, 10 - n, 8), false));
    const rows = task.kind === "span" ? 2 : 1;
    for (const label of ["sampled", "mode", "data"] as const) {
      for (const gradient of ["per-example", "batch"] as const) {
        const estimate = (size: number, lossScale?: number) =>
          fisherTrace<HostBatch>({
            batches,
            ...{ label, gradient, lossScale },
            examples: (batch) => batch.examples,
            pieces: (batch) => pieces(batch, size).map((each) => each.batch),
            logits: (batch) => model.logits(uploadBatch(backend, batch)),
            groups: model.taskGroups,
            random: (i) => streamKey(1, "labels", i),
            labels: (batch) => Int32Array.from({ length: batch.examples * rows }, (_, i) => i % 2),
          }, () => model.zeroGrad());
        const whole = await estimate(10);
        for (const found of [await estimate(4), await estimate(1, 1024)]) {
          found.forEach(({ squares }, layer) =>
            squares.forEach((square, i) => {
              const wanted = whole[layer].squares[i];
              assert.ok(
                Math.abs(square - wanted) <= 1e-9 * wanted,
                `${name} ${label} ${gradient} ${square} ${wanted}`,
              );
            })
          );
        }
      }
    }
    model.dispose();
  }
});

test("full fine-tuning in pieces, embeddings and all", async () => {
  for (const which of ["reference", "webgpu"]) {
    const whole = await train(backends[which], tasks.span, { full: true });
    const found = await train(backends[which], tasks.span, { full: true, microBatch: 4 });
    check(`full ${which}`, found, whole, allowed[which]);
  }
});

test("a replayed step in pieces equals one that runs anew, bit for bit", async () => {
  const again = await train(backends.webgpu, tasks.classification, { microBatch: 4 });
  const anew = await train(backends.webgpu, tasks.classification, { microBatch: 4, replay: false });
  assert.equal(again.parameters, anew.parameters);
});

test("a batch that fits is not cut; sizes that make no sense are refused", () => {
  const model = createModel(backends.reference, { config, task: tasks.span });
  const host = model.prepare(batchOf(tasks.span, 0, 4, 8), true);
  model.dispose();
  assert.is(pieces(host, 4)[0].batch, host);
  assert.equal(pieces(host, 3).map(({ firstRow, batch }) => [firstRow, batch.examples]), [[0, 3], [3, 1]]);
  assert.throws(() => pieces(host, 0), /0 examples each; wanted a whole number from 1/);
});

test("loss scaling: the same training, in pieces too", async () => {
  for (const which of ["wasm", "webgpu"]) {
    const plain = await train(backends[which], tasks.classification);
    for (const microBatch of [undefined, 4]) {
      const scaled = await train(backends[which], tasks.classification, {
        lossScale: new LossScale(),
        ...(microBatch === undefined ? {} : { microBatch }),
      });
      check(`scaled ${which}`, scaled, plain, allowed[which]);
      assert.is(scaled.skipped, 0);
    }
  }
});

test("an overflow is skipped and counted, the scale halved; after good steps it doubles", async () => {
  const plain = await train(backends.wasm, tasks.classification);
  const lossScale = new LossScale({ initial: 2 ** 120, growAfter: 4 });
  const scaled = await train(backends.wasm, tasks.classification, { lossScale });
  assert.ok(scaled.skipped > 10, `${scaled.skipped} skipped`);
  assert.is(lossScale.skipped, scaled.skipped);
  // The updates that were made are those of training without a scale: what was skipped left no trace, not even in a step count.
  check("after an overflow", scaled, plain, allowed.wasm);
  const state = lossScale.state();
  assert.ok(state.value <= 2 ** (121 - scaled.skipped), String(state.value));
  const other = new LossScale({ growAfter: 2 });
  for (const finite of [true, true, true, false, true]) other.note(finite);
  assert.equal(other.state(), { value: 2 ** 16, good: 1, skipped: 1 });
  const copy = new LossScale();
  copy.restore(other.state());
  assert.equal(copy.state(), other.state());
});

test("gradients that are never finite are a divergence, not a matter of scale", () => {
  const scale = new LossScale({ initial: 2 ** -13 });
  scale.note(false);
  assert.throws(() => scale.note(false), /training has diverged, lower the learning rate/);
});

test.run();
