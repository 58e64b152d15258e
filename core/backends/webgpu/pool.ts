// Device memory by size class: a freed block serves the next allocation of its class, so a training step that repeats
// itself allocates nothing new. When a block may safely be rewritten is the recorder's business, not the pool's.

import { CoreError } from "../../errors.ts";
import type { DeviceBuffer, DType, MemoryStatistics } from "../backend.ts";

/** GPUBufferUsage flags by value: the global of that name is absent in Node. */
export const usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const;

/** One GPUBuffer; it belongs to at most one WebgpuBuffer and its views at a time. */
export interface Block {
  readonly id: number;
  readonly gpu: GPUBuffer;
  readonly bytes: number;
  /** Number of the last submission whose commands touch the block. */
  lastUse: number;
  /** Live buffers and views on it. */
  holders: number;
}

export class WebgpuBuffer implements DeviceBuffer {
  readonly length: number;
  readonly dtype: DType;
  readonly block: Block;
  /** Where a view begins in the block, in bytes; null for the block's own buffer. */
  readonly start: number | null;
  live = true;

  constructor(block: Block, length: number, dtype: DType, start: number | null = null) {
    this.block = block;
    this.length = length;
    this.dtype = dtype;
    this.start = start;
    block.holders++;
  }

  /** First byte in the block. */
  get offset(): number {
    return this.start ?? 0;
  }

  /** Bytes that shaders may touch: the whole block, or the view up to the end of its last vector of four. */
  get extent(): number {
    return this.start === null ? this.block.bytes : Math.ceil(this.bytes / 16) * 16;
  }

  /** Bytes in use, at least one element: WebGPU has no empty binding. */
  get bytes(): number {
    return Math.max(4, this.length * 4);
  }
}

/** Powers of two up to 1 MiB, then eighths of a power of two: at most an eighth of a large block is wasted. */
export function sizeClass(bytes: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(256, bytes)));
  if (power <= 1 << 20) return power;
  const step = power / 16;
  return Math.ceil(bytes / step) * step;
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, Block[]>();
  /** Called before blocks are destroyed, so that pending commands are submitted and cached bindings dropped. */
  readonly #beforeDestroy: () => void;
  #nextId = 0;
  #statistics: MemoryStatistics = {
    liveBuffers: 0,
    liveBytes: 0,
    pooledBytes: 0,
    peakBytes: 0,
    allocations: 0,
    freshAllocations: 0,
  };

  constructor(device: GPUDevice, beforeDestroy: () => void) {
    this.#device = device;
    this.#beforeDestroy = beforeDestroy;
  }

  allocate(length: number, dtype: DType): WebgpuBuffer {
    const bytes = sizeClass(length * 4);
    const statistics = this.#statistics;
    let block = this.#free.get(bytes)?.pop();
    if (block !== undefined) {
      statistics.pooledBytes -= bytes;
    } else {
      // A pool larger than what is in use holds sizes that are asked for no longer.
      if (statistics.pooledBytes > Math.max(2 ** 28, statistics.liveBytes)) this.trim();
      block = this.#create(bytes, length);
      statistics.freshAllocations++;
    }
    statistics.allocations++;
    statistics.liveBuffers++;
    statistics.liveBytes += bytes;
    statistics.peakBytes = Math.max(statistics.peakBytes, statistics.liveBytes + statistics.pooledBytes);
    return new WebgpuBuffer(block, length, dtype);
  }

  #create(bytes: number, length: number): Block {
    const largest = this.#device.limits.maxBufferSize;
    if (bytes > largest) {
      throw new CoreError(
        `allocate: ${length} elements need a buffer of ${bytes} bytes, this device allows ${largest}; ` +
          `use a smaller batch, or another device or backend`,
      );
    }
    const gpu = this.#device.createBuffer({
      label: `pool ${bytes}`,
      size: bytes,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    return { id: this.#nextId++, gpu, bytes, lastUse: -1, holders: 0 };
  }

  /** A part of a buffer, already checked, as a buffer of its own. */
  view(buffer: WebgpuBuffer, offset: number, length: number): WebgpuBuffer {
    if (!buffer.live) throw new CoreError("view: the buffer was used after it was freed");
    this.#statistics.liveBuffers++;
    return new WebgpuBuffer(buffer.block, length, buffer.dtype, buffer.offset + offset * 4);
  }

  free(buffer: WebgpuBuffer): void {
    if (!buffer.live) {
      throw new CoreError("free: this buffer was already freed; every allocation is freed once");
    }
    buffer.live = false;
    const { block } = buffer;
    this.#statistics.liveBuffers--;
    if (--block.holders > 0) return;
    let list = this.#free.get(block.bytes);
    if (list === undefined) this.#free.set(block.bytes, list = []);
    list.push(block);
    this.#statistics.liveBytes -= block.bytes;
    this.#statistics.pooledBytes += block.bytes;
  }

  /** Gives unused blocks back to the device. */
  trim(): void {
    if (this.#statistics.pooledBytes === 0) return;
    this.#beforeDestroy();
    for (const blocks of this.#free.values()) for (const block of blocks) block.gpu.destroy();
    this.#free.clear();
    this.#statistics.pooledBytes = 0;
  }

  statistics(): MemoryStatistics {
    return { ...this.#statistics };
  }
}
