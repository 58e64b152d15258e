// Promises a table's declaration made from what the paper prints: its rows and columns, which runs feed them, and a layout in
// blocks. Leaves what cannot be read off the printed table (which rows ask for which runs) to the options.
import type { ResultTable as Published, TextTable } from "../published/mod.ts";
import type { AdapterKind, DatasetName } from "../spec/mod.ts";
import { adapterKinds, datasetNames } from "../spec/mod.ts";
import type { FactTable, LayoutBlock, ResultTable } from "./paper.ts";

export interface ResultOptions {
  title: string;
  /** Titles of models: heads of the blocks. */
  models: Readonly<Record<string, string>>;
  /** Data sets that stand side by side, one list for each group of blocks; all of them together when absent. */
  blocks?: readonly (readonly string[])[];
  /** Models share blocks. */
  together?: boolean;
  /** Method and adapter of a printed row, where they are no words of a specification. */
  run?(row: { method: string; adapter: string }): { method: string; adapter: AdapterKind };
  value?: ResultTable["value"];
}

/** "mBERT^Ada +GU" as plain text. */
const plainLabel = (label: string) => label.replaceAll("^", " ").replaceAll(" +", "+");

function oneOf<T extends string>(table: string, what: string, word: string, allowed: readonly T[]): T {
  if (allowed.includes(word as T)) return word as T;
  throw new Error(`${table}: ${what} "${word}" is none that a run can have; choose ${allowed.join(", ")}`);
}

export function resultTable(published: Published, options: ResultOptions): ResultTable {
  const { table: id } = published;
  const run = options.run ?? ((row) => ({
    method: row.method,
    adapter: oneOf(id, "adapter", row.adapter, adapterKinds),
  }));
  const datasets = [...new Set(published.columns.map(({ dataset }) => dataset))];
  const models = [...new Set(published.rows.map(({ model }) => model))];
  const groups = options.together ? [models] : models.map((model) => [model]);
  return {
    kind: "results",
    id,
    title: options.title,
    published,
    rows: published.rows.map((row) => ({
      id: row.id,
      title: plainLabel(row.label),
      model: row.model,
      ...run(row),
    })),
    columns: published.columns.map(({ id: column, dataset, kind, metric, trainingSize }) => ({
      id: column,
      dataset: oneOf<DatasetName>(id, "data set", dataset, datasetNames),
      pick: kind,
      metric,
      ...(trainingSize === undefined ? {} : { trainingSize }),
    })),
    layout: (options.blocks ?? [datasets]).flatMap((together) =>
      groups.map((group): LayoutBlock => ({
        corner: group.map((model) => options.models[model] ?? model).join(", "),
        rows: published.rows.filter(({ model }) => group.includes(model)).map((row) => row.id),
        groups: columnGroups(published.columns.filter(({ dataset }) => together.includes(dataset))),
      }))
    ),
    ...(options.value ? { value: options.value } : {}),
  };
}

/** Headings are "group, column"; columns of one heading are one column, joined by slashes; a named language is left to lowest. */
function columnGroups(columns: readonly { id: string; heading: string; kind?: string }[]) {
  const groups = new Map<string, Map<string, string[]>>();
  for (const { id, heading, kind } of columns) {
    const at = heading.lastIndexOf(", ");
    const group = at < 0 ? "" : heading.slice(0, at);
    const title = kind === "lowest" ? "Lowest" : heading.slice(at < 0 ? 0 : at + 2);
    const inside = groups.get(group) ?? new Map<string, string[]>();
    inside.set(title, [...inside.get(title) ?? [], id]);
    groups.set(group, inside);
  }
  return [...groups].map(([title, inside]) => ({
    title,
    columns: [...inside].map(([title, cells]) => ({ title, cells })),
  }));
}

export function factTable(
  published: TextTable,
  { title, corner, needs, facts }: Pick<FactTable, "title" | "needs" | "facts"> & { corner: string },
): FactTable {
  return {
    kind: "facts",
    id: published.table,
    title,
    published,
    needs,
    facts,
    layout: [{
      corner,
      rows: published.rows.map(({ id }) => id),
      groups: columnGroups(published.columns),
    }],
  };
}
