// 200 steps of training equal PyTorch's on the float64 reference backend: one method for each encoder and adapter, because it is
// slow; trajectories_wasm.test.ts has them all.
import { suite } from "uvu";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { checkTrajectories, trajectories, type Trajectory } from "./trajectories.ts";

const test = suite("golden: trajectories, reference");

const chosen: Record<string, (run: Trajectory) => boolean> = {
  "bert, task adapters, FUN": (run) =>
    run.encoder === "bert" && run.adapter === "madx" && run.method === "fun",
  "XLM-R, LoRA, random": (run) => run.encoder === "xlmr" && run.adapter === "lora" && run.method === "rand",
  "XLM-R, a language adapter": (run) => run.encoder === "xlmr" && run.adapter === "language",
};

for (const [name, is] of Object.entries(chosen)) {
  test(name, async () => {
    const backend = createReferenceBackend();
    await checkTrajectories(backend, trajectories.filter(is));
    backend.dispose();
  });
}

test.run();
