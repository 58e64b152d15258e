// Promises an open engine backend for a name a person gave, "auto" included, and says which one and why.
// Leaves devices and drivers to repro/gpu.ts and kernels to core/backends/.
import type { Backend } from "../../core/mod.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { createWasmBackend, MOST_THREADS } from "../../core/backends/wasm/backend.ts";
import { createWebgpuBackend } from "../../core/backends/webgpu/backend.ts";
import { coresOfEach, env } from "../runtime.ts";
import { type AdapterDescription, describeAdapter, openGpu, requireAdapter } from "../gpu.ts";
import { storedChoices } from "../tuning.ts";
import type { BackendName, RunSpec } from "../spec/mod.ts";

export type BackendChoice = "auto" | BackendName;

/**
 * The backend that a choice means on this machine: "auto" is a real GPU where there is one, else wasm; a software GPU is
 * taken only when webgpu is asked for by name. `reason` is one sentence for the user.
 */
export async function resolveBackend(choice: BackendChoice): Promise<{ name: BackendName; reason: string }> {
  if (choice !== "auto") return { name: choice, reason: "as asked" };
  const gpu = await openGpu();
  const adapter = gpu === null ? null : await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) return { name: "wasm", reason: "no GPU adapter was found" };
  const described = describeAdapter(adapter);
  if (described.isSoftware) {
    return { name: "wasm", reason: `${described.description} is a software GPU, slower than wasm` };
  }
  return { name: "webgpu", reason: described.description };
}

/**
 * Opens a backend. `half` asks for half precision, in matrix products or also for frozen weights: a GPU's affair. `threads` counts
 * for wasm only (default REPRO_THREADS, else 1; any number gives the same bits), and so does REPRO_SIMD: "plain" is without relaxed
 * SIMD, which rounds differently from processor to processor, but the same bits on each; "wide" lets Node 24's V8 use 256-bit
 * registers, for the same bits.
 */
export async function openBackend(
  name: BackendName,
  options: { threads?: number; half?: "products" | "all" } = {},
): Promise<Backend> {
  const { half } = options;
  if (half !== undefined && name !== "webgpu") {
    throw new Error(
      `half precision: backend ${name} has none; choose webgpu on a GPU, or leave --precision at f32`,
    );
  }
  if (name === "reference") return await createReferenceBackend();
  if (name === "wasm") {
    return await createWasmBackend({
      threads: Math.min(options.threads ?? threadsChoice(), MOST_THREADS),
      simd: simdChoice(),
    });
  }
  const { adapter, description } = await requireAdapter({ half: half !== undefined });
  if (half !== undefined && !adapter.features.has("shader-f16")) {
    throw new Error(
      `half precision: ${
        description.description || description.device
      } has no shader-f16; use a GPU that has it, or leave --precision at f32`,
    );
  }
  return await createWebgpuBackend({
    adapter,
    choices: await storedChoices(description, undefined, half !== undefined),
    ...(half === undefined ? {} : { products: "f16" }),
    ...(half === "all" ? { frozenWeights: "f16" } : {}),
  });
}

/** What a run's precision asks of a backend. What trains must stay in single precision: with full fine-tuning that is every weight. */
export function precisionOf({ precision, adapter }: RunSpec): { half?: "products" | "all" } {
  return precision === "f16" ? { half: adapter === "full" ? "products" : "all" } : {};
}

/** For provenance: adapter and driver of a GPU, nothing for the others. */
export async function adapterOf(name: BackendName): Promise<{ adapter?: AdapterDescription }> {
  return name === "webgpu" ? { adapter: (await requireAdapter()).description } : {};
}

/** For one of some processes that have the machine to themselves. */
export const threadsOfEach = (processes: number): number =>
  env("REPRO_THREADS") === undefined ? coresOfEach(processes) : threadsChoice();

function threadsChoice(): number {
  const choice = env("REPRO_THREADS") ?? "1";
  if (/^[1-9]\d*$/.test(choice)) return Number(choice);
  throw new Error(`REPRO_THREADS is "${choice}"; a whole number from 1 is needed`);
}

function simdChoice(): "auto" | "plain" | "wide" {
  const choice = env("REPRO_SIMD") ?? "auto";
  if (choice === "auto" || choice === "plain" || choice === "wide") return choice;
  throw new Error(`REPRO_SIMD is "${choice}"; choose auto, plain or wide`);
}
