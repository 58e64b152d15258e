// Checks the judge itself: the error function against published values, its strictness, and gradients by finite differences.
// It leaves comparing backends to tests/backend/kernels.test.ts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { erf, erfc, normalDistribution } from "../../core/backends/reference/erf.ts";
import { roundToHalf } from "../../core/backends/reference/half.ts";
import { normal, streamKey } from "../../core/random.ts";
import type { DeviceBuffer } from "../../core/backends/backend.ts";

const test = suite("reference");
const backend = createReferenceBackend();
const kernels = backend.kernels;

function f32(values: ArrayLike<number>): DeviceBuffer {
  const buffer = backend.allocate(values.length, "f32");
  backend.write(buffer, Float64Array.from(values));
  return buffer;
}

function i32(values: ArrayLike<number>): DeviceBuffer {
  const buffer = backend.allocate(values.length, "i32");
  backend.write(buffer, Int32Array.from(values));
  return buffer;
}

const empty = (length: number) => backend.allocate(length, "f32");
const random = (length: number, step: number) => f32(normal(streamKey(1, "test", step), length));

test("erf and erfc agree with tabulated values to 1e-15", () => {
  const table: [number, number, number][] = [
    [0.001, 0.0011283787909692365, 0.9988716212090307],
    [0.1, 0.1124629160182849, 0.8875370839817152],
    [0.5, 0.5204998778130465, 0.4795001221869535],
    [1, 0.8427007929497149, 0.15729920705028513],
    [1.5, 0.9661051464753108, 0.033894853524689274],
    [2, 0.9953222650189527, 0.004677734981047265],
    [2.4999, 0.9995928300996666, 0.0004071699003334514],
    [2.5, 0.999593047982555, 0.0004069520174449589],
    [3, 0.9999779095030014, 2.2090496998585438e-5],
    [4, 0.9999999845827421, 1.541725790028002e-8],
    [5.5, 0.9999999999999927, 7.357847917974398e-15],
  ];
  for (const [x, value, complement] of table) {
    assert.ok(Math.abs(erf(x) - value) <= 1e-15 * value, `erf(${x}) = ${erf(x)}`);
    assert.is(erf(-x), -erf(x));
    // The complement of a small x is a difference from 1; that of a large x has its own relative accuracy.
    assert.ok(
      Math.abs(erfc(x) - complement) <= Math.max(4e-15 * complement, 1e-15),
      `erfc(${x}) = ${erfc(x)}`,
    );
  }
  assert.is(erf(Infinity), 1);
  assert.is(erf(0), 0);
  assert.ok(Math.abs(normalDistribution(-8) - 6.22096057427178e-16) < 1e-29);
});

test("roundToHalf: ties to even, subnormals, overflow", () => {
  assert.is(roundToHalf(1 + 2 ** -11), 1);
  assert.is(roundToHalf(1 + 3 * 2 ** -11), 1 + 2 ** -9);
  assert.is(roundToHalf(2 ** -25), 0);
  assert.is(roundToHalf(2 ** -24 * 1.5), 2 ** -23);
  assert.is(roundToHalf(65519), 65504);
  assert.is(roundToHalf(-65520), -Infinity);
  assert.is(roundToHalf(0.1), 0.0999755859375);
});

test("misuse is named: sizes, types, freed buffers, aliases, indices", () => {
  const four = f32([1, 2, 3, 4]);
  const out = empty(4);
  assert.throws(
    () => kernels.softmax({ x: four, out, rows: 2, cols: 3, log: false }),
    /softmax: x has 4 elements; the shape arguments ask for 6/,
  );
  assert.throws(
    () => kernels.softmax({ x: four, out: four, rows: 2, cols: 2, log: false }),
    /out is the same buffer as x/,
  );
  assert.throws(
    () => kernels.embedding({ table: four, indices: four, out, count: 4, rows: 2, width: 2 }),
    /i32/,
  );
  assert.throws(
    () => kernels.embedding({ table: four, indices: i32([0, 2]), out, count: 2, rows: 2, width: 2 }),
    /index 2 is outside the table of 2 rows/,
  );
  assert.throws(
    () =>
      kernels.stridedCopy({
        x: four,
        out,
        shape: [2, 2],
        xStrides: [3, 1],
        outStrides: [2, 1],
        xOffset: 0,
        outOffset: 1,
      }),
    /reaches element 4/,
  );
  assert.throws(
    () =>
      kernels.binary({
        operation: "add",
        a: four,
        b: four,
        out: four,
        shape: [2, 2],
        aStrides: [2, 1],
        bStrides: [1, 2],
      }),
    /broadcast or transposed/,
  );
  assert.throws(
    () =>
      kernels.dropout({
        x: four,
        out,
        length: 4,
        probability: 1,
        random: { k0: 0, k1: 0, c1: 0, c2: 0, c3: 0 },
      }),
    /0 ≤ p < 1/,
  );
  const gone = f32([1]);
  backend.free(gone);
  assert.throws(() => kernels.fill({ out: gone, length: 1, value: 0 }), /was freed/);
  assert.throws(() => backend.free(gone), /was freed/);
});

