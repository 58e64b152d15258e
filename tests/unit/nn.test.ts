// Initial values and dropout streams are functions of their keys; loading names what is wrong and then writes nothing.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { activation } from "../../core/nn/activation.ts";
import { Dropout } from "../../core/nn/dropout.ts";
import { kaimingUniformInit, normalInit, onesInit, zerosInit } from "../../core/nn/initialise.ts";
import { ParameterStore, type State } from "../../core/nn/parameters.ts";
import { full, tensor } from "../../core/tensor.ts";

const test = suite("nn");
const backend = createReferenceBackend();

test("normal initial values have the deviation, and the padding row is zero", () => {
  const values = normalInit(0.02, 3)([500, 40], "embeddings", 1);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  assert.ok(Math.abs(deviation - 0.02) < 0.0004, `${deviation}`);
  assert.ok(values.subarray(3 * 40, 4 * 40).every((value) => value === 0));
});

test("initial values follow from seed and name alone", () => {
  const draw = (name: string, seed: number) => normalInit(1)([4], name, seed);
  assert.equal(draw("a", 1), draw("a", 1));
  assert.not.equal(draw("a", 1), draw("b", 1));
  assert.not.equal(draw("a", 1), draw("a", 2));
});

test("kaiming-uniform stays within 1/√in and fills the range", () => {
  const values = kaimingUniformInit([64, 25], "lora_A", 0);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.ok(largest <= 0.2 && largest > 0.195, `${largest}`);
});

test("activations by configuration name", async () => {
  const at = async (name: string) => Array.from(await activation(name)(tensor(backend, [-2, 0.5])).read());
  const close = (found: number[], wanted: number[]) =>
    found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-6, `${value} for ${wanted[i]}`));
  close(await at("ReLU"), [0, 0.5]);
  close(await at("gelu"), [-0.04550026, 0.34573123]);
  close(await at("gelu_new"), [-0.04540231, 0.34571401]);
  close(await at("swish"), [-0.23840584, 0.31122967]);
  close(await at("leakyrelu"), [-0.02, 0.5]);
  assert.throws(() => activation("softplus"), /"softplus" is not known; use one of relu, gelu/);
});

test("a dropout site has one mask for each step; a later row has its part of it", async () => {
  const ones = full(backend, [4, 104], 1);
  const mask = async (step: number, site: number, firstRow?: number, seed = 1) =>
    Array.from(await new Dropout({ seed, step, firstRow }).apply(ones, 0.25, site).read());
  const first = await mask(0, 5);
  const kept = first.filter((value) => value > 0);
  assert.ok(kept.length > 270 && kept.length < 354, `${kept.length} of 416 kept`);
  assert.ok(kept.every((value) => Math.abs(value - 1 / 0.75) < 1e-12));
  assert.equal(await mask(0, 5), first);
  for (const other of [await mask(1, 5), await mask(0, 6), await mask(0, 5, 1), await mask(0, 5, 0, 2)]) {
    assert.not.equal(other, first);
  }
  assert.equal((await mask(0, 5, 1)).slice(0, 312), first.slice(104));
  assert.throws(
    () => new Dropout({ seed: 1, step: 0, firstRow: 3 }).apply(full(backend, [2, 5], 1), 0.25, 5),
    /15 elements lie before row 3, which is no multiple of 8; cut the batch at multiples of 8 rows/,
  );
  assert.is(new Dropout().apply(ones, 0.25, 5), ones);
  assert.equal(new Dropout().options(0.25, 5, 8), {});
});

const makeStore = () => {
  const store = new ParameterStore(backend, 0);
  store.create("a.weight", [2, 3], onesInit);
  store.create("a.bias", [2], zerosInit);
  return store;
};

const state = (entries: Record<string, number[]>): State =>
  new Map(
    Object.entries(entries).map(([name, shape]) => [
      name,
      { shape, data: new Float32Array(shape.reduce((p, c) => p * c, 1)).fill(7) },
    ]),
  );

test("loading names missing, unknown and mis-shaped entries and then changes nothing", async () => {
  const store = makeStore();
  assert.throws(() => store.load(state({ "a.weight": [2, 3] })), /missing a\.bias/);
  assert.throws(
    () => store.load(state({ "a.weight": [2, 3], "a.bias": [2], "b": [1] })),
    /nothing here is named b/,
  );
  assert.throws(
    () => store.load(state({ "a.weight": [3, 2], "a.bias": [2] })),
    /a\.weight \[3,2\], wanted \[2,3\]; check that config\.json/,
  );
  assert.equal(Array.from(await store.get("a.bias").read()), [0, 0]);
  const report = store.load(state({ "a.weight": [2, 3], "b": [1] }), { missing: "keep", extra: "ignore" });
  assert.equal(report, { loaded: ["a.weight"], missing: ["a.bias"], extra: ["b"] });
  assert.equal(Array.from(await store.get("a.weight").read()), [7, 7, 7, 7, 7, 7]);
  store.dispose();
});

test("a name is used once, and removal frees its memory", () => {
  const before = backend.memory().liveBuffers;
  const store = makeStore();
  assert.throws(() => store.create("a.bias", [2], zerosInit), /a\.bias exists already/);
  assert.throws(() => store.get("c"), /parameter c does not exist/);
  store.remove((name) => name === "a.bias");
  assert.equal([...store.all.keys()], ["a.weight"]);
  store.dispose();
  assert.is(backend.memory().liveBuffers, before);
});

test.run();
