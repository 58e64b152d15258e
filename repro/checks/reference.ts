// Promises reference numbers made of the project's own runs: what is stored, how each tolerance follows from the spread over
// seeds, and whether a stored file belongs to the runs at hand. Leaves which cells there are to the papers.
import { z } from "zod";
import { canonicalJson, type RunSpec, sha256 } from "../spec/mod.ts";
import { mean, standardDeviation, studentT } from "./statistics.ts";
import type { StoredReference } from "./judgement.ts";

/** Of the seed spread, how much two numerics (another backend or processor) may move one seed's result. */
export const numericShare = 0.5;
/** Probability that a table whose runs do match shows no inconsistent cell, for seeds that the reference has not got. */
export const tableConfidence = 0.95;
/** Points: the check is of no use where it could not see a difference of this size. */
export const margin = 10;

const cellSchema = z.strictObject({
  row: z.string(),
  column: z.string(),
  mean: z.number(),
  sd: z.number().optional(),
  n: z.number().int().min(1),
  seeds: z.record(z.string(), z.number()),
  tolerance: z.strictObject({
    seed: z.number(),
    floor: z.number(),
    spread: z.number(),
    quantile: z.number(),
    freedom: z.number().optional(),
    margin: z.number(),
  }),
});

const schema = z.strictObject({
  format: z.literal(1),
  table: z.string(),
  scale: z.string(),
  fidelity: z.string(),
  command: z.string(),
  made: z.strictObject({
    date: z.string(),
    backend: z.string(),
    device: z.string(),
    runtime: z.string(),
    platform: z.string(),
    numericsVersion: z.number(),
  }),
  reason: z.string(),
  lowest: z.record(z.string(), z.record(z.string(), z.string())),
  /** Fingerprint of the settings behind each row and task; see `settingsKey`. */
  settings: z.record(z.string(), z.string()),
  cells: z.array(cellSchema),
});

export type ReferenceFile = z.infer<typeof schema>;
export type ReferenceFileCell = z.infer<typeof cellSchema>;

/** Reads a stored reference. Throws naming the file and the first wrong field. */
export function parseReference(text: string, path: string): ReferenceFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `reference ${path}: not valid JSON (${(error as Error).message}); make it anew: repro reference`,
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(`reference ${path}: ${z.prettifyError(result.error)}; make it anew: repro reference`);
}

/**
 * Fingerprint of everything that a run's result depends on by intention: not its seed, backend or numerics (those are what
 * the check is about), nor a deliberate fault.
 */
export async function settingsKey(spec: RunSpec): Promise<string> {
  const { seed: _s, backend: _b, numericsVersion: _n, mutant: _m, ...settings } = spec;
  return (await sha256(canonicalJson(settings))).slice(0, 16);
}

export interface MeasuredCell {
  row: string;
  column: string;
  values: ReadonlyMap<number, number>;
  /** Points that one test item weighs in this cell. */
  item: number;
  /** Cells with one group are taken to have one spread, so that four seeds each give a usable estimate of it. */
  group: string;
}

const rounded = (value: number) => Math.round(value * 1e4) / 1e4;

/** Stored cells with tolerances, from measured ones; every cell needs at least two seeds. */
export function referenceCells(cells: readonly MeasuredCell[]): ReferenceFileCell[] {
  const groups = new Map<string, { squares: number; freedom: number }>();
  for (const { group, values } of cells) {
    const sd = standardDeviation([...values.values()]);
    if (sd === undefined) continue;
    const pooled = groups.get(group) ?? { squares: 0, freedom: 0 };
    const freedom = values.size - 1;
    groups.set(group, { squares: pooled.squares + sd ** 2 * freedom, freedom: pooled.freedom + freedom });
  }
  return cells.map(({ row, column, values, item, group }) => {
    const numbers = [...values.values()];
    const sd = standardDeviation(numbers);
    if (sd === undefined) {
      throw new Error(`reference: ${row} ${column} has ${values.size} runs; at least two seeds are needed`);
    }
    const { squares, freedom } = groups.get(group)!;
    // A cell whose few seeds happen to agree is not thereby more exact than its neighbours.
    const spread = Math.max(sd, Math.sqrt(squares / freedom));
    return {
      row,
      column,
      mean: rounded(mean(numbers)),
      sd: rounded(sd),
      n: values.size,
      seeds: Object.fromEntries([...values].sort(([a], [b]) => a - b).map(([seed, v]) => [seed, rounded(v)])),
      tolerance: {
        seed: rounded(Math.max(numericShare * spread, 2 * item)),
        floor: rounded(item),
        spread: rounded(spread),
        quantile: rounded(studentT(1 - (1 - tableConfidence) / cells.length, freedom)),
        freedom,
        margin,
      },
    };
  });
}

/** The rule in words, stored with the numbers. */
export const toleranceReason =
  `Same seeds: the difference of the means may be ${numericShare} of the spread over seeds divided by the root of the number of ` +
  `seeds (another backend or processor rounds differently), at least two test items for one seed and one for the mean. ` +
  `Other seeds: Student's t times the spread times sqrt(1/n + 1/reference n), at ${tableConfidence} for the whole table. ` +
  `The spread is the larger of the cell's own and that pooled over the methods of its encoder and column. ` +
  `Numbers of other seeds that are not shown to be within ${margin} points (two one-sided tests at 95 %) are called underpowered.`;

export function storedReference(
  file: ReferenceFile,
  row: string,
  column: string,
): StoredReference | undefined {
  const cell = file.cells.find((cell) => cell.row === row && cell.column === column);
  if (!cell) return undefined;
  const { mean, sd, n, seeds, tolerance } = cell;
  return { kind: "stored", mean, sd, n, seeds, tolerance: { ...tolerance, reason: file.reason } };
}
