// The paper's numbers as stored: every file has the form, and every number stands in the paper's text, on the line, in the row and
// in the order that the file says. Whether the numbers fit together is the audit's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { printed } from "../../papers/fun-with-fisher/printed.ts";
import { parsePublished, publishedTables, type ResultCell, resultCell } from "../../repro/published/mod.ts";
import { paperLines } from "../fixtures/data/real.ts";

const test = suite("published");

test("all 18 tables; what is lost in the source stays lost", () => {
  assert.equal(printed.names, Array.from({ length: 18 }, (_, index) => `table${index + 1}`));
  const cells = printed.allResults.flatMap(({ table, cells }) => cells.map((cell) => ({ table, ...cell })));
  assert.is(cells.length, 916);
  const lost = cells.filter(({ legible }) => legible === false);
  const count = (table: string) => lost.filter((cell) => cell.table === table).length;
  assert.equal([count("table2"), count("table7"), count("table16"), lost.length], [18, 4, 36, 58]);
  for (const { mean, read } of lost) {
    assert.is(mean, undefined);
    assert.match(read, "not legible in the source");
  }
});

test("every table of results has a margin with its reason, every cell its number of runs", () => {
  for (const { table, margin, cells, runs } of printed.allResults) {
    assert.ok(margin.why.length > 20, table);
    assert.type(runs.why, "string");
    for (const { row, column, n } of cells) {
      const five = column.startsWith("xcopa/") && n === 5;
      const two = table === "table12" && row.endsWith("/rev") && n === 2;
      assert.ok(n === 4 || five || two, `${table} ${row} ${column}: ${n}`);
    }
  }
  for (const { table, cells, columns, rows, runs } of printed.allResults) {
    for (const { row, column, n } of cells) {
      const { dataset } = columns.find(({ id }) => id === column)!;
      const { method } = rows.find(({ id }) => id === row)!;
      const said = runs[`${row} ${column}`] ?? runs[dataset] ?? runs[method] ?? runs.default;
      assert.is(n, said, `${table} ${row} ${column}`);
    }
  }
  // Not one number of runs for all of XCOPA: see the granularity rule of the audit.
  assert.is(resultCell(printed.results("table14"), "xlmr/gu", "xcopa/lowest/accuracy").n, 4);
  assert.is(resultCell(printed.results("table17"), "mdeberta/standard", "xcopa/en/accuracy").n, 4);
});

test("margins are the gains that their reasons name", () => {
  const gain = (table: string, method: string) => {
    const { cells, columns, margin } = printed.results(table);
    const averages = columns.filter(({ kind, metric }) => kind === "average" && metric !== "em");
    const gains = cells.filter(({ row, column }) =>
      row.endsWith(`/${method}`) && averages.some(({ id }) => id === column)
    ).map(({ row, column, mean }) =>
      mean! - resultCell(printed.results(table), row.replace(method, "standard"), column).mean!
    );
    const average = gains.reduce((sum, each) => sum + each, 0) / gains.length;
    assert.is(average.toFixed(1), String(margin.points), table);
    return gains.length;
  };
  assert.is(gain("table14", "fun"), 8);
  assert.is(gain("table11", "gu"), 12);
  assert.is(gain("table13", "gu"), 12);
  assert.is(printed.results("table2").margin.points, printed.results("table14").margin.points);
});

const lines = await paperLines("published", 5);
const plain = (text: string) =>
  text.replace(/[\s${}^*]/g, "").replaceAll("Та", "Ta").replaceAll("ХСОРА", "XCOPA");
const numbers = (text: string): string[] => text.match(/\d+\.\d+/g) ?? [];
const asPrinted = ({ mean, decimals = 2, sd }: ResultCell) =>
  mean === undefined
    ? []
    : sd === undefined
    ? [mean.toFixed(decimals)]
    : [mean.toFixed(decimals), sd.toFixed(2)];
/** Tables whose lines run into each other; their numbers must stand there, in whatever order. */
const damaged = ["table2", "table7", "table16"];

