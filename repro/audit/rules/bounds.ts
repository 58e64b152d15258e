// Rule: where one metric can never exceed another on the same answers (exact match and F1), no printed mean does.
import { roundingOf } from "../../published/mod.ts";
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { nameOf, placeOf, printedMean, quantities } from "../quantities.ts";

export function bounds(paper: AuditedPaper): RuleReport {
  const all = quantities(paper);
  const report: RuleReport = {
    rule: "bounds",
    asks: paper.bounds.map(({ lower, upper, why }) => `${lower} ≤ ${upper}: ${why}`).join("; "),
    checked: 0,
    unit: "pairs of cells",
    findings: [],
  };
  for (const { lower, upper, why } of paper.bounds) {
    for (const low of all.filter(({ column }) => column.metric === lower)) {
      const high = all.find(({ table, row, column }) =>
        table === low.table && row.id === low.row.id && column.metric === upper &&
        column.dataset === low.column.dataset && column.kind === low.column.kind &&
        column.trainingSize === low.column.trainingSize
      );
      if (!high) continue;
      report.checked++;
      const excess = low.cell.mean - high.cell.mean;
      if (excess <= roundingOf(low.cell) + roundingOf(high.cell)) continue;
      report.findings.push({
        id: `bounds/${low.table}/${low.row.id}/${low.column.id}`,
        kind: "contradiction",
        places: [placeOf(low), placeOf(high)],
        says: `${nameOf(paper, low)} is above ${paper.titles[upper] ?? upper} of the same cell: ${why}.`,
        arithmetic: `${printedMean(low.cell)} > ${printedMean(high.cell)} by ${excess.toFixed(2)}`,
      });
    }
  }
  return report;
}
