// Opens every backend that this machine has, for tests that compare them: wasm in its forms, and webgpu where a driver is.
// A backend that ought to be there and cannot be opened is an error, never a skip.

import process from "node:process";
import type { Backend } from "../../core/backends/backend.ts";

export interface OpenedBackend {
  /** "wasm" (one thread), "wasm-2", "wasm-plain" (no relaxed SIMD), "webgpu". */
  label: string;
  backend: Backend;
}

/**
 * All backends to be judged by the reference. `REPRO_TEST_WEBGPU=1` promises a (software) driver: webgpu then must open.
 * @throws when wasm, or a promised webgpu, cannot be opened.
 */
export async function openBackends(): Promise<{ backends: OpenedBackend[]; notes: string[] }> {
  const backends: OpenedBackend[] = [];
  const notes: string[] = [];
  const { createWasmBackend } = await import("../../core/backends/wasm/backend.ts");
  backends.push({ label: "wasm", backend: await createWasmBackend({ threads: 1 }) });
  backends.push({ label: "wasm-2", backend: await createWasmBackend({ threads: 2 }) });
  backends.push({ label: "wasm-plain", backend: await createWasmBackend({ threads: 1, relaxed: false }) });

  if (process.env.REPRO_TEST_WEBGPU === "1") {
    const { openWebGpuBackend } = await import("../../repro/gpu.ts");
    backends.push({ label: "webgpu", backend: await openWebGpuBackend() });
  } else {
    notes.push("webgpu was not compared: no driver was promised (REPRO_TEST_WEBGPU is not 1)");
  }
  return { backends, notes };
}
