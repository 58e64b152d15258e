// Promises our own engine as the bench's first one, on the backend that was asked for.
// Leaves each kind of work to the files beside this one.
import type { Backend } from "../../../core/mod.ts";
import { createWebgpuBackend } from "../../../core/backends/webgpu/backend.ts";
import { runtimeName } from "../../../repro/runtime.ts";
import { openBackend } from "../../../repro/training/backend.ts";
import type { Work } from "../../work/work.ts";
import type { Engine, PreparedWork } from "../engine.ts";
import { prepareEncoder } from "./encoder.ts";
import { prepareFlat } from "./flat.ts";
import { prepareLayer } from "./layer.ts";
import { prepareAdamW, prepareAttention, prepareLayerNormGelu, prepareMatmul } from "./parts.ts";

/** "null" is WebGPU on a device that computes nothing: it proves that every shader and step is valid. */
export type OwnBackend = "wasm" | "webgpu" | "null";

/** Dawn crashes the process when the object that create() returned is collected while a device lives. */
const kept: unknown[] = [];

async function open(name: OwnBackend, threads: number): Promise<Backend> {
  if (name !== "null") return await openBackend(name, { threads });
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create(["backend=null"]);
  kept.push(gpu);
  return await createWebgpuBackend({ gpu });
}

export async function openOurs(
  { backend: name, threads, version }: { backend: OwnBackend; threads: number; version: string },
): Promise<Engine> {
  const backend = await open(name, threads);
  return {
    facts: { version, description: `${runtimeName()}, ${backend.description}` },
    prepare: (work, exchange) => prepare(backend, () => open(name, threads), work, exchange),
  };
}

function prepare(
  backend: Backend,
  another: () => Promise<Backend>,
  work: Work,
  exchange?: string,
): Promise<PreparedWork | null> {
  switch (work.kind) {
    case "matmul":
      return Promise.resolve(prepareMatmul(backend, work));
    case "flat":
      return Promise.resolve(prepareFlat(backend, work));
    case "layer-norm-gelu":
      return Promise.resolve(prepareLayerNormGelu(backend, work));
    case "attention":
      return Promise.resolve(prepareAttention(backend, work));
    case "adamw":
      return Promise.resolve(prepareAdamW(backend, work));
    case "layer":
      return Promise.resolve(prepareLayer(backend, work));
    case "step":
    case "trace":
    case "evaluation":
      // A backend of its own: the most memory that it ever held is then that of this work.
      return another().then((own) => prepareEncoder(own, work, exchange));
  }
}
