// The WebGPU backend: takes a GPU object (navigator.gpu, or Dawn's on Node and Deno) or a device, gives a Backend.
// Finding that GPU object outside a browser is repro/gpu.ts's; recording and memory are recorder.ts's and pool.ts's.

import { CoreError } from "../../errors.ts";
import { type Backend, checkedView, type DeviceBuffer, type DType, type HostArray } from "../backend.ts";
import type { KernelSet } from "../kernels.ts";
import { copyKernels } from "./kernels/copy.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { attentionKernels } from "./kernels/attention.ts";
import { embeddingKernels } from "./kernels/embedding.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import { normalizationKernels } from "./kernels/normalization.ts";
import { optimizerKernels } from "./kernels/optimizer.ts";
import { randomKernels } from "./kernels/random.ts";
import { reduceKernels } from "./kernels/reduce.ts";
import { softmaxKernels } from "./kernels/softmax.ts";
import { own } from "./kernels/windows.ts";
import { Recorder } from "./recorder.ts";

export interface WebgpuOptions {
  /** Where to ask for an adapter, unless `adapter` or `device` is given. */
  gpu?: GPU;
  adapter?: GPUAdapter;
  /** A device of one's own; the backend destroys it when disposed. */
  device?: GPUDevice;
  powerPreference?: GPUPowerPreference;
  /** The device is gone: everything on it is lost, and every later call fails. */
  onDeviceLost?: (reason: string) => void;
  /** Overrides what the adapter says of itself; the two kinds of shader are chosen by it. For tests. */
  isSoftware?: boolean;
}

/** Renderers that run on the CPU: right for tests, slower than the wasm backend for work. */
export function isSoftwareAdapter(information: GPUAdapterInfo): boolean {
  const { isFallbackAdapter, vendor, architecture, device, description } = information;
  return isFallbackAdapter === true ||
    /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp/i.test(
      `${vendor} ${architecture} ${device} ${description}`,
    );
}

function describe(information: GPUAdapterInfo): string {
  const { vendor, architecture, device, description } = information;
  const words = [description, device, architecture, vendor].filter((each) => each);
  return words.filter((each, i) => !words.slice(0, i).some((earlier) => earlier.includes(each))).join(", ") ||
    "unnamed adapter";
}

/** As much of each limit as the adapter has: tables and workgroups must not end at WebGPU's minimum. */
const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

const wantedFeatures = ["subgroups"] as const;

async function openDevice(
  options: WebgpuOptions,
): Promise<{ device: GPUDevice; information: GPUAdapterInfo }> {
  if (options.device !== undefined) {
    return { device: options.device, information: options.device.adapterInfo };
  }
  const adapter = options.adapter ??
    await options.gpu?.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
  if (!adapter) {
    throw new CoreError(
      "webgpu: no GPU adapter; install a driver for Vulkan, Metal or Direct3D 12, or use the wasm backend",
    );
  }
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = wantedFeatures.filter((each) => adapter.features.has(each));
  return {
    device: await adapter.requestDevice({ requiredLimits, requiredFeatures }),
    information: adapter.info,
  };
}

/** Where the size of a subgroup is not known beforehand, kernels that count on it are not used. */
function subgroupSizeOf(device: GPUDevice, information: GPUAdapterInfo): number {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = information;
  return device.features.has("subgroups") && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
}

export async function createWebgpuBackend(options: WebgpuOptions): Promise<Backend> {
  const { device, information } = await openDevice(options);
  const isSoftware = options.isSoftware ?? isSoftwareAdapter(information);
  const recorder = new Recorder(
    device,
    { isSoftware, lanes: isSoftware ? 1 : 64, subgroupSize: subgroupSizeOf(device, information) },
    options.onDeviceLost,
  );
  const kernels: KernelSet = {
    ...elementwiseKernels(recorder),
    ...copyKernels(recorder),
    ...attentionKernels(recorder),
    ...embeddingKernels(recorder),
    ...normalizationKernels(recorder),
    ...optimizerKernels(recorder),
    ...randomKernels(recorder),
    ...reduceKernels(recorder),
    ...softmaxKernels(recorder),
    ...matmulKernels(recorder),
  };
  return {
    name: "webgpu",
    description: `webgpu ${describe(information)}`,
    kernels,
    allocate: (length: number, dtype: DType): DeviceBuffer => recorder.pool.allocate(length, dtype),
    free: (buffer) => recorder.pool.free(own(buffer)),
    view(buffer: DeviceBuffer, offset: number, length: number) {
      checkedView(buffer, offset, length);
      return recorder.pool.view(own(buffer), offset, length);
    },
    write(buffer: DeviceBuffer, data: HostArray, offset = 0) {
      if (offset + data.length > buffer.length) {
        throw new CoreError(
          `write: ${data.length} elements from ${offset} on exceed a buffer of ${buffer.length}; allocate a larger one`,
        );
      }
      const wanted = buffer.dtype === "f32" ? Float32Array : Int32Array;
      recorder.write(own(buffer), data instanceof wanted ? data : new wanted(data), offset);
    },
    read: (buffer) => recorder.read(own(buffer)),
    synchronize: () => recorder.synchronize(),
    replay: (key, work) => recorder.replay(key, work),
    memory: () => recorder.pool.statistics(),
    dispose: () => recorder.dispose(),
  };
}
