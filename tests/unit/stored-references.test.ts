// Every stored reference of a table at scale tiny belongs to the settings, data and encoders as they are, covers the whole table, and
// rests on eight seeds. How numbers are compared with it is checks.test.ts's, Table 1's own promises are table1.test.ts's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setupForTable } from "../../cli/commands/setup.ts";
import { resultTarget, targets } from "../../cli/papers.ts";
import { wantedRuns } from "../../repro/paper/mod.ts";
import { exists, pathOf, readText } from "../../repro/runtime.ts";
import { loadReference, referencePath, settingsOf, tableCells } from "../../repro/tables/mod.ts";
import { loadPower, powerPath } from "../../repro/tables/power.ts";

const test = suite("stored references");

const results = [...(await targets()).values()].filter(({ table }) => table.kind === "results");
const stored: string[] = [];
for (const { paper, table } of results) {
  if (await exists(referencePath(paper, table.id))) stored.push(table.id);
}

test("every table of results has one", () => {
  const missing = results.map(({ table }) => table.id).filter((id) => !stored.includes(id));
  assert.equal(missing, [], `make them with repro reference ${missing.join(", ")}`);
});

for (const id of stored) {
  test(`${id}: today's settings, every cell, eight seeds`, async () => {
    const { paper, table } = await resultTarget(id);
    const { setup } = await setupForTable({ scale: "tiny", seeds: "8", backend: "wasm" }, paper, table);
    const file = (await loadReference(referencePath(paper, id)))!;
    const again = `make it anew: repro reference ${id}`;
    const runs = wantedRuns(paper, table, setup).map((each) => ({ ...each, run: null }));
    assert.equal(file.settings, await settingsOf(table, runs), again);
    assert.is(file.fidelity, "authors-code");
    const cells = tableCells(paper, table, {}, runs, {}).map(({ row, column }) => `${row} ${column}`);
    assert.equal(file.cells.map(({ row, column }) => `${row} ${column}`).sort(), cells.sort(), again);
    for (const { row, column, seeds, mean } of file.cells) {
      const values = Object.values(seeds);
      assert.ok(values.length >= 8, `${row} ${column}: ${values.length} seeds; ${again}`);
      const average = values.reduce((sum, value) => sum + value, 0) / values.length;
      assert.ok(Math.abs(average - mean) < 0.006, `${row} ${column}: ${mean}, its seeds give ${average}`);
    }
  });
}

test("the README tells of each deliberate fault how many cells notice it, as it is stored", async () => {
  const { paper } = await resultTarget("table1");
  const { mutants } = (await loadPower(powerPath(paper, "table1")))!;
  const counts = mutants.map(({ cells }) =>
    `${cells.filter(({ noticed }) => noticed).length} of ${cells.length}`
  );
  const readme = await readText(pathOf(new URL("../../README.md", import.meta.url)));
  const told = readme.slice(
    readme.indexOf("- the checks themselves"),
    readme.indexOf("Kernels that round differently"),
  );
  assert.equal([...told.matchAll(/\d+ of \d+/g)].map(([each]) => each), counts);
});

test("mDeBERTa's shape keeps the tiny world's promises as Table 1's two do: learnable, and transfer costs something", async () => {
  const atLeast: [table: string, dataset: string, metric: string, english: number, chance: number][] = [
    ["table16", "mlqa", "f1", 75, 10],
    ["table16", "xquad", "f1", 75, 10],
    ["table17", "xcopa", "accuracy", 85, 50],
    ["table18", "xnli", "accuracy", 80, 100 / 3],
  ];
  for (const [id, dataset, metric, least, chance] of atLeast) {
    const { paper } = await resultTarget(id);
    const { cells } = (await loadReference(referencePath(paper, id)))!;
    const mean = (column: string) =>
      cells.find((cell) => cell.row === "mdeberta/standard" && cell.column === column)!.mean;
    const [english, average] = [mean(`${dataset}/en/${metric}`), mean(`${dataset}/average/${metric}`)];
    assert.ok(english >= least, `${dataset}: ${english}`);
    assert.ok(average < english && average > chance + 25, `${dataset}: ${average} beside ${english}`);
  }
});

test.run();
