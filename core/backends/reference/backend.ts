// The reference backend: every kernel in plain float64 loops, strict about its arguments. The other backends are judged by it.
// It leaves speed to them; unwritten memory reads as NaN, and freed or foreign buffers are refused.

import { fail } from "../../errors.ts";
import {
  type Backend,
  checkedView,
  type DeviceBuffer,
  type DType,
  type HostArray,
  type MemoryStatistics,
} from "../backend.ts";
import { attention } from "./attention.ts";
import { disentangled } from "./disentangled.ts";
import { Arguments, type ReferenceBuffer, UNWRITTEN_INTEGER } from "./buffers.ts";
import { elementwise } from "./elementwise.ts";
import { layerNorm } from "./layer_norm.ts";
import { losses } from "./losses.ts";
import { optimizer } from "./optimizer.ts";
import { reductions } from "./reductions.ts";

/** A fresh reference backend; needs nothing from the machine. "f32" is stored as float64. */
export function createReferenceBackend(): Backend {
  const statistics: MemoryStatistics = {
    liveBuffers: 0,
    liveBytes: 0,
    pooledBytes: 0,
    peakBytes: 0,
    allocations: 0,
    freshAllocations: 0,
  };
  return {
    name: "reference",
    description: "reference: plain TypeScript in float64, one thread",
    packsRows: true,
    kernels: {
      ...elementwise,
      ...reductions,
      ...layerNorm,
      ...attention,
      ...disentangled,
      ...losses,
      ...optimizer,
    },

    allocate(length: number, dtype: DType): ReferenceBuffer {
      if (!Number.isInteger(length) || length < 0) {
        fail(`allocate: length is ${length}; wanted a non-negative integer`);
      }
      const data = dtype === "f32"
        ? new Float64Array(length).fill(NaN)
        : new Int32Array(length).fill(UNWRITTEN_INTEGER);
      statistics.liveBuffers++;
      statistics.liveBytes += data.byteLength;
      statistics.peakBytes = Math.max(statistics.peakBytes, statistics.liveBytes);
      statistics.allocations++;
      statistics.freshAllocations++;
      return { length, dtype, data, block: { bytes: data.byteLength, holders: 1 } };
    },

    free(buffer: DeviceBuffer): void {
      new Arguments("free").any("the buffer", buffer);
      const { block } = buffer as ReferenceBuffer;
      statistics.liveBuffers--;
      if (--block.holders === 0) statistics.liveBytes -= block.bytes;
      (buffer as ReferenceBuffer).data = undefined;
    },

    view(buffer: DeviceBuffer, offset: number, length: number): ReferenceBuffer {
      const data = new Arguments("view").any("the buffer", buffer);
      checkedView(buffer, offset, length);
      const { block } = buffer as ReferenceBuffer;
      block.holders++;
      statistics.liveBuffers++;
      return { length, dtype: buffer.dtype, data: data.subarray(offset, offset + length), block };
    },

    write(buffer: DeviceBuffer, data: HostArray, offset = 0): void {
      const args = new Arguments("write");
      const to = args.any("the buffer", buffer);
      if (args.count("offset", offset) + data.length > to.length) {
        args.fail(`${data.length} elements from offset ${offset} do not fit in a buffer of ${to.length}`);
      }
      if (buffer.dtype === "i32" && !(data instanceof Int32Array) && !data.every(Number.isInteger)) {
        args.fail("the data hold fractions and the buffer is i32; round them first");
      }
      to.set(data, offset);
    },

    async read(buffer: DeviceBuffer): Promise<HostArray> {
      return new Arguments("read").any("the buffer", buffer).slice();
    },

    async synchronize(): Promise<void> {},

    memory(): MemoryStatistics {
      return { ...statistics };
    },

    dispose(): void {
      statistics.liveBuffers = 0;
      statistics.liveBytes = 0;
    },
  };
}
