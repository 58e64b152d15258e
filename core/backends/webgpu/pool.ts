// Device memory by size class: a freed block serves the next allocation of its class, so a training step that repeats
// itself allocates nothing new. Blocks that recordings write to are kept apart: all recordings share them, and what is not
// recorded takes them last. When a block may safely be rewritten is the recorder's business, not the pool's.

import { CoreError, OutOfMemoryError, smallerPieces } from "../../errors.ts";
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
  /** Recordings that write to it: while there are any, the block is not destroyed. */
  pins: number;
}

/** What keeps an account of the buffers that a recorded step makes and uses. */
export interface Account {
  /** A block that served the same allocation before, if it is to be used again. */
  wanted(bytes: number): Block | undefined;
  made(buffer: WebgpuBuffer): void;
  used(buffer: WebgpuBuffer): void;
  freed(buffer: WebgpuBuffer): void;
}

/** From this size on, work that is not recorded may take blocks of recordings: activations, which go back soon. */
const largeBlock = 2 ** 20;

export class WebgpuBuffer implements DeviceBuffer {
  readonly length: number;
  readonly dtype: DType;
  readonly block: Block;
  /** Where a view begins in the block, in bytes; null for the block's own buffer. */
  readonly start: number | null;
  live = true;
  /** Called when the buffer is freed: recordings that use it are worth nothing then. */
  onFree: Set<() => void> | null = null;

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
  /** Free blocks that are pinned by recordings, or were made by the one in progress. */
  readonly #scratch = new Map<number, Block[]>();
  #account: Account | null = null;
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

  /** From now on (until `null`) everything that is made, used or freed is told to the account. */
  keepAccount(account: Account | null): void {
    this.#account = account;
  }

  #take(bytes: number): Block | undefined {
    const free = this.#free.get(bytes) ?? [], scratch = this.#scratch.get(bytes) ?? [];
    if (this.#account === null) return free.pop() ?? (bytes >= largeBlock ? scratch.pop() : undefined);
    const wanted = this.#account.wanted(bytes);
    for (const list of [scratch, free]) {
      const at = wanted === undefined ? -1 : list.lastIndexOf(wanted);
      if (at >= 0) return list.splice(at, 1)[0];
    }
    return scratch.pop() ?? free.pop();
  }

  allocate(length: number, dtype: DType): WebgpuBuffer {
    const bytes = sizeClass(length * 4);
    const statistics = this.#statistics;
    let block = this.#take(bytes);
    if (block !== undefined) {
      statistics.pooledBytes -= bytes;
    } else {
      // A pool larger than what is in use holds sizes that are asked for no longer.
      if (this.#freeBytes() > Math.max(2 ** 28, statistics.liveBytes)) this.trim();
      block = this.#create(bytes, length);
      statistics.freshAllocations++;
    }
    statistics.allocations++;
    statistics.liveBuffers++;
    statistics.liveBytes += bytes;
    statistics.peakBytes = Math.max(statistics.peakBytes, statistics.liveBytes + statistics.pooledBytes);
    const buffer = new WebgpuBuffer(block, length, dtype);
    this.#account?.made(buffer);
    return buffer;
  }

  /** Pooled bytes that no recording needs. */
  #freeBytes(): number {
    let sum = 0;
    for (const [bytes, list] of this.#free) sum += bytes * list.length;
    return sum;
  }

  #create(bytes: number, length: number): Block {
    const largest = this.#device.limits.maxBufferSize;
    if (bytes > largest) {
      throw new OutOfMemoryError(
        `allocate: ${length} elements need a buffer of ${bytes} bytes, this device allows ${largest}; ` +
          `${smallerPieces}, or use another device or backend`,
      );
    }
    const gpu = this.#device.createBuffer({
      label: `pool ${bytes}`,
      size: bytes,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    return { id: this.#nextId++, gpu, bytes, lastUse: -1, holders: 0, pins: 0 };
  }

  /** A part of a buffer, already checked, as a buffer of its own. */
  view(buffer: WebgpuBuffer, offset: number, length: number): WebgpuBuffer {
    if (!buffer.live) throw new CoreError("view: the buffer was used after it was freed");
    this.#statistics.liveBuffers++;
    this.#account?.used(buffer);
    const made = new WebgpuBuffer(buffer.block, length, buffer.dtype, buffer.offset + offset * 4);
    this.#account?.made(made);
    return made;
  }

  free(buffer: WebgpuBuffer): void {
    if (!buffer.live) {
      throw new CoreError("free: this buffer was already freed; every allocation is freed once");
    }
    this.#account?.freed(buffer);
    buffer.live = false;
    const { block } = buffer;
    this.#statistics.liveBuffers--;
    if (buffer.onFree !== null) { for (const forget of buffer.onFree) forget(); }
    if (--block.holders > 0) return;
    this.#push(block.pins > 0 || this.#account !== null ? this.#scratch : this.#free, block);
    this.#statistics.liveBytes -= block.bytes;
    this.#statistics.pooledBytes += block.bytes;
  }

  #push(lists: Map<number, Block[]>, block: Block): void {
    let list = lists.get(block.bytes);
    if (list === undefined) lists.set(block.bytes, list = []);
    list.push(block);
  }

  /** Keeps blocks for a recording. */
  pin(blocks: Iterable<Block>): void {
    for (const block of blocks) block.pins++;
  }

  /** A recording is forgotten; blocks that no other needs serve everybody again. */
  unpin(blocks: Iterable<Block>): void {
    for (const block of blocks) block.pins--;
    for (const [bytes, list] of this.#scratch) {
      for (const block of list) if (block.pins === 0) this.#push(this.#free, block);
      this.#scratch.set(bytes, list.filter((block) => block.pins > 0));
    }
  }

  /** Gives unused blocks back to the device, all but those of recordings. */
  trim(): void {
    if (this.#statistics.pooledBytes === 0) return;
    this.#beforeDestroy();
    for (const blocks of this.#free.values()) {
      for (const block of blocks) {
        block.gpu.destroy();
        this.#statistics.pooledBytes -= block.bytes;
      }
    }
    this.#free.clear();
  }

  statistics(): MemoryStatistics {
    return { ...this.#statistics };
  }
}
