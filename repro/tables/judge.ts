// Promises a result table with a verdict for every cell, from whatever runs are there. Leaves the rule of a verdict to checks/
// and drawing to view.ts.
import {
  type Illegible,
  judgeAll,
  type Judgement,
  mean,
  type Reference,
  type ReferenceFile,
  settingsKey,
  standardDeviation,
  storedReference,
} from "../checks/mod.ts";
import {
  type Choice,
  fidelityWords,
  gapOf,
  leftOut,
  type Paper,
  type ResultTable,
  type Setup,
} from "../paper/mod.ts";
import type { ResultCell } from "../published/mod.ts";
import type { RunSpec } from "../spec/mod.ts";
import { chooseLowest, type FoundCell, type Lowest, type RunOfTable, tableCells } from "./cells.ts";
import { partialReason } from "./partial.ts";

export interface JudgedCell {
  row: string;
  column: string;
  mean: number | null;
  sd: number | null;
  n: number;
  seeds: Record<string, number>;
  reference:
    | { mean: number; sd?: number; n: number; tolerance?: number; from: "stored runs" | "paper" }
    | null;
  /** What the paper prints; null where its source cannot be read or it prints nothing. */
  paper: { mean: number; sd?: number; n: number; read: string; line?: number } | null;
  /** false: the paper prints a number that its source has lost. */
  legible: boolean;
  /** What is partial about the data of its runs; absent where nothing is. */
  partial?: readonly string[];
  verdict: Judgement["verdict"];
  why: string;
  difference?: number;
  /** For an underpowered cell: runs on our side, those that are there included, that would decide it. */
  runsNeeded?: number;
}

export interface JudgedTable {
  cells: JudgedCell[];
  lowest: Lowest;
  reference: ReferenceFile | null;
}

export interface TableInputs {
  paper: Paper;
  table: ResultTable;
  setup: Setup;
  /** Cells to hand back; all are judged, because differences are corrected for the cells of the whole table. */
  choice: Choice;
  /** Runs of the whole table, finished or not. */
  runs: readonly RunOfTable[];
  /** The project's own reference runs of this table, at scale tiny. */
  file: ReferenceFile | null;
}

const settingsName = (row: string, { task, trainingSize }: FoundCell["request"]) =>
  `${row}/${task}${trainingSize === undefined ? "" : `/${trainingSize}`}`;

/** Fingerprints of the settings behind each row, task and training size of the runs. */
export async function settingsOf(
  table: Pick<ResultTable, "rows">,
  runs: readonly { request: RunOfTable["request"]; spec: RunSpec }[],
): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const { request, spec } of runs) {
    for (const row of table.rows) {
      if (
        row.model !== request.model || row.method !== request.method ||
        (row.adapter ?? "mad-x") !== request.adapter
      ) continue;
      settings[settingsName(row.id, request)] ??= await settingsKey(spec);
    }
  }
  return settings;
}

/** Whether the paper's numbers of a cell were made at this scale. */
function printedAt(setup: Setup, { request }: FoundCell): boolean {
  return setup.scale === "paper" || (setup.scale === "low-data" && request.trainingSize !== undefined);
}

const printedCell = ({ published }: ResultTable, row: string, column: string): ResultCell | undefined =>
  published.cells.find((cell) => cell.row === row && cell.column === column);

/** The reference of one cell, or a sentence that says why there is none. */
function referenceOf(
  { table, setup, file }: TableInputs,
  settings: Record<string, string>,
  cell: FoundCell,
): Reference | Illegible | string {
  const { row, column, request } = cell;
  if (setup.scale !== "tiny") {
    if (!printedAt(setup, cell)) return `the paper prints no ${named(table.id)} at scale ${setup.scale}`;
    const number = printedCell(table, row, column);
    if (number === undefined) return "the paper prints no number here";
    const { mean, sd, n, read } = number;
    if (mean === undefined) return { kind: "illegible", why: read };
    if (cell.partial.length > 0) return partialReason(cell.partial);
    return { kind: "published", mean, sd, n, margin: table.published.margin.points };
  }
  if (setup.data !== "tiny") return "these data have no stored reference runs";
  if (file === null) return `no stored reference runs; make them with: repro reference ${table.id}`;
  if (file.fidelity !== fidelityWords(setup)) {
    return `the stored reference runs have fidelity ${file.fidelity}`;
  }
  const name = settingsName(row, request);
  if (file.settings[name] !== settings[name]) {
    return `the stored reference runs had other settings, data or weights; make them anew: repro reference ${table.id}`;
  }
  return storedReference(file, row, column) ?? "the stored reference runs lack this cell";
}

