// Promises a WebGPU backend for tests: the machine's GPU if asked for by REPRO_TEST_GPU, else SwiftShader.
// Leaves the driver to swiftshader.ts and the adapter to repro/gpu.ts.
import process from "node:process";
import type { Backend } from "../../core/backends/backend.ts";
import { createWebgpuBackend, type WebgpuOptions } from "../../core/backends/webgpu/backend.ts";
import { requireAdapter } from "../../repro/gpu.ts";
import { loadSwiftshader } from "./swiftshader.ts";

/** The adapter, whose devices `change` sees first: for whoever watches a device's calls. */
export function withDevice(adapter: GPUAdapter, change: (device: GPUDevice) => void): GPUAdapter {
  const request = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = async (descriptor) => {
    const device = await request(descriptor);
    change(device);
    return device;
  };
  return adapter;
}

/** The adapter, whose devices tell each compute pipeline's label before they make it. */
export function namingPipelines(adapter: GPUAdapter, say: (label: string) => void): GPUAdapter {
  return withDevice(adapter, (device) => {
    const create = device.createComputePipeline.bind(device);
    device.createComputePipeline = (pipeline) => {
      say(pipeline.label!);
      return create(pipeline);
    };
  });
}

/** `half` must be said by a file's first call, like openGpu's. */
export async function testAdapter({ half = false } = {}): Promise<GPUAdapter> {
  const useOwn = Boolean(process.env.REPRO_TEST_GPU);
  if (!useOwn) await loadSwiftshader();
  return (await requireAdapter({ loaderIsLoaded: !useOwn, half })).adapter;
}

export async function testWebgpuBackend(options: WebgpuOptions = {}): Promise<Backend> {
  return createWebgpuBackend({ adapter: await testAdapter(), ...options });
}