if (lines) {
  test("line by line, the stored numbers are those of the text, all of them, in its order", () => {
    let compared = 0;
    for (const { table, rows, columns, cells } of printed.allResults) {
      const byLine = new Map<number, ResultCell[]>();
      for (const cell of cells) byLine.set(cell.line!, [...byLine.get(cell.line!) ?? [], cell]);
      for (const [line, found] of byLine) {
        const text = lines[line - 1];
        const stored = found.flatMap(asPrinted);
        if (!damaged.includes(table)) {
          assert.equal(stored, numbers(text), `${table}, line ${line}`);
          const row = rows.find(({ id }) => id === found[0].row)!;
          const { dataset } = columns.find(({ id }) => id === found[0].column)!;
          const label = row.labels?.[dataset] ?? row.label;
          assert.is(plain(text.split("\t")[0]), plain(label), `${table}, line ${line}`);
        } else {
          const there = numbers(text);
          for (const number of stored) {
            assert.ok(there.includes(number), `${table}, line ${line}: no ${number}`);
            there.splice(there.indexOf(number), 1);
          }
        }
        compared += stored.length;
      }
    }
    assert.is(compared, 1080);
  });

  test("the languages of a table's columns are those that head it, in order", () => {
    for (const name of ["table8", "table9", "table10", "table17", "table18"]) {
      const { columns, cells } = printed.results(name);
      for (const dataset of new Set(columns.map((column) => column.dataset))) {
        const first = cells.find(({ column }) => column.startsWith(`${dataset}/`))!;
        const title = new RegExp(`^(XQuAD|MLQA|XCOPA|XNLI)\t`);
        let heading = first.line! - 2;
        while (!title.test(lines[heading].replace("ХСОРА", "XCOPA"))) heading--;
        const heads = lines[heading].replaceAll("Та", "Ta").split("\t");
        assert.is(plain(heads[0]).toLowerCase(), dataset);
        const cellsOfLine = lines[first.line! - 1].split("\t");
        const wanted = heads.slice(1, -1).filter((_, index) => cellsOfLine[index + 1] !== "-")
          .map((head) => head.slice(0, 2).toLowerCase());
        const kinds = columns.filter((column) => column.dataset === dataset && column.kind !== "average");
        assert.equal([...new Set(kinds.map(({ kind }) => kind))], wanted, `${name} ${dataset}`);
      }
    }
  });

  test("the languages that head the lowest columns are those of the text", () => {
    const headed = (name: string) => {
      const end = lines.findIndex((line) => line.startsWith(`Table ${name.slice(5)}: `));
      const found = lines.slice(end - 30, end).filter((line) => line.startsWith("Method\t")).map((line) =>
        [...line.matchAll(/Lowest(?: \((\w\w)\))?/g)].map((match) => match[1]?.toLowerCase())
      );
      return found;
    };
    for (const name of ["table1", "table14"]) {
      const { mbert, xlmr } = printed.results(name).lowest!;
      const wanted = [["mlqa", "xquad"], ["xcopa", "xnli"]].flatMap((datasets) =>
        [mbert, xlmr].map((lowest) => datasets.map((dataset) => lowest[dataset]))
      );
      assert.equal(headed(name).slice(-4), wanted, name);
    }
    // One heading for both models; that of MLQA is repeated in the damaged lines.
    const { mbert, xlmr } = printed.results("table2").lowest!;
    assert.equal(mbert, xlmr);
    assert.equal(headed("table2").slice(-2), [[mbert.xquad], [mbert.mlqa]]);
  });

  test("marks are where the text shows them", () => {
    for (const { table, cells } of printed.allResults) {
      for (const { mean, sd, underline, bold, line, row, column } of cells) {
        const at = lines[line! - 1].replaceAll("{\\pm}", "±").replaceAll("\\pm", "±");
        const number = mean?.toFixed(2) ?? "";
        const underlined = at.includes(`<u>${number}</u>`) || at.includes(`\\underline{${number}}`);
        assert.is(underline === "printed", mean !== undefined && underlined, `${table} ${row} ${column}`);
        assert.is(bold === "printed", at.includes(`\\textbf{${number}}`), `${table} ${row} ${column}`);
        if (bold === "inferred") {
          assert.ok(at.includes(`${number} ±${sd!.toFixed(2)}`), `${table} ${row} ${column}`);
        }
      }
    }
  });

  test("captions and text cells are as printed", () => {
    for (const name of printed.names) {
      const table = printed.get(name);
      const caption = `Table ${name.slice(5)}: ${table.caption}`;
      assert.ok(lines.some((line) => line.replaceAll("*", "") === caption), caption);
      if (table.kind === "results") continue;
      for (const { row, column, text, line } of table.cells) {
        const fields = lines[line! - 1].replaceAll("Та", "Ta");
        assert.ok(
          fields.split(/\t|: /).includes(text),
          `${name} ${row} ${column}: no "${text}" in ${fields}`,
        );
      }
    }
  });
}

const tiny = {
  format: 1,
  table: "table1",
  kind: "results",
  caption: "",
  read: { from: "", cells: "" },
  runs: { default: 3, why: "" },
  margin: { points: 1, why: "" },
  rows: [{ id: "a/b", label: "A", model: "a", method: "b", adapter: "none" }],
  columns: [{ id: "d/average/f1", heading: "D", dataset: "d", kind: "average", metric: "f1" }],
  cells: [{ row: "a/b", column: "d/average/f1", mean: 1, n: 3, read: "" }],
};

test("a damaged file is named, with the field", () => {
  assert.is(parsePublished(tiny, "t").table, "table1");
  const cell = tiny.cells[0];
  const cases: [object, RegExp][] = [
    [{ cells: [{ ...cell, row: "x/y" }] }, /row x\/y is not declared/],
    [{ cells: [cell, cell] }, /cell a\/b d\/average\/f1 is given twice/],
    [{ cells: [{ ...cell, legible: false }] }, /a cell has a mean, or legible: false/],
    [{ cells: [{ ...cell, n: 0 }] }, /cells\[0\]\.n/],
    [{ margin: undefined }, /margin/],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => parsePublished({ ...tiny, ...change }, "t.json"), message);
    assert.throws(() => parsePublished({ ...tiny, ...change }, "t.json"), /published numbers t\.json/);
  }
  assert.throws(() => publishedTables({ table2: tiny }), /calls itself table1/);
  assert.throws(() => publishedTables({ table1: tiny }).get("table9"), /no table "table9"; there are table1/);
  assert.throws(() => publishedTables({ table1: tiny }).text("table1"), /a table of results, not of text/);
});

test.run();
