// The WebGPU backend's own promises on a software driver: its matrix products in both kinds of shader, memory that returns,
// order of writes and kernels, errors that surface. Parity of every kernel is backend/kernels.test.ts's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, DeviceBuffer } from "../../core/backends/backend.ts";
import { createWebgpuBackend } from "../../core/backends/webgpu/backend.ts";
import { tilesFit } from "../../core/backends/webgpu/kernels/attention-tiles.ts";
import { OutOfMemoryError } from "../../core/mod.ts";
import { testAdapter, testWebgpuBackend } from "../fakes/webgpu.ts";

const test = suite("webgpu");

const backends = {
  "register tiles": await testWebgpuBackend(),
  "shared-memory tiles": await testWebgpuBackend({ isSoftware: false }),
};
const backend = backends["register tiles"];

/** Reproducible values in [−0.5, 0.5). */
function values(length: number, seed: number): Float32Array {
  let state = seed * 2654435761 >>> 0;
  return Float32Array.from(
    { length },
    () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5,
  );
}

function put(on: Backend, data: Float32Array | Int32Array): DeviceBuffer {
  const buffer = on.allocate(data.length, data instanceof Int32Array ? "i32" : "f32");
  on.write(buffer, data);
  return buffer;
}

interface Product {
  batch: number;
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
  mode: "plain" | "bias" | "accumulate";
}

/** Largest error of one product against a float64 loop. */
async function productError(on: Backend, product: Product): Promise<number> {
  const { batch, m, n, k, transposeA, transposeB, mode } = product;
  const a = values(batch * m * k, 1),
    b = values(k * n, 2),
    before = values(batch * m * n, 3),
    bias = values(n, 4);
  const buffers = [a, b, before, bias].map((each) => put(on, each));
  on.kernels.matmul({
    ...{ a: buffers[0], b: buffers[1], out: buffers[2], bias: mode === "bias" ? buffers[3] : undefined },
    ...{
      batch,
      m,
      n,
      k,
      transposeA,
      transposeB,
      strideA: m * k,
      strideB: 0,
      accumulate: mode === "accumulate",
    },
  });
  const out = await on.read(buffers[2]);
  let worst = 0;
  for (let z = 0; z < batch; z++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const at = (z * m + i) * n + j;
        let sum = mode === "bias" ? bias[j] : mode === "accumulate" ? before[at] : 0;
        for (let d = 0; d < k; d++) {
          sum += a[z * m * k + (transposeA ? d * m + i : i * k + d)] * b[transposeB ? j * k + d : d * n + j];
        }
        worst = Math.max(worst, Math.abs(sum - out[at]));
      }
    }
  }
  for (const each of buffers) on.free(each);
  return worst;
}

const sizes = [[1, 5, 7, 3], [1, 64, 64, 64], [3, 70, 100, 36], [1, 130, 72, 64], [1, 8, 4, 1000], [
  1,
  3,
  2,
  700,
]];
for (const [label, on] of Object.entries(backends)) {
  test("attention goes by tiles where heads are wide and three tiles fit into workgroup memory", async () => {
    assert.ok(tilesFit(64, 32768) && tilesFit(32, 32768) && tilesFit(36, 32768) && tilesFit(128, 65536));
    assert.not.ok(tilesFit(64, 16384) || tilesFit(128, 32768) || tilesFit(16, 65536) || tilesFit(34, 65536));
    for (
      const [isSoftware, expected] of [[false, "attention/tiles/64/false/false"], [
        true,
        "attention/64/false/false",
      ]] as const
    ) {
      const labels: string[] = [];
      const adapter = await testAdapter();
      const request = adapter.requestDevice.bind(adapter);
      adapter.requestDevice = async (descriptor) => {
        const device = await request(descriptor);
        const create = device.createComputePipeline.bind(device);
        device.createComputePipeline = (pipeline) => {
          labels.push(pipeline.label!);
          return create(pipeline);
        };
        return device;
      };
      const on = await createWebgpuBackend({ adapter, isSoftware });
      const [q, k, v, out, logSumExp] = [64, 64, 64, 64, 1].map((length) => on.allocate(length, "f32"));
      const shape = { batch: 1, tokens: 1, heads: 1, headSize: 64, scale: 1, dropout: 0 };
      on.kernels.attention({
        ...shape,
        q,
        k,
        v,
        out,
        logSumExp,
        random: { k0: 0, k1: 0, c1: 0, c2: 0, c3: 0 },
      });
      assert.equal(labels, [expected]);
      on.dispose();
    }
  });

  test(`matmul with ${label}: all transpositions, edges, bias, accumulation, long k`, async () => {
    for (const [round, [batch, m, n, k]] of sizes.entries()) {
      for (const transpose of [0, 1, 2, 3]) {
        const mode = (["plain", "bias", "accumulate"] as const)[(round + transpose) % 3];
        const product = { batch, m, n, k, transposeA: transpose % 2 === 1, transposeB: transpose > 1, mode };
        const error = await productError(on, product);
        assert.ok(error < 1e-5, `${JSON.stringify(product)}: error ${error}`);
      }
    }
  });
}

