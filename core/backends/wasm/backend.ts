// The WASM backend: SIMD kernels on one shared linear memory, the embedded default where there is no GPU.
// It leaves memory to pool.ts, loading to module.ts, and the kernels to kernel_set.ts and kernels/.

import {
  type Backend,
  checkedView,
  type DeviceBuffer,
  type DType,
  type HostArray,
  type MemoryStatistics,
} from "../backend.ts";
import type { KernelSet } from "../kernels.ts";
import { createKernelSet } from "./kernel_set.ts";
import { createMemory, type KernelExports, loadModule, type SimdChoice } from "./module.ts";
import { MemoryPool, type WasmBuffer } from "./pool.ts";
import { startWorkers, type Workers } from "./threads.ts";

export interface WasmBackendOptions {
  /**
   * Threads that compute, the calling one included; default 1. The results do not depend on it. Where the host has no
   * threads one computes, and `description` says why.
   */
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
/** As many as the table of scratch addresses has room for. */
export const MOST_THREADS = 64;

class WasmBackend implements Backend {
  readonly name = "wasm";
  readonly packsRows = true;
  readonly description: string;
  readonly kernels: KernelSet;
  readonly maximumBytes: number;
  readonly #pool: MemoryPool;
  readonly #workers: Workers | null;

  constructor(
    pool: MemoryPool,
    kernels: KernelSet,
    workers: Workers | null,
    description: string,
    maximumBytes: number,
  ) {
    this.#pool = pool;
    this.maximumBytes = maximumBytes;
    this.kernels = kernels;
    this.#workers = workers;
    this.description = description;
  }

  allocate(length: number, dtype: DType): DeviceBuffer {
    return this.#pool.allocate(length, dtype);
  }

  free(buffer: DeviceBuffer): void {
    this.#pool.free(buffer as WasmBuffer);
  }

  view(buffer: DeviceBuffer, offset: number, length: number): DeviceBuffer {
    checkedView(buffer, offset, length);
    return this.#pool.view(buffer as WasmBuffer, offset, length);
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

  readInto(buffer: DeviceBuffer, into: Float32Array): void {
    const { pointer, length } = buffer as WasmBuffer;
    if (pointer === 0) throw new Error("readInto: the buffer was freed; read it before");
    if (into.length > length) {
      throw new RangeError(`readInto: ${into.length} elements of a buffer of ${length}; check the shape`);
    }
    into.set(this.#pool.float32.subarray(pointer / 4, pointer / 4 + into.length));
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }

  memory(): MemoryStatistics {
    return this.#pool.statistics();
  }

  dispose(): void {
    this.#workers?.stop();
  }
}

/** Gives each thread a block for its intermediate results, and larger blocks when a kernel asks for more. */
function scratchFor(pool: MemoryPool, threads: number): (bytes: number) => void {
  let reserved = 0;
  return (bytes) => {
    if (bytes <= reserved) return;
    reserved = bytes;
    for (let thread = 0; thread < threads; thread++) {
      const pointer = pool.reserve(bytes);
      pool.int32[SCRATCH + thread] = pointer;
    }
  };
}

/** Creates the backend; rejects when the host lacks the SIMD twin that was asked for. */
export async function createWasmBackend(options: WasmBackendOptions = {}): Promise<Backend> {
  const { threads = 1, simd = "auto", maximumBytes = 2 ** 32 } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new RangeError(
      `createWasmBackend: threads is ${threads}; wanted a whole number from 1 to ${MOST_THREADS}`,
    );
  }
  const loaded = await loadModule(simd);
  const space = createMemory(maximumBytes, 2 * HEAP_BASE, loaded.isShared);
  const instance = await WebAssembly.instantiate(loaded.module, { env: { memory: space.memory } });
  const exports = instance.exports as KernelExports;
  exports.setThread!(0, loaded.tileRows, loaded.tileColumns);
  const pool = new MemoryPool(space.memory, HEAP_BASE, space.maximumBytes);
  const reserveScratch = scratchFor(pool, threads);
  reserveScratch(exports.scratchBytes!());
  const kernels = createKernelSet(exports, pool, reserveScratch);
  let workers: Workers | null = null;
  let note = "";
  if (threads > 1) {
    try {
      if (!loaded.isShared) throw new Error("this host has no SharedArrayBuffer");
      workers = await startWorkers(loaded, space.memory, threads - 1, () => void exports.stopThreads!());
    } catch (error) {
      note = ` (${threads} were asked for, but ${(error as Error).message})`;
    }
  }
  const count = 1 + (workers?.count ?? 0);
  const width = loaded.isWide ? " in 256 bits" : "";
  const description = `wasm ${loaded.twin}-simd${width}, ${count} thread${count === 1 ? "" : "s"}${note}`;
  return new WasmBackend(pool, kernels, workers, description, space.maximumBytes);
}
