// Promises a WebGPU backend for tests: the machine's GPU if asked for by REPRO_TEST_GPU, else SwiftShader.
// Leaves the driver to swiftshader.ts and the adapter to repro/gpu.ts.
import process from "node:process";
import type { Backend } from "../../core/backends/backend.ts";
import { createWebgpuBackend, type WebgpuOptions } from "../../core/backends/webgpu/backend.ts";
import { requireAdapter } from "../../repro/gpu.ts";
import { loadSwiftshader } from "./swiftshader.ts";

/** `half` must be said by a file's first call, like openGpu's. */
export async function testAdapter({ half = false } = {}): Promise<GPUAdapter> {
  const useOwn = Boolean(process.env.REPRO_TEST_GPU);
  if (!useOwn) await loadSwiftshader();
  return (await requireAdapter({ loaderIsLoaded: !useOwn, half })).adapter;
}

export async function testWebgpuBackend(options: WebgpuOptions = {}): Promise<Backend> {
  return createWebgpuBackend({ adapter: await testAdapter(), ...options });
}
