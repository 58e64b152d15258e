// Promises: equal specifications have equal ids, any change of a field changes the id, and a wrong field is named.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { canonicalJson, parseSpec, runId, type RunSpec, SpecError } from "../../repro/spec/mod.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("run specification");

function message(value: unknown): string {
  try {
    parseSpec(value);
  } catch (error) {
    assert.instance(error, SpecError);
    return (error as Error).message;
  }
  return "";
}

test("the order of the fields does not matter, every value does", async () => {
  const first = spec();
  const reversed = Object.fromEntries(Object.entries(first).reverse()) as RunSpec;
  assert.is(await runId(first), await runId(reversed));
  assert.match(await runId(first), /^[0-9a-f]{16}$/);
  const changed: Partial<RunSpec>[] = [
    { seed: 2 },
    { method: "fun" },
    { backend: "webgpu" },
    { fidelity: "paper" },
    { dataRevision: "d2" },
    { numericsVersion: 2 },
    { mutant: "no-language-swap" },
    { hyperparameters: { ...first.hyperparameters, learningRate: 4e-4 } },
    { evaluate: { xnli: ["en", "ar"] } },
  ];
  const ids = new Set([await runId(first)]);
  for (const change of changed) ids.add(await runId(spec(change)));
  assert.is(ids.size, changed.length + 1);
});

test("the id is stable: it names folders that were made long ago", async () => {
  assert.is(await runId(spec()), "100181c4e3071744");
});

test("an undefined field is no field", async () => {
  assert.is(await runId(spec({ mutant: undefined })), await runId(spec()));
});

test("canonical JSON reads back as the same value", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const plain = JSON.parse(JSON.stringify(value));
    assert.equal(JSON.parse(canonicalJson(plain)), plain);
  }));
  assert.throws(() => canonicalJson({ a: [1, NaN] }), /value\.a\[1\] is NaN/);
});

test("an unknown field is an error that names the valid ones", () => {
  assert.match(message({ ...spec(), sede: 1 }), /unknown field sede; the fields are format, scale, model/);
  const nested = { ...spec(), hyperparameters: { ...spec().hyperparameters, warmup: 3 } };
  assert.match(message(nested), /unknown field warmup in hyperparameters; the fields are steps, epochs/);
});

test("a wrong value is an error with the path, the value and what is wanted", () => {
  assert.match(message({ ...spec(), scale: "huge" }), /scale is "huge": choose one of tiny, low-data, paper/);
  assert.match(message({ ...spec(), method: "gradual" }), /method is "gradual": choose standard, gu/);
  assert.match(message({ ...spec(), seed: 1.5 }), /seed is 1\.5/);
  assert.match(message({ ...spec(), evaluate: { xnli: ["English"] } }), /evaluate\.xnli\.0 is "English"/);
  assert.match(message({ ...spec(), model: undefined }), /model is absent/);
  const both = { ...spec(), hyperparameters: { ...spec().hyperparameters, epochs: 2 } };
  assert.match(message(both), /exactly one of steps and epochs/);
});

test("fixed schedules are accepted as methods", () => {
  assert.is(parseSpec(spec({ method: "schedule:10,9,8" })).method, "schedule:10,9,8");
  assert.match(message(spec({ method: "schedule:" })), /method is "schedule:"/);
});

test.run();
