// Table 1 at tiny scale: its stored reference belongs to the settings, data and encoders as they are, meets what the tiny world
// promises, and is judged and drawn as it should.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setupForTable } from "../../cli/commands/setup.ts";
import { resultTarget } from "../../cli/papers.ts";
import { wantedRuns } from "../../repro/paper/mod.ts";
import { renderMarkdown, renderText } from "../../repro/render/mod.ts";
import type { FinishedRun } from "../../repro/runs/mod.ts";
import type { RunSpec } from "../../repro/spec/mod.ts";
import {
  gatherPartial,
  judgeTable,
  loadReference,
  referencePath,
  type RunOfTable,
  settingsOf,
  tableView,
} from "../../repro/tables/mod.ts";

const test = suite("table 1");
const { paper, table } = await resultTarget("table1");
const { datasets } = paper;
const { setup, choice } = await setupForTable(
  { scale: "tiny", seeds: "4", backend: "wasm", fidelity: "authors-code" },
  paper,
  table,
);
const wanted = wantedRuns(paper, table, setup);
const specs = wanted.map(({ spec }) => spec);
const file = (await loadReference(referencePath(paper, "table1")))!;
const reference = file;
const stored = (row: string, column: string) =>
  reference.cells.find((cell) => cell.row === row && cell.column === column)!;
const judge = (runs: RunOfTable[]) => judgeTable({ paper, table, setup, choice, runs, file });
const runsWith = (result: (spec: RunSpec) => FinishedRun | null): RunOfTable[] =>
  wanted.map((each) => ({ ...each, run: result(each.spec) }));

/** A run whose cells are those of the reference, moved by `shift` points. */
function runLike(spec: RunSpec, shift = 0): FinishedRun {
  const encoder = spec.model;
  const metrics: Record<string, number> = {};
  for (const { id, metrics: names, task, languages } of datasets) {
    if (task !== spec.task) continue;
    const targets = languages.slice(1);
    const lowest = reference.lowest[encoder][id];
    for (const name of names) {
      const value = (kind: string) =>
        stored(`${encoder}/${spec.method}`, `${id}/${kind}/${name}`).seeds[spec.seed] + shift;
      metrics[`${id}/en/${name}`] = value("en");
      // All but the lowest language share what brings the average to its value.
      const rest = (value("average") * targets.length - value("lowest")) / (targets.length - 1);
      for (const target of targets) {
        metrics[`${id}/${target}/${name}`] = target === lowest ? value("lowest") : rest;
      }
    }
  }
  return { metrics, provenance: {} } as unknown as FinishedRun;
}

test("96 runs; the stored reference has the settings, data and weights of today", async () => {
  assert.is(specs.length, 96);
  assert.is(reference.cells.length, 144);
  assert.equal(await settingsOf(table, wanted), reference.settings, "make it anew: repro reference table1");
});

test("the tiny world keeps its promises: learnable in English, transfer above chance and below English", () => {
  const chance: Record<string, number> = { mlqa: 10, xquad: 10, xcopa: 50, xnli: 100 / 3 };
  const atLeast: Record<string, number> = { mlqa: 75, xquad: 75, xcopa: 85, xnli: 85 };
  for (const encoder of ["mbert", "xlmr"]) {
    for (const { id, metrics: [metric] } of datasets) {
      const english = stored(`${encoder}/standard`, `${id}/en/${metric}`).mean;
      const average = stored(`${encoder}/standard`, `${id}/average/${metric}`).mean;
      assert.ok(english >= atLeast[id], `${encoder} ${id}: ${english}`);
      assert.ok(average < english, `${encoder} ${id}: ${average} is not below ${english}`);
      assert.ok(average > chance[id] + 25, `${encoder} ${id}: ${average}`);
    }
  }
});

test("runs like the reference are consistent in every cell; a fault of ten points is seen in every cell", async () => {
  const same = await judge(runsWith((spec) => runLike(spec)));
  assert.is(same.cells.length, 144);
  for (const { row, column, verdict, why, n } of same.cells) {
    assert.is(verdict, "consistent", `${row} ${column}: ${why}`);
    assert.is(n, 4);
  }
  const off = await judge(runsWith((spec) => runLike(spec, -10)));
  assert.ok(off.cells.every(({ verdict }) => verdict === "inconsistent"));
});

test("without runs every cell is missing, and the table can be drawn", async () => {
  const runs = runsWith(() => null);
  const empty = await judge(runs);
  assert.ok(empty.cells.every(({ verdict, mean }) => verdict === "missing" && mean === null));
  const view = tableView(paper, table, empty, {
    setup,
    device: "none used",
    reason: "as asked",
    runs,
    partial: [],
  });
  for (const drawn of [renderText(view, { width: 120, colour: false }), renderMarkdown(view)]) {
    for (
      const wanted of [
        "mBERT Ada+FUN",
        "XLM-R Ada+GU",
        "XQuAD",
        "144 missing",
        "nothing here confirms",
        "96 runs would fill",
      ]
    ) {
      assert.match(drawn, wanted);
    }
  }
});

test("sentences about partial data that differ in the language alone become one", () => {
  assert.equal(
    gatherPartial([
      "MLQA dev instead of test",
      "xquad ar: 20 of 1,190 examples",
      "xquad de: 20 of 1,190 examples",
      "xnli en: 60 of 2,490 examples",
      "xnli de: 60 of 5,010 examples",
      "squad validation: 20 of 10,570 examples",
    ]),
    [
      "MLQA dev instead of test",
      "xquad ar, de: 20 of 1,190 examples",
      "xnli en: 60 of 2,490 examples",
      "xnli de: 60 of 5,010 examples",
      "squad validation: 20 of 10,570 examples",
    ],
  );
});

test.run();
