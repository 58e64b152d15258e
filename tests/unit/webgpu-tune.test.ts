// Choosing tiles by measuring them, and weights in half precision: wrong tiles are never chosen, a choice changes no result
// beyond rounding, packed weights are what rounding to f16 gives. Speed itself is bench/'s.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, DeviceBuffer } from "../../core/backends/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { roundToHalf } from "../../core/backends/reference/half.ts";
import { openRecorder } from "../../core/backends/webgpu/backend.ts";
import { problemKey } from "../../core/backends/webgpu/kernels/matmul-choice.ts";
import { vectorTiles } from "../../core/backends/webgpu/kernels/matmul-vector.ts";
import { encoderProducts, tryTiles, type TuneProblem, tuneWebgpu } from "../../core/backends/webgpu/tune.ts";
import { streamKey, uniform } from "../../core/random.ts";
import { testAdapter, testWebgpuBackend } from "../fakes/webgpu.ts";

const test = suite("webgpu-tune");
const hasHalf = (await testAdapter()).features.has("shader-f16");
const reference = createReferenceBackend();

const small: TuneProblem[] = [
  { batch: 1, m: 70, n: 40, k: 24, transposeA: false, transposeB: true },
  { batch: 1, m: 70, n: 24, k: 40, transposeA: false, transposeB: false },
  { batch: 1, m: 40, n: 24, k: 70, transposeA: true, transposeB: false },
  { batch: 3, m: 9, n: 7, k: 5, transposeA: false, transposeB: false },
];

const values = (length: number, purpose: string) => uniform(streamKey(7, purpose), length, -1, 1);

function put(on: Backend, data: Float32Array): DeviceBuffer {
  const buffer = on.allocate(data.length, "f32");
  on.write(buffer, data);
  return buffer;
}

async function product(on: Backend, problem: TuneProblem, packB = false): Promise<ArrayLike<number>> {
  const { batch, m, n, k } = problem;
  const a = put(on, values(batch * m * k, "a"));
  const whole = put(on, values(batch * k * n, "b"));
  const b = packB ? on.pack!(whole) : whole;
  const out = on.allocate(batch * m * n, "f32");
  on.kernels.matmul({ ...problem, a, b, out, strideA: m * k, strideB: k * n, accumulate: false });
  const result = await on.read(out);
  for (const each of new Set([a, b, whole, out])) on.free(each);
  return result;
}

function difference(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < y.length; i++) worst = Math.max(worst, Math.abs(x[i] - y[i]));
  return worst;
}

test("every candidate is checked, timed and among them one is chosen; no two products share a key", async () => {
  let now = 0;
  const { products, choices } = await tuneWebgpu(
    { adapter: await testAdapter() },
    { products: small },
    () => now++,
  );
  assert.is(products.length, small.length);
  assert.is(Object.keys(choices).length, small.length);
  for (const { tried, chosen, fixed } of products) {
    assert.ok(tried.length >= 3, `${tried.length} candidates`);
    for (const each of tried) assert.ok(each.milliseconds !== null, `${each.tile} is wrong by ${each.error}`);
    assert.ok(tried.some((each) => each.tile === fixed));
    // The clock of this test runs alike for all, so nothing is worth a change.
    assert.is(chosen, fixed);
  }
});

test("tiles that read by fours are right beyond their borders, in all transpositions and with a cut depth", async () => {
  const { recorder } = await openRecorder({ adapter: await testAdapter() });
  let now = 0;
  // So slow by this clock that once is enough.
  const clock = () => now += 1000;
  for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false], [true, true]]) {
    // One tile and a bit each way; the depth is no whole number of blocks, and along rows not even of vectors.
    const k = transposeA && !transposeB ? 21 : 20;
    const problem = { batch: 2, m: 132, n: 140, k, transposeA, transposeB, alignedA: true, alignedB: true };
    // All sizes of tile in one form, one size in every form: a software driver compiles each for seconds.
    const tiles = transposeB && !transposeA ? vectorTiles.all : vectorTiles.all.slice(-1);
    for (const tile of tiles) assert.ok(tile.reads(problem) !== null, tile.name);
    for (const { tile, error, milliseconds } of await tryTiles(recorder, tiles, problem, clock)) {
      assert.ok(milliseconds !== null, `${tile}, ${transposeA} ${transposeB}: wrong by ${error}`);
    }
  }
  recorder.dispose();
});

