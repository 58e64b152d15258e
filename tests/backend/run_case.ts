// One kernel case on one backend: buffers filled, the kernel called, everything read back.
// It leaves the cases to cases/ and what is made of the values to the tests.

import type { Backend, DeviceBuffer, HostArray } from "../../core/backends/backend.ts";
import type { KernelCase } from "./cases/mod.ts";

/** What each buffer holds afterwards, inputs too. */
export type Outcome = Map<string, HostArray>;

/** Runs one case on buffers of its own. */
export async function run(backend: Backend, each: KernelCase): Promise<Outcome> {
  const buffers: Record<string, DeviceBuffer> = {};
  for (const [name, data] of Object.entries(each.inputs)) {
    const dtype = data instanceof Int32Array ? "i32" : "f32";
    buffers[name] = backend.allocate(data.length, dtype);
    backend.write(buffers[name], data);
  }
  for (const [name, size] of Object.entries(each.outputs)) {
    const dtype = typeof size === "number" ? "f32" : size.dtype;
    const length = typeof size === "number" ? size : size.length;
    buffers[name] = backend.allocate(length, dtype);
    // What a kernel forgets to write must show, also in memory that was used before.
    backend.write(
      buffers[name],
      dtype === "f32" ? new Float32Array(length).fill(NaN) : new Int32Array(length).fill(-12345),
    );
  }
  const values = new Map<string, HostArray>();
  try {
    each.run(backend.kernels, buffers);
    for (const [name, buffer] of Object.entries(buffers)) values.set(name, await backend.read(buffer));
  } finally {
    for (const buffer of Object.values(buffers)) backend.free(buffer);
  }
  return values;
}