test("1,000 rounds of allocation leave the memory as it was", async () => {
  const round = () => {
    const [a, b, c] = [100, 5000, 100].map((length) => backend.allocate(length, "f32"));
    backend.kernels.fill({ out: a, length: 100, value: 1 });
    backend.kernels.addTo({ x: a, out: c, length: 100, scale: 1 });
    for (const each of [a, b, c]) backend.free(each);
  };
  round();
  const before = backend.memory();
  for (let i = 0; i < 1000; i++) round();
  await backend.synchronize();
  const after = backend.memory();
  assert.is(after.liveBuffers, before.liveBuffers);
  assert.is(after.liveBytes, before.liveBytes);
  assert.is(after.freshAllocations, before.freshAllocations);
  assert.is(after.allocations, before.allocations + 3000);
});

test("a write comes after the kernels recorded before it, also through a reused buffer", async () => {
  const sum = put(backend, new Float32Array(4));
  for (let i = 1; i <= 20; i++) {
    const x = put(backend, new Float32Array(4).fill(i));
    backend.kernels.addTo({ x, out: sum, length: 4, scale: 1 });
    backend.free(x);
  }
  assert.equal(await backend.read(sum), new Float32Array(4).fill(210));
  backend.free(sum);
});

test("reads see what was recorded before them and nothing later", async () => {
  const x = put(backend, Float32Array.of(1, 2));
  const first = backend.read(x);
  backend.kernels.affine({ x, out: x, length: 2, scale: 10, shift: 0 });
  const second = backend.read(x);
  assert.equal(await first, Float32Array.of(1, 2));
  assert.equal(await second, Float32Array.of(10, 20));
  backend.free(x);
});

test("an output that is also an input is refused by name where the contract does not allow it", () => {
  const x = backend.allocate(4, "f32");
  assert.throws(
    () => backend.kernels.copy({ x, out: x, length: 2, xOffset: 0, outOffset: 2 }),
    /copy.*also an input/,
  );
  backend.free(x);
});

test("what the device refuses rejects the next wait, and everything after it", async () => {
  const device = await (await testAdapter()).requestDevice();
  const broken = await createWebgpuBackend({ device });
  device.createShaderModule({ label: "bad shader", code: "this is no WGSL" });
  let message = "";
  await broken.synchronize().catch((error: Error) => message = error.message);
  assert.match(message, /refused.*bad shader/s);
  assert.throws(
    () => broken.kernels.fill({ out: broken.allocate(4, "f32"), length: 4, value: 0 }),
    /refused/,
  );
  broken.dispose();
});

test("a device without memory says so with what helps, however the driver puts it", async () => {
  class GPUOutOfMemoryError {
    message = "allocation of 5 GB failed";
  }
  for (const error of [new GPUOutOfMemoryError(), { message: "vkAllocate: VK_ERROR_OUT_OF_DEVICE_MEMORY" }]) {
    const device = await (await testAdapter()).requestDevice();
    let tell: (event: unknown) => void = () => {};
    const full = await createWebgpuBackend({
      device: new Proxy(device, {
        get(target, name) {
          const value = target[name as keyof GPUDevice] as unknown;
          return typeof value === "function" ? value.bind(target) : value;
        },
        set(target, name, value) {
          if (name === "onuncapturederror") tell = value;
          return Reflect.set(target, name, value);
        },
      }),
    });
    tell({ error });
    const thrown = await full.synchronize().then(() => null, (thrown) => thrown);
    assert.instance(thrown, OutOfMemoryError);
    assert.match(thrown.message, error.message);
    assert.match(thrown.message, /hold fewer examples on the device at a time \(micro-batch\)/);
    full.dispose();
  }
});

test("a lost device is told and rejects the next wait", async () => {
  const device = await (await testAdapter()).requestDevice();
  let told = "";
  const lost = await createWebgpuBackend({ device, onDeviceLost: (reason) => told = reason });
  const x = lost.allocate(4, "f32");
  device.destroy();
  await device.lost;
  let message = "";
  await lost.read(x).catch((error: Error) => message = error.message);
  assert.match(message, /lost/);
  assert.match(told, /destroyed/);
});

test("use after free, a second free, and use after dispose are refused", async () => {
  const own = await testWebgpuBackend();
  const x = own.allocate(4, "f32");
  own.free(x);
  assert.throws(() => own.free(x), /already freed/);
  assert.throws(() => own.kernels.fill({ out: x, length: 4, value: 0 }), /after it was freed/);
  own.dispose();
  assert.throws(() => own.kernels.fill({ out: x, length: 4, value: 0 }), /disposed/);
});

test.after(() => {
  for (const each of Object.values(backends)) each.dispose();
});

test.run();
