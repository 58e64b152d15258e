// The WebGPU backend's own promises on a software driver: its matrix products in both kinds of shader, memory that returns,
// order of writes and kernels, errors that surface. Parity of every kernel is backend/kernels.test.ts's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, DeviceBuffer } from "../../core/backends/backend.ts";
import { createWebgpuBackend } from "../../core/backends/webgpu/backend.ts";
import { tilesFit } from "../../core/backends/webgpu/kernels/attention-tiles.ts";
import { OutOfMemoryError } from "../../core/mod.ts";
import { type ProductDevice, productError } from "../fakes/product.ts";
import { namingPipelines, testAdapter, testWebgpuBackend } from "../fakes/webgpu.ts";

const test = suite("webgpu");

const backends = {
  "register tiles": await testWebgpuBackend(),
  "shared-memory tiles": await testWebgpuBackend({ isSoftware: false }),
};
const backend = backends["register tiles"];

function put(on: Backend, data: Float32Array | Int32Array): DeviceBuffer {
  const buffer = on.allocate(data.length, data instanceof Int32Array ? "i32" : "f32");
  on.write(buffer, data);
  return buffer;
}

const deviceOf = (on: Backend): ProductDevice => ({
  put: (data) => put(on, data),
  matmul: (args) => on.kernels.matmul(args),
  read: (buffer) => on.read(buffer),
  free: (buffer) => on.free(buffer),
});

test("attention goes by tiles where heads are wide and three tiles fit into workgroup memory", async () => {
  assert.ok(tilesFit(64, 32768) && tilesFit(32, 32768) && tilesFit(36, 32768) && tilesFit(128, 65536));
  assert.not.ok(tilesFit(64, 16384) || tilesFit(128, 32768) || tilesFit(16, 65536) || tilesFit(34, 65536));
  for (const isSoftware of [false, true]) {
    const labels: string[] = [];
    const adapter = namingPipelines(await testAdapter(), (label) => labels.push(label));
    const on = await createWebgpuBackend({ adapter, isSoftware });
    const [q, k, v, out, logSumExp] = [64, 64, 64, 64, 1].map((length) => on.allocate(length, "f32"));
    const shape = { batch: 1, tokens: 1, heads: 1, headSize: 64, scale: 1, dropout: 0 };
    const random = { k0: 0, k1: 0, c1: 0, c2: 0, c3: 0 };
    on.kernels.attention({ ...shape, ...{ q, k, v, out, logSumExp, random } });
    assert.equal(labels, [isSoftware ? "attention/64/false/false" : "attention/tiles/64/false/false"]);
    on.dispose();
  }
});

const sizes = [[1, 5, 7, 3], [1, 64, 64, 64], [3, 70, 100, 36], [1, 130, 72, 64], [1, 8, 4, 1000], [
  1,
  3,
  2,
  700,
]];
for (const [label, on] of Object.entries(backends)) {
  test(`matmul with ${label}: all transpositions, edges, bias, accumulation, long k`, async () => {
    for (const [round, [batch, m, n, k]] of sizes.entries()) {
      for (const transpose of [0, 1, 2, 3]) {
        const mode = (["plain", "bias", "accumulate"] as const)[(round + transpose) % 3];
        const [transposeA, transposeB] = [transpose % 2 === 1, transpose > 1];
        const product = { batch, m, n, k, transposeA, transposeB, mode, repeatedB: true };
        const error = await productError(deviceOf(on), product);
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
