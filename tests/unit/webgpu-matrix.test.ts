// Subgroup matrices compute the right product and the right attention: the shaders' own text runs on a driver that has no such
// matrices, with each matrix operation replaced by loops and f16 by f32. What remains is where blocks are put and read, what is
// masked, dropped or out of bounds, and what is written. That real matrices compute a product is a tuning's to check, on the device.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openRecorder } from "../../core/backends/webgpu/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { attentionKernels } from "../../core/backends/webgpu/kernels/attention.ts";
import {
  type MatrixAttention,
  matrixAttention,
} from "../../core/backends/webgpu/kernels/attention-matrix.ts";
import { matmulKernels, type MatmulTile } from "../../core/backends/webgpu/kernels/matmul.ts";
import { type MatrixShape, matrixTiles } from "../../core/backends/webgpu/kernels/matmul-matrix.ts";
import type { AttentionHead } from "../../core/backends/webgpu/kernels/attention-text.ts";
import { own } from "../../core/backends/webgpu/kernels/windows.ts";
import { tryAttention } from "../../core/backends/webgpu/tune-attention.ts";
import type { Backend, DeviceBuffer, DType } from "../../core/backends/backend.ts";
import type { KernelSet } from "../../core/backends/kernels.ts";
import { streamKey, uniform } from "../../core/random.ts";
import { emulated } from "../fakes/matrices.ts";
import { type ProductDevice, productError } from "../fakes/product.ts";
import { testAdapter } from "../fakes/webgpu.ts";

const test = suite("webgpu-matrix");
const { recorder } = await openRecorder({ adapter: await testAdapter(), isSoftware: false });
test.after(() => recorder.dispose());

/** The tile without matrices, under a name of its own: programs are kept by name. */
const emulatedTile = (tile: MatmulTile, shape: MatrixShape): MatmulTile => ({
  ...tile,
  name: `${tile.name}-${shape.m}x${shape.n}x${shape.k}`,
  extensions: [],
  roundsOperands: false,
  body: (variant) => emulated(tile.body(variant), shape),
});

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
    const tile = emulatedTile(matrixTiles(shape, 16).find((each) => each.name === name)!, shape);
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
const sixteen = { m: 16, n: 16, k: 16, lanes: 32 };

type AttentionKernels = Pick<KernelSet, "attention" | "attentionGrad">;

/** The part of a backend that attention needs. */
interface AttentionDevice extends Pick<Backend, "allocate" | "read"> {
  write(buffer: DeviceBuffer, data: Float32Array | Int32Array): void;
}

function put(on: AttentionDevice, data: Float32Array | Int32Array): DeviceBuffer {
  const buffer = on.allocate(data.length, data instanceof Int32Array ? "i32" : "f32");
  on.write(buffer, data);
  return buffer;
}

/** Half the usual rows, as for the products; `change` makes it wrong. */
function emulatedAttention(
  shape: MatrixShape,
  headSize: number,
  change = (text: string) => text,
): MatrixAttention {
  const made = matrixAttention(shape, headSize, 32)!;
  const text = (of: (head: AttentionHead) => string) => (head: AttentionHead) =>
    emulated(change(of(head)), shape, "met");
  const { forward, queryGrad, keyGrad } = made;
  return {
    ...{ rows: made.rows, extensions: [] },
    ...{ forward: text(forward), queryGrad: text(queryGrad), keyGrad: text(keyGrad) },
  };
}

