// Promises a page in a real browser (headless Chromium from npm): a script of this project, bundled, and what it reports back.
// Linux x64 only. Leaves what the script does to the test.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { loadEsbuild } from "../../bench/esbuild.ts";
import { archive, unpackChromium, untar } from "./chromium_package.ts";

async function bundle(source: string): Promise<string> {
  const { outputFiles } = await loadEsbuild().build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL("../../", import.meta.url)), loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  return outputFiles![0].text;
}

/** Folder with `chromium` and the libraries that it needs. */
export function unpackBrowser(): Promise<string> {
  return unpackChromium("chromium", async (binaries, folder) => {
    await writeFile(join(folder, "chromium"), await archive(binaries, "chromium.br"), { mode: 0o755 });
    for (const name of ["al2023.tar.br", "swiftshader.tar.br"]) {
      for (const file of untar(await archive(binaries, name))) {
        const path = join(folder, file.name);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, file.data, { mode: 0o755 });
      }
    }
  });
}

const patience = 60_000;

/**
 * Runs TypeScript, whose imports are paths from the project's root, as a page's module, and gives what it passes to `report`.
 * `isolated`: the page is served with the headers that make it cross-origin isolated.
 */
export async function inBrowser(source: string, { isolated }: { isolated: boolean }): Promise<unknown> {
  const report = `const report = (value) => fetch("/report", { method: "POST", body: JSON.stringify(value) });
    addEventListener("error", (event) => report({ error: String(event.message) }));
    addEventListener("unhandledrejection", (event) => report({ error: String(event.reason?.stack ?? event.reason) }));`;
  const script = await bundle(source);
  const folder = await unpackBrowser();
  const profile = await mkdtemp(join(tmpdir(), "repro-browser-"));
  let received: (value: unknown) => void;
  const result = new Promise<unknown>((resolve) => received = resolve);
  const server = createServer((request, response) => {
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    if (request.method === "POST") {
      let body = "";
      request.on("data", (part) => body += part).on("end", () => {
        response.end();
        received(JSON.parse(body));
      });
      return;
    }
    response.setHeader("Content-Type", request.url === "/script.js" ? "text/javascript" : "text/html");
    response.end(
      request.url === "/script.js"
        ? script
        : `<script>${report}</script><script type="module" src="/script.js"></script>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const browser = spawn(join(folder, "chromium"), [
    "--headless=shell",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    `--user-data-dir=${profile}`,
    `http://127.0.0.1:${port}/`,
  ], {
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, "lib"), HOME: profile },
    stdio: ["ignore", "ignore", "pipe"],
    // A group of its own, so that its processes end with it.
    detached: true,
  });
  let complaints = "";
  browser.stderr.on("data", (part) => complaints += part);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      result,
      new Promise((_, reject) => {
        timer = setTimeout(
          () =>
            reject(new Error(`browser: no report within ${patience} ms; it said: ${complaints.slice(-500)}`)),
          patience,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
    const ended = new Promise((resolve) => browser.once("exit", resolve));
    process.kill(-browser.pid!, "SIGKILL");
    await ended;
    server.closeAllConnections();
    server.close();
    await removeFolder(profile);
  }
}

/** Processes that are just ending may still write to it. */
export async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await rm(folder, { recursive: true, force: true });
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
