// Promises the contents of npm @sparticuz/chromium, a browser for Linux x64 in compressed archives, unpacked once into the
// temporary folder. Leaves what is unpacked and what for to swiftshader.ts and browser.ts.
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { brotliDecompressSync } from "node:zlib";
import { exists } from "../../repro/runtime.ts";

/** Regular files of a tar archive (ustar; names of at most 100 bytes). */
export function* untar(bytes: Uint8Array): Generator<{ name: string; data: Uint8Array }> {
  const text = (from: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(from, from + length)).replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    if (type === "0" || type === "") {
      yield { name: text(at, 100), data: bytes.subarray(at + 512, at + 512 + size) };
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** The decompressed bytes of one of the package's files. */
export async function archive(binaries: string, name: string): Promise<Uint8Array> {
  return brotliDecompressSync(await readFile(join(binaries, name)));
}

/** Folder in the machine's temporary folder that `fill` has filled from the package's archives, in this process or in an earlier one. */
export async function unpackChromium(
  part: string,
  fill: (binaries: string, folder: string) => Promise<void>,
): Promise<string> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `@sparticuz/chromium is for Linux x64 only, this is ${process.platform} ${process.arch}; use a real GPU here`,
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
  const folder = join(process.env.REPRO_TEST_CACHE ?? tmpdir(), `repro-${part}-${version}`);
  if (await exists(folder)) return folder;
  const partial = await mkdtemp(`${folder}-`);
  await fill(join(root, "bin"), partial);
  try {
    await rename(partial, folder);
  } catch (error) {
    // Another test process was first.
    await rm(partial, { recursive: true });
    if (!await exists(folder)) throw error;
  }
  return folder;
}
