// tr(F) and 50 steps of training under each method equal PyTorch's on the float64 reference backend, with the same schedule.
// It is slow, so each fidelity is taken with one of the encoders; training_wasm.test.ts has all combinations.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { encoders } from "./fixtures.ts";
import {
  checkTraining,
  compareFisher,
  compareTraining,
  fidelities,
  FISHER_TOLERANCE,
  methods,
} from "./training.ts";

const test = suite("golden: training, reference");

for (const encoder of encoders) {
  test(`${encoder} tr(F) of every layer`, async () => {
    const backend = createReferenceBackend();
    const worst = await compareFisher(backend, encoder);
    console.log(`${encoder} tr(F): largest difference ${worst.toExponential(1)}`);
    assert.ok(worst <= FISHER_TOLERANCE, `tr(F) differs by ${worst}, allowed ${FISHER_TOLERANCE}`);
    backend.dispose();
  });
  for (const method of methods) {
    const fidelity = fidelities[encoders.indexOf(encoder)];
    const label = `${encoder} ${method} ${fidelity}`;
    test(label, async () => {
      const backend = createReferenceBackend();
      checkTraining(await compareTraining(backend, encoder, method, fidelity), label);
      backend.dispose();
    });
  }
}

test.run();
