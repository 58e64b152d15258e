// The tape: gradients that meet, leaves that accumulate, frozen parts that cost nothing, memory that comes back.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import {
  add,
  type Backend,
  chain,
  keep,
  linear,
  mul,
  parameter,
  relu,
  reshape,
  scope,
  sum,
  Tape,
  type Tensor,
  tensor,
} from "../../core/mod.ts";

const test = suite("autograd");
const backend: Backend = await createReferenceBackend();

async function values(x: Tensor | null): Promise<number[]> {
  return [...await x!.read()];
}

test("a value used twice gets the sum of both gradients", async () => {
  const x = parameter(backend, [3, -2], [2]);
  scope(() => {
    const tape = new Tape();
    tape.backward(tape.run(() => sum(add(mul(x, x), x))));
  });
  assert.equal(await values(x.grad), [7, -3]);
  x.zeroGrad();
});

test("x + x does not add into a shared gradient buffer", async () => {
  const x = parameter(backend, [1, 2], [2]);
  const y = parameter(backend, [5, 5], [2]);
  scope(() => {
    const tape = new Tape();
    tape.backward(tape.run(() => sum(add(add(x, x), reshape(add(x, y), [2])))));
  });
  assert.equal(await values(x.grad), [3, 3]);
  assert.equal(await values(y.grad), [1, 1]);
  x.zeroGrad();
  y.zeroGrad();
});

test("gradients accumulate over backward passes until zeroGrad", async () => {
  const x = parameter(backend, [2], [1]);
  for (let i = 0; i < 3; i++) {
    scope(() => {
      const tape = new Tape();
      tape.backward(tape.run(() => sum(mul(x, x))));
    });
  }
  assert.equal(await values(x.grad), [12]);
  x.zeroGrad();
  assert.is(x.grad, null);
});

/** `depth` layers of relu(linear), the weights of those in `open` trainable. */
function stack(depth: number, open: number[]): { weights: Tensor[]; forward: (x: Tensor) => Tensor } {
  const weights = Array.from(
    { length: depth },
    (_, layer) =>
      parameter(backend, Float64Array.from({ length: 16 }, (_, i) => Math.sin(i + layer)), [4, 4], {
        trainable: open.includes(layer),
        name: `layer ${layer}`,
      }),
  );
  return {
    weights,
    forward: (x) => chain(x, weights.map((w) => (h: Tensor) => relu(linear(h, w)))),
  };
}

test("nothing is recorded below the lowest trainable layer, and a frozen weight gets no gradient", () => {
  const { weights, forward } = stack(5, [3]);
  scope(() => {
    const x = tensor(backend, new Float64Array(8).fill(0.3), [2, 4]);
    const tape = new Tape();
    const loss = tape.run(() => sum(forward(x)));
    assert.is(tape.length, 5, "linear and relu of layers 3 and 4, and the sum");
    tape.backward(loss);
  });
  assert.equal(weights.map((w) => w.grad !== null), [false, false, false, true, false]);
  for (const w of weights) w.zeroGrad();
});

test("a frozen forward pass records nothing and keeps only its result", () => {
  const { forward } = stack(5, []);
  scope(() => {
    const x = tensor(backend, new Float64Array(8).fill(0.3), [2, 4]);
    const before = backend.memory().liveBuffers;
    const tape = new Tape();
    tape.run(() => forward(x));
    assert.is(tape.length, 0);
    assert.is(backend.memory().liveBuffers, before + 1);
  });
});

test("the lower the lowest trainable layer, the more is kept", () => {
  const kept = [4, 2, 0].map((lowest) => {
    const { forward } = stack(5, [lowest]);
    return scope(() => {
      const x = tensor(backend, new Float64Array(8).fill(0.3), [2, 4]);
      const before = backend.memory().liveBuffers;
      const tape = new Tape();
      tape.run(() => sum(forward(x)));
      const after = backend.memory().liveBuffers;
      tape.dispose();
      return after - before;
    });
  });
  assert.ok(kept[0] < kept[1] && kept[1] < kept[2], `live buffers ${kept}`);
});

test("1,000 training steps leave the number of live buffers unchanged", () => {
  const { weights, forward } = stack(3, [0, 1, 2]);
  const step = () => {
    scope(() => {
      const tape = new Tape();
      tape.backward(tape.run(() => sum(forward(tensor(backend, new Float64Array(8).fill(0.1), [2, 4])))));
    });
    for (const w of weights) w.zeroGrad();
  };
  step();
  const before = backend.memory().liveBuffers;
  for (let i = 0; i < 1000; i++) step();
  assert.is(backend.memory().liveBuffers, before);
});

test("per-example gradients add up to the batch gradient and equal examples taken alone", async () => {
  const weight = parameter(backend, [0.5, -1, 2, 0.25, 1, -0.5], [2, 3]);
  const bias = parameter(backend, [0.1, -0.2], [2]);
  const data = [1, 2, 3, -1, 0.5, 2, 0, 1, -2, 3, 1, 1];
  const run = (rows: number[], examples?: number) =>
    scope(() => {
      const tape = new Tape();
      const x = tensor(backend, rows, [rows.length / 3, 3]);
      tape.backward(
        tape.run(() => {
          const y = linear(x, weight, bias);
          return sum(mul(y, y));
        }),
        { examples },
      );
    });
  const take = async () => {
    const result = [await values(weight.grad), await values(bias.grad)];
    weight.zeroGrad();
    bias.zeroGrad();
    return result;
  };
  run(data, 2);
  assert.equal(weight.grad!.shape, [2, 2, 3]);
  const both = await take();
  const alone = [];
  for (const part of [data.slice(0, 6), data.slice(6)]) {
    run(part);
    alone.push(await take());
  }
  assert.equal(both[0], [...alone[0][0], ...alone[1][0]]);
  assert.equal(both[1], [...alone[0][1], ...alone[1][1]]);
});

test("mistakes are refused with what to do next", () => {
  const x = parameter(backend, [1, 2], [2]);
  const frozen = parameter(backend, [1, 2], [2], { trainable: false });
  scope(() => {
    const tape = new Tape();
    assert.throws(() => tape.backward(tape.run(() => mul(x, x))), /\[2\]; reduce it to one value/);
    const other = new Tape();
    assert.throws(
      () => other.backward(other.run(() => sum(mul(frozen, frozen)))),
      /nothing trainable leads to it/,
    );
    const third = new Tape();
    assert.throws(
      () => third.backward(third.run(() => sum(mul(x, x))), { examples: 2 }),
      /mul cannot give per-example gradients/,
    );
  });
  const freed = scope(() => ({ hidden: () => tensor(backend, [1], [1]) })).hidden();
  freed.dispose();
  assert.throws(() => mul(freed, freed), /used after it was freed/);
  assert.throws(() => scope(() => Promise.resolve(1)), /asynchronous/);
});

test("scope frees what it does not return, and keep takes out", async () => {
  const before = backend.memory().liveBuffers;
  let kept: Tensor | undefined;
  const returned = scope(() => {
    const a = tensor(backend, [1, 2], [2]);
    kept = keep(add(a, a));
    return { inner: [add(kept, a)] };
  });
  assert.is(backend.memory().liveBuffers, before + 2);
  assert.equal(await values(returned.inner[0]), [3, 6]);
  kept!.dispose();
  returned.inner[0].dispose();
  assert.is(backend.memory().liveBuffers, before);
});

test.run();
