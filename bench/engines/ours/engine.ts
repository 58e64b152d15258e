// Promises our own engine as the bench's first one, on the backend that was asked for.
// Leaves each kind of work to the files beside this one.
import type { Backend } from "../../../core/mod.ts";
import { createWebgpuBackend } from "../../../core/backends/webgpu/backend.ts";
import { requireAdapter } from "../../../repro/gpu.ts";
import { runtimeName } from "../../../repro/runtime.ts";
import { openBackend } from "../../../repro/training/backend.ts";
import type { Work } from "../../work/work.ts";
import type { Engine, PreparedWork } from "../engine.ts";
import { prepareEncoder } from "./encoder.ts";
import { prepareFlat } from "./flat.ts";
import { prepareLayer } from "./layer.ts";
import { prepareAdamW, prepareAttention, prepareLayerNormGelu, prepareMatmul } from "./parts.ts";
import { TunedBackends } from "./tuned.ts";

/** "null" is WebGPU on a device that computes nothing: it proves that every shader and step is valid. */
export type OwnBackend = "wasm" | "webgpu" | "null";

/** Dawn crashes the process when the object that create() returned is collected while a device lives. */
const kept: unknown[] = [];

async function openNull(half: boolean): Promise<Backend> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create(["backend=null", ...half ? ["enable-dawn-features=allow_unsafe_apis"] : []]);
  kept.push(gpu);
  return await createWebgpuBackend({ gpu, ...half ? { frozenWeights: "f16", products: "f16" } : {} });
}

export interface OwnOptions {
  backend: OwnBackend;
  threads: number;
  version: string;
  /** On a GPU: measures the work's products first and takes the fastest, in f32 or with operands rounded to f16. */
  tuned?: "f32" | "f16";
}

export async function openOurs({ backend: name, threads, version, tuned }: OwnOptions): Promise<Engine> {
  const half = tuned === "f16";
  const measuring = name === "webgpu" && tuned !== undefined
    ? new TunedBackends(async () => (await requireAdapter({ half })).adapter, half)
    : null;
  const open = (work?: Work): Promise<Backend> => {
    if (measuring !== null) return measuring.open(work);
    return name === "null" ? openNull(half) : openBackend(name, { threads });
  };
  const first = await open();
  const facts = { version, description: `${runtimeName()}, ${first.description}` };
  if (measuring === null) {
    // Who starts from our weights starts from those in f32.
    return {
      facts,
      prepare: (work, exchange) => prepare(first, open, work, half, half ? undefined : exchange),
    };
  }
  // What is chosen follows from the work, so each piece of work has a backend of its own.
  first.dispose();
  return {
    facts,
    async prepare(work) {
      const own = await open(work);
      const made = await prepare(own, () => Promise.resolve(own), work, half);
      if (made === null) own.dispose();
      return made && { ...made, dispose: () => Promise.resolve(made.dispose()).then(() => own.dispose()) };
    },
  };
}

function prepare(
  backend: Backend,
  another: () => Promise<Backend>,
  work: Work,
  half: boolean,
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
      return another().then((own) => prepareEncoder(own, work, { half, exchange }));
  }
}
