// Promises a model of a setup as its training runs build it (language adapter, task adapter, head), traced and without weights.
// Leaves following an input through it to architecture.ts.
import { createModel } from "../../core/mod.ts";
import type { Hyperparameters } from "../spec/mod.ts";
import { openBackend } from "../training/backend.ts";
import { openEncoder } from "../training/world.ts";
import { type ArchitectureTrace, type KernelCall, traceArchitecture, tracing } from "./architecture.ts";

/** @param model what stands for it in a specification; @param data likewise */
export async function openArchitecture(
  model: string,
  data: string,
  { reductionFactor }: Pick<Hyperparameters, "reductionFactor">,
): Promise<ArchitectureTrace> {
  const bundle = await openEncoder(model, data);
  const english = await bundle.language("en");
  const calls: KernelCall[] = [];
  const backend = tracing(await openBackend("wasm"), (call) => calls.push(call));
  try {
    const built = createModel(backend, {
      config: bundle.config,
      task: { kind: "span" },
      adapters: {
        languages: { en: english.config },
        task: { kind: "bottleneck", reduction: reductionFactor, nonLinearity: "relu" },
      },
      initialEncoder: "empty",
    });
    built.setTrainable({ layers: built.taskGroups.map(({ layer }) => layer), head: true });
    return traceArchitecture({ model: built, calls });
  } finally {
    backend.dispose();
  }
}
