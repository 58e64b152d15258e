// Promises a WebGPU driver without any system package: SwiftShader and a Vulkan loader from npm @sparticuz/chromium, unpacked
// once into the temporary folder. Linux x64 only. Opening the adapter is repro/gpu.ts's.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { archive, unpackChromium, untar } from "./chromium_package.ts";

const wanted = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];

/** Folder with the driver, its manifest and libvulkan.so.1. */
export function unpackSwiftshader(): Promise<string> {
  return unpackChromium("swiftshader", async (binaries, folder) => {
    for (const { name, data } of untar(await archive(binaries, "swiftshader.tar.br"))) {
      if (wanted.includes(name)) await writeFile(join(folder, name), data, { mode: 0o755 });
    }
  });
}

/** Variables for a child process that is to see SwiftShader as its only Vulkan driver. */
export async function swiftshaderEnvironment(): Promise<Record<string, string>> {
  const folder = await unpackSwiftshader();
  const manifest = join(folder, "vk_swiftshader_icd.json");
  return {
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
    VK_DRIVER_FILES: manifest,
    VK_ICD_FILENAMES: manifest,
  };
}

/**
 * Makes SwiftShader this process's Vulkan driver: the loader is opened by its path, and stays, so that Dawn's later request
 * for "libvulkan.so.1" finds it. A driver chosen by VK_DRIVER_FILES is left as it is. Call before opening an adapter.
 */
export async function loadSwiftshader(): Promise<void> {
  if (process.env.VK_DRIVER_FILES) return;
  const { LD_LIBRARY_PATH: _, ...variables } = await swiftshaderEnvironment();
  Object.assign(process.env, variables);
  const loader = join(await unpackSwiftshader(), "libvulkan.so.1");
  const deno = (globalThis as { Deno?: { dlopen(path: string, symbols: object): unknown } }).Deno;
  if (deno !== undefined) {
    deno.dlopen(loader, {});
    return;
  }
  const now = 0x2, global = 0x100, keepLoaded = 0x1000;
  try {
    process.dlopen({ exports: {} }, loader, now | global | keepLoaded);
  } catch (error) {
    // It is no Node add-on, which Node says only after having opened it.
    if (!String(error).includes("self-register")) throw error;
  }
}
