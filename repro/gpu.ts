// Promises a GPU object on Node and Deno (Dawn, from npm `webgpu`), the adapter behind it, and words for what is missing.
// Leaves all work on the device to core/backends/webgpu; a browser has navigator.gpu and needs none of this.
import type { Backend } from "../core/backends/backend.ts";
import {
  createWebgpuBackend,
  isSoftwareAdapter,
  type WebgpuOptions,
} from "../core/backends/webgpu/backend.ts";
import { env, exists, join, machine, readBytes, requireFrom } from "./runtime.ts";

/** What provenance records of the device and people read. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** The driver's own words, often with its version. */
  readonly description: string;
  /** A renderer on the CPU (SwiftShader, lavapipe): for tests, never chosen by itself. */
  readonly isSoftware: boolean;
  /** Version of the bindings that were used, e.g. "webgpu 0.6.2 (Dawn)". */
  readonly bindings: string;
}

export interface OpenAdapter {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
  readonly description: AdapterDescription;
}

/** No usable adapter; the message says why and what to do. */
export class GpuError extends Error {
  override name = "GpuError";
}

// Dawn crashes the process when the object that create() returned is collected while a device lives: keep it for good.
let opened: GPU | undefined;
/** Why there is no GPU object, for the error message. */
let absent = "";

/** Whether the Vulkan loader can be found, without asking Dawn, which complains on standard error when it cannot. */
async function vulkanIsInstalled(): Promise<boolean> {
  const { platform } = machine();
  if (platform !== "linux") return true;
  for (const folder of (env("LD_LIBRARY_PATH") ?? "").split(":")) {
    if (folder !== "" && await exists(join(folder, "libvulkan.so.1"))) return true;
  }
  const cache = "/etc/ld.so.cache";
  if (await exists(cache)) {
    return new TextDecoder("latin1").decode(await readBytes(cache)).includes("libvulkan.so.1");
  }
  for (const folder of ["/usr/lib", "/usr/lib64", "/lib", "/usr/local/lib"]) {
    if (await exists(join(folder, "libvulkan.so.1"))) return true;
  }
  return false;
}

/** f16 on NVIDIA and subgroup matrices are experiments to Dawn: asked for only where half precision is wanted. */
const halfToggles = ["enable-dawn-features=vulkan_enable_f16_on_nvidia,allow_unsafe_apis"];
let openedForHalf = false;

/**
 * Dawn's GPU object, the same one at every call, or null where the bindings or a Vulkan loader are absent.
 * `loaderIsLoaded`: the caller has loaded libvulkan into this process itself. `half`: f16 and subgroup matrices are wanted,
 * which must be said at the first call.
 */
export async function openGpu(
  options: { loaderIsLoaded?: boolean; half?: boolean } = {},
): Promise<GPU | null> {
  if (opened !== undefined) {
    if (options.half && !openedForHalf) {
      throw new GpuError(
        "half precision must be asked for when the GPU is first opened; open it with half: true",
      );
    }
    return opened;
  }
  openedForHalf = options.half ?? false;
  if (!options.loaderIsLoaded && !await vulkanIsInstalled()) {
    absent = "no Vulkan loader (libvulkan.so.1)";
    return null;
  }
  try {
    const { create } = await import("webgpu");
    opened = create(options.half ? halfToggles : []);
    const adapter = await opened.requestAdapter();
    if (adapter && isSoftwareAdapter(adapter.info)) paceEventPump();
    return opened;
  } catch (error) {
    // No binary for this platform, or one that cannot be loaded here: the same as no GPU.
    absent = `npm webgpu cannot be loaded (${(error as Error).message})`;
    return null;
  }
}

function bindingsVersion(): string {
  try {
    return `webgpu ${
      (requireFrom(import.meta.url, "webgpu/package.json") as { version: string }).version
    } (Dawn)`;
  } catch {
    return "webgpu (Dawn)";
  }
}

export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const isSoftware = isSoftwareAdapter(adapter.info);
  return { vendor, architecture, device, description, isSoftware, bindings: bindingsVersion() };
}

/** The best adapter, or null when there is none (or only software and it was not asked for). */
export async function openAdapter(
  options: {
    allowSoftware: boolean;
    loaderIsLoaded?: boolean;
    half?: boolean;
    powerPreference?: GPUPowerPreference;
  },
): Promise<OpenAdapter | null> {
  const gpu = await openGpu(options);
  const adapter = await gpu?.requestAdapter({
    powerPreference: options.powerPreference ?? "high-performance",
  });
  if (!gpu || !adapter) return null;
  const description = describeAdapter(adapter);
  if (description.isSoftware && !options.allowSoftware) return null;
  return { gpu, adapter, description };
}

/** Like openAdapter, for a user who asked for webgpu by name: software will do, none is an error. */
export async function requireAdapter(
  options: { loaderIsLoaded?: boolean; half?: boolean } = {},
): Promise<OpenAdapter> {
  const found = await openAdapter({ ...options, allowSoftware: true });
  if (found !== null) return found;
  const reason = opened === undefined ? absent : "the driver offers none";
  const advice = machine().platform === "linux"
    ? "install a Vulkan driver (the vendor's, or mesa-vulkan-drivers)"
    : "update the graphics driver";
  throw new GpuError(`no GPU adapter: ${reason}; ${advice}, or use --backend wasm`);
}

/** The backend on the best adapter, software included; for a user who asked for webgpu by name, and for tests. */
export async function openWebGpuBackend(
  options: WebgpuOptions & { loaderIsLoaded?: boolean } = {},
): Promise<Backend> {
  const half = options.frozenWeights === "f16" || options.products === "f16";
  const { adapter } = await requireAdapter({ ...options, half });
  return await createWebgpuBackend({ adapter, ...options });
}

let paced = false;

/**
 * While work is pending Dawn's bindings re-arm setImmediate without pause and occupy a core: one that a driver on the CPU
 * needs itself (1.6 times faster without). Their callbacks are native functions; those alone are slowed to one a millisecond.
 */
function paceEventPump(): void {
  if (paced) return;
  paced = true;
  const original = globalThis.setImmediate;
  const isNative = (callback: unknown) =>
    Function.prototype.toString.call(callback).includes("[native code]");
  const pacedImmediate = (callback: (...values: unknown[]) => void, ...values: unknown[]) =>
    values.length === 0 && isNative(callback) ? setTimeout(callback, 1) : original(callback, ...values);
  globalThis.setImmediate = Object.assign(pacedImmediate, original) as unknown as typeof setImmediate;
}
