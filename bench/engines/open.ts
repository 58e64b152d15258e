// Promises that this process becomes one engine, by the words that catalogue.ts starts it with.
// Leaves the conversation to serve.ts.
import type { Engine } from "./engine.ts";
import { PeerPackages } from "./packages.ts";
import { serve } from "./serve.ts";

type Open = (options: any, packages: PeerPackages) => Promise<Engine>;

/** Each loads only what it needs: one engine's start must not wait for another's library. */
const modules: Record<string, () => Promise<Open>> = {
  ours: async () => (await import("./ours/engine.ts")).openOurs,
  onnx: async () => {
    const { openOnnx } = await import("./onnx/engine.ts");
    return (options, packages) => openOnnx(packages, options);
  },
  jax: async () => {
    const { openJax } = await import("./jax.ts");
    return (options, packages) => openJax(packages, options);
  },
  tfjs: async () => {
    const { openTfjs } = await import("./tfjs.ts");
    return (options, packages) => openTfjs(packages, options);
  },
};

/** @param words module, options as JSON, folder of the peers' packages */
export async function serveEngine([name, options, folder]: readonly string[]): Promise<never> {
  return await serve(async () => {
    const open = await modules[name]();
    return await open(JSON.parse(options), new PeerPackages(folder));
  });
}
