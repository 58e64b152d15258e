// 200 steps of every kind of training equal PyTorch's on the WASM backend, with the same order of unfreezing.
import { suite } from "uvu";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { checkTrajectories, trajectories } from "./trajectories.ts";

const test = suite("golden: trajectories, wasm");
const backend = await createWasmBackend({ threads: 1 });

for (const encoder of new Set(trajectories.map((run) => run.encoder))) {
  for (const adapter of new Set(trajectories.map((run) => run.adapter))) {
    test(`${encoder} ${adapter}`, () =>
      checkTrajectories(
        backend,
        trajectories.filter((run) => run.encoder === encoder && run.adapter === adapter),
      ));
  }
}

test.run();