test("unwritten memory reads as NaN, so a forgotten write shows", async () => {
  const out = empty(1);
  kernels.sumSquares({ x: empty(3), out, rows: 1, cols: 3, accumulate: false });
  assert.ok(Number.isNaN((await backend.read(out))[0]));
});

test("memory counts what is alive", () => {
  const before = backend.memory();
  const buffer = backend.allocate(10, "f32");
  assert.is(backend.memory().liveBuffers, before.liveBuffers + 1);
  assert.is(backend.memory().liveBytes, before.liveBytes + 80);
  backend.free(buffer);
  assert.is(backend.memory().liveBuffers, before.liveBuffers);
});

/** Compares an analytic gradient with central differences of Σ weight · forward(x). */
async function checkGradient(
  x: DeviceBuffer,
  outLength: number,
  forward: (out: DeviceBuffer) => void,
  backward: (dy: DeviceBuffer, dx: DeviceBuffer) => void,
): Promise<void> {
  const weight = random(outLength, 99);
  const weights = await backend.read(weight);
  const dx = empty(x.length);
  const out = empty(outLength);
  forward(out);
  backward(weight, dx);
  const gradient = await backend.read(dx);
  const values = await backend.read(x) as Float64Array;
  const step = 1e-5;
  const total = async () => {
    forward(out);
    return (await backend.read(out) as Float64Array).reduce((sum, y, i) => sum + y * weights[i], 0);
  };
  for (let i = 0; i < values.length; i++) {
    const kept = values[i];
    backend.write(x, Float64Array.of(kept + step), i);
    const above = await total();
    backend.write(x, Float64Array.of(kept - step), i);
    const below = await total();
    backend.write(x, Float64Array.of(kept), i);
    const numeric = (above - below) / (2 * step);
    assert.ok(
      Math.abs(numeric - gradient[i]) < 1e-8,
      `element ${i}: ${gradient[i]}, by differences ${numeric}`,
    );
  }
}

for (
  const operation of [
    "neg",
    "abs",
    "exp",
    "log",
    "sqrt",
    "reciprocal",
    "square",
    "tanh",
    "sigmoid",
    "relu",
    "gelu",
  ] as const
) {
  test(`gradient of ${operation} by finite differences`, async () => {
    const positive = operation === "log" || operation === "sqrt" || operation === "reciprocal";
    const x = f32(Array.from(normal(streamKey(2, "test"), 12), (v) => positive ? 0.5 + Math.abs(v) : v));
    const y = empty(12);
    kernels.unary({ operation, x, out: y, length: 12 });
    await checkGradient(
      x,
      12,
      (out) => kernels.unary({ operation, x, out, length: 12 }),
      (dy, dx) => kernels.unaryGrad({ operation, x, y, dy, dx, length: 12 }),
    );
  });
}

for (const log of [false, true]) {
  test(`gradient of ${log ? "log-" : ""}softmax by finite differences`, async () => {
    const x = random(15, 3);
    const y = empty(15);
    kernels.softmax({ x, out: y, rows: 3, cols: 5, log });
    await checkGradient(
      x,
      15,
      (out) => kernels.softmax({ x, out, rows: 3, cols: 5, log }),
      (dy, dx) => kernels.softmaxGrad({ y, dy, dx, rows: 3, cols: 5, log }),
    );
  });
}

test("gradient of crossEntropy by finite differences, ignored rows zero", async () => {
  const logits = random(15, 4);
  const targets = i32([4, -100, 0]);
  await checkGradient(
    logits,
    3,
    (loss) => kernels.crossEntropy({ logits, targets, loss, rows: 3, cols: 5 }),
    (dloss, dlogits) => kernels.crossEntropyGrad({ logits, targets, dloss, dlogits, rows: 3, cols: 5 }),
  );
});

test("gradients of layerNorm by finite differences: input, gamma, beta", async () => {
  const rows = 3;
  const cols = 6;
  const [x, residual, gamma, beta] = [random(18, 5), random(18, 6), random(6, 7), random(6, 8)];
  const [mean, rstd, unused] = [empty(3), empty(3), empty(6)];
  const forward = (y: DeviceBuffer) =>
    kernels.layerNorm({ x, residual, gamma, beta, y, mean, rstd, rows, cols, epsilon: 1e-3 });
  const saved = { x, residual, mean, rstd, rows, cols };
  const byInput = (dy: DeviceBuffer, dx: DeviceBuffer) => kernels.layerNormGrad({ ...saved, gamma, dy, dx });
  await checkGradient(x, 18, forward, byInput);
  await checkGradient(residual, 18, forward, byInput);
  forward(empty(18));
  await checkGradient(
    gamma,
    18,
    forward,
    (dy, dgamma) => kernels.layerNormParameterGrad({ ...saved, dy, dgamma, dbeta: unused }),
  );
  await checkGradient(
    beta,
    18,
    forward,
    (dy, dbeta) => kernels.layerNormParameterGrad({ ...saved, dy, dgamma: unused, dbeta }),
  );
});

