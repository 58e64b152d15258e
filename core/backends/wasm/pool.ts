// Buffers in the linear memory: size classes, free lists, growth, statistics.
// It leaves the contents to the kernels and the checks of shapes to tensor.ts.

import { OutOfMemoryError, smallerPieces } from "../../errors.ts";
import type { DeviceBuffer, DType, MemoryStatistics } from "../backend.ts";

const PAGE = 65536;
/** Every block starts at a multiple of this (a cache line) and ends with as much slack for vector loads. */
const ALIGNMENT = 64;
const SLACK = 16;
/** Sizes between two powers of two: 8 classes, so at most an eighth is lost. */
const STEPS = 8;

/** A block that a buffer and its views hold together; the last of them gives it back. */
interface SharedBlock {
  readonly pointer: number;
  holders: number;
}

/** A block of the linear memory; `pointer` is 0 once it has been freed. */
export class WasmBuffer implements DeviceBuffer {
  pointer: number;
  readonly sizeClass: number;
  readonly length: number;
  readonly dtype: DType;
  /** The block that this buffer shares with views; null as long as there are none. */
  shared: SharedBlock | null = null;

  constructor(pointer: number, sizeClass: number, length: number, dtype: DType) {
    this.pointer = pointer;
    this.sizeClass = sizeClass;
    this.length = length;
    this.dtype = dtype;
  }
}

/** Number of the smallest class that holds `bytes`. */
export function sizeClassOf(bytes: number): number {
  const lines = Math.ceil(bytes / ALIGNMENT);
  if (lines <= STEPS) return Math.max(lines, 1) - 1;
  const power = 31 - Math.clz32(lines - 1);
  const step = 2 ** (power - 3);
  return (power - 3) * STEPS + Math.ceil(lines / step) - 1;
}

/** Bytes of a block of the class; the inverse of sizeClassOf on class sizes. */
export function classBytes(sizeClass: number): number {
  if (sizeClass < STEPS) return (sizeClass + 1) * ALIGNMENT;
  const power = Math.floor(sizeClass / STEPS) + 2;
  const lines = sizeClass - (power - 3) * STEPS + 1;
  return lines * 2 ** (power - 3) * ALIGNMENT;
}

/** Hands out blocks of one WebAssembly memory and takes them back. */
export class MemoryPool {
  readonly memory: WebAssembly.Memory;
  float32: Float32Array;
  int32: Int32Array;
  readonly #free: number[][] = [];
  readonly #maximumBytes: number;
  #top: number;
  #capacity: number;
  #liveBuffers = 0;
  #liveBytes = 0;
  #pooledBytes = 0;
  #peakBytes = 0;
  #allocations = 0;
  #freshAllocations = 0;

  /** Blocks start at `base`; the memory never grows beyond `maximumBytes`. */
  constructor(memory: WebAssembly.Memory, base: number, maximumBytes: number) {
    this.memory = memory;
    this.float32 = new Float32Array(memory.buffer);
    this.int32 = new Int32Array(memory.buffer);
    this.#top = Math.ceil(base / ALIGNMENT) * ALIGNMENT;
    this.#capacity = memory.buffer.byteLength;
    this.#maximumBytes = maximumBytes;
  }

  allocate(length: number, dtype: DType): WasmBuffer {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`allocate: length ${length} is not a whole number of elements; check the shape`);
    }
    const wanted = sizeClassOf(length * 4 + SLACK);
    this.#allocations++;
    this.#liveBuffers++;
    // A block of up to twice the size is better than new memory.
    const last = Math.min(wanted + STEPS, this.#free.length - 1);
    for (let sizeClass = wanted; sizeClass <= last; sizeClass++) {
      const list = this.#free[sizeClass];
      if (list !== undefined && list.length > 0) {
        const bytes = classBytes(sizeClass);
        this.#pooledBytes -= bytes;
        this.#liveBytes += bytes;
        return new WasmBuffer(list.pop()!, sizeClass, length, dtype);
      }
    }
    const bytes = classBytes(wanted);
    const pointer = this.#extend(bytes);
    this.#freshAllocations++;
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes + this.#pooledBytes);
    return new WasmBuffer(pointer, wanted, length, dtype);
  }

  free(buffer: WasmBuffer): void {
    if (buffer.pointer === 0) {
      throw new Error(`free: a buffer of ${buffer.length} ${buffer.dtype} was freed before; free it once`);
    }
    this.#liveBuffers--;
    const pointer = buffer.shared?.pointer ?? buffer.pointer;
    buffer.pointer = 0;
    if (buffer.shared !== null && --buffer.shared.holders > 0) return;
    const bytes = classBytes(buffer.sizeClass);
    (this.#free[buffer.sizeClass] ??= []).push(pointer);
    this.#liveBytes -= bytes;
    this.#pooledBytes += bytes;
  }

  /** A part of a live buffer, already checked, as a buffer of its own. */
  view(buffer: WasmBuffer, offset: number, length: number): WasmBuffer {
    if (buffer.pointer === 0) throw new Error("view: the buffer was freed; take views before");
    const made = new WasmBuffer(buffer.pointer + offset * 4, buffer.sizeClass, length, buffer.dtype);
    buffer.shared ??= { pointer: buffer.pointer, holders: 1 };
    buffer.shared.holders++;
    made.shared = buffer.shared;
    this.#liveBuffers++;
    return made;
  }

  /** Memory outside the pool's accounting (scratch of the threads); never given back. */
  reserve(bytes: number): number {
    return this.#extend(Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
  }

  #extend(bytes: number): number {
    const pointer = this.#top;
    const end = pointer + bytes;
    if (end > this.#maximumBytes) {
      throw new OutOfMemoryError(
        `allocate: ${bytes} bytes more than the ${pointer} in use exceed the limit of ${this.#maximumBytes}; ` +
          `free buffers, ${smallerPieces} or raise maximumBytes (at most 4 GiB)`,
      );
    }
    if (end > this.#capacity) {
      // A quarter more than asked for keeps the number of growths small.
      const target = Math.min(Math.max(end, this.#capacity * 1.25), this.#maximumBytes);
      try {
        this.memory.grow(Math.ceil((target - this.#capacity) / PAGE));
      } catch (error) {
        throw new OutOfMemoryError(
          `allocate: the host refuses the memory's growth from ${this.#capacity} to ${target} bytes ` +
            `(${(error as Error).message}); ${smallerPieces}, or end other processes`,
        );
      }
      this.#capacity = this.memory.buffer.byteLength;
      this.float32 = new Float32Array(this.memory.buffer);
      this.int32 = new Int32Array(this.memory.buffer);
    }
    this.#top = end;
    return pointer;
  }

  statistics(): MemoryStatistics {
    return {
      liveBuffers: this.#liveBuffers,
      liveBytes: this.#liveBytes,
      pooledBytes: this.#pooledBytes,
      peakBytes: this.#peakBytes,
      allocations: this.#allocations,
      freshAllocations: this.#freshAllocations,
    };
  }
}
