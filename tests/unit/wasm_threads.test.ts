// The WASM backend on several threads: they come up on this runtime, do not keep the process alive, give the bits of one
// thread, and where a host has none the backend computes on one and says why. Parity of every kernel: backend/kernels.test.ts.
import process from "node:process";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../core/backends/backend.ts";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { createMemory, type KernelExports, loadModule } from "../../core/backends/wasm/module.ts";

const test = suite("wasm threads");

/** A product large enough to be shared, of numbers that no rounding leaves alone. */
async function product(backend: Backend, m: number, n: number, k: number): Promise<Float32Array> {
  const fill = (length: number, step: number) => {
    const buffer = backend.allocate(length, "f32");
    backend.write(buffer, Float32Array.from({ length }, (_, i) => Math.sin(i * step)));
    return buffer;
  };
  const a = fill(m * k, 0.7), b = fill(n * k, 1.3), out = backend.allocate(m * n, "f32");
  const shape = { batch: 1, m, n, k, strideA: 0, strideB: 0, transposeA: false, transposeB: true };
  backend.kernels.matmul({ a, b, out, ...shape, accumulate: false });
  const result = await backend.read(out) as Float32Array;
  for (const each of [a, b, out]) backend.free(each);
  return result;
}

test("threads come up here, and any number of them gives the same bits", async () => {
  const one = await createWasmBackend({ threads: 1 });
  const wanted = await product(one, 331, 70, 129);
  for (const threads of [2, 3]) {
    const backend = await createWasmBackend({ threads });
    assert.match(backend.description, new RegExp(`, ${threads} threads$`));
    // Often enough that workers are caught looking, asleep, and late.
    for (let round = 0; round < 40; round++) {
      assert.equal(await product(backend, 331, 70, 129), wanted, `${threads} threads, round ${round}`);
      if (round % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
    backend.dispose();
  }
});

test("a backend that nobody disposed of does not keep the process alive", () => {
  const file = fileURLToPath(new URL("../../core/backends/wasm/backend.ts", import.meta.url));
  const script = `import(${
    JSON.stringify(file)
  }).then((m) => m.createWasmBackend({ threads: 2 })).then((b) => console.log(b.description));`;
  const isDeno = "Deno" in globalThis;
  const args = isDeno
    ? ["eval", "--no-check", script]
    : ["--import", "tsx", "--input-type=module", "-e", script];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    timeout: 60_000,
    encoding: "utf8",
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
  });
  assert.is(status, 0, `${error?.message ?? ""} ${stderr}`);
  assert.match(stdout, "2 threads");
});

test("a host without worker threads computes on one and says so", async () => {
  const host = process as { getBuiltinModule?: unknown };
  const own = Object.getOwnPropertyDescriptor(host, "getBuiltinModule");
  const loaded = await loadModule("auto");
  Object.defineProperty(host, "getBuiltinModule", { value: undefined, configurable: true, writable: true });
  try {
    const backend = await createWasmBackend({ threads: 2, simd: loaded.twin });
    assert.match(backend.description, "1 thread (2 were asked for, but");
    assert.is((await product(backend, 64, 64, 64)).length, 64 * 64);
    backend.dispose();
  } finally {
    if (own === undefined) delete host.getBuiltinModule;
    else Object.defineProperty(host, "getBuiltinModule", own);
  }
});

test("the module also works on a memory that cannot be shared", async () => {
  const loaded = await loadModule("auto", false);
  const { memory } = createMemory(2 ** 24, 2 ** 22, loaded.isShared);
  assert.is(memory.buffer instanceof ArrayBuffer, true);
  const { exports } = await WebAssembly.instantiate(loaded.module, { env: { memory } });
  const x = exports as unknown as KernelExports;
  x.setThread!(0, loaded.tileRows, loaded.tileColumns);
  const at = 2 ** 20, numbers = new Float32Array(memory.buffer, at, 5);
  numbers.set([1, 2, 3, 4, 5]);
  x.affine!(at, at, 5, 2, 1);
  assert.equal([...numbers], [3, 5, 7, 9, 11]);
});

test("a number of threads that cannot be is refused", async () => {
  for (const threads of [0, 1.5, 65]) {
    try {
      await createWasmBackend({ threads });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, `threads is ${threads}`);
    }
  }
});

test.run();