for (const dropout of [0, 0.3]) {
  test(`gradients of attention by finite differences, dropout ${dropout}, one row fully masked`, async () => {
    const shape = {
      batch: 3,
      tokens: 3,
      heads: 2,
      headSize: 2,
      scale: 0.7,
      dropout,
      random: streamKey(5, "dropout"),
    };
    const length = 3 * 3 * 2 * 2;
    const [q, k, v] = [random(length, 9), random(length, 10), random(length, 11)];
    const mask = i32([1, 1, 1, 1, 1, 0, 0, 0, 0]);
    const logSumExp = empty(18);
    const saved = empty(length);
    const forward = (out: DeviceBuffer) => kernels.attention({ ...shape, q, k, v, mask, out, logSumExp });
    forward(saved);
    assert.equal(
      [...(await backend.read(saved)).slice(24)],
      new Array(12).fill(0),
      "a masked example gives zeros",
    );
    for (const [name, x] of Object.entries({ dq: q, dk: k, dv: v })) {
      await checkGradient(x, length, forward, (dout, dx) => {
        const others = { dq: empty(length), dk: empty(length), dv: empty(length), [name]: dx };
        kernels.attentionGrad({ ...shape, q, k, v, mask, out: saved, logSumExp, dout, ...others });
      });
    }
  });
}

test("matmul: transposes, repeated matrices and accumulation agree with the definition", async () => {
  // [1 2; 3 4] · [5 6; 7 8] = [19 22; 43 50]
  const plain = f32([1, 2, 3, 4]);
  const turned = f32([1, 3, 2, 4]);
  const right = f32([5, 6, 7, 8]);
  const rightTurned = f32([5, 7, 6, 8]);
  const out = empty(4);
  const sizes = { batch: 1, m: 2, n: 2, k: 2, strideA: 0, strideB: 0 };
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      const a = transposeA ? turned : plain;
      const b = transposeB ? rightTurned : right;
      kernels.matmul({ ...sizes, a, b, out, transposeA, transposeB, accumulate: false });
      assert.equal([...await backend.read(out)], [19, 22, 43, 50]);
    }
  }
  const bias = f32([1, -1]);
  kernels.matmul({
    ...sizes,
    a: plain,
    b: right,
    bias,
    out,
    transposeA: false,
    transposeB: false,
    accumulate: false,
  });
  assert.equal([...await backend.read(out)], [20, 21, 44, 49]);
  kernels.matmul({
    ...sizes,
    a: plain,
    b: right,
    out,
    transposeA: false,
    transposeB: false,
    accumulate: true,
  });
  assert.equal([...await backend.read(out)], [39, 43, 87, 99]);
  const twice = empty(8);
  kernels.matmul({
    ...sizes,
    batch: 2,
    a: f32([1, 2, 3, 4, 0, 1, 1, 0]),
    b: right,
    out: twice,
    strideA: 4,
    transposeA: false,
    transposeB: false,
    accumulate: false,
  });
  assert.equal([...await backend.read(twice)], [19, 22, 43, 50, 7, 8, 5, 6]);
});

test("clipScale and adamw follow their formulas on a number done by hand", async () => {
  const normSquared = f32([25]);
  const scale = empty(1);
  kernels.clipScale({ normSquared, out: scale, maximum: 1 });
  const factor = 1 / (5 + 1e-6);
  assert.is((await backend.read(scale))[0], factor);
  const [parameter, gradient, firstMoment, secondMoment] = [f32([2]), f32([5]), f32([0.5]), f32([0.25])];
  kernels.adamw({
    parameter,
    gradient,
    firstMoment,
    secondMoment,
    gradientScale: scale,
    segments: i32([0, 1]),
    scalars: f32([0.1, 2, 0.99, 0.98]),
    count: 1,
    longest: 1,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
  });
  const g = 5 * factor;
  const m = 0.45 + 0.1 * g;
  const v = 0.2475 + 0.01 * g * g;
  const wanted = (2 * 0.99 - 0.1 * m / (Math.sqrt(v) * 2 + 1e-8)) * 0.98;
  assert.ok(Math.abs((await backend.read(parameter))[0] - wanted) < 1e-15);
  assert.ok(Math.abs((await backend.read(firstMoment))[0] - m) < 1e-15);
  assert.ok(Math.abs((await backend.read(secondMoment))[0] - v) < 1e-15);
});

test.run();
