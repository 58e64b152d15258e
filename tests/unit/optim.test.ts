// Checks AdamW against PyTorch's numbers and its own formula, its step counts under late unfreezing, clipping, and resuming.
// It leaves whole training trajectories to the golden tests.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../core/backends/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { AdamW, type AdamWOptions } from "../../core/optim/adamw.ts";
import { learningRateAt } from "../../core/optim/schedule.ts";
import { full, linear, reshape, scope, sum, Tape } from "../../core/mod.ts";
import { keep, parameter, type Tensor, tensor } from "../../core/tensor.ts";

const test = suite("optim");
const backend = createReferenceBackend();

function setGrad(each: Tensor, values: number[] | null): void {
  each.zeroGrad();
  if (values) each.grad = keep(tensor(backend, values, each.shape));
}

const gradients = [[0.1, -0.2, 0.3], [3, 4, 0], [-0.5, 0.1, 0.2]];

async function trajectory(options: AdamWOptions): Promise<number[][]> {
  const p = parameter(backend, [1, -2, 0.5], [3], { name: "p" });
  const optimizer = new AdamW(options);
  const values: number[][] = [];
  for (const gradient of gradients) {
    setGrad(p, gradient);
    optimizer.step([p], 0.01);
    values.push([...await p.read()]);
  }
  return values;
}

function close(got: number[][], wanted: number[][]): void {
  got.flat().forEach((value, i) =>
    assert.ok(Math.abs(value - wanted.flat()[i]) < 1e-9, `${value}, wanted ${wanted.flat()[i]}`)
  );
}

test("variant torch gives what torch.optim.AdamW 2.13 with clipping at 1 gives", async () => {
  close(await trajectory({ variant: "torch", weightDecay: 0.1 }), [
    [0.9890000009999999, -1.9880000005, 0.4895000003333333],
    [0.9795697484742734, -1.991607034953311, 0.4823099181075821],
    [0.9776082127064959, -1.9946783608213356, 0.4739733186777081],
  ]);
});

test("variant huggingface follows its formula, computed apart in Python", async () => {
  close(await trajectory({ weightDecay: 0.1 }), [
    [0.9890100315910539, -1.988010015795552, 0.4895100105303735],
    [0.9795882144753163, -1.9916114431514356, 0.4823266256205134],
    [0.9776276425800758, -1.9946776998573221, 0.47399787028217527],
  ]);
});

test("the two variants differ where epsilon matters", async () => {
  const tiny = async (variant: "huggingface" | "torch") => {
    const p = parameter(backend, [0], [1]);
    const optimizer = new AdamW({ variant });
    setGrad(p, [1e-7]);
    optimizer.step([p], 1);
    return (await p.read())[0];
  };
  // √v = 1e-7·√0.001 after one step; epsilon 1e-8 is added to it as it is, or to 1e-7.
  const v = 1e-7 * Math.sqrt(0.001);
  assert.ok(Math.abs(await tiny("huggingface") + v / (v + 1e-8)) < 1e-9);
  assert.ok(Math.abs(await tiny("torch") + 1e-7 / (1e-7 + 1e-8)) < 1e-9);
});

test("a parameter without gradient is skipped; its bias correction starts with its first gradient", async () => {
  const first = async (stepCount: "per-parameter" | "global") => {
    const early = parameter(backend, [0], [1], { name: "early" });
    const late = parameter(backend, [0], [1], { name: "late" });
    const optimizer = new AdamW({ stepCount, maximumGradientNorm: Infinity });
    for (let step = 0; step < 10; step++) {
      setGrad(early, [1]);
      setGrad(late, step === 9 ? [1] : null);
      if (step === 9) assert.is((await late.read())[0], 0);
      optimizer.step([early, late], 0.1);
    }
    const { stepCounts, globalStep } = await optimizer.state();
    assert.equal(stepCounts, { early: 10, late: 1 });
    assert.is(globalStep, 10);
    return (await late.read())[0];
  };
  const one = (t: number) =>
    -0.1 * Math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t) * 0.1 / (Math.sqrt(0.001) + 1e-8);
  assert.ok(Math.abs(await first("per-parameter") - one(1)) < 1e-12);
  assert.ok(Math.abs(await first("global") - one(10)) < 1e-12);
  assert.ok(Math.abs(one(10)) < Math.abs(one(1)) / 2, "the two counts can be told apart");
});

