// Promises every legible result cell with what it is a number of, so that cells of different tables can be compared.
// Leaves comparing to the rules.
import type { ResultCell, ResultColumn, ResultRow, ResultTable } from "../published/mod.ts";
import { type Place, tableNumber } from "./finding.ts";
import type { AuditedPaper } from "./paper.ts";

export interface Quantity {
  table: string;
  row: ResultRow;
  column: ResultColumn;
  cell: ResultCell & { mean: number };
  /** For a "lowest" cell the language that its heading or the cell itself names. */
  language?: string;
  /** Equal for cells that print the same quantity, whatever their table. */
  key: string;
}

const settingOf = ({ model, adapter, method }: ResultRow) => `${model} ${adapter} ${method}`;

function languageOf(table: ResultTable, row: ResultRow, column: ResultColumn, cell: ResultCell) {
  if (cell.language) return cell.language;
  return column.kind === "lowest" ? table.lowest?.[row.model]?.[column.dataset] : undefined;
}

/** All legible cells of the tables of results. */
export function quantities({ tables }: Pick<AuditedPaper, "tables">): Quantity[] {
  return tables.allResults.flatMap((table) => {
    const rows = new Map(table.rows.map((row) => [row.id, row]));
    const columns = new Map(table.columns.map((column) => [column.id, column]));
    return table.cells.flatMap((cell): Quantity[] => {
      if (cell.mean === undefined) return [];
      const [row, column] = [rows.get(cell.row)!, columns.get(cell.column)!];
      const size = column.trainingSize ?? "all";
      return [{
        table: table.table,
        row,
        column,
        cell: { ...cell, mean: cell.mean },
        language: languageOf(table, row, column, cell),
        key: `${settingOf(row)} ${column.dataset} ${column.kind} ${column.metric} ${size}`,
      }];
    });
  });
}

/** The key of the same quantity in one language. */
export function languageKey({ row, column }: Quantity, language: string): string {
  return `${settingOf(row)} ${column.dataset} ${language} ${column.metric} ${column.trainingSize ?? "all"}`;
}

/** Cells by key. */
export function byKey(all: readonly Quantity[]): Map<string, Quantity[]> {
  const map = new Map<string, Quantity[]>();
  for (const each of all) map.set(each.key, [...map.get(each.key) ?? [], each]);
  return map;
}

export const placeOf = ({ table, cell: { row, column, line } }: Quantity): Place => ({
  table,
  row,
  column,
  line,
});

/** "Table 8, XLM-R^Ada, MLQA average F1". */
export function nameOf({ titles }: Pick<AuditedPaper, "titles">, quantity: Quantity): string {
  const { table, row, column } = quantity;
  const { dataset, metric, trainingSize } = column;
  const label = row.labels?.[dataset] ?? row.label;
  const kind = column.kind === "lowest" && quantity.language
    ? `lowest (${titleOf(titles, quantity.language)})`
    : titleOf(titles, column.kind);
  const size = trainingSize ? ` with ${trainingSize} examples` : "";
  return `${tableNumber(table)}, ${label}, ${titleOf(titles, dataset)} ${kind} ${
    titleOf(titles, metric)
  }${size}`;
}

/** The reader's word for an id; a language code gets its capital. */
export function titleOf(titles: Readonly<Record<string, string>>, id: string): string {
  return titles[id] ?? (/^[a-z]{2,3}$/.test(id) ? id[0].toUpperCase() + id.slice(1) : id);
}

/** Whether a column is one language's, not an average or something of the table's own making. */
export const isLanguage = ({ languages }: Pick<AuditedPaper, "languages">, kind: string): boolean =>
  languages.includes(kind);
export const printedMean = ({ mean, decimals = 2 }: { mean: number; decimals?: number }): string =>
  mean.toFixed(decimals);
