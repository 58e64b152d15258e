// Rule: headings do not contradict each other, the data, or themselves: no row named twice, no language that the data set has
// not got, no value under one language here and under another there.
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { byKey, placeOf, printedMean, quantities, type Quantity, titleOf } from "../quantities.ts";
import { tableNumber } from "../finding.ts";

export function headings(paper: AuditedPaper): RuleReport {
  const all = quantities(paper);
  const report: RuleReport = {
    rule: "headings",
    asks:
      "each row has its own name, and each heading names a language that fits the data set and the other tables",
    checked: 0,
    unit: "headings",
    findings: [],
  };
  sameLabels(paper, all, report);
  unknownLanguages(paper, all, report);
  differingLanguages(paper, all, report);
  return report;
}

function sameLabels(paper: AuditedPaper, all: readonly Quantity[], report: RuleReport): void {
  for (const { table, rows } of paper.tables.allResults) {
    const datasets = new Set(all.filter((each) => each.table === table).map(({ column }) => column.dataset));
    for (const dataset of datasets) {
      const labels = new Map<string, Quantity[]>();
      for (const row of rows) {
        const cell = all.find((each) =>
          each.table === table && each.row.id === row.id && each.column.dataset === dataset
        );
        if (!cell) continue;
        report.checked++;
        const label = row.labels?.[dataset] ?? row.label;
        labels.set(label, [...labels.get(label) ?? [], cell]);
      }
      for (const [label, cells] of labels) {
        if (cells.length < 2) continue;
        report.findings.push({
          id: `headings/${table}/${dataset}/same-label/${cells[1].row.id}`,
          kind: "contradiction",
          places: cells.map(placeOf),
          says: `${tableNumber(table)} heads ${cells.length} rows of ${
            titleOf(paper.titles, dataset)
          } alike: "${label}".`,
          arithmetic: cells.map(({ cell, column }) =>
            `${titleOf(paper.titles, column.kind)} ${printedMean(cell)} (line ${cell.line ?? "?"})`
          ).join(" and "),
        });
      }
    }
  }
}

function unknownLanguages(paper: AuditedPaper, all: readonly Quantity[], report: RuleReport): void {
  for (const { table, lowest = {} } of paper.tables.allResults) {
    for (const [model, byDataset] of Object.entries(lowest)) {
      for (const [dataset, language] of Object.entries(byDataset)) {
        const known = paper.datasets[dataset]?.languages;
        const cells = all.filter((each) =>
          each.table === table && each.row.model === model && each.column.dataset === dataset &&
          each.column.kind === "lowest"
        );
        if (!known || cells.length === 0) continue;
        report.checked++;
        if (known.includes(language)) continue;
        report.findings.push({
          id: `headings/${table}/${model}/${dataset}/no-such-language`,
          kind: "contradiction",
          places: cells.map(placeOf),
          says: `${tableNumber(table)} heads the lowest column of ${titleOf(paper.titles, dataset)} for ${
            titleOf(paper.titles, model)
          } with ${titleOf(paper.titles, language)}, a language that the data set has not got.`,
          arithmetic: `${titleOf(paper.titles, dataset)} has ${
            known.map((each) => titleOf(paper.titles, each)).join(" ")
          }`,
        });
      }
    }
  }
}

function differingLanguages(paper: AuditedPaper, all: readonly Quantity[], report: RuleReport): void {
  const found = new Map<string, [Quantity, Quantity][]>();
  for (const cells of byKey(all.filter(({ column }) => column.kind === "lowest")).values()) {
    const [first, ...others] = cells;
    for (const other of others) {
      if (!first.language || !other.language) continue;
      report.checked++;
      if (first.language === other.language || first.cell.mean !== other.cell.mean) continue;
      const key = `${first.table}-${other.table}/${first.row.model}/${first.column.dataset}`;
      found.set(key, [...found.get(key) ?? [], [first, other]]);
    }
  }
  for (const [key, pairs] of found) {
    const [[a, b]] = pairs;
    report.findings.push({
      id: `headings/${key}/two-languages`,
      kind: "contradiction",
      places: pairs.flatMap((pair) => pair.map(placeOf)),
      says: `The same values of ${titleOf(paper.titles, a.row.model)} on ${
        titleOf(paper.titles, a.column.dataset)
      } are headed ${titleOf(paper.titles, a.language!)} in ${tableNumber(a.table)} and ${
        titleOf(paper.titles, b.language!)
      } in ${tableNumber(b.table)}.`,
      arithmetic: pairs.map(([first]) => printedMean(first.cell)).join(", ") + ", equal in both",
    });
  }
}
