// Shaders that no driver of this gate can run (f16, subgroup matrices, other subgroup sizes) at least compile: Dawn's null
// backend validates them. That they compute the right thing is unit/webgpu-tune.test.ts's, on devices that have the features.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { create } from "webgpu";
import { attentionProgram } from "../../core/backends/webgpu/kernels/attention.ts";
import { matrixAttention } from "../../core/backends/webgpu/kernels/attention-matrix.ts";
import {
  type MatmulProblem,
  matmulProgram,
  type MatmulTile,
} from "../../core/backends/webgpu/kernels/matmul.ts";
import { matrixTileBytes, matrixTiles } from "../../core/backends/webgpu/kernels/matmul-matrix.ts";
import { registerTiles } from "../../core/backends/webgpu/kernels/matmul-register.ts";
import { sharedTiles } from "../../core/backends/webgpu/kernels/matmul-shared.ts";
import { subgroupTiles } from "../../core/backends/webgpu/kernels/matmul-subgroup.ts";
import { vectorTiles } from "../../core/backends/webgpu/kernels/matmul-vector.ts";
import { type Program, shaderText } from "../../core/backends/webgpu/program.ts";

const test = suite("webgpu-shaders");

// Held until the end (see test.after): Dawn crashes when what create() returned is collected.
const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
const adapter = (await gpu.requestAdapter())!;
const matrixFeature = "chromium-experimental-subgroup-matrix" as GPUFeatureName;
const sizeFeature = "subgroup-size-control" as GPUFeatureName;
const requiredFeatures = ["shader-f16" as const, "subgroups" as const, matrixFeature, sizeFeature];
const device = await adapter.requestDevice({ requiredFeatures });

/** What Dawn says against a program; "" when it compiles. */
async function complaint(program: Program): Promise<string> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code: shaderText(program) });
  device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const message = (await device.popErrorScope())?.message ?? "";
  // The null device has no more than 16 KiB of workgroup memory; a device with subgroup matrices must have matrixTileBytes.
  const storage = /total use of workgroup storage \((\d+) bytes\)/.exec(message);
  return storage !== null && Number(storage[1]) <= matrixTileBytes ? "" : message;
}

const families: Record<string, MatmulTile[]> = {
  vector: vectorTiles.all,
  shared: sharedTiles.all,
  register: registerTiles.all,
  "subgroups of 4": subgroupTiles(4).all,
  "subgroups of 8": subgroupTiles(8).all,
  "subgroups of 32": subgroupTiles(32).all,
  "matrices 16×16×16": matrixTiles({ m: 16, n: 16, k: 16, lanes: 32 }),
  "matrices 16×16×16, subgroups of several sizes": matrixTiles({
    m: 16,
    n: 16,
    k: 16,
    lanes: 32,
    asksForSize: true,
  }),
  "matrices 8×8×8": matrixTiles({ m: 8, n: 8, k: 8, lanes: 32 }),
};

/** bias, accumulate, halfB, gelu, before */
const modes = [
  [false, false, true, false, false],
  [true, false, false, true, true],
  [true, false, true, true, false],
  [false, true, true, false, false],
];

for (const [family, tiles] of Object.entries(families)) {
  test(`every variant of ${family} compiles`, async () => {
    assert.ok(tiles.length > 0);
    for (const tile of tiles) {
      let count = 0;
      for (const transpose of [0, 1, 2, 3]) {
        for (const isAligned of [true, false]) {
          const [transposeA, transposeB] = [transpose % 2 === 1, transpose > 1];
          const size = isAligned ? 64 : 62;
          const problem: MatmulProblem = {
            ...{ batch: 1, m: size, n: size, k: size, transposeA, transposeB },
            ...{ alignedA: isAligned, alignedB: isAligned },
          };
          const reads = tile.reads(problem);
          if (reads === null) continue;
          for (const [bias, accumulate, halfB, gelu, before] of modes) {
            const variant = { transposeA, transposeB, bias, accumulate, halfB, gelu, before, ...reads };
            const text = await complaint(matmulProgram("tile", tile, variant));
            assert.is(text, "", `${tile.name} ${JSON.stringify(variant)}`);
            count++;
          }
        }
      }
      assert.ok(count >= 12, `${tile.name}: only ${count} variants fit`);
    }
  });
}

for (
  const [m, n, k, asksForSize] of [[16, 16, 16, true], [16, 16, 16, false], [16, 8, 16, false], [
    8,
    8,
    8,
    false,
  ]] as const
) {
  test(`attention on matrices of ${m}×${n}×${k} compiles${asksForSize ? ", where the size is asked for" : ""}`, async () => {
    for (const headSize of [32, 48, 64]) {
      const made = matrixAttention({ m, n, k, lanes: 32, asksForSize }, headSize)!;
      for (const masked of [false, true]) {
        for (const dropped of [false, true]) {
          const head = { headSize, masked, dropped };
          for (const shader of ["forward", "queryGrad", "keyGrad"] as const) {
            const form = { name: "matrices/", extensions: made.extensions, body: made[shader](head) };
            const text = await complaint(attentionProgram(shader, head, form));
            assert.is(text, "", `${shader} ${JSON.stringify(head)}`);
          }
        }
      }
    }
  });
}

test("the check notices what does not compile", async () => {
  const [tile] = families["matrices 16×16×16"];
  const variant = {
    ...{
      transposeA: false,
      transposeB: false,
      bias: false,
      accumulate: false,
      halfB: false,
      gelu: false,
      before: false,
    },
    ...{ vectorA: false, vectorB: false, vectorOut: false },
  };
  const program = matmulProgram("tile", tile, variant);
  assert.match(await complaint({ ...program, extensions: ["f16"] }), /subgroup_matrix/);
});

test("matrices that do not divide a tile are not offered", () => {
  assert.equal(matrixTiles({ m: 24, n: 16, k: 16, lanes: 32 }), []);
});

test.after(() => {
  device.destroy();
  assert.ok(gpu);
});
test.run();
