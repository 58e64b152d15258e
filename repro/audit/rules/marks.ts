// Rule: what is marked as highest or second highest among a model's rows is that.
import type { Finding, RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { nameOf, placeOf, printedMean, quantities, type Quantity } from "../quantities.ts";

const words = ["highest", "second-highest"];

export function marks(paper: AuditedPaper): RuleReport {
  const all = quantities(paper);
  const report: RuleReport = {
    rule: "marks",
    asks: "bold and underlined cells are the highest and second-highest of their model, as the caption says",
    checked: 0,
    unit: "marked cells that the source shows",
    findings: [],
  };
  for (const { table, marks } of paper.tables.allResults) {
    if (!marks) continue;
    for (const cell of all.filter((each) => each.table === table && each.column.kind === marks.columns)) {
      const group = all.filter(({ table, row, column }) =>
        table === cell.table && row.model === cell.row.model && column.id === cell.column.id
      );
      [marks.highest, marks.second].forEach((mark, index) => {
        if (!mark || cell.cell[mark] === undefined) return;
        report.checked++;
        const finding = judge(paper, cell, group, mark, index);
        if (finding) report.findings.push(finding);
      });
    }
  }
  return report;
}

function judge(
  paper: AuditedPaper,
  cell: Quantity,
  group: readonly Quantity[],
  mark: "bold" | "underline",
  index: number,
): Finding | null {
  const higher = group.filter((each) => each.cell.mean > cell.cell.mean);
  // With equal means either may carry the mark.
  const equal = group.filter((each) => each.cell.mean === cell.cell.mean).length - 1;
  if (higher.length <= index && higher.length + equal >= index) return null;
  const sorted = [...group].sort((a, b) => b.cell.mean - a.cell.mean);
  const right = sorted[index];
  const seen = cell.cell[mark] === "printed" ? mark === "bold" ? "bold" : "underlined" : `${mark} (inferred)`;
  return {
    id: `marks/${cell.table}/${cell.row.id}/${cell.column.id}`,
    kind: cell.cell[mark] === "printed" ? "contradiction" : "doubt",
    places: [placeOf(cell), placeOf(right)],
    says: `${nameOf(paper, cell)} is ${seen} as the ${words[index]}, but ${right.row.label} is.`,
    arithmetic: sorted.map((each) => `${printedMean(each.cell)} (${each.row.label})`).join(" > "),
  };
}