/** Largest difference of each result from the reference, as a part of its largest number; `padded` examples have no open key. */
async function attentionErrors(
  made: MatrixAttention,
  { batch, tokens, heads, headSize, dropout, padded }: Record<
    "batch" | "tokens" | "heads" | "headSize" | "dropout" | "padded",
    number
  >,
): Promise<Record<string, number>> {
  const length = batch * tokens * heads * headSize;
  const shape = {
    ...{ batch, tokens, heads, headSize, dropout },
    scale: 1 / Math.sqrt(headSize),
    random: streamKey(5, "dropout"),
  };
  const values = ["q", "k", "v", "dout"].map((name) => uniform(streamKey(3, name), length, -1, 1));
  const mask = Int32Array.from(
    { length: batch * tokens },
    (_, i) => i < padded * tokens || i % 7 === 3 ? 0 : 1,
  );
  const names = ["out", "logSumExp", "dq", "dk", "dv"];
  const compute = async (on: AttentionDevice, kernels: AttentionKernels) => {
    const [q, k, v, dout] = values.map((data) => put(on, data)), masked = put(on, mask);
    const [out, logSumExp, dq, dk, dv] = names.map((name) =>
      on.allocate(name === "logSumExp" ? batch * heads * tokens : length, "f32")
    );
    const all = { ...shape, q, k, v, mask: masked, out, logSumExp };
    kernels.attention(all);
    kernels.attentionGrad({ ...all, dout, dq, dk, dv });
    return await Promise.all([out, logSumExp, dq, dk, dv].map((each) => on.read(each)));
  };
  const device = {
    allocate: (count: number, dtype: DType) => recorder.pool.allocate(count, dtype),
    write: (buffer: DeviceBuffer, data: Float32Array | Int32Array) => recorder.write(own(buffer), data, 0),
    read: (buffer: DeviceBuffer) => recorder.read(own(buffer)),
  };
  const reference = createReferenceBackend();
  const wanted = await compute(reference, reference.kernels);
  const got = await compute(device, attentionKernels(recorder, () => made));
  return Object.fromEntries(names.map((name, i) => {
    let worst = 0, largest = 0;
    for (const [j, value] of [...wanted[i]].entries()) {
      // Of a query without an open key the reference has minus infinity and the device the lowest number.
      if (value === -Infinity) assert.ok(got[i][j] < -1e38, `${name}[${j}] is ${got[i][j]}`);
      else {
        const error = Math.abs(value - got[i][j]);
        worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
        largest = Math.max(largest, Math.abs(value));
      }
    }
    return [name, worst / largest];
  }));
}

// Token counts end within a block and within the owned rows; with one token more than a block a part of both is empty.
const attentions = [
  { shape: sixteen, batch: 2, tokens: 70, heads: 2, headSize: 48, dropout: 0.3, padded: 1 },
  {
    shape: { m: 8, n: 8, k: 8, lanes: 32 },
    ...{ batch: 1, tokens: 33, heads: 3, headSize: 32, dropout: 0, padded: 0 },
  },
];
for (const { shape, ...problem } of attentions) {
  test(`attention of ${shape.m}×${shape.n}×${shape.k}, ${JSON.stringify(problem)}: all results`, async () => {
    const errors = await attentionErrors(emulatedAttention(shape, problem.headSize), problem);
    for (const [name, error] of Object.entries(errors)) assert.ok(error < 3e-6, `${name}: off by ${error}`);
  });
}

test("a form of attention that computes something else is found out and not timed", async () => {
  const right = emulatedAttention(sixteen, 32);
  // The last block of keys is left out, where 40 tokens have two.
  const wrong = emulatedAttention(
    sixteen,
    32,
    (text) => text.replaceAll("first < p.tokens; first", "first + 32u <= p.tokens; first"),
  );
  const form = (name: string, made: MatrixAttention) => ({ name, matrices: () => made, rounds: true });
  const problem = { batch: 1, tokens: 40, heads: 2, headSize: 32 };
  let now = 0;
  const once = () => now += 1000;
  const [first] = await tryAttention(recorder, [form("right", right)], problem, once);
  assert.ok(first.error < 3e-6 && first.milliseconds !== null, `off by ${first.error}`);
  // Programs are kept by name, so another recorder makes them anew.
  const other = await openRecorder({ adapter: await testAdapter(), isSoftware: false });
  const [second] = await tryAttention(other.recorder, [form("wrong", wrong)], problem, once);
  other.recorder.dispose();
  assert.ok(second.error > 0.01 && second.milliseconds === null, `off by ${second.error}`);
});

test("heads that matrices do not divide, or that are too wide, are not offered", () => {
  for (const headSize of [16, 36, 128]) assert.is(matrixAttention(sixteen, headSize), null);
  assert.is(matrixAttention({ m: 32, n: 8, k: 16, lanes: 32 }, 64), null);
  assert.is.not(matrixAttention({ m: 16, n: 8, k: 16, lanes: 32 }, 64), null);
});
test.run();
