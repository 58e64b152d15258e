// Promises a result table's cells as a pure function of finished runs, so that it can be drawn at any moment with gaps.
// Leaves which runs to wish for to paper/specify.ts and verdicts to judge.ts.
import {
  type Choice,
  chosenColumns,
  chosenRows,
  countedLanguages,
  type Paper,
  requestKey,
  requestOf,
  type ResultColumn,
  type ResultTable,
  type RunRequest,
  type Setup,
  targetsOf,
} from "../paper/mod.ts";
import type { ReferenceFile } from "../checks/mod.ts";
import type { FinishedRun, Metrics } from "../runs/mod.ts";
import type { RunSpec } from "../spec/mod.ts";
import { partialOf } from "./partial.ts";

/** A run that was wanted, with its result where there is one. */
export interface RunOfTable {
  request: RunRequest;
  spec: RunSpec;
  run: FinishedRun | null;
}

/** A cell's values by seed; a seed without a run is absent. */
export type CellValues = Map<number, number>;

/** Language of the "lowest" columns: by row, then by data set. */
export type Lowest = Record<string, Partial<Record<string, string>>>;

/** The value of one run in a column; undefined where the run has not got it. */
export function valueOf(
  paper: Paper,
  metrics: Metrics,
  column: ResultColumn,
  lowest: string | undefined,
): number | undefined {
  const { dataset, pick, metric } = column;
  const of = (language: string): number | undefined => metrics[`${dataset}/${language}/${metric}`];
  if (pick === "lowest") return lowest === undefined ? undefined : of(lowest);
  if (pick !== "average") return of(pick);
  // Without English, as captions say.
  const values = targetsOf(paper, column).map(of);
  if (values.some((value) => value === undefined)) return undefined;
  return (values as number[]).reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The target language with the lowest mean under the paper's baseline method, by each data set's first metric; of equal ones
 * the first in the paper's order. By row: all rows of a model share one. Without baseline runs of a model there is none.
 */
export function lowestLanguages(
  paper: Paper,
  table: Pick<ResultTable, "rows">,
  runs: readonly RunOfTable[],
): Lowest {
  const lowest: Lowest = {};
  for (const row of table.rows) {
    const found: Record<string, string> = {};
    for (const { id, languages, metrics, task } of paper.datasets) {
      const finished = runs.filter(({ request, run }) =>
        run !== null && request.model === row.model && request.task === task &&
        request.method === paper.baseline && request.adapter === (row.adapter ?? "mad-x")
      );
      let least = Infinity;
      for (const language of languages.slice(1)) {
        const values = finished.flatMap(({ run }) => run!.metrics[`${id}/${language}/${metrics[0]}`] ?? []);
        if (values.length === 0) continue;
        const average = values.reduce((sum, value) => sum + value, 0) / values.length;
        if (average < least) {
          least = average;
          found[id] = language;
        }
      }
    }
    lowest[row.id] = found;
  }
  return lowest;
}

/** The language that the paper names for each "lowest" column: in the cell itself, else at the head of its model's rows. */
export function printedLowest({ rows, columns, published }: ResultTable): Lowest {
  return Object.fromEntries(rows.map(({ id, model }) => {
    const named = columns.filter(({ pick }) => pick === "lowest").flatMap((column) => {
      const cell = published.cells.find((each) => each.row === id && each.column === column.id);
      const language = cell?.language ?? published.lowest?.[model]?.[column.dataset];
      return language === undefined ? [] : [[column.dataset, language]];
    });
    return [id, Object.fromEntries(named)];
  }));
}

/** The lowest languages: those of the reference where there is one (the paper at its own scale), else those found here. */
export function chooseLowest(
  paper: Paper,
  table: ResultTable,
  setup: Setup,
  file: ReferenceFile | null,
  runs: readonly RunOfTable[],
): Lowest {
  if (setup.scale === "paper") return printedLowest(table);
  if (setup.scale === "tiny" && setup.data === "tiny" && file !== null) {
    return Object.fromEntries(
      table.rows.map(({ id, model }) => [id, file.lowest[id] ?? file.lowest[model] ?? {}]),
    );
  }
  return lowestLanguages(paper, table, runs);
}

export interface FoundCell {
  row: string;
  column: string;
  request: RunRequest;
  values: CellValues;
  /** What is partial about the data that the values rest on. */
  partial: string[];
}

/** Values of every chosen cell, row by row. */
export function tableCells(
  paper: Paper,
  table: ResultTable,
  choice: Choice,
  runs: readonly RunOfTable[],
  lowest: Lowest,
): FoundCell[] {
  const byRequest = new Map<string, RunOfTable[]>();
  for (const each of runs) {
    const key = requestKey(each.request);
    byRequest.set(key, [...byRequest.get(key) ?? [], each]);
  }
  return chosenRows(table, choice).flatMap((row) =>
    chosenColumns(table, choice).map((column) => {
      const request = requestOf(paper, row, column);
      const values: CellValues = new Map();
      const used: FinishedRun[] = [];
      const language = lowest[row.id]?.[column.dataset];
      for (const { spec, run } of byRequest.get(requestKey(request)) ?? []) {
        if (run === null) continue;
        const value = table.value
          ? table.value(run.metrics, column, language)
          : valueOf(paper, run.metrics, column, language);
        if (value === undefined) continue;
        values.set(spec.seed, value);
        used.push(run);
      }
      // A rule of the table's own may count any language.
      const counted = table.value ? undefined : countedLanguages(paper, column, language);
      const partial = partialOf(used, column.dataset, counted);
      return { row: row.id, column: column.id, request, values, partial };
    })
  );
}
