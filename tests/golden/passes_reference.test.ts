// Logits, loss, every gradient and tr(F) equal PyTorch's on the float64 reference backend, for each encoder, adapter and objective.

import { suite } from "uvu";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { passEncoders } from "./fixtures.ts";
import { comparePass, PassTable, readPasses } from "./passes.ts";

const test = suite("golden: single passes, reference");
const table = new PassTable();

for (const encoder of passEncoders) {
  for (const pass of await readPasses(encoder)) {
    const label = `${encoder} ${pass.objective} ${pass.adapter}`;
    test(label, async () => {
      const backend = createReferenceBackend();
      table.check(label, await comparePass(backend, encoder, pass, 0));
      backend.dispose();
    });
  }
}
test.after(() => table.print());

test.run();
