// Promises a table's stored reference: where it lies, reading it, and making it anew from finished runs.
// Leaves the rule of the tolerances to checks/reference.ts.
import { parseReference, referenceCells, type ReferenceFile, toleranceReason } from "../checks/mod.ts";
import { countedLanguages, fidelityWords, type Paper, type ResultTable, type Setup } from "../paper/mod.ts";
import { exists, pathOf, readText } from "../runtime.ts";
import type { DatasetName } from "../spec/mod.ts";
import { lowestLanguages, type RunOfTable, tableCells } from "./cells.ts";
import { settingsOf } from "./judge.ts";

export const referencePath = (paper: Paper, table: string): string =>
  pathOf(new URL(`reference/tiny-${table}.json`, paper.folder));

export async function loadReference(path: string): Promise<ReferenceFile | null> {
  return (await exists(path)) ? parseReference(await readText(path), path) : null;
}

/** A stored reference made of the runs of a whole table, all of which must be there. `items`: examples in each test set. */
export async function makeReference(
  paper: Paper,
  table: ResultTable,
  setup: Setup,
  runs: readonly RunOfTable[],
  items: (dataset: DatasetName, language: string) => number,
  command: string,
): Promise<ReferenceFile> {
  const byRow = lowestLanguages(paper, table, runs);
  const found = tableCells(paper, table, {}, runs, byRow).filter(({ values }) => values.size > 0);
  const cells = found.map(({ row, column, values, request }) => {
    const declared = table.columns.find(({ id }) => id === column)!;
    const examples = countedLanguages(paper, declared, byRow[row]?.[declared.dataset])
      .reduce((sum, language) => sum + items(declared.dataset, language), 0);
    return {
      row,
      column,
      values,
      item: 100 / examples,
      group: `${request.model} ${request.adapter} ${column}`,
    };
  });
  const { provenance, spec } = runs.find(({ run }) => run !== null)!.run!;
  const used = table.rows.filter(({ id }) => found.some(({ row }) => row === id));
  return {
    format: 1,
    table: table.id,
    scale: setup.scale,
    fidelity: fidelityWords(setup),
    command,
    made: {
      date: new Date().toISOString().slice(0, 10),
      backend: provenance.backend,
      device: provenance.device,
      runtime: provenance.runtime,
      platform: provenance.platform,
      numericsVersion: spec.numericsVersion,
    },
    reason: toleranceReason,
    // One entry a model, as long as all rows of a model share their lowest language.
    lowest: Object.fromEntries(used.map(({ id, model }) => [model, byRow[id] as Record<string, string>])),
    settings: await settingsOf(table, runs),
    cells: referenceCells(cells),
  };
}