test("clipping takes the norm over all parameters that have a gradient, and only those", async () => {
  const a = parameter(backend, [0], [1]);
  const b = parameter(backend, [0, 0], [2]);
  const frozen = parameter(backend, [5], [1]);
  const optimizer = new AdamW({ beta1: 0, beta2: 0, epsilon: 1e6 });
  setGrad(a, [3]);
  setGrad(b, [0, 4]);
  optimizer.step([a, b, frozen], 1);
  assert.ok(Math.abs(await optimizer.gradientNorm() - 5) < 1e-12);
  // With betas 0 and a huge epsilon the update is −lr·g′/ε.
  const factor = 1 / (5 + 1e-6);
  assert.ok(Math.abs((await a.read())[0] * 1e6 + 3 * factor) < 1e-6);
  assert.ok(Math.abs((await b.read())[1] * 1e6 + 4 * factor) < 1e-6);
  assert.is((await frozen.read())[0], 5);
  setGrad(a, [0.3]);
  setGrad(b, null);
  optimizer.step([a, b, frozen], 1);
  assert.ok(Math.abs(await optimizer.gradientNorm() - 0.3) < 1e-12);
});

test("stopped, saved and resumed gives the same bits", async () => {
  const make = () => [
    parameter(backend, [1, 2], [2], { name: "a" }),
    parameter(backend, [3], [1], { name: "b" }),
  ];
  const train = (optimizer: AdamW, parameters: Tensor[], from: number, to: number) => {
    for (let step = from; step < to; step++) {
      setGrad(parameters[0], [Math.sin(step), 0.1 * step]);
      setGrad(parameters[1], step < 3 ? null : [Math.cos(step)]);
      optimizer.step(parameters, 0.05);
    }
  };
  for (const stepCount of ["per-parameter", "global"] as const) {
    const whole = make();
    train(new AdamW({ stepCount }), whole, 0, 12);
    for (const stop of [0, 2, 5]) {
      const parts = make();
      const first = new AdamW({ stepCount });
      train(first, parts, 0, stop);
      const second = new AdamW({ stepCount });
      second.restore(await first.state(), parts);
      train(second, parts, stop, 12);
      for (const i of [0, 1]) assert.equal(await parts[i].read(), await whole[i].read());
    }
  }
});

test("1,000 steps hold no more buffers than the first, and dispose gives all back", () => {
  const p = parameter(backend, [1, 2], [2], { name: "p" });
  const before = backend.memory().liveBuffers;
  const optimizer = new AdamW();
  setGrad(p, [1, 1]);
  optimizer.step([p], 0.1);
  const after = backend.memory().liveBuffers;
  for (let step = 0; step < 1000; step++) optimizer.step([p], 0.1);
  assert.is(backend.memory().liveBuffers, after);
  optimizer.dispose();
  p.zeroGrad();
  assert.is(backend.memory().liveBuffers, before);
});

test("a step takes as many kernels for fifty parameters as for two, whoever is open", () => {
  const parameters = Array.from(
    { length: 50 },
    (_, i) => parameter(backend, new Array(i + 1).fill(1), [i + 1]),
  );
  const counted: string[] = [];
  const kernels = new Proxy(backend.kernels, {
    get: (target, name: keyof typeof backend.kernels) => {
      counted.push(name);
      return target[name];
    },
  });
  const optimizer = new AdamW();
  optimizer.adopt(parameters);
  const original = backend.kernels;
  Object.assign(backend, { kernels });
  try {
    for (const open of [2, 50, 7]) {
      for (const each of parameters.slice(0, open)) {
        scope(() => {
          const tape = new Tape();
          tape.backward(
            tape.run(() => sum(linear(full(backend, [2, each.size], 1), reshape(each, [1, each.size])))),
          );
        });
      }
      counted.length = 0;
      optimizer.step(parameters, 0.1);
      assert.equal(counted.filter((each) => each !== "copy"), ["packedSumSquares", "clipScale", "adamw"]);
      for (const each of parameters) each.zeroGrad();
    }
  } finally {
    Object.assign(backend, { kernels: original });
  }
});

test("an operation fills the gradient where the optimizer wants it; one made elsewhere is copied there", async () => {
  const weight = parameter(backend, [1, 2, 3, 4], [2, 2], { name: "weight" });
  const bias = parameter(backend, [0, 0], [2], { name: "bias" });
  const optimizer = new AdamW({ beta1: 0, beta2: 0, epsilon: 1e6, maximumGradientNorm: Infinity });
  optimizer.adopt([weight, bias]);
  const x = tensor(backend, [1, 10], [1, 2]);
  const tape = new Tape();
  scope(() => tape.backward(tape.run(() => sum(linear(x, weight, bias)))));
  assert.is(weight.grad!.storage.place, weight.gradientPlace);
  assert.is(bias.grad!.storage.place, bias.gradientPlace);
  // A second contribution is added where the first one lies.
  const again = new Tape();
  scope(() => again.backward(again.run(() => sum(linear(x, weight)))));
  assert.is(weight.grad!.storage.place, weight.gradientPlace);
  assert.equal([...await weight.grad!.read()], [2, 20, 2, 20]);
  setGrad(bias, [5, 7]);
  assert.is(bias.grad!.storage.place, null);
  optimizer.step([weight, bias], 1);
  const moved = (values: ArrayLike<number>) => Array.from(values, (value) => Math.round(value * 1e6));
  assert.equal(moved([...await weight.read()].map((value, i) => i + 1 - value)), [2, 20, 2, 20]);
  assert.equal(moved([...await bias.read()].map((value) => -value)), [5, 7]);
});