/** Whether a cell is of the lowest language and that is not known. */
const lacksLowest = ({ columns }: ResultTable, lowest: Lowest, { row, column }: FoundCell): boolean => {
  const { pick, dataset } = columns.find(({ id }) => id === column)!;
  return pick === "lowest" && lowest[row]?.[dataset] === undefined;
};

/** Why a cell has no number where its languages were left out. */
function leftOutOf(
  { paper, table, setup }: TableInputs,
  lowest: Lowest,
  cell: FoundCell,
): string | undefined {
  const column = table.columns.find(({ id }) => id === cell.column)!;
  return leftOut(paper, setup, cell.request.model, column, lowest[cell.row]?.[column.dataset]);
}

function printedNumber(cell: ResultCell | undefined): JudgedCell["paper"] {
  if (cell?.mean === undefined) return null;
  const { mean, sd, n, read, line } = cell;
  return { mean, ...(sd === undefined ? {} : { sd }), n, read, ...(line === undefined ? {} : { line }) };
}

/** How the cells of a table were judged, in words: one paragraph for each kind of reference that they have. */
export function judgingRules(
  { published }: ResultTable,
  cells: readonly JudgedCell[],
  file: ReferenceFile | null,
): string[] {
  const has = (from: string) => cells.some(({ reference }) => reference?.from === from);
  const { points, why } = published.margin;
  return [
    ...(has("stored runs") && file !== null ? [`beside the stored runs. ${file.reason}`] : []),
    ...(has("paper")
      ? [
        `beside the paper, with a tolerance of ±${points} points: ${why}. Consistent: shown to lie within it (two one-sided tests, 95 %); ` +
        `inconsistent: a difference is shown (Welch's t, Holm's correction over the whole table at 5 %).`,
      ]
      : []),
  ];
}

/** "table1" → "Table 1". */
export const named = (id: string): string =>
  id.replace(/^table(\d+)$/, "Table $1").replace(/^figure(\d+)$/, "Figure $1");

/** Judges every cell and hands back the chosen ones; a pure function of the runs found, at any moment. */
export async function judgeTable(inputs: TableInputs): Promise<JudgedTable> {
  const { paper, table, setup, choice, runs, file } = inputs;
  const lowest = chooseLowest(paper, table, setup, file, runs);
  const settings = await settingsOf(table, runs);
  const found = tableCells(paper, table, {}, runs, lowest);
  const references = found.map((cell) => referenceOf(inputs, settings, cell));
  const judgements = judgeAll(found.map((cell, index) => ({
    values: cell.values,
    reference: references[index],
    gap: gapOf(paper, setup, cell.request) ?? leftOutOf(inputs, lowest, cell),
  })));
  const cells = found.map(({ row, column, values, partial }, index): JudgedCell => {
    const { verdict, tolerance, difference, runsNeeded } = judgements[index];
    const reference = references[index];
    const why = verdict === "missing" && lacksLowest(table, lowest, found[index])
      ? `which language is the lowest follows from finished runs of ${paper.baseline} training`
      : judgements[index].why;
    const numbers = [...values.values()];
    return {
      row,
      column,
      mean: numbers.length > 0 ? mean(numbers) : null,
      sd: standardDeviation(numbers) ?? null,
      n: numbers.length,
      seeds: Object.fromEntries(values),
      reference: typeof reference === "string" || reference.kind === "illegible" ? null : {
        mean: reference.mean,
        sd: reference.sd,
        n: reference.n,
        tolerance,
        from: reference.kind === "stored" ? "stored runs" : "paper",
      },
      paper: printedNumber(printedCell(table, row, column)),
      legible: printedCell(table, row, column)?.legible !== false,
      ...(partial.length > 0 ? { partial } : {}),
      verdict,
      why,
      ...(difference === undefined ? {} : { difference }),
      ...(runsNeeded === undefined ? {} : { runsNeeded }),
    };
  });
  return {
    cells: cells.filter(({ row, column }) =>
      (choice.rows?.includes(row) ?? true) && (choice.columns?.includes(column) ?? true)
    ),
    lowest,
    reference: file,
  };
}
