// Promises: the rule behind the lint step tells allowed imports from forbidden ones.
// Leaves running the linter over the tree to the gate.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fault } from "../lint/rule.ts";

const test = suite("import direction");

test("an import may point down or stay on its floor", () => {
  assert.is(fault("core/ops/matmul.ts", "../shape.ts"), null);
  assert.is(fault("repro/runs/store.ts", "../../core/mod.ts"), null);
  assert.is(fault("papers/p/paper.ts", "repro/core"), null);
  assert.is(fault("cli/main.ts", "../papers/p/paper.ts"), null);
  assert.is(fault("tests/unit/any.test.ts", "../../cli/main.ts"), null);
});

test("an import that points up is a fault that names both floors", () => {
  assert.match(fault("core/mod.ts", "../repro/mod.ts") ?? "", /core\/ imports repro\/mod\.ts/);
  assert.match(fault("repro/spec/spec.ts", "../../papers/p/paper.ts") ?? "", /repro\/ imports papers/);
  assert.match(fault("papers/p/paper.ts", "../../cli/main.ts") ?? "", /papers\/ imports cli/);
  assert.match(fault("core/mod.ts", "repro") ?? "", /core\/ imports repro/);
  assert.match(fault("repro/mod.ts", "../tests/fakes/run.ts") ?? "", /outside the four floors/);
});

test("core takes no package and no host API; the rest reaches Node through one module", () => {
  assert.match(fault("core/io/safetensors.ts", "node:fs") ?? "", /stands alone/);
  assert.match(fault("core/io/safetensors.ts", "zod") ?? "", /stands alone/);
  assert.match(fault("repro/runs/store.ts", "node:fs") ?? "", /outside repro\/runtime\.ts/);
  assert.is(fault("repro/runtime.ts", "node:fs"), null);
  assert.is(fault("repro/spec/spec.ts", "zod"), null);
});

test.run();