test("parameters survive their optimizer, and two optimizers do not share one", async () => {
  const parameters = [1, 2].map((value) => parameter(backend, [value], [1], { name: `p${value}` }));
  const first = new AdamW(), second = new AdamW();
  for (const each of parameters) setGrad(each, [1]);
  first.step(parameters, 0.5);
  second.step(parameters, 0.5);
  assert.throws(() => first.step(parameters, 0.5), /p1 was taken over by another optimizer/);
  const values = await Promise.all(parameters.map((each) => each.read()));
  first.dispose();
  second.dispose();
  assert.equal(await Promise.all(parameters.map((each) => each.read())), values);
  for (const each of parameters) {
    each.zeroGrad();
    each.dispose();
  }
});

test("an announced update needs the gradient of every parameter that it counted", () => {
  const [a, b] = ["a", "b"].map((name) => parameter(backend, [1], [1], { name }));
  const optimizer = new AdamW();
  optimizer.begin([a, b], 0.1);
  setGrad(a, [1]);
  assert.throws(() => optimizer.apply(), /b has no gradient/);
});

const wasm = await createWasmBackend({ simd: "plain" });
test.after(() => wasm.dispose());

/** Parameters of several sizes, the last so large that it has a pack, and on the host many pieces, of its own. */
function several(on: Backend, sizes: readonly number[]): Tensor[] {
  return sizes.map((size, i) => {
    const values = Float32Array.from({ length: size }, (_, j) => Math.sin(i + j));
    return parameter(on, values, [size], { name: `p${i}` });
  });
}

function giveGradients(parameters: readonly Tensor[], step: number, isOpen: (i: number) => boolean): void {
  parameters.forEach((each, i) => {
    each.zeroGrad();
    if (!isOpen(i)) return;
    const values = Float32Array.from({ length: each.size }, (_, j) => Math.cos(step + i + 3 * j) / 10);
    each.grad = keep(tensor(each.backend, values, each.shape));
  });
}

const bitsOf = (parameters: readonly Tensor[]) => Promise.all(parameters.map((each) => each.read()));

for (
  const options of [
    { weightDecay: 0.1 },
    { variant: "torch", weightDecay: 0.1, maximumGradientNorm: 0.5 },
    { stepCount: "global", maximumGradientNorm: Infinity },
  ] as AdamWOptions[]
) {
  test(`moments with the host give the same bits: ${JSON.stringify(options)}`, async () => {
    const train = async (moments: "host" | "device", stops: readonly number[]) => {
      // The window's length follows from the first two, so that the others pass through it in several pieces.
      const parameters = several(wasm, [3, 61, 200, 4097]);
      const make = () => {
        const made = new AdamW({ ...options, moments });
        made.adopt(parameters.slice(0, 2));
        return made;
      };
      let optimizer = make();
      const norms: number[] = [];
      for (let step = 0; step < 9; step++) {
        if (stops.includes(step)) {
          const state = await optimizer.state();
          optimizer.dispose();
          optimizer = make();
          optimizer.restore(state, parameters);
        }
        // The second opens late; the third closes and opens again.
        giveGradients(parameters, step, (i) => i === 1 ? step > 3 : i === 2 ? step < 2 || step > 5 : true);
        optimizer.step(parameters, 0.05);
        norms.push(await optimizer.gradientNorm());
      }
      const state = await optimizer.state();
      const { hostBytes } = optimizer;
      const bits = await bitsOf(parameters);
      optimizer.dispose();
      for (const each of parameters) {
        each.zeroGrad();
        each.dispose();
      }
      return { hostBytes, result: { bits, norms, state } };
    };
    const before = wasm.memory().liveBuffers;
    const device = await train("device", []),
      host = await train("host", []),
      resumed = await train("host", [2, 5]);
    assert.is(device.hostBytes, 0);
    assert.ok(host.hostBytes >= 2 * 4 * (3 + 61 + 200 + 4097), `${host.hostBytes}`);
    assert.equal(host.result, device.result);
    assert.equal(resumed.result, device.result);
    assert.is(wasm.memory().liveBuffers, before);
  });
}

test("moments with the host: a state of the one kind is restored by the other", async () => {
  const ends: unknown[] = [];
  for (const [first, second] of [["device", "host"], ["host", "device"]] as const) {
    const parameters = several(wasm, [5, 300]);
    const before = new AdamW({ moments: first }), after = new AdamW({ moments: second });
    giveGradients(parameters, 0, () => true);
    before.step(parameters, 0.1);
    after.restore(await before.state(), parameters);
    giveGradients(parameters, 1, () => true);
    after.step(parameters, 0.1);
    ends.push(await bitsOf(parameters));
  }
  assert.equal(ends[0], ends[1]);
});

