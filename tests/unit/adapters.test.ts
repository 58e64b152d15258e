// Adapters: the invertible block inverts, languages are swapped without touching the task, and names are AdapterHub's.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { adapterOf, Adapters, renameAdapter } from "../../core/adapters/adapters.ts";
import { adapterStack, Bottleneck } from "../../core/adapters/bottleneck.ts";
import { Invertible } from "../../core/adapters/invertible.ts";
import { Lora } from "../../core/adapters/lora.ts";
import { ParameterStore } from "../../core/nn/parameters.ts";
import { normal, streamKey } from "../../core/random.ts";
import { add, affine, scope, type Tensor, tensor } from "../../core/mod.ts";

const test = suite("adapters");
const backend = createReferenceBackend();
const draw = (shape: number[], name: string, deviation = 1) =>
  tensor(
    backend,
    normal(streamKey(1, "test", 0, name), shape.reduce((p, c) => p * c, 1), 0, deviation),
    shape,
  );
const shape = {
  prefix: "bert",
  hiddenSize: 8,
  layers: 3,
  layerName: (i: number) => `bert.encoder.layer.${i}`,
  names: { adapters: "output.adapters", query: "attention.self.query", value: "attention.self.value" },
};

async function difference(a: Tensor, b: Tensor): Promise<number> {
  const x = await a.read(), y = await b.read();
  let largest = 0;
  for (let i = 0; i < y.length; i++) largest = Math.max(largest, Math.abs(x[i] - y[i]));
  return largest;
}

for (const hiddenSize of [8, 9]) {
  test(`the invertible block and its inverse cancel, hidden size ${hiddenSize}`, async () => {
    const store = new ParameterStore(backend, 2);
    const block = new Invertible(store, "bert.invertible_adapters.en", hiddenSize, {
      reduction: 2,
      nonLinearity: "relu",
    });
    for (const each of block.parameters) each.write(normal(streamKey(2, "test", 0, each.name!), each.size));
    const x = draw([2, 3, hiddenSize], "x");
    const y = block.apply(x);
    assert.ok(await difference(x, y) > 0.1);
    assert.ok(await difference(block.invert(y), x) < 1e-12);
    assert.ok(await difference(block.apply(block.invert(x)), x) < 1e-12);
    store.dispose();
  });
}

test("the stack applies the norm before each adapter and at the end", async () => {
  const store = new ParameterStore(backend, 3);
  const config = { reduction: 2, nonLinearity: "relu" };
  const stack = ["en", "task"].map((name) => new Bottleneck(store, `l.adapters.${name}`, 8, config));
  for (const each of stack.flatMap((adapter) => adapter.parameters)) {
    each.write(normal(streamKey(3, "test", 0, each.name!), each.size));
  }
  const x = draw([1, 2, 8], "x"), a = draw([1, 2, 8], "a");
  // Any function will do for a norm; the order of its uses is what counts.
  let uses = 0;
  const norm = (value: Tensor, residual: Tensor) => (uses++, affine(add(value, residual), 0.5, 0.1));
  const [language, task] = stack;
  const y1 = add(language.apply(norm(x, a)), x);
  const y2 = add(task.apply(norm(y1, a)), y1);
  const expected = norm(y2, a);
  uses = 0;
  assert.ok(await difference(adapterStack(x, a, stack, norm), expected) < 1e-12);
  assert.is(uses, 3);
  uses = 0;
  adapterStack(x, a, [], norm);
  assert.is(uses, 1, "no adapters: the layer's own norm");
  uses = 0;
  const ablated = adapterStack(x, a, stack, norm, "first");
  assert.is(uses, 1);
  assert.ok(await difference(ablated, expected) > 0.1);
  store.dispose();
});

