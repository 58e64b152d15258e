// Logits, loss and every gradient equal PyTorch's on the float64 reference backend, for each head, adapter and objective.

import { suite } from "uvu";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { encoders } from "./fixtures.ts";
import { casesOf, checkDifferences, comparePass } from "./single_pass.ts";

const test = suite("golden: single pass, reference");

for (const encoder of encoders) {
  for (const each of casesOf(encoder)) {
    test(`${encoder} ${each.name}`, async () => {
      const backend = createReferenceBackend();
      checkDifferences(await comparePass(backend, encoder, each, 0), `${encoder} ${each.name}`);
      backend.dispose();
    });
  }
}

test.run();
