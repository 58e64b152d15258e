// The WebGPU backend: takes a GPU object (navigator.gpu, or Dawn's on Node and Deno) or a device, gives a Backend.
// Finding that GPU object outside a browser is repro/gpu.ts's; recording and memory are recorder.ts's and pool.ts's.

import { CoreError } from "../../errors.ts";
import { type Backend, checkedView, type DeviceBuffer, type DType, type HostArray } from "../backend.ts";
import type { KernelSet } from "../kernels.ts";
import { copyKernels } from "./kernels/copy.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { attentionKernels, chosenAttention } from "./kernels/attention.ts";
import { disentangledKernels } from "./kernels/disentangled.ts";
import { embeddingKernels } from "./kernels/embedding.ts";
import { HalfBuffer, halfStorage } from "./half.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import { type Choices, tileTable } from "./kernels/matmul-choice.ts";
import { type MatrixShape, matrixTileBytes, matrixTiles } from "./kernels/matmul-matrix.ts";
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
  /** "f16" keeps frozen weight matrices in half the memory, where the device has shader-f16; sums stay in f32. Default "f32". */
  frozenWeights?: "f32" | "f16";
  /** "f16" lets a tuning choose products and attention that round their operands; sums stay in f32. Default "f32". */
  products?: "f32" | "f16";
  /** What a tuning chose on this device (tune.ts); without it a fixed table decides. */
  choices?: Choices;
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

/** Features to ask for: half precision and matrices only when they are wanted, so that nothing else changes. */
function wantedFeatures({ frozenWeights, products }: WebgpuOptions): GPUFeatureName[] {
  const half = frozenWeights === "f16" || products === "f16";
  return [
    "subgroups",
    ...half ? ["shader-f16" as const] : [],
    ...products === "f16" ? [matrixFeature, sizeFeature] : [],
  ];
}

const matrixFeature = "chromium-experimental-subgroup-matrix" as GPUFeatureName;
/** Lets a shader say the size of its subgroups, on GPUs that have several (AMD, Intel). */
const sizeFeature = "subgroup-size-control" as GPUFeatureName;
const askedSize = 32;

interface MatrixConfiguration {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

/** The largest shape with f16 operands and f32 sums that the device multiplies, where subgroups have a known size or can be given one. */
function matrixShapeOf(device: GPUDevice, information: GPUAdapterInfo, known: number): MatrixShape | null {
  if (!device.features.has(matrixFeature) || !device.features.has("shader-f16")) return null;
  if (device.limits.maxComputeWorkgroupStorageSize < matrixTileBytes) return null;
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = information;
  const asksForSize = known === 0 && device.features.has(sizeFeature) &&
    subgroupMinSize <= askedSize && askedSize <= subgroupMaxSize;
  if (known === 0 && !asksForSize) return null;
  const lanes = asksForSize ? askedSize : known;
  const { subgroupMatrixConfigs = [] } = information as { subgroupMatrixConfigs?: MatrixConfiguration[] };
  const shapes = [...subgroupMatrixConfigs]
    .filter((each) => each.componentType === "f16" && each.resultComponentType === "f32")
    .map(({ M, N, K }) => ({ m: M, n: N, k: K, lanes, asksForSize }))
    .filter((each) => matrixTiles(each).length > 0)
    .sort((x, y) => y.m * y.n * y.k - x.m * x.n * x.k);
  return shapes[0] ?? null;
}

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
  const requiredFeatures = wantedFeatures(options).filter((each) => adapter.features.has(each));
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

/** A device, what records on it, and the tiles it can compute products with: what a backend and a tuning share. */
export async function openRecorder(options: WebgpuOptions) {
  const { device, information } = await openDevice(options);
  const isSoftware = options.isSoftware ?? isSoftwareAdapter(information);
  const subgroupSize = subgroupSizeOf(device, information);
  const profile = { isSoftware, lanes: isSoftware ? 1 : 64, subgroupSize };
  const recorder = new Recorder(device, profile, options.onDeviceLost);
  const matrix = options.products === "f16" ? matrixShapeOf(device, information, subgroupSize) : null;
  const { choices = {} } = options;
  const tuned = Object.keys(choices).length > 0 ? ", tuned" : "";
  return {
    recorder,
    tiles: tileTable(profile, matrix, choices),
    /** The matrices that half precision may use. */
    matrix,
    attention: chosenAttention(matrix, choices),
    description: describe(information) + tuned,
  };
}

export async function createWebgpuBackend(options: WebgpuOptions): Promise<Backend> {
  const { recorder, tiles, attention, description } = await openRecorder(options);
  const copies = copyKernels(recorder), products = matmulKernels(recorder, tiles);
  const kernels: KernelSet = {
    ...elementwiseKernels(recorder),
    ...copies,
    ...attentionKernels(recorder, attention),
    ...disentangledKernels(recorder, { ...copies, ...products }),
    ...embeddingKernels(recorder),
    ...normalizationKernels(recorder),
    ...optimizerKernels(recorder),
    ...randomKernels(recorder),
    ...reduceKernels(recorder),
    ...softmaxKernels(recorder),
    ...products,
  };
  const half = halfStorage(recorder, kernels);
  const packs = options.frozenWeights === "f16";
  if (packs && !recorder.device.features.has("shader-f16")) {
    recorder.dispose();
    throw new CoreError(
      `webgpu: frozen weights in f16 were asked for, ${description} has no shader-f16; leave frozenWeights at "f32"`,
    );
  }
  return {
    name: "webgpu",
    description: `webgpu ${description}`,
    kernels,
    packsRows: false,
    allocate: (length: number, dtype: DType): DeviceBuffer => recorder.pool.allocate(length, dtype),
    free: (buffer) => recorder.pool.free(buffer instanceof HalfBuffer ? buffer.words : own(buffer)),
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
      if (buffer instanceof HalfBuffer) return half.write(buffer, data, offset);
      const wanted = buffer.dtype === "f32" ? Float32Array : Int32Array;
      recorder.write(own(buffer), data instanceof wanted ? data : new wanted(data), offset);
    },
    async read(buffer) {
      if (!(buffer instanceof HalfBuffer)) return await recorder.read(own(buffer));
      const whole = half.unpack(buffer);
      try {
        return await recorder.read(whole);
      } finally {
        recorder.pool.free(whole);
      }
    },
    ...packs
      ? {
        pack: (x: DeviceBuffer) => half.pack(own(x)),
        unpack: (x: DeviceBuffer) => half.unpack(x as HalfBuffer),
      }
      : {},
    synchronize: () => recorder.synchronize(),
    replay: (key, work) => recorder.replay(key, work),
    memory: () => recorder.pool.statistics(),
    dispose: () => recorder.dispose(),
  };
}
