// Opens every backend that this machine has, for tests that compare them: wasm in its forms, and webgpu where a driver is.
// A backend that ought to be there and cannot be opened is an error, never a skip.

import process from "node:process";
import type { Backend } from "../../core/backends/backend.ts";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { testWebgpuBackend } from "../fakes/webgpu.ts";

export interface OpenedBackend {
  /**
   * "wasm" (one thread), "wasm-2" (two threads), "wasm-plain" (no relaxed SIMD), "webgpu" (as the driver wants),
   * "webgpu-lanes" (several invocations a row, shared memory: what a real GPU gets).
   */
  label: string;
  backend: Backend;
}

/** Where npm brings a software driver, or a GPU was promised, webgpu must open. */
const hasTestDriver = Boolean(process.env.REPRO_TEST_GPU) ||
  (process.platform === "linux" && process.arch === "x64");

/**
 * All backends to be judged by the reference.
 * @throws when wasm, or webgpu where a driver is there, cannot be opened.
 */
export async function openBackends(): Promise<{ backends: OpenedBackend[]; notes: string[] }> {
  const backends: OpenedBackend[] = [];
  const notes: string[] = [];
  backends.push({ label: "wasm", backend: await createWasmBackend({ threads: 1 }) });
  backends.push({ label: "wasm-2", backend: await createWasmBackend({ threads: 2 }) });
  backends.push({ label: "wasm-plain", backend: await createWasmBackend({ threads: 1, simd: "plain" }) });

  if (hasTestDriver) {
    backends.push({ label: "webgpu", backend: await testWebgpuBackend() });
    // The shaders for real GPUs, on the same driver.
    backends.push({ label: "webgpu-lanes", backend: await testWebgpuBackend({ isSoftware: false }) });
  } else {notes.push(
      "webgpu was not compared: SwiftShader comes for Linux x64 only; set REPRO_TEST_GPU=1 to use this machine's GPU",
    );}
  return { backends, notes };
}
