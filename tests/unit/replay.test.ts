// Recorded steps on the device: a replayed run equals a run that is computed anew at every step, bit for bit, through everything
// that changes in between; numbers that change are found out; memory is shared and given back; a step is one submission.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, DeviceBuffer } from "../../core/backends/backend.ts";
import {
  AdamW,
  type Batch,
  createModel,
  encoderConfig,
  learningRateAt,
  type Model,
  streamKey,
  TrainingStep,
} from "../../core/mod.ts";
import { philoxHalves, philoxWords } from "../../core/random.ts";
import { testAdapter, testWebgpuBackend } from "../fakes/webgpu.ts";

const test = suite("replay");

const backends = {
  "as the driver wants": await testWebgpuBackend(),
  "as a GPU": await testWebgpuBackend({ isSoftware: false }),
};
const backend = backends["as the driver wants"];

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

function tinyModel(on: Backend): Model {
  return createModel(on, {
    config,
    task: { kind: "classification", labels: 3 },
    adapters: {
      languages: { en: {}, de: {} },
      task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" },
    },
    seed: 5,
  });
}

/** Batch `n` of `examples` rows of `tokens` tokens, each third one with padding. */
function batchOf(n: number, examples: number, tokens: number): Batch {
  const words = philoxWords(streamKey(3, "batches", n), examples * tokens + examples);
  const attentionMask = new Int32Array(examples * tokens).fill(1);
  if (n % 3 === 0) attentionMask.fill(0, tokens - 2, tokens);
  return {
    ...{ examples, tokens, attentionMask },
    inputIds: Int32Array.from({ length: examples * tokens }, (_, i) => words[i] % 50),
    labels: Int32Array.from({ length: examples }, (_, i) => words[examples * tokens + i] % 3),
  };
}

interface Trajectory {
  losses: number[];
  parameters: Record<string, number[]>;
  moments: Record<string, number[]>;
  stepCounts: Record<string, number>;
  norms: number[];
  /** Steps whose work ran on the host. */
  ran: number;
}

const steps = 48;

/** Unfreezing, epochs that end with a smaller batch, padding now and then, another language, a falling learning rate. */
async function trajectory(on: Backend, replay: boolean): Promise<Trajectory> {
  const before = on.memory().liveBuffers;
  const model = tinyModel(on);
  const optimizer = new AdamW({ weightDecay: 0.01 });
  const step = new TrainingStep({ model, optimizer, losses: 7, dropoutSeed: 9, replay });
  let ran = 0;
  const zeroGrad = model.zeroGrad.bind(model);
  model.zeroGrad = () => (ran++, zeroGrad());
  const losses: number[] = [], norms: number[] = [];
  for (let number = 0; number < steps; number++) {
    if (number === 0) model.setTrainable({ layers: [2], head: true });
    if (number === 14) model.setTrainable({ layers: [2, 0], head: true });
    if (number === 30) model.setLanguage("de");
    const batch = number % 6 === 5 ? batchOf(number, 2, 8) : batchOf(number, 4, 8);
    const learningRate = learningRateAt(number, {
      schedule: "linear",
      learningRate: 0.01,
      totalSteps: steps,
    });
    step.run(batch, { number, learningRate });
    if (number % 11 === 0) norms.push(await optimizer.gradientNorm());
    // An evaluation in between takes and gives back blocks of its own.
    if (number % 13 === 0) {
      const logits = model.logits(batch);
      await logits.read();
      logits.dispose();
    }
    if (step.waiting === 7) losses.push(...await step.losses());
  }
  losses.push(...await step.losses());
  const parameters: Record<string, number[]> = {}, moments: Record<string, number[]> = {};
  for (const [name, { data }] of await model.state()) parameters[name] = [...data];
  const state = await optimizer.state();
  for (const [name, { data }] of state.moments) moments[name] = [...data];
  step.dispose();
  optimizer.dispose();
  model.dispose();
  assert.is(on.memory().liveBuffers, before, "everything was given back");
  return { losses, parameters, moments, stepCounts: state.stepCounts, norms, ran };
}

for (const [label, on] of Object.entries(backends)) {
  test(`a replayed run equals one that runs every step, bit for bit (${label})`, async () => {
    const anew = await trajectory(on, false);
    const { ran, ...replayed } = await trajectory(on, true);
    assert.is(anew.ran, steps);
    assert.is(anew.losses.length, steps);
    // Five shapes of batch and sets of parameters come up twice or more before they are replayed.
    assert.ok(ran < 0.7 * steps, `${ran} of ${steps} steps ran`);
    const { ran: _, ...wanted } = anew;
    assert.equal(replayed, wanted);
    // The things that a wrong replay would keep do change.
    assert.is(new Set(anew.losses).size, steps);
    const counts = new Set(Object.values(anew.stepCounts));
    assert.equal(counts, new Set([48, 34]));
  });
}

