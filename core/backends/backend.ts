// The contract that every backend fulfils: allocate, write, read, free, and run kernels on plain buffers.
// It leaves shapes, gradients and ownership to tensor.ts and autograd.ts; the kernels are specified in kernels.ts.

import { fail } from "../errors.ts";
import type { KernelSet } from "./kernels.ts";

/** Element type as the user sees it. The reference backend stores "f32" as float64. */
export type DType = "f32" | "i32";

/** A typed array that can be written to or read from a buffer. */
export type HostArray = Float32Array | Float64Array | Int32Array;

/** A block of device memory of `length` elements. Backends extend it with their own fields. */
export interface DeviceBuffer {
  readonly length: number;
  readonly dtype: DType;
}

export interface MemoryStatistics {
  /** Buffers and views handed out and not yet freed. */
  liveBuffers: number;
  liveBytes: number;
  /** Bytes kept in the pool for reuse (not live). */
  pooledBytes: number;
  /** Largest value that liveBytes + pooledBytes has had. */
  peakBytes: number;
  /** Allocations served since creation, and how many of them needed fresh device memory. */
  allocations: number;
  freshAllocations: number;
}

export type BackendName = "reference" | "wasm" | "webgpu";

export interface Backend {
  readonly name: BackendName;
  /** Device in words for people and provenance, e.g. "wasm relaxed-simd, 2 threads" or an adapter's name and driver. */
  readonly description: string;
  readonly kernels: KernelSet;
  /** Whether attention takes rows without padding (`AttentionShape.starts`): where work is recorded, shapes must not vary so. */
  readonly packsRows: boolean;
  /** Bytes that it can ever hold, where that is known beforehand: WebAssembly addresses 4 GiB. */
  readonly maximumBytes?: number;
  /** Contents are undefined: buffers come from a pool. */
  allocate(length: number, dtype: DType): DeviceBuffer;
  /** Gives the buffer back to the pool. Using it afterwards is an error that the backend may not notice. */
  free(buffer: DeviceBuffer): void;
  /**
   * `length` elements of a live buffer from element `offset` (a multiple of 64) on, as a buffer of its own over the same
   * memory, which goes back to the pool once the buffer and all its views are freed.
   */
  view(buffer: DeviceBuffer, offset: number, length: number): DeviceBuffer;
  /** Copies host data in, converting to the backend's storage type; `offset` in elements. */
  write(buffer: DeviceBuffer, data: HostArray, offset?: number): void;
  /** Waits for all kernels dispatched so far and copies out. Reference returns Float64Array for "f32". */
  read(buffer: DeviceBuffer): Promise<HostArray>;
  /** Present where the device's memory is the host's: fills `into` from the buffer's beginning at once, with nothing to wait for. */
  readInto?(buffer: DeviceBuffer, into: Float32Array): void;
  /** Waits until everything dispatched so far has run; rejects with the device's error, if any. */
  synchronize(): Promise<void>;
  /**
   * Runs `work`, or repeats on the device what it did there under the same key before, without running it. Absent where running
   * is as cheap; callers use `replay()` below.
   *
   * `work` may differ from call to call only in what the buffers hold and in `Live` numbers. It frees what it allocates and
   * nothing else, and does not write or read from the host. It is run until two runs under a key did exactly the same, so a
   * number that changes and is not `Live` is found out (@throws), not repeated. What was recorded is forgotten when a buffer
   * that it uses is freed.
   */
  replay?(key: string, work: () => void): void;
  /**
   * Present where frozen weights are to be kept in half precision: a copy rounded to f16, for matmul's second operand only
   * (read and write take it too, in f32).
   */
  pack?(buffer: DeviceBuffer): DeviceBuffer;
  /** Present with pack: a copy of a packed buffer that every kernel takes. */
  unpack?(buffer: DeviceBuffer): DeviceBuffer;
  memory(): MemoryStatistics;
  dispose(): void;
}

/** Runs `work`, or repeats it on the device where the backend can; see `Backend.replay`. */
export function replay(backend: Backend, key: string, work: () => void): void {
  if (backend.replay) backend.replay(key, work);
  else work();
}

/** Views start at multiples of this many elements: 256 bytes, which every device can bind. */
export const viewAlignment = 64;

/** @throws when a view of the buffer would start at a wrong place or reach beyond its end */
export function checkedView(buffer: DeviceBuffer, offset: number, length: number): void {
  if (offset % viewAlignment !== 0 || offset < 0 || length < 0 || offset + length > buffer.length) {
    fail(
      `view: ${length} elements from element ${offset} of a buffer of ${buffer.length}; ` +
        `start at a multiple of ${viewAlignment} and stay inside`,
    );
  }
}
