// A table larger than the device binds at once, on a device whose limit is made small: training reads and updates all of it, and gives
// what the reference gives. It leaves the shaders themselves to backend/kernels.test.ts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../core/backends/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { createWebgpuBackend } from "../../core/backends/webgpu/backend.ts";
import { AdamW, type Batch, createModel, encoderConfig, type Task, TrainingStep } from "../../core/mod.ts";
import type { Trainable } from "../../core/models/model.ts";
import { testAdapter } from "../fakes/webgpu.ts";

const test = suite("webgpu binding limit");

const LIMIT = 64 * 1024;

/** The test device, saying that it binds no more than LIMIT bytes; a larger binding is refused as a device would. */
async function smallDevice(): Promise<GPUDevice> {
  const device = await (await testAdapter()).requestDevice();
  const limits = new Proxy(device.limits, {
    get: (target, name) =>
      name === "maxStorageBufferBindingSize" ? LIMIT : target[name as keyof GPUSupportedLimits],
  });
  return new Proxy(device, {
    get(target, name) {
      if (name === "limits") return limits;
      if (name === "createBindGroup") {
        return (descriptor: GPUBindGroupDescriptor) => {
          for (const { resource } of descriptor.entries) {
            const { size } = resource as GPUBufferBinding;
            assert.ok((size ?? 0) <= LIMIT, `${descriptor.label} binds ${size} bytes`);
          }
          return target.createBindGroup(descriptor);
        };
      }
      const value = target[name as keyof GPUDevice] as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });
}

const backend = await createWebgpuBackend({ device: await smallDevice() });
test.after(() => backend.dispose());

/** The table has 2,300 × 16 × 4 = 147 kB, the head's logits at most 7 × 2,300 × 4 = 64 kB. */
const config = encoderConfig({
  model_type: "bert",
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
  vocab_size: 2300,
  max_position_embeddings: 12,
  type_vocab_size: 2,
});
const batch: Batch = {
  examples: 2,
  tokens: 8,
  inputIds: Int32Array.of(3, 2299, 1100, 3, 7, 900, 2, 0, 4, 2298, 1600, 5, 0, 0, 0, 0),
  attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0),
  startPositions: Int32Array.of(1, 2),
  endPositions: Int32Array.of(3, 2),
};
const masked = {
  ...batch,
  labels: Int32Array.from({ length: 16 }, (_, i) => ({ 1: 2250, 2: 40, 5: 1030, 9: 2299, 11: 0 })[i] ?? -100),
};

async function trained(backend: Backend, task: Task, trainable: Trainable, data: Batch) {
  const model = createModel(backend, { config, task, adapters: { languages: { en: {} } }, seed: 2 });
  model.setTrainable(trainable);
  const optimizer = new AdamW({ epsilon: 1e-4 });
  const step = new TrainingStep({ model, optimizer, losses: 3 });
  for (let number = 0; number < 3; number++) step.run(data, { number, learningRate: 0.01 });
  const losses = await step.losses();
  const state = await model.state();
  step.dispose();
  optimizer.dispose();
  model.dispose();
  return { losses, state };
}

const cases: [string, Task, Trainable, Batch][] = [
  ["full fine-tuning", { kind: "span" }, { encoder: true, head: true }, batch],
  ["a language adapter by masked words", { kind: "masked-lm" }, { language: "en" }, masked],
  [
    "pretraining, the table as input and as decoder",
    { kind: "masked-lm" },
    { encoder: true, head: true },
    masked,
  ],
];
for (const [label, task, trainable, data] of cases) {
  test(label, async () => {
    const ours = await trained(backend, task, trainable, data);
    const reference = createReferenceBackend();
    const theirs = await trained(reference, task, trainable, data);
    ours.losses.forEach((loss, i) =>
      assert.ok(Math.abs(loss - theirs.losses[i]) < 2e-5, `loss ${i}: ${loss}, ${theirs.losses[i]}`)
    );
    for (const [name, { data: values }] of theirs.state) {
      const own = ours.state.get(name)!.data;
      const worst = Math.max(...Array.from(values, (each, i) => Math.abs(each - own[i])));
      assert.ok(worst < 1e-4, `${name}: ${worst}`);
    }
    assert.is(backend.memory().liveBuffers, 0);
    reference.dispose();
  });
}

test("what cannot be cut is an error that says so", async () => {
  const every = { ...masked, labels: masked.labels.map(() => 5) };
  const error = await trained(backend, { kind: "masked-lm" }, { language: "en" }, every).then(
    () => null,
    (thrown) => thrown,
  );
  assert.match(
    error?.message ?? "accepted",
    /this device binds at most 65536 at once; hold fewer examples on the device at a time \(micro-batch\)/,
  );
});

test.run();
