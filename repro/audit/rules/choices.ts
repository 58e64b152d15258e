// Rule: a setting is one of those that the text, or the published code, says there are.
import type { RuleReport } from "../finding.ts";
import { tableNumber } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";

export function choices(paper: AuditedPaper): RuleReport {
  const report: RuleReport = {
    rule: "choices",
    asks: "every printed setting is among the values that the text searched and that the code accepts",
    checked: 0,
    unit: "settings",
    findings: [],
  };
  for (const { id, what, section, allowed, cells, consequence, kind } of paper.choices) {
    const outside = cells.flatMap(({ table, row, column }) => {
      const { rows, cells: all } = paper.tables.text(table);
      return all.filter((cell) => column.test(cell.column) && (row === undefined || cell.row === row))
        .flatMap(
          (cell) => {
            report.checked++;
            const wrong = (cell.values ?? []).filter((value) => !allowed.includes(value));
            return wrong.length === 0
              ? []
              : [{ table, cell, wrong, label: rows.find(({ id }) => id === cell.row)?.label ?? cell.row }];
          },
        );
    });
    if (outside.length === 0) continue;
    report.findings.push({
      id: `choices/${id}`,
      kind,
      places: [
        ...outside.map(({ table, cell: { row, column, line } }) => ({ table, row, column, line })),
        ...(section ? [{ section }] : []),
      ],
      says: `${outside.length} printed value${
        outside.length > 1 ? "s are" : " is"
      } not among ${what}: ${consequence}.`,
      arithmetic: `${
        outside.map(({ table, cell, wrong, label }) =>
          `${tableNumber(table)}, ${label}, ${cell.column}: ${wrong.join(", ")}`
        ).join("; ")
      }; allowed ${allowed.join(", ")}`,
    });
  }
  return report;
}