test("the masks of replayed steps are those of their own numbers", async () => {
  const model = tinyModel(backend);
  model.setTrainable({ layers: [2], head: true });
  const optimizer = new AdamW();
  const step = new TrainingStep({ model, optimizer, losses: 8, dropoutSeed: 9 });
  const batch = batchOf(1, 4, 8);
  // With a learning rate of 0 nothing but the masks can change the loss.
  for (const number of [0, 1, 2, 3, 2, 1, 0, 3]) step.run(batch, { number, learningRate: 0 });
  const [a, b, c, d, ...again] = await step.losses();
  assert.equal(again, [c, b, a, d]);
  assert.is(new Set([a, b, c, d]).size, 4);
  for (const each of [step, optimizer, model]) each.dispose();
});

test("a step is one submission; only losses are read", async () => {
  const device = await (await testAdapter()).requestDevice();
  const own = await testWebgpuBackend({ device });
  let submissions = 0, mapped = 0;
  const submit = device.queue.submit.bind(device.queue), create = device.createBuffer.bind(device);
  device.queue.submit = (commands) => (submissions++, submit(commands));
  device.createBuffer = (descriptor) => {
    if (descriptor.usage & 1) mapped++;
    return create(descriptor);
  };
  const model = tinyModel(own);
  model.setTrainable({ layers: [0, 1, 2], head: true });
  const optimizer = new AdamW();
  const step = new TrainingStep({ model, optimizer, losses: 20, dropoutSeed: 1 });
  const run = (number: number) => step.run(batchOf(1, 4, 8), { number, learningRate: 0.01 });
  for (let number = 0; number < 3; number++) run(number);
  await own.synchronize();
  submissions = mapped = 0;
  for (let number = 3; number < 20; number++) run(number);
  await own.synchronize();
  assert.is(submissions, 17);
  assert.is(mapped, 0);
  assert.is((await step.losses()).length, 20);
  assert.is(mapped, 1);
  // A step that runs on the host is one submission too.
  submissions = 0;
  model.setTrainable({ layers: [1], head: true });
  run(20);
  await own.synchronize();
  assert.is(submissions, 1);
  own.dispose();
});

/** out = scale · x + shift through a scratch buffer. */
function scaled(x: DeviceBuffer, out: DeviceBuffer, scale: number) {
  return () => {
    const { length } = x;
    const scratch = backend.allocate(length, "f32");
    backend.kernels.affine({ x, out: scratch, length, scale, shift: 1 });
    backend.kernels.copy({ x: scratch, out, length, xOffset: 0, outOffset: 0 });
    backend.free(scratch);
  };
}

const buffers = (count: number, length = 4): DeviceBuffer[] =>
  Array.from({ length: count }, () => backend.allocate(length, "f32"));

test("what buffers hold is read anew at each replay", async () => {
  const [x, out] = buffers(2);
  let ran = 0;
  for (let i = 0; i < 6; i++) {
    backend.write(x, new Float32Array(4).fill(i));
    backend.replay!("contents", () => (ran++, scaled(x, out, 2)()));
    assert.equal([...await backend.read(out)], new Array(4).fill(2 * i + 1));
  }
  assert.is(ran, 2);
  for (const each of [x, out]) backend.free(each);
});

test("several replays in one submission each see their own numbers", async () => {
  const [x, ...outs] = buffers(6);
  backend.write(x, new Float32Array(4).fill(1));
  const live = { value: 0 };
  const masks = (out: DeviceBuffer) => {
    backend.kernels.dropout({
      ...{ x, out, length: 4, probability: 0.5, random: streamKey(1, "test", live) },
    });
  };
  for (const [i, out] of outs.entries()) {
    live.value = i;
    const scratch = outs[0];
    backend.replay!("masks", () => masks(scratch));
    backend.kernels.copy({ x: scratch, out: out === scratch ? x : out, length: 0, xOffset: 0, outOffset: 0 });
    if (out !== scratch) backend.kernels.copy({ x: scratch, out, length: 4, xOffset: 0, outOffset: 0 });
  }
  for (const [i, out] of outs.entries()) {
    if (i === 0) continue;
    const wanted = [...philoxHalves(streamKey(1, "test", i), 4)].map((half) => half >= 2 ** 15 ? 2 : 0);
    assert.equal([...await backend.read(out)], wanted, `replay ${i}`);
  }
  for (const each of [x, ...outs]) backend.free(each);
});

