// Every kernel on every backend against the float64 reference, from one list of cases; prints the largest differences.
// It leaves compositions and gradients of operations to ops.test.ts, and the reference itself to unit/reference.test.ts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, HostArray } from "../../core/backends/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { openBackends } from "./backends.ts";
import { cases, type KernelCase } from "./cases/mod.ts";
import { type Outcome, run } from "./run_case.ts";

const test = suite("kernels");

/** Largest difference relative to the largest magnitude of the reference's array. */
function compare(name: string, each: KernelCase, wanted: HostArray, got: HostArray): number {
  assert.is(got.length, wanted.length, `${name}: length`);
  const isInput = name in each.inputs && !each.changes?.includes(name);
  let magnitude = 0;
  for (const value of wanted) if (Number.isFinite(value)) magnitude = Math.max(magnitude, Math.abs(value));
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const reference = wanted[i];
    const value = got[i];
    if (each.undefinedWhereInfinite === name && !Number.isFinite(reference)) continue;
    if (reference === value || (Number.isNaN(reference) && Number.isNaN(value))) continue;
    const where = `${name}[${i}]: ${value}, reference ${reference}`;
    if (isInput) assert.unreachable(`an input was changed: ${where}`);
    if (!Number.isFinite(value) || !Number.isFinite(reference)) assert.unreachable(where);
    if (each.sameZeros) assert.is(value === 0, reference === 0, `the zeros differ at ${where}`);
    const difference = Math.abs(value - reference) / (magnitude || 1);
    if (difference > (each.tolerance ?? 1e-5)) {
      assert.unreachable(`${where}: ${difference.toExponential(2)} of the largest magnitude ${magnitude}`);
    }
    worst = Math.max(worst, difference);
  }
  return worst;
}

const reference = createReferenceBackend();
const expected = new Map<KernelCase, Promise<Outcome>>();
const { backends, notes } = await openBackends();
const worst = new Map<string, Map<string, number>>();

test("every kernel of the contract has a case, and every backend has every kernel", () => {
  const covered = new Set(cases.map((each) => each.kernel as string));
  for (const kernel of Object.keys(reference.kernels)) {
    assert.ok(covered.has(kernel), `no case for the kernel ${kernel}`);
    for (const { label, backend } of backends) {
      assert.type(
        backend.kernels[kernel as keyof Backend["kernels"]],
        "function",
        `${label} lacks ${kernel}`,
      );
    }
  }
});

test("the embedded default can be opened with and without relaxed SIMD", () => {
  for (const label of ["wasm", "wasm-plain"]) {
    assert.ok(backends.some((each) => each.label === label), `${label} is missing: ${notes.join("; ")}`);
  }
});

for (const { label, backend } of backends) {
  for (const each of cases) {
    test(`${label}: ${each.kernel}: ${each.name}`, async () => {
      if (!expected.has(each)) expected.set(each, run(reference, each));
      const wanted = await expected.get(each)!;
      const got = await run(backend, each);
      const row = worst.get(each.kernel) ?? new Map<string, number>();
      worst.set(each.kernel, row);
      for (const [name, values] of wanted) {
        const difference = compare(name, each, values, got.get(name)!);
        row.set(label, Math.max(row.get(label) ?? 0, difference));
      }
    });
  }

  test(`${label}: the same case twice gives the same bits`, async () => {
    for (const each of cases.filter((one) => one.heavy)) {
      const [first, second] = [await run(backend, each), await run(backend, each)];
      for (const [name, values] of first) {
        if (name in each.outputs) assert.equal(second.get(name), values, `${each.kernel}: ${name}`);
      }
    }
  });

  test(`${label}: all buffers of these cases went back`, () => {
    assert.is(backend.memory().liveBuffers, 0);
  });
}

test("two threads of wasm give the bits of one", async () => {
  const [one, two] = ["wasm", "wasm-2"].map((name) => backends.find(({ label }) => label === name)!.backend);
  for (const each of cases) {
    const [first, second] = [await run(one!, each), await run(two!, each)];
    for (const [name, values] of first) {
      if (name in each.outputs) assert.equal(second.get(name), values, `${each.kernel}: ${name}`);
    }
  }
});

test.after(() => {
  for (const note of notes) console.log(`note: ${note}`);
  const labels = backends.map((each) => each.label);
  for (const { label, backend } of backends) console.log(`${label}: ${backend.description}`);
  console.log("largest difference, relative to the largest magnitude of the reference");
  console.log(["kernel".padEnd(24), ...labels.map((label) => label.padStart(11))].join(" "));
  for (const [kernel, row] of worst) {
    const cells = labels.map((label) => (row.get(label)?.toExponential(1) ?? "failed").padStart(11));
    console.log([kernel.padEnd(24), ...cells].join(" "));
  }
  for (const { backend } of backends) backend.dispose();
});

test.run();
