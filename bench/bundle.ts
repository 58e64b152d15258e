// Promises one folder (and its archive) with everything that the bench needs on a GPU machine without a network: the bench and the
// engine as one file, Node, Dawn, the Vulkan loader, PyTorch's side, and a script that runs it all. Linux x64.
//   npx tsx bench/bundle.ts FOLDER [--no-node] [--no-archive]
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { UsageError } from "../cli/ui/usage.ts";
import { parseArguments } from "../cli/ui/arguments.ts";
import { arguments_, exit } from "../repro/launch/process.ts";
import { env, pathOf, runtimeName, warn, writeOutput } from "../repro/runtime.ts";
import { digests } from "./engines/digest.ts";
import { openOurs } from "./engines/ours/engine.ts";
import { loadEsbuild } from "./esbuild.ts";
import { commit } from "./machine.ts";
import { encoders } from "./work/encoders.ts";
import { bytesOf, flopsOf, tokensOf } from "./work/flops.ts";
import { operations } from "./work/registry.ts";
import type { Work } from "./work/work.ts";

const here = pathOf(new URL("./", import.meta.url));
const require = createRequire(import.meta.url);

async function bundleCode(folder: string): Promise<void> {
  await loadEsbuild().build({
    entryPoints: [join(here, "main.ts")],
    outfile: join(folder, "bench.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // A native module: its own folder is copied.
    external: ["webgpu"],
    // Packages of the older kind call require, which a module file has not.
    banner: {
      js:
        'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    logLevel: "error",
  });
}

/** Dawn's bindings, for this platform alone. */
function copyDawn(folder: string): void {
  const from = dirname(require.resolve("webgpu/package.json"));
  const to = join(folder, "node_modules", "webgpu");
  const binary = join("dist", `${process.platform}-${process.arch}`, "dawn.node");
  mkdirSync(dirname(join(to, binary)), { recursive: true });
  for (const file of ["package.json", "index.js", "LICENSE.md", binary]) {
    copyFileSync(join(from, file), join(to, file));
  }
}

/** The loader, and what NVIDIA's driver links against and a bare container lacks. */
const libraries = [
  "libvulkan.so.1",
  "libX11.so.6",
  "libXext.so.6",
  "libxcb.so.1",
  "libXau.so.6",
  "libXdmcp.so.6",
];

function copyLibraries(folder: string): void {
  const installed = new Map(
    execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" }).split("\n")
      .map((line) => /^\s*(\S+) \(.*x86-64.*\) => (\S+)$/.exec(line))
      .filter((found) => found !== null).map(([, name, path]) => [name, path]),
  );
  const named = (env("LD_LIBRARY_PATH") ?? "").split(":").filter(Boolean);
  mkdirSync(join(folder, "lib"), { recursive: true });
  for (const name of libraries) {
    const path = named.map((each) => join(each, name)).find((each) => existsSync(each)) ??
      installed.get(name);
    if (path !== undefined) copyFileSync(realpathSync(path), join(folder, "lib", name));
    else if (name === "libvulkan.so.1") {
      throw new Error("bundle: no libvulkan.so.1 on this machine; install the Vulkan loader (libvulkan1)");
    } else {warn(
        `bundle: ${name} is not on this machine and so not in the bundle; NVIDIA's driver may want it`,
      );}
  }
}

/** A small encoder, with our engine's loss and gradients, for PyTorch to check itself against. */
async function writeCheck(folder: string): Promise<void> {
  const shape = { ...encoders.tiny, batch: 4, tokens: 32, vocabulary: 500 };
  const work: Work = { kind: "step", shape, open: shape.layers };
  const engine = await openOurs({ backend: "wasm", threads: 1, version: commit() });
  const prepared = (await engine.prepare(work, join(folder, "check")))!;
  writeFileSync(
    join(folder, "check.json"),
    JSON.stringify({ work, digests: digests(await prepared.outputs()) }),
  );
  await prepared.dispose();
}

/** What torch_step.py measures, with the counts of this bench. */
function writeWork(folder: string): void {
  const wanted = operations.filter(({ name }) => /^(layer|step|ceiling)\//.test(name));
  const entries = wanted.map(({ name, work }) => ({
    name,
    work,
    flops: flopsOf(work),
    bytes: bytesOf(work),
    tokens: tokensOf(work),
  }));
  writeFileSync(join(folder, "work.json"), JSON.stringify(entries));
}

function copyNode(folder: string): void {
  const to = join(folder, "node");
  copyFileSync(process.execPath, to);
  chmodSync(to, 0o755);
  try {
    execFileSync("strip", ["--strip-unneeded", to], { stdio: "ignore" });
  } catch {
    warn("bundle: strip is not installed; the Node binary keeps its symbols");
  }
}

const mebibytes = (path: string) => `${(statSync(path).size / 2 ** 20).toFixed(1)} MiB`;

async function main(): Promise<number> {
  const { values, rest: [folder] } = parseArguments("bundle", arguments_(), [
    { flag: "--no-node", help: "leave the Node binary out: the target has Node 20 or later" },
    { flag: "--no-archive", help: "write the folder only" },
  ], ["<folder>"]);
  if (folder === undefined) throw new UsageError("bundle: name the folder to write");
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`bundle: it is for Linux x64, this is ${process.platform} ${process.arch}`);
  }
  if (values["no-node"] !== true && !runtimeName().startsWith("node")) {
    throw new Error(
      "bundle: it would pack this runtime's binary as Node; run it with Node, or pass --no-node",
    );
  }
  mkdirSync(folder, { recursive: true });
  await bundleCode(folder);
  copyDawn(folder);
  copyLibraries(folder);
  if (values["no-node"] !== true) copyNode(folder);
  mkdirSync(join(folder, "peers"), { recursive: true });
  for (const name of ["torch_model.py", "torch_work.py", "torch_peer.py", "torch_step.py"]) {
    copyFileSync(join(here, "peers", name), join(folder, "peers", name));
  }
  copyFileSync(join(here, "run.sh"), join(folder, "run.sh"));
  chmodSync(join(folder, "run.sh"), 0o755);
  writeFileSync(join(folder, "COMMIT"), commit() + "\n");
  writeWork(folder);
  await writeCheck(folder);
  writeOutput(`${folder}: bench.mjs ${mebibytes(join(folder, "bench.mjs"))}\n`);
  if (values["no-archive"] !== true) {
    const archive = `${folder.replace(/\/$/, "")}.tar.xz`;
    execFileSync("tar", ["-C", dirname(folder), "-cJf", archive, basename(folder)], {
      env: { ...process.env, XZ_OPT: "-9" },
    });
    writeOutput(`${archive}: ${mebibytes(archive)}\n`);
  }
  return 0;
}

try {
  exit(await main());
} catch (error) {
  warn((error as Error).message);
  exit(error instanceof UsageError ? 2 : 1);
}
