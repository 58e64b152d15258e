// Promises every engine that the bench knows: what it needs, on which runtime and backend it runs, and how its process starts.
// Leaves speaking with the process to child.ts and the engines to their files.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { scriptCommand } from "../../repro/launch/process.ts";
import { env, runtimeName } from "../../repro/runtime.ts";
import { halfTolerance } from "../agreement.ts";
import { installCommand, PeerPackages } from "./packages.ts";

export type BenchBackend = "wasm" | "webgpu" | "null";

export interface EngineEntry {
  id: string;
  /** What people call it. */
  title: string;
  /** What open.ts opens; or the Python peer. */
  module: "ours" | "onnx" | "jax" | "tfjs" | "torch";
  options: Record<string, string | number>;
  runtime: "own" | "node" | "deno" | "python";
  /** Packages of the peers' folder. */
  needs: readonly string[];
  /** Largest deviation from our result in f32 that is still the same work; see agreement.ts. */
  tolerance?: number;
}

export const ourId = "repro";

/** Ours first, then the peers of a backend, each with one thread and with all where it has a choice. */
export function catalogue(backend: BenchBackend, threads: number, version: string): EngineEntry[] {
  const ours: EngineEntry = {
    id: ourId,
    title: "repro",
    module: "ours",
    options: { backend, threads, version },
    runtime: "own",
    needs: [],
  };
  /** Ours again, after measuring which tiles are the fastest on this GPU for the work at hand. */
  const tuned = (precision: "f32" | "f16"): EngineEntry => ({
    ...ours,
    id: precision === "f32" ? "repro-tuned" : "repro-half",
    title: precision === "f32" ? "repro, tuned" : "repro, tuned, half precision",
    options: { ...ours.options, tuned: precision },
    ...precision === "f16" ? { tolerance: halfTolerance } : {},
  });
  if (backend === "null") return [ours, tuned("f16")];
  const counts = threads > 1 ? [threads, 1] : [1];
  const onnx = (kind: "node" | "web") =>
    counts.map((count): EngineEntry => ({
      id: `onnxruntime-${kind}@${count}`,
      title: `ONNX Runtime ${kind === "node" ? "native" : "WASM"}, ${count} thread${count > 1 ? "s" : ""}`,
      module: "onnx",
      options: { kind, threads: count },
      runtime: "node",
      needs: [`onnxruntime-${kind}`],
    }));
  const torch = (device: "cpu" | "cuda", count: number): EngineEntry => ({
    id: device === "cpu" ? `torch@${count}` : "torch-cuda",
    title: device === "cpu" ? `PyTorch CPU, ${count} thread${count > 1 ? "s" : ""}` : "PyTorch CUDA",
    module: "torch",
    options: { device, threads: count },
    runtime: "python",
    needs: [],
  });
  const jax = (runtime: "deno" | "node", title: string, id: string): EngineEntry => ({
    id,
    title,
    module: "jax",
    options: { backend },
    runtime,
    needs: ["@jax-js/jax"],
  });
  const tfjs: EngineEntry = {
    id: `tfjs-${backend}`,
    title: `TensorFlow.js ${backend === "wasm" ? "WASM, 1 thread" : "WebGPU"}`,
    module: "tfjs",
    options: { backend },
    runtime: "node",
    needs: ["@tensorflow/tfjs", `@tensorflow/tfjs-backend-${backend}`],
  };
  return backend === "wasm"
    ? [
      ours,
      ...onnx("web"),
      jax("deno", "jax-js WASM on Deno, all threads", "jax-js-deno"),
      jax("node", "jax-js WASM on Node, 1 thread", "jax-js-node"),
      tfjs,
      ...onnx("node"),
      ...counts.map((count) => torch("cpu", count)),
    ]
    : [
      ours,
      tuned("f32"),
      tuned("f16"),
      jax("node", "jax-js WebGPU", "jax-js-webgpu"),
      tfjs,
      torch("cuda", 1),
    ];
}

/** The bundle is one file of plain JavaScript, this one included; the sources start main.ts. */
const isBundle = import.meta.url.endsWith(".mjs");
const entry = new URL(isBundle ? import.meta.url : "../main.ts", import.meta.url);
const here = fileURLToPath(new URL(isBundle ? "./" : "../", import.meta.url));

const onPath = (name: string) =>
  (env("PATH") ?? "").split(delimiter).map((folder) => join(folder, name)).find((path) => existsSync(path));

/** The project's own Deno, unpacked by its starter script on first use. */
const denoStarter = join(here, "..", "node_modules", "deno", "bin.cjs");

/** Python that can import torch: BENCH_PYTHON, a virtual environment in the project's folder, or the path's. */
export function python(): string | undefined {
  const own = join(here, "..", ".venv", "bin", "python3");
  return env("BENCH_PYTHON") ?? (existsSync(own) ? own : onPath("python3"));
}

function runtimeCommand(runtime: "own" | "node" | "deno"): string[] | null {
  const isDeno = runtimeName().startsWith("deno");
  if (isBundle) return runtime === "deno" ? null : [process.execPath, fileURLToPath(entry)];
  if (runtime === "own" || (runtime === "deno") === isDeno) return scriptCommand(entry);
  if (runtime === "node") {
    const node = onPath("node");
    return node ? [node, "--import", import.meta.resolve("tsx"), fileURLToPath(entry)] : null;
  }
  return existsSync(denoStarter)
    ? [process.execPath, denoStarter, "run", "-A", "--no-check", fileURLToPath(entry)]
    : null;
}

/** The command of an engine's process, or one line that says what it lacks. */
export function commandOf(
  entry: EngineEntry,
  peers: PeerPackages,
): { command: string[] } | { missing: string } {
  if (entry.runtime === "python") {
    const interpreter = python();
    return interpreter === undefined ? { missing: "python3 is not on the path" } : {
      command: [interpreter, join(here, "peers", "torch_peer.py"), JSON.stringify(entry.options)],
    };
  }
  const absent = entry.needs.filter((name) => !peers.has(name));
  if (absent.length > 0) {
    return { missing: `${absent.join(" and ")} not installed; ${installCommand}` };
  }
  const command = runtimeCommand(entry.runtime);
  return command === null
    ? { missing: `${entry.runtime} was not found` }
    : { command: [...command, "engine", entry.module, JSON.stringify(entry.options), peers.folder] };
}
