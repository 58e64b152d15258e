// Promises ONNX Runtime as a peer: native (the ceiling of this processor) or WASM, with a number of threads.
// Leaves the graphs to graphs.ts and finding the package to packages.ts.
import { runtimeName } from "../../../repro/runtime.ts";
import type { Work } from "../../work/work.ts";
import type { Engine, PreparedWork } from "../engine.ts";
import type { PeerPackages } from "../packages.ts";
import { graphOf } from "./graphs.ts";

/** The part of onnxruntime-common's API that is used here. */
interface Tensor {
  data: Float32Array;
  dispose(): void;
}
interface Session {
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}
interface Ort {
  Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => Tensor;
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  env: { logLevel: string; wasm: { numThreads: number } };
}

export async function openOnnx(
  packages: PeerPackages,
  { kind, threads }: { kind: "node" | "web"; threads: number },
): Promise<Engine> {
  const name = `onnxruntime-${kind}`;
  const ort = await packages.load<Ort>(name);
  ort.env.logLevel = "error";
  if (kind === "web") ort.env.wasm.numThreads = threads;
  const options = {
    executionProviders: [kind === "node" ? "cpu" : "wasm"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  };
  return {
    facts: {
      version: packages.version(name),
      description: `${runtimeName()}, ${kind === "node" ? "native" : "wasm"}, ${threads} thread${
        threads > 1 ? "s" : ""
      }`,
    },
    prepare: (work) => prepare(ort, options, work),
  };
}

async function prepare(ort: Ort, options: object, work: Work): Promise<PreparedWork | null> {
  const graph = graphOf(work);
  if (graph === null) return null;
  const session = await ort.InferenceSession.create(graph.model, options);
  const feeds = Object.fromEntries(
    Object.entries(graph.feeds).map(([name, { shape, values }]) => [
      name,
      new ort.Tensor("float32", values, shape),
    ]),
  );
  const run = async () => void await session.run(feeds);
  return {
    run,
    settle: () => Promise.resolve(),
    async outputs() {
      const results = await session.run(feeds);
      return Object.fromEntries(
        // Gradients go by the name of what they are of.
        Object.entries(results).map(([name, { data }]) => [name.replace(/^d_/, ""), data]),
      );
    },
    dispose: () => session.release(),
  };
}
