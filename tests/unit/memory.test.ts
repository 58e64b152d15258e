// Memory of training: a thousand steps leave it as it was, a step allocates nothing fresh after the first of its kind, and the
// peak is what the configuration says. Buffers and their pools have tests of their own.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../core/backends/backend.ts";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import {
  AdamW,
  createModel,
  encoderConfig,
  type Model,
  trainingMemory,
  TrainingStep,
} from "../../core/mod.ts";
import type { AdapterOptions } from "../../core/adapters/adapters.ts";
import type { EncoderConfig } from "../../core/models/config.ts";
import { testWebgpuBackend } from "../fakes/webgpu.ts";

const test = suite("memory");

const open: Record<string, () => Promise<Backend>> = {
  wasm: () => createWasmBackend(),
  webgpu: () => testWebgpuBackend(),
};

const configOf = (layers: number, width: number, more: Record<string, unknown> = {}): EncoderConfig =>
  encoderConfig({
    model_type: "bert",
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: 2,
    intermediate_size: 4 * width,
    vocab_size: 60,
    max_position_embeddings: 64,
    type_vocab_size: 2,
    ...more,
  });

const deberta = (layers: number, width: number): EncoderConfig =>
  configOf(layers, width, {
    ...{
      model_type: "deberta-v2",
      type_vocab_size: 0,
      relative_attention: true,
      position_biased_input: false,
    },
    ...{ share_att_key: true, pos_att_type: "p2c|c2p", position_buckets: 16, norm_rel_ebd: "layer_norm" },
  });

const madX: AdapterOptions = {
  languages: { en: {}, sw: { reduction: 4, invertibleReduction: null, leaveOut: [1] } },
  task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" },
};
const lora: AdapterOptions = { languages: { en: {} }, task: { kind: "lora", rank: 3, alpha: 3 } };

interface Run {
  model: Model;
  /** One step more. */
  step(): void;
  losses(): Promise<number[]>;
  dispose(): void;
}

function start(
  backend: Backend,
  config: EncoderConfig,
  adapters: AdapterOptions,
  layers: number[],
  rows: number,
  tokens: number,
): Run {
  const model = createModel(backend, { config, task: { kind: "span" }, adapters });
  const optimizer = new AdamW();
  optimizer.adopt([...model.taskGroups.flatMap((each) => each.parameters), ...model.headParameters]);
  model.setTrainable({ layers, head: true });
  const step = new TrainingStep({ model, optimizer, losses: 50, dropoutSeed: 1 });
  const positions = new Int32Array(rows).fill(1);
  const batch = {
    ...{ examples: rows, tokens, startPositions: positions, endPositions: positions },
    inputIds: new Int32Array(rows * tokens).fill(7),
    attentionMask: new Int32Array(rows * tokens).fill(1),
  };
  let number = 0;
  return {
    model,
    step: () => step.run(batch, { number: number++, learningRate: 1e-3 }),
    losses: () => step.losses(),
    dispose() {
      for (const each of [step, optimizer, model]) each.dispose();
    },
  };
}

const top = (count: number, layers: number) => Array.from({ length: count }, (_, i) => layers - 1 - i);

/** By how much the estimate may be off, either way. */
const factor = 1.3;

function isNear(what: string, peak: number, estimate: number): void {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
  const text = `${what}: peak ${mib(peak)}, estimate ${mib(estimate)}, ratio ${(peak / estimate).toFixed(2)}`;
  console.log(`  ${text}`);
  assert.ok(peak < estimate * factor && peak > estimate / factor, text);
}

for (const [name, make] of Object.entries(open)) {
  test(`${name}: a thousand steps leave memory as the first ones did`, async () => {
    const backend = await make();
    const run = start(backend, configOf(1, 8), madX, [0], 2, 4);
    for (let i = 0; i < 3; i++) run.step();
    await run.losses();
    const before = backend.memory();
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 50; j++) run.step();
      assert.ok((await run.losses()).every(Number.isFinite));
    }
    const { allocations: _, ...after } = backend.memory();
    const { allocations: __, ...wanted } = before;
    assert.equal(after, wanted);
    run.dispose();
    assert.is(backend.memory().liveBuffers, 0);
    backend.dispose();
  });

  for (const count of [1, 6, 12]) {
    test(`${name}: with ${count} open adapters a step after the first needs no fresh memory`, async () => {
      const backend = await make();
      const run = start(backend, configOf(12, 16), madX, top(count, 12), 2, 8);
      run.step();
      await run.losses();
      const { freshAllocations, peakBytes } = backend.memory();
      assert.ok(freshAllocations > 0);
      for (let i = 0; i < 8; i++) run.step();
      await run.losses();
      assert.is(backend.memory().freshAllocations, freshAllocations);
      assert.is(backend.memory().peakBytes, peakBytes);
      backend.dispose();
    });
  }

  for (
    const [config, adapters] of [[configOf(12, 32), madX], [configOf(12, 32), lora], [
      deberta(12, 32),
      madX,
    ]] as const
  ) {
    const label = `${config.modelType}, ${adapters.task!.kind}`;
    test(`${name}: the peak is what the configuration says, within a factor of ${factor} (${label})`, async () => {
      const peaks: number[] = [];
      for (const count of config.relative ? [1, 12] : [0, 1, 6, 12]) {
        const backend = await make();
        const [rows, tokens] = [8, 32];
        const run = start(backend, config, adapters, top(count, 12), rows, tokens);
        for (let i = 0; i < 3; i++) run.step();
        await run.losses();
        const headParameters = run.model.headParameters.reduce((sum, { size }) => sum + size, 0);
        const estimate = trainingMemory({
          config,
          adapters,
          headParameters,
          rows,
          tokens,
          open: top(count, 12),
        });
        const { peakBytes } = backend.memory();
        isNear(`${count} open`, peakBytes, estimate.total);
        peaks.push(peakBytes);
        backend.dispose();
      }
      assert.ok(
        peaks.slice(-3).every((peak, i, last) => i === 0 || peak > 1.5 * last[i - 1]),
        `frozen layers keep nothing: ${peaks}`,
      );
    });
  }
}

