// Rule: every cell can be read and is printed like its neighbours. What the source has lost is listed, never filled in.
import type { RuleReport } from "../finding.ts";
import { tableNumber } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { nameOf, placeOf, printedMean, quantities } from "../quantities.ts";

export function form(paper: AuditedPaper): RuleReport {
  const report: RuleReport = {
    rule: "form",
    asks: "every cell is legible in the source and printed with the decimals of its table",
    checked: 0,
    unit: "cells",
    findings: [],
  };
  for (const { table, cells, columns } of paper.tables.allResults) {
    report.checked += cells.length;
    const lost = cells.filter(({ legible }) => legible === false);
    if (lost.length === 0) continue;
    const ids = new Set(lost.map(({ column }) => column));
    report.findings.push({
      id: `form/${table}/not-legible`,
      kind: "note",
      places: lost.map(({ row, column, line }) => ({ table, row, column, line })),
      says: `${lost.length} of ${cells.length} cells of ${tableNumber(table)} are not legible in the source.`,
      arithmetic: columns.filter(({ id }) => ids.has(id)).map(({ id }) =>
        `${id} (${lost.filter(({ column }) => column === id).length})`
      ).join(", "),
    });
  }
  for (const odd of quantities(paper).filter(({ cell }) => cell.decimals !== undefined)) {
    report.findings.push({
      id: `form/${odd.table}/${odd.row.id}/${odd.column.id}/decimals`,
      kind: "note",
      places: [placeOf(odd)],
      says: `${nameOf(paper, odd)} is printed with ${odd.cell.decimals} decimal${
        odd.cell.decimals === 1 ? "" : "s"
      }.`,
      arithmetic: `${printedMean(odd.cell)}, its neighbours have two`,
    });
  }
  return report;
}
