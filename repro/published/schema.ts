// Promises the form of what a paper prints: tables of results and tables of text, cell by cell, with where each was read.
// Leaves which tables there are to the papers, and whether the numbers fit together to audit/.
import { z } from "zod";

const read = z.strictObject({ from: z.string(), cells: z.string() });
const remark = z.strictObject({ row: z.string(), column: z.string(), text: z.string() });
const language = z.string().regex(/^[a-z]{2,3}$/);

const resultCell = z.strictObject({
  row: z.string(),
  column: z.string(),
  /** Absent where the source cannot be read. */
  mean: z.number().optional(),
  sd: z.number().min(0).optional(),
  /** Decimals printed, where they are not two. */
  decimals: z.number().int().min(0).optional(),
  legible: z.literal(false).optional(),
  /** Runs behind the mean. */
  n: z.number().int().min(1),
  /** The language that the cell itself names. */
  language: language.optional(),
  /** "printed" where the source shows the mark, "inferred" where only a trace of it is left. */
  bold: z.enum(["printed", "inferred"]).optional(),
  underline: z.enum(["printed", "inferred"]).optional(),
  /** Line in the source text, from 1. */
  line: z.number().int().min(1).optional(),
  read: z.string(),
}).refine(({ mean, legible }) => (mean === undefined) === (legible === false), {
  message: "a cell has a mean, or legible: false and none",
});

const resultRow = z.strictObject({
  id: z.string(),
  label: z.string(),
  /** Where a part of the table heads the row differently: label by data set. */
  labels: z.record(z.string(), z.string()).optional(),
  model: z.string(),
  method: z.string(),
  adapter: z.string(),
});

const resultColumn = z.strictObject({
  id: z.string(),
  heading: z.string(),
  dataset: z.string(),
  /** A language, "lowest" or "average". */
  kind: z.string(),
  metric: z.string(),
  trainingSize: z.number().int().min(1).optional(),
});

const resultTable = z.strictObject({
  format: z.literal(1),
  table: z.string(),
  kind: z.literal("results"),
  caption: z.string(),
  read,
  /** Runs behind a cell: by data set, method or "row column"; the cells carry what follows from it. */
  runs: z.record(z.string(), z.union([z.number(), z.string()])),
  /** Largest difference, in points, that a check of these cells may fail to see, and why that size. */
  margin: z.strictObject({ points: z.number().positive(), why: z.string() }),
  /** What the caption says bold face and underlines mean, in columns of one kind; how far the source shows them. */
  marks: z.strictObject({
    highest: z.enum(["bold", "underline"]),
    second: z.enum(["bold", "underline"]).optional(),
    columns: z.string(),
    legible: z.string(),
  }).optional(),
  /** The language that heads a "lowest" column: by model, then by data set. */
  lowest: z.record(z.string(), z.record(z.string(), language)).optional(),
  rows: z.array(resultRow),
  columns: z.array(resultColumn),
  remarks: z.array(remark).optional(),
  cells: z.array(resultCell),
});

const textCell = z.strictObject({
  row: z.string(),
  column: z.string(),
  text: z.string(),
  /** The numbers in the text, in order. */
  values: z.array(z.number()).optional(),
  line: z.number().int().min(1).optional(),
  read: z.string(),
});

const textTable = z.strictObject({
  format: z.literal(1),
  table: z.string(),
  kind: z.literal("text"),
  caption: z.string(),
  read,
  rows: z.array(z.strictObject({
    id: z.string(),
    label: z.string(),
    task: z.string().optional(),
    model: z.string().optional(),
    dataset: z.string().optional(),
  })),
  columns: z.array(z.strictObject({ id: z.string(), heading: z.string() })),
  remarks: z.array(remark).optional(),
  cells: z.array(textCell),
});

const table = z.discriminatedUnion("kind", [resultTable, textTable]).superRefine((value, context) => {
  const rows = new Set(value.rows.map(({ id }) => id));
  const columns = new Set<string>(value.columns.map(({ id }) => id));
  const seen = new Set<string>();
  value.cells.forEach(({ row, column }, index) => {
    const path = ["cells", index];
    if (!rows.has(row)) context.addIssue({ code: "custom", path, message: `row ${row} is not declared` });
    if (!columns.has(column)) {
      context.addIssue({ code: "custom", path, message: `column ${column} is not declared` });
    }
    if (seen.has(`${row} ${column}`)) {
      context.addIssue({ code: "custom", path, message: `cell ${row} ${column} is given twice` });
    }
    seen.add(`${row} ${column}`);
  });
});

export type ResultTable = z.infer<typeof resultTable>;
export type ResultCell = z.infer<typeof resultCell>;
export type ResultRow = z.infer<typeof resultRow>;
export type ResultColumn = z.infer<typeof resultColumn>;
export type TextTable = z.infer<typeof textTable>;
export type TextCell = z.infer<typeof textCell>;
export type PublishedTable = ResultTable | TextTable;

/** Checks what a file of numbers holds. Throws naming the file and every wrong field. */
export function parsePublished(value: unknown, name: string): PublishedTable {
  const result = table.safeParse(value);
  if (result.success) return result.data;
  throw new Error(
    `published numbers ${name}: ${z.prettifyError(result.error)}; correct the file against the source`,
  );
}