test("LoRA starts as the frozen projection and adds (alpha / r)·B·A·x", async () => {
  const store = new ParameterStore(backend, 4);
  const lora = new Lora(store, "q.loras.task", 4, { rank: 2, alpha: 6 });
  const x = draw([3, 4], "x"), projected = draw([3, 4], "p");
  assert.is(await difference(lora.apply(x, projected), projected), 0);
  lora.a.write(Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0));
  lora.b.write(Float64Array.of(1, 0, 0, 0, 0, 0, 0, 2));
  const found = await lora.apply(x, projected).read(), x0 = await x.read(), p = await projected.read();
  for (let row = 0; row < 3; row++) {
    const wanted = [3 * x0[4 * row], 0, 0, 6 * x0[4 * row + 1]].map((value, i) => value + p[4 * row + i]);
    wanted.forEach((value, i) => assert.ok(Math.abs(value - found[4 * row + i]) < 1e-12));
  }
  assert.throws(() => new Lora(store, "k", 4, { rank: 0, alpha: 8 }), /rank 0/);
  store.dispose();
});

test("several languages are resident and one is active; the task adapter stays", () => {
  const store = new ParameterStore(backend, 5);
  const adapters = new Adapters(store, shape, {
    languages: { en: {}, sw: { nonLinearity: "gelu", invertibleReduction: null, leaveOut: [2] } },
    task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" },
  });
  assert.is(adapters.language, "en");
  const task = adapters.stackOf(0)[1];
  assert.is(adapters.stackOf(0).length, 2);
  assert.ok(adapters.invertible);
  adapters.setLanguage("sw");
  assert.is(adapters.stackOf(0)[1], task);
  assert.equal(adapters.stackOf(2).length, 1, "layer 2 is left out of the language adapter");
  assert.is(adapters.invertible, undefined);
  assert.throws(() => adapters.setLanguage("fr"), /"fr" is not resident; there are: en, sw/);
  assert.throws(() => adapters.addLanguage("en"), /already there/);
  adapters.removeLanguage("sw");
  assert.is(adapters.language, null);
  assert.equal(adapters.stackOf(0), [task]);
  assert.not.ok([...store.all.keys()].some((name) => adapterOf(name) === "sw"));
  store.dispose();
});

test("a layer's group is its task adapter, or LoRA's query and value together", () => {
  const store = new ParameterStore(backend, 6);
  const names = (adapters: Adapters) =>
    adapters.taskGroups.map((group) => group.parameters.map((p) => p.name));
  const bottleneck = names(
    new Adapters(store, shape, { task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" } }),
  );
  assert.equal(bottleneck[1], [
    "bert.encoder.layer.1.output.adapters.task.adapter_down.0.weight",
    "bert.encoder.layer.1.output.adapters.task.adapter_down.0.bias",
    "bert.encoder.layer.1.output.adapters.task.adapter_up.weight",
    "bert.encoder.layer.1.output.adapters.task.adapter_up.bias",
  ]);
  const lora = names(new Adapters(store, shape, { task: { kind: "lora", name: "qa", rank: 2, alpha: 2 } }));
  assert.equal(lora[2], [
    "bert.encoder.layer.2.attention.self.query.loras.qa.lora_A",
    "bert.encoder.layer.2.attention.self.query.loras.qa.lora_B",
    "bert.encoder.layer.2.attention.self.value.loras.qa.lora_A",
    "bert.encoder.layer.2.attention.self.value.loras.qa.lora_B",
  ]);
  store.dispose();
});

test("names of adapters in parameters", () => {
  assert.is(adapterOf("bert.encoder.layer.0.output.adapters.en.adapter_up.weight"), "en");
  assert.is(adapterOf("roberta.invertible_adapters.sw.F.0.weight"), "sw");
  assert.is(adapterOf("bert.encoder.layer.0.output.dense.weight"), null);
  assert.is(
    renameAdapter("roberta.invertible_adapters.sw.F.0.weight", "en"),
    "roberta.invertible_adapters.en.F.0.weight",
  );
});

test("adapters free their memory", () => {
  const before = backend.memory().liveBuffers;
  const store = new ParameterStore(backend, 7);
  const adapters = new Adapters(store, shape, { languages: { en: {} } });
  scope(() => void adapters.invertible!.apply(draw([1, 2, 8], "x")));
  store.dispose();
  assert.is(backend.memory().liveBuffers, before);
});

test.run();
