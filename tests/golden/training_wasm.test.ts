// tr(F) and 50 steps of training under each method and fidelity equal PyTorch's on the WASM backend, with the same schedule.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { encoders } from "./fixtures.ts";
import {
  checkTraining,
  compareFisher,
  compareTraining,
  fidelities,
  FISHER_TOLERANCE,
  methods,
} from "./training.ts";

const test = suite("golden: training, wasm");

for (const encoder of encoders) {
  test(`${encoder} tr(F) of every layer`, async () => {
    const backend = await createWasmBackend({ threads: 1 });
    const worst = await compareFisher(backend, encoder);
    console.log(`${encoder} tr(F): largest difference ${worst.toExponential(1)}`);
    assert.ok(worst <= FISHER_TOLERANCE, `tr(F) differs by ${worst}, allowed ${FISHER_TOLERANCE}`);
    backend.dispose();
  });
  for (const method of methods) {
    for (const fidelity of fidelities) {
      const label = `${encoder} ${method} ${fidelity}`;
      test(label, async () => {
        const backend = await createWasmBackend({ threads: 1 });
        checkTraining(await compareTraining(backend, encoder, method, fidelity), label);
        backend.dispose();
      });
    }
  }
}

test.run();
