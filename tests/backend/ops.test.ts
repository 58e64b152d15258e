// Generated from each operation's own samples: gradients against central differences in float64, and the value and every
// gradient of each backend against the reference.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { allSamples } from "../../core/ops/samples.ts";
import type { OpSample, SampleInput } from "../../core/ops/sample.ts";
import { normal, streamKey } from "../../core/random.ts";
import { type Backend, mul, parameter, scope, sum, Tape, type Tensor, tensor } from "../../core/mod.ts";
import { sizeOf } from "../../core/shape.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { openBackends } from "./backends.ts";

const reference = await createReferenceBackend();
const { backends, notes } = await openBackends();
for (const note of notes) console.log(note);

function values(input: SampleInput, seed: number): number[] {
  if (Array.isArray(input.values)) return input.values;
  const drawn = [...normal(streamKey(seed, "samples", 0), sizeOf(input.shape))];
  if (input.values === "positive") return drawn.map((x) => 0.5 + Math.abs(x));
  if (input.values === "away") return drawn.map((x) => x + 0.2 * Math.sign(x));
  return drawn;
}

const differentiable = (input: SampleInput) => input.dtype !== "i32" && input.grad !== false;

interface Outcome {
  value: number[];
  gradients: (number[] | null)[];
}

/** Runs a sample; the scalar that is differentiated is the sum of the result times fixed random weights. */
async function run(
  backend: Backend,
  sample: OpSample,
  data: number[][],
  withGradient: boolean,
): Promise<Outcome> {
  const before = backend.memory().liveBuffers;
  const inputs: Tensor[] = sample.inputs.map((input, i) =>
    input.dtype === "i32"
      ? tensor(backend, Int32Array.from(data[i]), input.shape, "i32")
      : parameter(backend, data[i], input.shape, {
        trainable: withGradient && differentiable(input),
        name: `input ${i}`,
      })
  );
  const tape = new Tape();
  const value = scope(() => {
    if (!withGradient) return sample.run(...inputs);
    const [out, loss] = tape.run(() => {
      const out = sample.run(...inputs);
      const weights = tensor(backend, [...normal(streamKey(99, "weights", 0), out.size)], out.shape);
      return [out, sum(mul(out, weights))];
    });
    tape.backward(loss);
    return out;
  });
  const result: Outcome = { value: [...await value.read()], gradients: [] };
  for (const input of inputs) {
    result.gradients.push(input.grad === null ? null : [...await input.grad.read()]);
  }
  for (const each of [value, ...inputs]) {
    each.zeroGrad();
    each.dispose();
  }
  assert.is(backend.memory().liveBuffers, before, `${sample.name} leaves buffers behind on ${backend.name}`);
  return result;
}

async function weightedSum(sample: OpSample, data: number[][]): Promise<number> {
  const { value } = await run(reference, sample, data, false);
  const weights = normal(streamKey(99, "weights", 0), value.length);
  return value.reduce((total, each, i) => total + each * weights[i], 0);
}

/** Largest |a − b| relative to the largest |b| (at least 1e-3, so that tiny results are not compared digit by digit). */
function difference(a: readonly number[], b: readonly number[]): number {
  assert.is(a.length, b.length);
  const size = Math.max(1e-3, ...b.map(Math.abs));
  return Math.max(0, ...a.map((x, i) => x === b[i] ? 0 : Math.abs(x - b[i]) / size));
}

const gradients = suite("gradients against finite differences");
for (const sample of allSamples.filter((each) => !each.forwardOnly)) {
  gradients(sample.name, async () => {
    const data = sample.inputs.map((input, i) => values(input, i));
    const { gradients } = await run(reference, sample, data, true);
    for (const [i, input] of sample.inputs.entries()) {
      if (!differentiable(input)) {
        assert.is(gradients[i], null, `input ${i} is frozen or an index, yet has a gradient`);
        continue;
      }
      const found = gradients[i];
      assert.ok(found, `input ${i} has no gradient`);
      // Every element of small inputs, an even spread of about 60 of large ones.
      const step = Math.max(1, Math.floor(found!.length / 60));
      const expected: number[] = [], got: number[] = [];
      for (let j = 0; j < found!.length; j += step) {
        const h = 1e-5 * Math.max(1, Math.abs(data[i][j]));
        const moved = (by: number) => data.map((each, n) => n === i ? each.with(j, each[j] + by) : each);
        expected.push((await weightedSum(sample, moved(h)) - await weightedSum(sample, moved(-h))) / (2 * h));
        got.push(found![j]);
      }
      assert.ok(difference(got, expected) < 1e-7, `input ${i}: ${difference(got, expected)} relative`);
    }
  });
}
gradients.run();

for (const { label, backend } of backends) {
  const parity = suite(`${label} against the reference (${backend.description})`);
  const worst = { name: "", relative: 0 };
  for (const sample of allSamples) {
    parity(sample.name, async () => {
      const data = sample.inputs.map((input, i) =>
        values(input, i).map((x) => input.dtype === "i32" ? x : Math.fround(x))
      );
      const expected = await run(reference, sample, data, !sample.forwardOnly);
      const got = await run(backend, sample, data, !sample.forwardOnly);
      const compare = (what: string, a: number[] | null, b: number[] | null) => {
        assert.is(a === null, b === null, `${what}: only one backend has a gradient`);
        if (a === null || b === null) return;
        const relative = difference(a, b);
        if (relative > worst.relative) Object.assign(worst, { name: `${sample.name}, ${what}`, relative });
        assert.ok(relative < 1e-5, `${what}: ${relative} relative`);
      };
      compare("value", got.value, expected.value);
      sample.inputs.forEach((_, i) => compare(`gradient ${i}`, got.gradients[i], expected.gradients[i]));
    });
  }
  parity.after(() => {
    console.log(`  largest difference ${worst.relative.toExponential(1)} (${worst.name})`);
    backend.dispose();
  });
  parity.run();
}