test("a GPU reads by fours where it can, in the largest tile that keeps it busy", () => {
  const problem = { batch: 1, transposeA: false, transposeB: true, alignedA: true, alignedB: true };
  const chosen = (m: number, n: number, k: number, alignedA = true) =>
    vectorTiles.choose({ ...problem, m, n, k, alignedA })?.name;
  assert.is(chosen(12288, 768, 768), "vector128x128");
  assert.is(chosen(4096, 512, 768), "vector128x64");
  assert.is(chosen(1024, 64, 64), "vector64x64");
  assert.is(chosen(1024, 48, 768), "vector64x64");
  assert.is(chosen(1024, 16, 768), undefined);
  assert.is(chosen(1024, 66, 768), undefined);
  assert.is(chosen(1024, 64, 66, false), undefined);
});

test("a tile that computes something else is found out and not timed, one that leaves edges out too", async () => {
  const { recorder, tiles } = await openRecorder({ adapter: await testAdapter() });
  const problem = { ...small[0], alignedA: true, alignedB: true };
  const right = tiles.choose(problem);
  const broken = (name: string, change: (text: string) => string) => ({
    ...right,
    name,
    body: (variant: Parameters<typeof right.body>[0]) => {
      const text = right.body(variant);
      assert.is.not(change(text), text, `${name} is no change`);
      return change(text);
    },
  });
  const wrong = [
    broken("doubled", (text) => text.replaceAll("] = c", "] = 2.0 * c")),
    broken("no last rows", (text) => text.replaceAll("u < p.m)", "u < p.m - 3u)")),
  ];
  const tried = await tryTiles(recorder, [right, ...wrong], problem, () => performance.now());
  assert.equal(tried.map((each) => each.milliseconds === null), [false, true, true]);
  recorder.dispose();
});

test("a stored choice is used, changes rounding at most, and an unknown or unfit one is passed over", async () => {
  const problem = { ...small[0], alignedA: true, alignedB: true };
  const wanted = await product(reference, small[0]);
  for (const name of ["register4x4", "shared64x16", "no such tile"]) {
    const backend = await testWebgpuBackend({ choices: { [problemKey(problem)]: name } });
    assert.match(backend.description, /, tuned$/);
    assert.ok(difference(await product(backend, small[0]), wanted) < 1e-5, name);
    backend.dispose();
  }
});

test("the products of an encoder's step cover both directions of every map and the weights' gradients", () => {
  const shape = { rows: 64, hiddenSize: 16, intermediateSize: 32, bottlenecks: [4] };
  const forms = encoderProducts(shape).map((each) =>
    `${each.transposeA ? "T" : "N"}${each.transposeB ? "T" : "N"} ${each.m}×${each.n}×${each.k}`
  );
  for (
    const each of ["NT 64×32×16", "NT 64×16×32", "NN 64×16×32", "TN 32×16×64", "TN 4×16×64", "NN 64×4×16"]
  ) {
    assert.ok(forms.includes(each), `${each} is missing: ${forms}`);
  }
});

if (hasHalf) {
  test("packed weights are rounded to f16, and products with them are those of the rounded weights", async () => {
    const backend = await testWebgpuBackend({ frozenWeights: "f16" });
    for (const isSoftware of [undefined, false]) {
      const half = await testWebgpuBackend({ frozenWeights: "f16", isSoftware });
      for (const problem of small) {
        const { batch, m, n, k } = problem;
        const rounded = values(batch * k * n, "b").map(roundToHalf);
        const [a, b] = [put(reference, values(batch * m * k, "a")), put(reference, rounded)];
        const out = reference.allocate(batch * m * n, "f32");
        reference.kernels.matmul({
          ...{ ...problem, a, b, out, strideA: m * k, strideB: k * n, accumulate: false },
        });
        const error = difference(await product(half, problem, true), await reference.read(out));
        assert.ok(error < 1e-5, `${JSON.stringify(problem)}: ${error}`);
      }
      half.dispose();
    }
    const x = values(1001, "x");
    const [whole, again] = [put(backend, x), values(1001, "y")];
    const packed = backend.pack!(whole);
    assert.equal([...await backend.read(packed)], [...x.map(roundToHalf)]);
    backend.write(packed, again);
    const unpacked = backend.unpack!(packed);
    assert.equal([...await backend.read(unpacked)], [...again.map(roundToHalf)]);
    assert.throws(
      () => backend.kernels.addTo({ x: packed, out: whole, length: 4, scale: 1 }),
      /matrix products alone/,
    );
    for (const each of [whole, packed, unpacked]) backend.free(each);
    assert.is(backend.memory().liveBuffers, 0);
    backend.dispose();
  });
} else {
  console.log("note: f16 storage was not computed with: this driver has no shader-f16 (lavapipe has)");
  test("half precision is refused where the device has none", async () => {
    let message = "";
    await testWebgpuBackend({ frozenWeights: "f16" }).catch((error: Error) => message = error.message);
    assert.match(message, /no shader-f16/);
  });
}

test.run();
