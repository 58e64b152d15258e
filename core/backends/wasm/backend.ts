// The WASM backend: SIMD kernels on one shared linear memory, the embedded default where there is no GPU.
// It leaves memory to pool.ts, loading to module.ts, and the kernels to kernel_set.ts and kernels/.

import type { Backend, DeviceBuffer, DType, HostArray, MemoryStatistics } from "../backend.ts";
import type { KernelSet } from "../kernels.ts";
import { createKernelSet } from "./kernel_set.ts";
import { createMemory, type KernelExports, loadModule, type SimdChoice } from "./module.ts";
import { MemoryPool, type WasmBuffer } from "./pool.ts";

export interface WasmBackendOptions {
  /** Threads that compute, the calling one included; default 1. */
  threads?: number;
  /** "auto" (default) takes relaxed SIMD where the host compiles it; "plain" gives the same bits on every machine. */
  simd?: SimdChoice;
  /** Upper bound of the linear memory in bytes; default and most 4 GiB. */
  maximumBytes?: number;
}

/** First byte after the fixed area and the module's static data. */
const HEAP_BASE = 65536;
/** Word index of the table of scratch addresses; kernels/memory.ts has the byte address. */
const SCRATCH = 2048 / 4;

class WasmBackend implements Backend {
  readonly name = "wasm";
  readonly description: string;
  readonly kernels: KernelSet;
  readonly #pool: MemoryPool;
  readonly #exports: KernelExports;
  readonly #threads: number;
  #scratchBytes = 0;

  constructor(pool: MemoryPool, exports: KernelExports, threads: number, description: string) {
    this.#pool = pool;
    this.#exports = exports;
    this.#threads = threads;
    this.description = description;
    this.#reserveScratch(exports.scratchBytes!());
    let served = 0;
    this.kernels = createKernelSet(exports, pool, (tokens) => {
      if (tokens <= served) return;
      served = tokens;
      this.#reserveScratch(exports.scratchBytesForAttention!(tokens));
    });
  }

  #reserveScratch(bytes: number): void {
    if (bytes <= this.#scratchBytes) return;
    this.#scratchBytes = bytes;
    for (let thread = 0; thread < this.#threads; thread++) {
      const pointer = this.#pool.reserve(bytes);
      this.#pool.int32[SCRATCH + thread] = pointer;
    }
  }

  allocate(length: number, dtype: DType): DeviceBuffer {
    return this.#pool.allocate(length, dtype);
  }

  free(buffer: DeviceBuffer): void {
    this.#pool.free(buffer as WasmBuffer);
  }

  write(buffer: DeviceBuffer, data: HostArray, offset = 0): void {
    const { pointer, length, dtype } = buffer as WasmBuffer;
    if (pointer === 0) throw new Error("write: the buffer was freed; allocate a new one");
    if (offset < 0 || offset + data.length > length) {
      throw new RangeError(
        `write: ${data.length} elements at offset ${offset} do not fit a buffer of ${length}; check the shape`,
      );
    }
    const view = dtype === "i32" ? this.#pool.int32 : this.#pool.float32;
    view.set(data, pointer / 4 + offset);
  }

  read(buffer: DeviceBuffer): Promise<HostArray> {
    const { pointer, length, dtype } = buffer as WasmBuffer;
    if (pointer === 0) return Promise.reject(new Error("read: the buffer was freed; read it before"));
    const start = pointer / 4;
    return Promise.resolve(
      dtype === "i32"
        ? new Int32Array(this.#pool.int32.subarray(start, start + length))
        : new Float32Array(this.#pool.float32.subarray(start, start + length)),
    );
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }

  memory(): MemoryStatistics {
    return this.#pool.statistics();
  }

  dispose(): void {
  }
}

/** Creates the backend; rejects when the host lacks shared memory or the SIMD twin that was asked for. */
export async function createWasmBackend(options: WasmBackendOptions = {}): Promise<Backend> {
  const { threads = 1, simd = "auto", maximumBytes = 2 ** 32 } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > 64) {
    throw new RangeError(`createWasmBackend: threads is ${threads}; wanted a whole number from 1 to 64`);
  }
  const { module, twin } = await loadModule(simd);
  const space = createMemory(maximumBytes, 2 * HEAP_BASE);
  const instance = await WebAssembly.instantiate(module, { env: { memory: space.memory } });
  const exports = instance.exports as KernelExports;
  const pool = new MemoryPool(space.memory, HEAP_BASE, space.maximumBytes);
  return new WasmBackend(pool, exports, 1, `wasm ${twin}-simd, 1 thread`);
}
