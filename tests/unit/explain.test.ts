// Promises: a number can be followed back to its seeds, runs, hashes and the paper's line, and two runs can be told apart.
// Leaves training to its own tests: runs here are fakes.
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setupForTable } from "../../cli/commands/setup.ts";
import { resultTarget, targets } from "../../cli/papers.ts";
import { wantedRuns } from "../../repro/paper/mod.ts";
import { compareRuns, comparisonLines, RunStore } from "../../repro/runs/mod.ts";
import { join } from "../../repro/runtime.ts";
import { runId } from "../../repro/spec/mod.ts";
import { explainCells, explanationLines, loadReference, referencePath } from "../../repro/tables/mod.ts";
import { executeRun } from "../fakes/execute.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("explain");
let store: RunStore;
const signal = new AbortController().signal;
const options = () => ({ store, signal, onProgress() {} });
test.before(async () => {
  store = new RunStore(await fs.mkdtemp(join(os.tmpdir(), "repro-explain-")));
});
test.after(async () => await fs.rm(store.folder, { recursive: true }));

test("table1 mbert/gu/xquad/average: its rule, seeds, runs, hashes and the paper's line", async () => {
  const { paper, table } = await resultTarget("table1");
  const { setup } = await setupForTable({ seeds: "2", backend: "wasm" }, paper, table);
  const choice = { rows: ["mbert/gu"], columns: ["xquad/average/f1", "xquad/average/em"] };
  const wanted = wantedRuns(paper, table, setup, choice);
  assert.is(wanted.length, 2);
  await executeRun({ ...wanted[0].spec, hyperparameters: wanted[0].spec.hyperparameters }, options());
  const runs = await Promise.all(
    wanted.map(async (each) => ({ ...each, run: await store.finished(await runId(each.spec)) })),
  );
  const hash = "0123456789abcdef".repeat(4);
  runs[0].run!.provenance.hashes!.adapter = hash;
  const others = [...await targets()].flatMap(([name, target]) =>
    target.table.kind === "results" ? [{ name, paper: target.paper, table: target.table }] : []
  );
  const [f1, em] = await explainCells({ paper, table, setup, choice, runs, file: null }, others);
  assert.is(em.column, "xquad/average/em");
  const metrics = runs[0].run!.metrics;
  const languages = "ar de el es hi ru th tr vi zh".split(" ");
  const mean = languages.reduce((sum, each) => sum + metrics[`xquad/${each}/f1`], 0) / 10;
  assert.ok(Math.abs(f1.seeds[0].value! - mean) < 1e-9);
  assert.is(f1.seeds[0].run, await runId(wanted[0].spec));
  assert.is(f1.seeds[1].value, null);
  assert.is(
    f1.seeds[1].command,
    "repro table1 --scale tiny --fidelity authors-code --backend wasm --rows mbert/gu --columns xquad/average/f1 --seeds 2,",
  );
  assert.is(f1.reads!.modelRevision, wanted[0].spec.modelRevision);
  // What the paper prints: 63.48 ± 0.22, four runs.
  assert.is(f1.paper!.text, "63.48 ± 0.22 over 4 runs");
  assert.ok(f1.paper!.line! > 100);
  assert.ok(f1.shared.includes("table8 mbert/gu: 24 cells"), f1.shared.join());
  assert.ok(f1.shared.includes("table12 mbert/gu: 4 cells"), f1.shared.join());
  assert.is(f1.seeds[0].made!.adapterHash, hash);
  assert.match(explanationLines(f1).join("\n"), `adapter and head): SHA-256 ${hash}`);
  assert.is(f1.legible, true);
  for (
    const [legible, words] of [[true, "prints no number here"], [false, "not legible in the source"]] as const
  ) {
    assert.match(explanationLines({ ...f1, paper: null, legible }).join("\n"), `  paper     ${words}`);
  }
  const text = explanationLines(f1).join("\n");
  for (
    const word of [
      "F1 on XQuAD, averaged over 10 target languages without English (ar de",
      "line ",
      "not made yet",
      "SHA-256",
    ]
  ) {
    assert.ok(text.includes(word), `${word} in\n${text}`);
  }
});

test("beside the stored runs the rule of the tolerance is told too", async () => {
  const { paper, table } = await resultTarget("table1");
  const { setup } = await setupForTable({ seeds: "1", backend: "wasm" }, paper, table);
  const choice = { rows: ["mbert/gu"], columns: ["xquad/average/f1"] };
  const [{ spec: wanted, request }] = wantedRuns(paper, table, setup, choice);
  await executeRun(wanted, options());
  const runs = [{ request, spec: wanted, run: await store.finished(await runId(wanted)) }];
  const file = await loadReference(referencePath(paper, "table1"));
  const [found] = await explainCells({ paper, table, setup, choice, runs, file }, []);
  assert.equal(found.judged, [`beside the stored runs. ${file!.reason}`]);
  assert.match(explanationLines(found).join("\n"), "  judged    beside the stored runs. Same seeds: ");
});

test("two runs: what differs in the specification, in numbers and in the schedule", async () => {
  const [a, b] = [spec({ seed: 5 }), spec({ seed: 6, method: "fun" })];
  for (const each of [a, b]) await executeRun(each, options());
  const [runA, runB] = [(await store.finished(await runId(a)))!, (await store.finished(await runId(b)))!];
  const moved = { ...runB, schedule: [{ step: 0, layers: [11] }, { step: 4, layers: [9] }] };
  const found = compareRuns(runA, moved);
  assert.equal(found.specification, [
    { field: "method", a: "gu", b: "fun" },
    { field: "seed", a: 5, b: 6 },
  ]);
  assert.is(found.metrics.length, 3);
  for (const { metric, difference } of found.metrics) {
    assert.is(difference, runB.metrics[metric] - runA.metrics[metric]);
  }
  assert.equal(found.schedule, [{ layer: 11, a: 0, b: 0 }, { layer: 9, a: null, b: 4 }]);
  const text = comparisonLines({ a: "a", b: "b" }, found).join("\n");
  for (const word of ["method: gu → fun", "layer  9   never →      4  ≠", "metrics (b − a), 0 of 3 equal"]) {
    assert.ok(text.includes(word), `${word} in\n${text}`);
  }
  const same = compareRuns(runA, runA);
  assert.equal([same.specification, same.provenance], [[], []]);
  assert.match(comparisonLines({ a: "a", b: "a" }, same).join("\n"), /specification: the same/);
});

test.run();
