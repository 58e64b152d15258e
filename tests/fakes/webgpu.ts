// Promises a WebGPU backend for tests: the machine's GPU if asked for by REPRO_TEST_GPU, else SwiftShader.
// Leaves the driver to swiftshader.ts and the adapter to repro/gpu.ts.
import process from "node:process";
import type { Backend } from "../../core/backends/backend.ts";
import { createWebgpuBackend, type WebgpuOptions } from "../../core/backends/webgpu/backend.ts";
import { requireAdapter } from "../../repro/gpu.ts";
import { loadSwiftshader } from "./swiftshader.ts";

export async function testAdapter(): Promise<GPUAdapter> {
  const useOwn = Boolean(process.env.REPRO_TEST_GPU);
  if (!useOwn) await loadSwiftshader();
  return (await requireAdapter({ loaderIsLoaded: !useOwn })).adapter;
}

export async function testWebgpuBackend(options: WebgpuOptions = {}): Promise<Backend> {
  return createWebgpuBackend({ adapter: await testAdapter(), ...options });
}