test("a number that changes without being Live is found out, by name", () => {
  const [x, out] = buffers(2);
  const run = (scale: number) => backend.replay!("baked", scaled(x, out, scale));
  assert.throws(() => {
    for (let i = 0; i < 10; i++) run(i);
  }, /the parameter scale of dispatch 0 \(affine.* was 2 and is 3.*must be Live/s);
  const key = (step: number) => streamKey(1, "test", step);
  assert.throws(() => {
    for (let step = 0; step < 10; step++) {
      backend.replay!("step", () => {
        backend.kernels.dropout({ x, out, length: 4, probability: 0.5, random: key(step) });
      });
    }
  }, /the parameter c1 of dispatch 0 \(dropout.* was 2 and is 3/);
  for (const each of [x, out]) backend.free(each);
});

test("work that differs in its kernels or buffers is run, never repeated wrongly", async () => {
  const [x, ...outs] = buffers(3);
  backend.write(x, new Float32Array(4).fill(1));
  for (let i = 0; i < 8; i++) {
    const out = outs[i % 2];
    backend.replay!("alternating", scaled(x, out, 3));
    assert.equal([...await backend.read(out)], [4, 4, 4, 4]);
    backend.write(out, new Float32Array(4));
  }
  for (const each of [x, ...outs]) backend.free(each);
});

test("a recording goes with a buffer that it uses", async () => {
  const [x, out] = buffers(2);
  let ran = 0;
  const run = (from: DeviceBuffer) => backend.replay!("freed", () => (ran++, scaled(from, out, 2)()));
  backend.write(x, new Float32Array(4).fill(1));
  for (let i = 0; i < 4; i++) run(x);
  assert.is(ran, 2);
  backend.free(x);
  // The same block comes back for the next buffer of its size: a stale recording would not notice the difference.
  const [other] = buffers(1);
  backend.write(other, new Float32Array(4).fill(10));
  run(other);
  assert.is(ran, 3);
  assert.equal([...await backend.read(out)], [21, 21, 21, 21]);
  for (const each of [other, out]) backend.free(each);
});

test("recordings share their scratch blocks, and other work may borrow large ones in between", async () => {
  const own = await testWebgpuBackend();
  const length = 2 ** 20;
  const [x, out] = [own.allocate(length, "f32"), own.allocate(length, "f32")];
  own.write(x, new Float32Array(length).fill(1));
  const run = (key: string, scale: number) => {
    own.replay!(key, () => {
      const scratch = [own.allocate(length, "f32"), own.allocate(length, "f32")];
      own.kernels.affine({ x, out: scratch[0], length, scale, shift: 0 });
      own.kernels.affine({ x: scratch[0], out: scratch[1], length, scale: 1, shift: 1 });
      own.kernels.copy({ x: scratch[1], out, length, xOffset: 0, outOffset: 0 });
      for (const each of scratch) own.free(each);
    });
  };
  const value = async () => (await own.read(out))[length - 1];
  run("a", 2);
  const { freshAllocations } = own.memory();
  for (let i = 0; i < 3; i++) run("a", 2);
  for (let i = 0; i < 4; i++) run("b", 3);
  assert.is(await value(), 4);
  run("a", 2);
  assert.is(await value(), 3);
  assert.is(
    own.memory().freshAllocations,
    freshAllocations,
    "the second recording took the first one's blocks",
  );
  // Borrowed and given back: the replay goes on. Borrowed and kept: the replay makes way.
  const borrowed = own.allocate(length, "f32");
  assert.is(own.memory().freshAllocations, freshAllocations);
  own.write(borrowed, new Float32Array(length).fill(7));
  run("b", 3);
  assert.is(await value(), 4);
  assert.is((await own.read(borrowed))[length - 1], 7);
  own.free(borrowed);
  for (let i = 0; i < 3; i++) run("a", 2);
  assert.is(await value(), 3);
  own.dispose();
});

test("more kinds of work than are kept still give the right values", async () => {
  const [x, out] = buffers(2);
  backend.write(x, new Float32Array(4).fill(1));
  for (let round = 0; round < 4; round++) {
    for (let scale = 0; scale < 40; scale++) {
      if (round > 1 && scale >= 5) continue;
      backend.replay!(`scale ${scale}`, scaled(x, out, scale));
      assert.equal([...await backend.read(out)], new Array(4).fill(scale + 1));
    }
  }
  for (const each of [x, out]) backend.free(each);
});

test("work that cannot be replayed is refused with what to do", () => {
  const [x] = buffers(1);
  const before = backend.memory().liveBuffers;
  const kept: DeviceBuffer[] = [];
  const refused = (work: () => void, message: RegExp) =>
    assert.throws(() => backend.replay!(`refused ${message}`, work), message);
  refused(() => kept.push(backend.allocate(12, "f32")), /left 1 buffers allocated \(of 12 elements\)/);
  refused(() => backend.free(x), /freed a buffer that it did not allocate/);
  refused(() => backend.write(x, new Float32Array(4)), /write: replayed work runs on the device alone/);
  refused(() => backend.replay!("inner", () => {}), /replays do not hold each other/);
  backend.free(kept[0]);
  assert.is(backend.memory().liveBuffers, before);
  backend.free(x);
});

test("a training step without room for its loss, and a parameter that the loss does not need, are refused", async () => {
  const model = tinyModel(backend);
  model.setTrainable({ layers: [2], head: true, language: "de" });
  const optimizer = new AdamW();
  const step = new TrainingStep({ model, optimizer, losses: 1 });
  const run = () => step.run(batchOf(1, 4, 8), { number: 0, learningRate: 0.1 });
  assert.throws(run, /adapters\.de\..* has no gradient/);
  model.zeroGrad();
  model.setTrainable({ layers: [2], head: true });
  run();
  assert.throws(run, /1 losses wait on the device/);
  assert.is((await step.losses()).length, 1);
  for (const each of [step, optimizer, model]) each.dispose();
});

test.after(() => {
  for (const each of Object.values(backends)) each.dispose();
});

test.run();