for (const [name, make] of Object.entries(open)) {
  for (const microBatch of [8, 2]) {
    test(`${name}: a language adapter with its logits and a whole encoder take what is estimated, in pieces of ${microBatch} of 8`, async () => {
      const [rows, tokens] = [8, 32], ids = new Int32Array(rows * tokens).fill(7);
      const positions = new Int32Array(rows).fill(1);
      for (const trained of ["language", "encoder"] as const) {
        const isWhole = trained === "encoder";
        const config = configOf(12, 32, isWhole ? {} : { vocab_size: 6000 });
        const adapters: AdapterOptions = isWhole ? {} : { languages: { en: {} } };
        const backend = await make();
        const model = createModel(backend, {
          ...{ config, adapters, task: isWhole ? { kind: "span" } : { kind: "masked-lm" } },
        });
        model.setTrainable(isWhole ? { encoder: true, head: true } : { language: "en" });
        const optimizer = new AdamW();
        optimizer.adopt(model.trainableParameters);
        const step = new TrainingStep({ model, optimizer, losses: 50, dropoutSeed: 1, microBatch });
        const batch = {
          ...{ examples: rows, tokens, inputIds: ids, attentionMask: ids.map(() => 1) },
          ...isWhole
            ? { startPositions: positions, endPositions: positions }
            : { labels: ids.map((id, i) => i % 4 === 0 ? id : -1) },
        };
        for (let number = 0; number < 3; number++) step.run(batch, { number, learningRate: 1e-3 });
        assert.ok((await step.losses()).every(Number.isFinite));
        const estimate = trainingMemory({
          ...{ config, adapters, trained, tokens, rows: microBatch, open: [] },
          ...{ inPieces: microBatch < rows, isRecorded: name === "webgpu" },
          headParameters: model.headParameters.reduce((sum, { size }) => sum + size, 0),
          ...(isWhole ? {} : { predicted: microBatch * tokens / 4 }),
        });
        isNear(trained, backend.memory().peakBytes, estimate.total);
        if (!isWhole) assert.is(estimate.longest, 4 * 6000 * Math.max(32, microBatch * tokens / 4));
        for (const each of [step, optimizer, model]) each.dispose();
        backend.dispose();
      }
    });
  }
}

test("wasm: full fine-tuning with the host's moments has the same losses, in less memory, and no step after the first needs more", async () => {
  const results = [];
  for (const moments of ["device", "host"] as const) {
    const backend = await createWasmBackend();
    const model = createModel(backend, { config: configOf(3, 32), task: { kind: "span" }, adapters: {} });
    model.setTrainable({ encoder: true, head: true });
    const optimizer = new AdamW({ moments });
    const step = new TrainingStep({ model, optimizer, losses: 50, dropoutSeed: 1, microBatch: 1 });
    const positions = new Int32Array(2).fill(1), tokens = 8;
    const batch = {
      ...{ examples: 2, tokens, startPositions: positions, endPositions: positions },
      inputIds: new Int32Array(2 * tokens).fill(7),
      attentionMask: new Int32Array(2 * tokens).fill(1),
    };
    step.run(batch, { number: 0, learningRate: 1e-3 });
    const { freshAllocations, peakBytes } = backend.memory();
    for (let number = 1; number < 9; number++) step.run(batch, { number, learningRate: 1e-3 });
    assert.is(backend.memory().freshAllocations, freshAllocations);
    results.push({ losses: await step.losses(), peakBytes, hostBytes: optimizer.hostBytes });
    for (const each of [step, optimizer, model]) each.dispose();
    assert.is(backend.memory().liveBuffers, 0);
    backend.dispose();
  }
  const [device, host] = results;
  assert.equal(host.losses, device.losses);
  assert.ok(host.losses[8] < host.losses[0], String(host.losses));
  assert.is(device.hostBytes, 0);
  // Less the window that they pass through, and what a pool rounds.
  assert.ok(device.peakBytes - host.peakBytes > 0.5 * host.hostBytes, JSON.stringify(results));
});

test("the estimate counts every value of the model's parameters", async () => {
  const backend = await createWasmBackend();
  const configs = [
    configOf(3, 8),
    configOf(2, 6, { model_type: "xlm-roberta", pad_token_id: 1, type_vocab_size: 1 }),
    deberta(2, 8),
    encoderConfig({
      ...{ model_type: "distilbert", dim: 8, n_layers: 2, n_heads: 2, hidden_dim: 10, vocab_size: 40 },
      max_position_embeddings: 20,
    }),
  ];
  for (const config of configs) {
    for (const adapters of [madX, lora, {}, { languages: { en: { reduction: 3 } } }]) {
      const model = createModel(backend, { config, task: { kind: "span" }, adapters });
      const count = [...model.parameters.values()].reduce((sum, { size }) => sum + size, 0);
      const headParameters = 2 * config.hiddenSize + 2;
      const { weights } = trainingMemory({ config, adapters, headParameters, rows: 1, tokens: 1, open: [] });
      assert.is(weights, 4 * count);
      model.dispose();
    }
  }
});

test.run();
