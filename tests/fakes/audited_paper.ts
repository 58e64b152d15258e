// Promises a small invented paper in which everything fits together, with one fault put in where a test asks for it.
// Leaves what must be found to the tests.
import type { AuditedPaper } from "../../repro/audit/mod.ts";
import { above } from "../../repro/claims/mod.ts";
import { publishedTables, type ResultCell } from "../../repro/published/mod.ts";

export interface Fault {
  /** Table, row, column and what is printed there instead. */
  cell?: [table: string, row: string, column: string, change: Partial<ResultCell>];
  /** The language that heads the lowest column. */
  lowest?: string;
  /** What heads the second row of table two. */
  label?: string;
  languages?: number;
  rate?: number;
  /** Number of a figure that section 2 names. */
  mention?: number;
  claim?: "a above b";
  /** Kind of the published file for Finnish. */
  file?: string;
}

const read = { from: "invented", cells: "invented" };
const row = (method: string, label: string) => ({
  id: `m/${method}`,
  label,
  model: "m",
  method,
  adapter: "none",
});
const column = (id: string) => {
  const [dataset, kind, metric] = id.split("/");
  return { id, heading: id, dataset, kind, metric };
};

// Multiples of 0.25, as four runs of 100 items give; the averages are those of fi and sv, rounded.
const numbers: Record<string, Record<string, number>> = {
  "m/a": { en: 80.25, fi: 60.25, sv: 62.5, average: 61.38 },
  "m/b": { en: 82, fi: 64.25, sv: 66, average: 65.13 },
};

function results(fault: Fault, table: string, rows: ReturnType<typeof row>[], cells: Partial<ResultCell>[]) {
  const columns = [...new Set(cells.map((cell) => cell.column!))].map(column);
  const [faultTable, faultRow, faultColumn, change] = fault.cell ?? [];
  return {
    format: 1,
    table,
    kind: "results",
    caption: "invented",
    read,
    runs: { default: 4, why: "invented" },
    margin: { points: 2, why: "invented" },
    rows,
    columns,
    cells: cells.map((cell) => ({
      n: 4,
      read: "invented",
      ...cell,
      ...(table === faultTable && cell.row === faultRow && cell.column === faultColumn ? change : {}),
    })).map((cell) => Object.fromEntries(Object.entries(cell).filter(([, value]) => value !== undefined))),
  };
}

function tables(fault: Fault) {
  const lowestLanguage = fault.lowest === "sv" ? "sv" : "fi";
  const one = Object.entries(numbers).flatMap(([id, values]) => [
    { row: id, column: "d/en/accuracy", mean: values.en },
    { row: id, column: "d/lowest/accuracy", mean: values[lowestLanguage] },
    {
      row: id,
      column: "d/average/accuracy",
      mean: values.average,
      sd: 0.5,
      ...(id === "m/b" ? { bold: "printed" as const } : { underline: "printed" as const }),
    },
  ]);
  const two = Object.entries(numbers).flatMap(([id, values]) =>
    ["en", "fi", "sv", "average"].map((kind) => ({
      row: id,
      column: `d/${kind}/accuracy`,
      mean: values[kind],
    }))
  );
  const three = ["a", "b", "c", "d"].flatMap((method, index) => [
    { row: `m/${method}`, column: "q/average/f1", mean: 70 + index, sd: 0.4 + 0.1 * index },
    { row: `m/${method}`, column: "q/average/em", mean: 55 + index, sd: 0.6 - 0.1 * index },
  ]);
  const text = (table: string, ids: string[], columnId: string, words: string[]) => ({
    format: 1,
    table,
    kind: "text",
    caption: "invented",
    read,
    rows: ids.map((id) => ({ id, label: id })),
    columns: [{ id: columnId, heading: columnId }],
    cells: ids.map((id, index) => ({
      row: id,
      column: columnId,
      text: words[index],
      ...(/^\d+$/.test(words[index]) ? { values: [Number(words[index])] } : {}),
      read: "invented",
    })),
  });
  return publishedTables({
    one: {
      ...results(fault, "one", [row("a", "M"), row("b", "M+b")], one),
      marks: { highest: "bold", second: "underline", columns: "average", legible: "all" },
      lowest: { m: { d: fault.lowest ?? "fi" } },
    },
    two: results(fault, "two", [row("a", "M"), row("b", fault.label ?? "M+b")], two),
    three: results(
      fault,
      "three",
      ["a", "b", "c", "d"].map((method) => row(method, method)),
      three,
    ),
    sizes: text("sizes", ["d"], "languages", [String(fault.languages ?? 2)]),
    codes: text("codes", ["en", "fi", "sv"], "code", ["En", "Fi", "Sv"]),
    settings: text("settings", ["m"], "rate", [String(fault.rate ?? 3)]),
  });
}

export function inventedPaper(fault: Fault = {}): AuditedPaper {
  const published = tables(fault);
  const cell = (method: string) => ({ table: "one", row: `m/${method}`, column: "d/average/accuracy" });
  const [left, right] = fault.claim ? ["a", "b"] : ["b", "a"];
  const files = ["en", "fi", "sv"].map((language) => ({ model: "m", language }));
  return {
    id: "invented",
    title: "An Invented Paper",
    tables: published,
    titles: {},
    languages: ["en", "fi", "sv"],
    sourceLanguage: "en",
    datasets: { d: { title: "D", languages: ["fi", "sv"], items: { default: 100 } } },
    countedMetrics: ["accuracy"],
    bounds: [{ lower: "em", upper: "f1", why: "an exact match has F1 1" }],
    runs: { stated: 4, section: "section 1", exceptions: [] },
    languageCounts: [{ table: "sizes", row: "d", column: "languages", dataset: "d" }],
    languageTable: "codes",
    choices: [{
      id: "rates",
      what: "the rates searched",
      allowed: [3],
      cells: [{ table: "settings", column: /^rate$/ }],
      consequence: "invented",
      kind: "contradiction",
    }],
    references: {
      captions: { figure: [1, 2] },
      sections: ["1", "2"],
      mentions: [1, 2, fault.mention ?? 2].map((number, index) => ({
        kind: "figure",
        numbers: [number],
        section: String(Math.min(index + 1, 2)),
        line: index + 1,
        quote: `see Figure ${number}`,
      })),
    },
    artefacts: [{
      id: "files",
      what: "files",
      section: "1",
      stated: "relu",
      needed: files,
      found: files.map((each) => ({
        ...each,
        value: each.language === "fi" ? fault.file ?? "relu" : "relu",
        files: 1,
        id: each.language,
      })),
      read: "invented",
    }],
    claims: [{
      id: "invented",
      about: "results",
      section: "2",
      quote: "one is better",
      asks: `${left} is above ${right}`,
      evaluate: above([{ label: `${left} − ${right}`, left: cell(left), right: cell(right) }]),
    }],
    evidence: {
      source: "paper",
      cell({ table, row, column }) {
        const found = published.results(table).cells.find((each) =>
          each.row === row && each.column === column
        );
        return found?.mean === undefined ? undefined : { mean: found.mean, sd: found.sd, n: found.n };
      },
    },
    deviations: [],
  };
}
