// Rule: the language that heads a "lowest" column is the lowest one in each of its rows.
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import {
  isLanguage,
  nameOf,
  placeOf,
  printedMean,
  quantities,
  type Quantity,
  titleOf,
} from "../quantities.ts";

interface Beaten {
  cell: Quantity;
  lower: Quantity;
}

/** The lowest language of the same setting, data set and metric, in whichever table has all of them. */
function lowestOf(paper: AuditedPaper, all: readonly Quantity[], of: Quantity): Quantity | undefined {
  const same = all.filter(({ row, column }) =>
    isLanguage(paper, column.kind) && column.kind !== paper.sourceLanguage &&
    column.dataset === of.column.dataset &&
    column.metric === of.column.metric && column.trainingSize === of.column.trainingSize &&
    row.model === of.row.model && row.adapter === of.row.adapter && row.method === of.row.method
  );
  return same.reduce<Quantity | undefined>(
    (least, each) => least === undefined || each.cell.mean < least.cell.mean ? each : least,
    undefined,
  );
}

export function lowest(paper: AuditedPaper): RuleReport {
  const all = quantities(paper);
  const report: RuleReport = {
    rule: "lowest",
    asks: 'the language that a "lowest" cell names has the lowest value of its row\'s languages',
    checked: 0,
    unit: "cells",
    findings: [],
  };
  const groups = new Map<string, { beaten: Beaten[]; rows: number }>();
  for (const cell of all.filter(({ column }) => column.kind === "lowest")) {
    if (!cell.language) continue;
    const lower = lowestOf(paper, all, cell);
    if (!lower) continue;
    report.checked++;
    const key = `${cell.table}/${cell.row.model}/${cell.column.dataset}/${cell.column.metric}`;
    const group = groups.get(key) ?? { beaten: [], rows: 0 };
    group.rows++;
    if (lower.cell.mean < cell.cell.mean) group.beaten.push({ cell, lower });
    groups.set(key, group);
  }
  for (const [key, { beaten, rows }] of groups) {
    if (beaten.length === 0) continue;
    const [{ cell }] = beaten;
    report.findings.push({
      id: `lowest/${key}`,
      // The caption may mean the language that is lowest for the base model, whatever the method.
      kind: "doubt",
      places: beaten.flatMap((each) => [placeOf(each.cell), placeOf(each.lower)]),
      says: `${nameOf(paper, cell).split(",")[0]} heads the lowest column of ${
        titleOf(paper.titles, cell.column.dataset)
      } with ${
        titleOf(paper.titles, cell.language!)
      }, which is not the lowest language in ${beaten.length} of ${rows} rows.`,
      arithmetic: beaten.map((each) =>
        `${each.cell.row.label}: ${titleOf(paper.titles, each.cell.language!)} ${
          printedMean(each.cell.cell)
        }, but ${titleOf(paper.titles, each.lower.column.kind)} ${printedMean(each.lower.cell)} (${
          nameOf(paper, each.lower).split(",")[0]
        })`
      ).join("; "),
    });
  }
  return report;
}
