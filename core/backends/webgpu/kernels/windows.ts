// Element-wise work on buffers larger than a device's binding limit (XLM-R's embedding table): one dispatch a window.
// Only for kernels in which element i of every buffer belongs together.

import { fail } from "../../../errors.ts";
import type { DeviceBuffer } from "../../backend.ts";
import { HalfBuffer } from "../half.ts";
import type { WebgpuBuffer } from "../pool.ts";
import type { Recorder, View } from "../recorder.ts";

/** Elements of a workgroup in the element-wise kernels. */
export const groupSize = 256;

/** The contract's buffers are this backend's own: a tensor never mixes backends. */
export function own(buffer: DeviceBuffer): WebgpuBuffer {
  if (buffer instanceof HalfBuffer) {
    fail(
      "a weight packed as f16 is read by matrix products alone; unpack it (setTrainable does) before other use",
    );
  }
  return buffer as WebgpuBuffer;
}

/** Calls `run` for consecutive windows of `length` elements; a single time, with whole buffers, where they fit. */
export function forWindows(
  recorder: Recorder,
  buffers: readonly DeviceBuffer[],
  length: number,
  run: (views: readonly (WebgpuBuffer | View)[], start: number, count: number) => void,
): void {
  if (length === 0) return;
  const limit = recorder.device.limits.maxStorageBufferBindingSize;
  if (length * 4 <= limit) {
    run(buffers.map(own), 0, length);
    return;
  }
  const window = Math.floor(limit / 256) * 64;
  for (let start = 0; start < length; start += window) {
    const count = Math.min(window, length - start);
    run(buffers.map((each) => ({ buffer: own(each), offset: start * 4, bytes: count * 4 })), start, count);
  }
}
