// The tiles of subgroup matrices compute the right product: their own text runs on a driver that has no such matrices, with each
// matrix operation replaced by loops over workgroup memory and f16 by f32. What remains is where blocks are put and read, what is
// zero out of bounds, and what is written. That real matrices compute a product is a tuning's to check, on the device.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openRecorder } from "../../core/backends/webgpu/backend.ts";
import { matmulKernels, type MatmulTile } from "../../core/backends/webgpu/kernels/matmul.ts";
import { type MatrixShape, matrixTiles } from "../../core/backends/webgpu/kernels/matmul-matrix.ts";
import { own } from "../../core/backends/webgpu/kernels/windows.ts";
import { type ProductDevice, productError } from "../fakes/product.ts";
import { testAdapter } from "../fakes/webgpu.ts";

const test = suite("webgpu-matrix");
const { recorder } = await openRecorder({ adapter: await testAdapter(), isSoftware: false });
test.after(() => recorder.dispose());

/** A matrix operand is where it lies (offset, stride, 1 if by columns); a lane of a result holds every `lanes`-th element. */
function emulated(tile: MatmulTile, { m, n, k, lanes }: MatrixShape): MatmulTile {
  const held = m * n / lanes;
  const helpers = `
fn element(place: vec3u, row: u32, column: u32) -> u32 {
  return place.x + select(row * place.y + column, column * place.y + row, place.z == 1u);
}
fn multiply(a: vec3u, b: vec3u, c: array<f32, ${held}>, lane: u32) -> array<f32, ${held}> {
  var sums = c;
  for (var h = 0u; h < ${held}u; h++) {
    let at = h * ${lanes}u + lane % ${lanes}u;
    for (var i = 0u; i < ${k}u; i++) {
      sums[h] += aTile[element(a, at / ${n}u, i)] * bTile[element(b, i, at % ${n}u)];
    }
  }
  return sums;
}
fn write(place: u32, c: array<f32, ${held}>, stride: u32, lane: u32) {
  for (var h = 0u; h < ${held}u; h++) {
    let at = h * ${lanes}u + lane % ${lanes}u;
    results[place + at / ${n}u * stride + at % ${n}u] = c[h];
  }
}
`;
  return {
    ...tile,
    // Programs are kept by name.
    name: `${tile.name}-${m}x${n}x${k}`,
    extensions: [],
    roundsOperands: false,
    body: (variant) =>
      helpers + tile.body(variant)
        .replaceAll("f16", "f32")
        .replaceAll(/subgroup_matrix_result<[^>]*>\(\)/g, `array<f32, ${held}>()`)
        .replaceAll(
          /subgroupMatrixLoad<subgroup_matrix_\w+<f32, \d+, \d+>, (\w+)_major>\(&\w+, ([^;]*)\);/g,
          (_, order, place) => `vec3u(${place}, ${order === "col" ? "1u" : "0u"});`,
        )
        .replaceAll(/subgroupMatrixMultiplyAccumulate\(([^)]*)\)/g, "multiply($1, lane)")
        .replaceAll(/subgroupMatrixStore<row_major>\(&results, ([^)]*)\)/g, "write($1, lane)"),
  };
}

/** The recorder, computing every product with one tile. */
const deviceOf = (tile: MatmulTile): ProductDevice => ({
  put(data) {
    const buffer = recorder.pool.allocate(data.length, "f32");
    recorder.write(buffer, data, 0);
    return buffer;
  },
  matmul: matmulKernels(recorder, { candidates: () => [tile], choose: () => tile }).matmul,
  read: (buffer) => recorder.read(own(buffer)),
  free: (buffer) => recorder.pool.free(own(buffer)),
});

/** [m, n, k] by transposition: a driver on the CPU takes seconds to compile a variant. k = 528 is split among workgroups. */
const sizes = [[132, 72, 20], [20, 132, 36], [132, 4, 4], [36, 40, 528]];
const modes = ["plain", "bias", "accumulate"] as const;

const plans = [
  { shape: { m: 16, n: 16, k: 16, lanes: 32 }, tile: "matrix128x128", transpositions: [0, 3] },
  { shape: { m: 16, n: 16, k: 16, lanes: 32 }, tile: "matrix128x64", transpositions: [1, 2] },
  { shape: { m: 16, n: 16, k: 16, lanes: 32 }, tile: "matrix64x64", transpositions: [0, 1, 2, 3] },
  // A block is several of these matrices deep.
  { shape: { m: 8, n: 8, k: 8, lanes: 32 }, tile: "matrix64x64", transpositions: [0, 3] },
];

for (const { shape, tile: name, transpositions } of plans) {
  test(`${name} of ${shape.m}×${shape.n}×${shape.k}: transpositions, borders within tiles, split sums`, async () => {
    // Half the usual depth: f32 takes twice the workgroup memory.
    const tile = emulated(matrixTiles(shape, 16).find((each) => each.name === name)!, shape);
    for (const i of transpositions) {
      const [m, n, k] = sizes[i];
      const problem = { batch: 2, m, n, k, transposeA: i % 2 === 1, transposeB: i > 1, mode: modes[i % 3] };
      const error = await productError(deviceOf(tile), problem);
      assert.ok(error < 2e-5, `${JSON.stringify(problem)}: off by ${error}`);
    }
  });
}

test("every tile is among those that are checked", () => {
  const names = matrixTiles({ m: 16, n: 16, k: 16, lanes: 32 }).map((each) => each.name);
  assert.equal([...new Set(plans.map((each) => each.tile))].sort(), names.sort());
});
test.run();
