// The bench's tuned engine: what a piece of work computes is measured once, before the work, and then used.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { problemsOf, TunedBackends } from "../../bench/engines/ours/tuned.ts";
import type { Work } from "../../bench/work/work.ts";
import { testAdapter } from "../fakes/webgpu.ts";

const test = suite("bench tuned");

test("the shapes of a piece of work are those that it multiplies", () => {
  const shape = { batch: 2, tokens: 8, hidden: 32, heads: 2, feedForward: 64 };
  const { products, attention } = problemsOf({ kind: "layer", shape, mode: "mad-x" });
  const forward = products.filter(({ transposeB }) => transposeB).map(({ m, n, k }) => `${m}×${n}×${k}`);
  for (const each of ["16×32×32", "16×64×32", "16×32×64", "16×2×32", "16×32×2", "16×16×32", "16×32×16"]) {
    assert.ok(forward.includes(each), `${each} is missing: ${forward}`);
  }
  assert.equal(attention, [{ batch: 2, tokens: 8, heads: 2, headSize: 16 }]);
  assert.equal(problemsOf({ kind: "adamw", tensors: 2, size: 10 }).products, []);
});

test("a shape is measured once, and later work is done with what was chosen", async () => {
  let opened = 0;
  const backends = new TunedBackends(() => {
    opened++;
    return testAdapter();
  }, false);
  const work: Work = { kind: "matmul", layout: "TN", batch: 1, m: 8, n: 12, k: 4 };
  const counts: number[] = [];
  for (const each of [undefined, work, work]) {
    const backend = await backends.open(each);
    counts.push(opened);
    assert.is(/, tuned$/.test(backend.description), each !== undefined);
    backend.dispose();
  }
  // Measuring takes a device of its own.
  assert.equal(counts, [1, 3, 4]);
});
test.run();
