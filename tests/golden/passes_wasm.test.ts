// Logits, loss, every gradient and tr(F) equal PyTorch's on the WASM backend, relaxed and plain SIMD, for each encoder, adapter and
// objective.

import { suite } from "uvu";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { passEncoders } from "./fixtures.ts";
import { comparePass, PassTable, readPasses } from "./passes.ts";

const test = suite("golden: single passes, wasm");
const table = new PassTable();

for (const simd of ["relaxed", "plain"] as const) {
  for (const encoder of passEncoders) {
    for (const pass of await readPasses(encoder)) {
      const label = `${simd} ${encoder} ${pass.objective} ${pass.adapter}`;
      test(label, async () => {
        const backend = await createWasmBackend({ threads: 1, simd });
        table.check(label, await comparePass(backend, encoder, pass, 0.01));
        backend.dispose();
      });
    }
  }
}
test.after(() => table.print());

test.run();
