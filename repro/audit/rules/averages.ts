// Rule: a printed average is the mean of the language cells beside it, but for rounding.
import { roundingOf } from "../../published/mod.ts";
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { isLanguage, nameOf, placeOf, printedMean, quantities } from "../quantities.ts";

/** Sums in floating point are off by less than this. */
const epsilon = 1e-9;

export function averages(paper: AuditedPaper): RuleReport {
  const all = quantities(paper);
  const report: RuleReport = {
    rule: "averages",
    asks:
      `every average follows from its row's language cells (without ${paper.sourceLanguage}) within rounding`,
    checked: 0,
    unit: "averages",
    findings: [],
  };
  for (const average of all.filter(({ column }) => column.kind === "average")) {
    const same = all.filter(({ table, row, column }) =>
      table === average.table && row.id === average.row.id && column.dataset === average.column.dataset &&
      column.metric === average.column.metric && column.trainingSize === average.column.trainingSize &&
      isLanguage(paper, column.kind) && column.kind !== paper.sourceLanguage
    );
    const declared = paper.tables.results(average.table).columns.filter(({ dataset, metric, kind }) =>
      dataset === average.column.dataset && metric === average.column.metric && isLanguage(paper, kind) &&
      kind !== paper.sourceLanguage
    );
    // With a lost cell among them nothing follows.
    if (declared.length === 0 || same.length < declared.length) continue;
    report.checked++;
    const mean = same.reduce((sum, { cell }) => sum + cell.mean, 0) / same.length;
    const slack = same.reduce((sum, { cell }) => sum + roundingOf(cell), 0) / same.length +
      roundingOf(average.cell);
    const difference = average.cell.mean - mean;
    if (Math.abs(difference) <= slack + epsilon) continue;
    const { dataset, metric } = average.column;
    report.findings.push({
      id: `averages/${average.table}/${average.row.id}/${dataset}/${metric}`,
      kind: "contradiction",
      places: [placeOf(average)],
      says: `${nameOf(paper, average)} is ${printedMean(average.cell)}, but the language cells average ${
        mean.toFixed(2)
      }.`,
      arithmetic: `(${same.map(({ cell }) => printedMean(cell)).join(" + ")}) / ${same.length} = ${
        mean.toFixed(3)
      }; printed ${printedMean(average.cell)}, ${Math.abs(difference).toFixed(3)} off where rounding allows ${
        slack.toFixed(3)
      }`,
    });
  }
  return report;
}
