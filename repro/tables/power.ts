// Promises the power of a table's checks: which cells notice each deliberate fault, stored beside the reference and drawn as a
// table. Leaves making the faulty runs to the caller and the faults to training/mutants.ts.
import { z } from "zod";
import type { Paper, ResultTable } from "../paper/mod.ts";
import type { Block, Line, TableView } from "../render/mod.ts";
import { exists, pathOf, readText } from "../runtime.ts";
import type { JudgedCell } from "./judge.ts";
import { titleOf } from "./view.ts";

const schema = z.strictObject({
  format: z.literal(1),
  table: z.string(),
  scale: z.string(),
  fidelity: z.string(),
  seeds: z.array(z.number()),
  command: z.string(),
  made: z.strictObject({ date: z.string(), device: z.string(), numericsVersion: z.number() }),
  mutants: z.array(z.strictObject({
    mutant: z.string(),
    what: z.string(),
    cells: z.array(z.strictObject({
      row: z.string(),
      column: z.string(),
      noticed: z.boolean(),
      /** Points by which the faulty runs differ, and the tolerance; absent where there was nothing to compare. */
      difference: z.number().optional(),
      tolerance: z.number().optional(),
    })),
  })),
});

export type PowerFile = z.infer<typeof schema>;
export type MutantPower = PowerFile["mutants"][number];

export const powerPath = (paper: Paper, table: string): string =>
  pathOf(new URL(`reference/tiny-${table}-power.json`, paper.folder));

export async function loadPower(path: string): Promise<PowerFile | null> {
  if (!await exists(path)) return null;
  const result = schema.safeParse(JSON.parse(await readText(path)));
  if (result.success) return result.data;
  throw new Error(
    `power ${path}: ${z.prettifyError(result.error)}; make it anew: repro selftest --mutants --save`,
  );
}

const rounded = (value: number) => Math.round(value * 100) / 100;

/** What the judged cells of one fault's runs say. */
export const powerOf = (mutant: string, what: string, cells: readonly JudgedCell[]): MutantPower => ({
  mutant,
  what,
  cells: cells.map(({ row, column, verdict, difference, reference }) => ({
    row,
    column,
    noticed: verdict === "inconsistent",
    ...(difference === undefined ? {} : { difference: rounded(difference) }),
    ...(reference?.tolerance === undefined ? {} : { tolerance: rounded(reference.tolerance) }),
  })),
});

function cellLines(cells: readonly MutantPower["cells"][number][]): Line[] {
  if (cells.length === 0) return [[{ text: "", tone: "faint" }]];
  const join = (piece: (cell: MutantPower["cells"][number]) => Line): Line =>
    cells.flatMap((cell, index) => (index === 0 ? piece(cell) : [{ text: "/" }, ...piece(cell)]));
  return [
    join(({ difference, noticed }) => [{
      text: difference === undefined
        ? "–"
        : `${difference > 0 ? "+" : ""}${difference.toFixed(1)}${noticed ? "≠" : "="}`,
      tone: noticed ? "strong" : "faint",
    }]),
    join(({ tolerance }) => [{ text: tolerance === undefined ? "–" : tolerance.toFixed(1), tone: "faint" }]),
  ];
}

/** One block for each half of the table, one row for each fault and row that it was tried on. */
export function powerView(paper: Paper, table: ResultTable, file: PowerFile): TableView {
  const tried = file.mutants.flatMap(({ mutant, cells }) =>
    [...new Set(cells.map(({ row }) => row))].map((row) => ({
      mutant,
      row,
      cells: cells.filter((c) => c.row === row),
    }))
  );
  const titleOfRow = (row: string) => table.rows.find(({ id }) => id === row)?.title ?? row;
  const halves = new Map(table.layout.map((block) => [JSON.stringify(block.groups), block.groups]));
  const blocks = [...halves.values()].map((groups): Block => ({
    corner: "fault, row",
    groups: groups.map(({ title, columns }) => ({ title, columns: columns.map((column) => column.title) })),
    rows: tried.map(({ mutant, row, cells }) => ({
      label: [[{ text: mutant, tone: "strong" }], [{ text: `${titleOfRow(row)}; tolerance`, tone: "faint" }]],
      cells: groups.flatMap(({ columns }) =>
        columns.map((column) =>
          cellLines(column.cells.flatMap((id) => cells.find((cell) => cell.column === id) ?? []))
        )
      ),
    })),
  }));
  const count = (cells: MutantPower["cells"]) => cells.filter(({ noticed }) => noticed).length;
  return {
    title: titleOf(paper, { id: table.id, title: "which cells notice deliberate faults" }),
    heading: [
      `scale ${file.scale} · fidelity ${file.fidelity} · seeds ${
        file.seeds.join(" ")
      } · made ${file.made.date} on ${file.made.device}`,
      "points by which runs with the fault differ from the stored reference; below them the tolerance.",
    ],
    blocks,
    legend: "≠ noticed   = within the tolerance",
    notes: file.mutants.map(({ mutant, what, cells }): Line => [{
      text: `${mutant} (${what}): ${count(cells)} of ${cells.length} cells notice it`,
      tone: count(cells) > 0 ? "good" : "bad",
    }]),
  };
}
