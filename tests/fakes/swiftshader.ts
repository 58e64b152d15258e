// Promises a WebGPU driver without any system package: SwiftShader and a Vulkan loader from npm @sparticuz/chromium, unpacked
// once into the temporary folder. Linux x64 only. Opening the adapter is repro/gpu.ts's.
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { brotliDecompressSync } from "node:zlib";
import { exists } from "../../repro/runtime.ts";

const wanted = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];

/** Regular files of a tar archive (ustar; names of at most 100 bytes). */
function* untar(archive: Uint8Array): Generator<{ name: string; data: Uint8Array }> {
  const text = (from: number, length: number) =>
    new TextDecoder().decode(archive.subarray(from, from + length)).replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    if (type === "0" || type === "") {
      yield { name: text(at, 100), data: archive.subarray(at + 512, at + 512 + size) };
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Folder with the driver, its manifest and libvulkan.so.1. */
export async function unpackSwiftshader(): Promise<string> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `SwiftShader comes for Linux x64 only, this is ${process.platform} ${process.arch}; use a real GPU here`,
    );
  }
  const require = createRequire(import.meta.url);
  // The package exports no package.json: its entry point stands in <root>/build/esm or <root>/build/cjs.
  let root = dirname(require.resolve("@sparticuz/chromium"));
  while (!await exists(join(root, "bin", "swiftshader.tar.br"))) {
    if (dirname(root) === root) {
      throw new Error("@sparticuz/chromium has no bin/swiftshader.tar.br; run npm install again");
    }
    root = dirname(root);
  }
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const folder = join(tmpdir(), `repro-swiftshader-${version}`);
  if (await exists(folder)) return folder;
  const partial = await mkdtemp(`${folder}-`);
  for (
    const { name, data } of untar(
      brotliDecompressSync(await readFile(join(root, "bin", "swiftshader.tar.br"))),
    )
  ) {
    if (wanted.includes(name)) await writeFile(join(partial, name), data, { mode: 0o755 });
  }
  try {
    await rename(partial, folder);
  } catch (error) {
    // Another test process was first.
    await rm(partial, { recursive: true });
    if (!await exists(folder)) throw error;
  }
  return folder;
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
