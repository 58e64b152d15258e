// Promises `navigator.gpu` on Node and Deno, where peers look for it: the same Dawn, driver and pacing as our own engine's.
// Leaves finding a device to repro/gpu.ts.
import { requireAdapter } from "../../repro/gpu.ts";

/** Returns the adapter's name. @throws GpuError when there is none */
export async function installNavigatorGpu(): Promise<string> {
  const { gpu, description } = await requireAdapter();
  const { globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  if (!globalThis.navigator) {
    Object.defineProperty(globalThis, "navigator", {
      value: { userAgent: "Node.js" },
      configurable: true,
      writable: true,
    });
  }
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
  return description.description || description.device;
}