test("moments with the host: an update allocates nothing on the device after the first, and dispose gives all back", () => {
  const parameters = several(wasm, [70, 5000]);
  const { liveBuffers } = wasm.memory();
  const optimizer = new AdamW({ moments: "host" });
  giveGradients(parameters, 0, () => true);
  optimizer.step(parameters, 0.1);
  const after = wasm.memory();
  for (let step = 0; step < 100; step++) optimizer.step(parameters, 0.1);
  assert.equal(wasm.memory(), after);
  optimizer.dispose();
  for (const each of parameters) each.zeroGrad();
  assert.is(wasm.memory().liveBuffers, liveBuffers);
});

test("moments go to the host where the device could not hold them beside activations, and are refused where even that is no help", async () => {
  const [mebi, values] = [2 ** 20, 2 ** 18];
  const opened = async (maximumBytes: number, count: number) => {
    const small = await createWasmBackend({ maximumBytes });
    const parameters = several(small, new Array(count).fill(values));
    return { small, parameters, optimizer: new AdamW() };
  };
  // Weights 3 MiB, twice while they move together, gradients 3, moments 6; a quarter, or what moved away, is for activations.
  for (const [size, hostBytes] of [[18, 0], [14, 6 * mebi]] as const) {
    const { small, parameters, optimizer } = await opened(size * mebi, 3);
    optimizer.adopt(parameters);
    assert.is(optimizer.hostBytes, hostBytes, `${size} MiB`);
    giveGradients(parameters, 0, () => false);
    small.dispose();
  }
  const { small, parameters, optimizer } = await opened(8 * mebi, 3);
  const before = small.memory();
  assert.throws(
    () => optimizer.adopt(parameters),
    /gradients of 786432 parameters take 0\.00 GiB and moving them together 0\.00 GiB, beside the 0\.00 GiB in use, and wasm holds at most 0\.01 GiB even with the moments left to the host; train fewer/,
  );
  assert.throws(
    () => new AdamW({ moments: "device" }).adopt(parameters),
    /gradients and moments of 786432 parameters take 0\.01 GiB and moving .* wasm holds at most 0\.01 GiB; train fewer/,
  );
  assert.equal(small.memory(), before);
  small.dispose();
  assert.throws(
    () => new AdamW({ moments: "host" }).adopt(several(backend, [3])),
    /backend reference cannot leave moments to the host/,
  );
});

test("what cannot be restored or makes no sense is refused", async () => {
  const p = parameter(backend, [1, 2], [2], { name: "p" });
  const optimizer = new AdamW();
  setGrad(p, [1, 1]);
  optimizer.step([p], 0.1);
  const state = await optimizer.state();
  assert.throws(() => new AdamW().restore(state, []), /no parameter p/);
  const other = parameter(backend, [1], [1], { name: "p" });
  assert.throws(() => new AdamW().restore(state, [other]), /firstMoment of p is \[2\], wanted \[1\]/);
  assert.throws(() => optimizer.step([p], NaN), /learning rate is NaN/);
  assert.throws(() => new AdamW({ beta1: 1 }), /betas in \[0, 1\)/);
  p.grad = keep(tensor(backend, [1, 1, 1, 1], [2, 2]));
  assert.throws(() => optimizer.step([p], 0.1), /gradient of p is \[2,2\]/);
});

test("learning rates: linear to 0, constant, warm-up", () => {
  const linear = { schedule: "linear", learningRate: 0.5, totalSteps: 10 } as const;
  assert.equal([0, 1, 5, 9, 10, 11].map((step) => learningRateAt(step, linear)), [
    0.5,
    0.45,
    0.25,
    0.05,
    0,
    0,
  ]);
  const constant = { schedule: "constant", learningRate: 0.5, totalSteps: 10 } as const;
  assert.equal([0, 9].map((step) => learningRateAt(step, constant)), [0.5, 0.5]);
  const warm = { ...linear, warmupSteps: 4 };
  assert.equal([0, 1, 2, 4, 7, 10].map((step) => learningRateAt(step, warm)), [0, 0.125, 0.25, 0.5, 0.25, 0]);
  assert.equal([1, 4, 9].map((step) => learningRateAt(step, { ...constant, warmupSteps: 4 })), [
    0.125,
    0.5,
    0.5,
  ]);
  assert.throws(() => learningRateAt(-1, linear), /step is -1/);
  assert.throws(() => learningRateAt(0, { ...linear, warmupSteps: 11 }), /11 warm-up of 10 steps/);
});

test.run();
