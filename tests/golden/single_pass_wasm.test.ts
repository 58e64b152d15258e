// Logits, loss and every gradient equal PyTorch's on the WASM backend, relaxed and plain SIMD, for each head, adapter and objective.

import { suite } from "uvu";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { encoders } from "./fixtures.ts";
import { casesOf, checkDifferences, comparePass } from "./single_pass.ts";

const test = suite("golden: single pass, wasm");

for (const simd of ["relaxed", "plain"] as const) {
  for (const encoder of encoders) {
    for (const each of casesOf(encoder)) {
      test(`${simd} ${encoder} ${each.name}`, async () => {
        const backend = await createWasmBackend({ threads: 1, simd });
        checkDifferences(await comparePass(backend, encoder, each, 0.01), `${simd} ${encoder} ${each.name}`);
        backend.dispose();
      });
    }
  }
}

test.run();
