// Promises the tables of one paper by name, and a look-up of any cell. Leaves reading and checking a file to schema.ts.
import {
  parsePublished,
  type PublishedTable,
  type ResultCell,
  type ResultTable,
  type TextTable,
} from "./schema.ts";

/** All tables that a paper prints, in its order. */
export interface PublishedTables {
  readonly names: readonly string[];
  /** Throws naming the tables there are. */
  get(table: string): PublishedTable;
  results(table: string): ResultTable;
  text(table: string): TextTable;
  readonly allResults: readonly ResultTable[];
}

/** Checks the files of a paper's numbers; each must call itself what it is registered as. */
export function publishedTables(files: Readonly<Record<string, unknown>>): PublishedTables {
  const tables = new Map<string, PublishedTable>();
  for (const [name, value] of Object.entries(files)) {
    const table = parsePublished(value, name);
    if (table.table !== name) {
      throw new Error(`published numbers ${name}: the file calls itself ${table.table}; name it alike`);
    }
    tables.set(name, table);
  }
  const get = (name: string): PublishedTable => {
    const found = tables.get(name);
    if (!found) {
      throw new Error(`published numbers: no table "${name}"; there are ${[...tables.keys()].join(", ")}`);
    }
    return found;
  };
  const ofKind = <K extends PublishedTable["kind"]>(name: string, kind: K) => {
    const found = get(name);
    if (found.kind !== kind) {
      throw new Error(`published numbers: ${name} is a table of ${found.kind}, not of ${kind}`);
    }
    return found as Extract<PublishedTable, { kind: K }>;
  };
  return {
    names: [...tables.keys()],
    get,
    results: (name) => ofKind(name, "results"),
    text: (name) => ofKind(name, "text"),
    allResults: [...tables.values()].filter((table) => table.kind === "results"),
  };
}

/** A cell of a table of results. Throws naming the table. */
export function resultCell(table: ResultTable, row: string, column: string): ResultCell {
  const found = table.cells.find((cell) => cell.row === row && cell.column === column);
  if (!found) throw new Error(`published numbers: ${table.table} has no cell ${row} ${column}`);
  return found;
}

/** Half of the last printed decimal: how far a printed mean may lie from the unrounded one. */
export const roundingOf = ({ decimals = 2 }: Pick<ResultCell, "decimals">): number => 0.5 * 10 ** -decimals;
