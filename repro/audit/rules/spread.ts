// Rule: the printed standard deviations of one data set and metric are of one size. Over four runs a deviation three times the true
// one has a chance of one in a hundred thousand; a tenth of it, one in a thousand.
import { mean } from "../../checks/mod.ts";
import type { RuleReport } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { byKey, nameOf, placeOf, quantities, type Quantity, titleOf } from "../quantities.ts";

const large = 3;
const small = 0.1;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half] : mean([sorted[half - 1], sorted[half]]);
}

/** Each quantity with a printed spread once, however many tables repeat it. */
export function spreads(paper: Pick<AuditedPaper, "tables">): Quantity[] {
  return [...byKey(quantities(paper)).values()].flatMap((cells) =>
    cells.filter(({ cell }) => cell.sd !== undefined).slice(0, 1)
  );
}

export function spread(paper: AuditedPaper): RuleReport {
  const groups = new Map<string, Quantity[]>();
  for (const each of spreads(paper)) {
    const key = `${each.column.dataset}/${each.column.metric}`;
    groups.set(key, [...groups.get(key) ?? [], each]);
  }
  const report: RuleReport = {
    rule: "spread",
    asks:
      `no standard deviation is above ${large} times, or below a tenth of, the median of its data set and metric`,
    checked: [...groups.values()].reduce((sum, { length }) => sum + length, 0),
    unit: "standard deviations",
    findings: [],
  };
  for (const [key, cells] of groups) {
    const middle = median(cells.map(({ cell }) => cell.sd!));
    const odd = cells.filter(({ cell }) => cell.sd! > large * middle || cell.sd! < small * middle);
    if (odd.length === 0) continue;
    report.findings.push({
      id: `spread/${key}`,
      kind: "doubt",
      places: odd.map(placeOf),
      says: `${odd.length} of ${cells.length} standard deviations of ${
        titleOf(paper.titles, odd[0].column.dataset)
      } ${titleOf(paper.titles, odd[0].column.metric)} are far from the others.`,
      arithmetic: `median ${middle.toFixed(2)}; ${
        odd.map((each) =>
          `${nameOf(paper, each)}: ${each.cell.sd!.toFixed(2)}, ${
            (each.cell.sd! / middle).toFixed(each.cell.sd! < middle ? 2 : 1)
          } times`
        ).join("; ")
      }`,
    });
  }
  return report;
}
