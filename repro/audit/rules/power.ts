// Rule: what the paper's number of runs can decide, at the printed spreads, by the rule of a verdict: two means are shown alike where the
// interval of two one-sided tests lies within the margin. Even equal means are not where half of that interval is wider.
import { equivalenceHalfWidth, smallest, welchHalfWidth } from "../../checks/mod.ts";
import type { RuleReport } from "../finding.ts";
import { tableNumber } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { median, spreads } from "./spread.ts";

/** Half of the 95 % interval of a difference between n runs and m runs of one spread: what a difference must exceed to be shown. */
export const differenceHalfWidth = (sd: number, n: number, m: number): number =>
  welchHalfWidth(0.95, { sd, n }, { sd, n: m });

/** What two one-sided tests at 95 % need of a margin, for n runs and m runs of one spread and equal means. */
export const halfWidth = (sd: number, n: number, m: number): number =>
  equivalenceHalfWidth({ sd, n }, { sd, n: m })!;

/** The smallest number of new runs, against `theirs` published ones, that could decide a margin; undefined: none could. */
export const runsThatDecide = (sd: number, theirs: number, margin: number): number | undefined =>
  smallest((n) => halfWidth(sd, n, theirs) <= margin, 2);

/** The smallest number of runs on each side that could decide a margin. */
export const runsOnEachSide = (sd: number, margin: number): number | undefined =>
  smallest((n) => halfWidth(sd, n, n) <= margin, 2);

const number = (count: number | undefined) => count === undefined ? "no number of" : String(count);

/** The most frequent of some numbers; 0 of none. */
function commonest(numbers: readonly number[]): number {
  const count = (of: number) => numbers.filter((each) => each === of).length;
  return numbers.reduce((best, each) => count(each) > count(best) ? each : best, numbers[0] ?? 0);
}

export function power(paper: AuditedPaper): RuleReport {
  const cells = spreads(paper);
  const stated = paper.runs?.stated ?? commonest(cells.map(({ cell }) => cell.n));
  const report: RuleReport = {
    rule: "power",
    asks: "equal means can be shown to lie within a table's margin with as many runs as the paper's",
    checked: cells.length,
    unit: "printed standard deviations",
    findings: [],
  };
  if (cells.length === 0 || stated < 2) return { ...report, checked: 0 };
  const middle = median(cells.map(({ cell }) => cell.sd!));
  const margins = [...new Set([2, 1, 0.5, ...paper.tables.allResults.map(({ margin }) => margin.points)])]
    .sort((a, b) => b - a);
  report.findings.push({
    id: "power/median",
    kind: "note",
    places: [],
    says: `With ${stated} runs against ${stated} the 95 % half-width of a difference is ${
      differenceHalfWidth(middle, stated, stated).toFixed(2)
    } points at the median spread, and ${
      differenceHalfWidth(1, stated, stated).toFixed(2)
    } at a standard deviation of 1: a smaller difference is not shown. A margin below ${
      halfWidth(middle, stated, stated).toFixed(2)
    } and ${
      halfWidth(1, stated, stated).toFixed(2)
    } points is underpowered: equal means are not shown to lie within it.`,
    arithmetic: `median of ${cells.length} printed standard deviations ${middle.toFixed(3)}; Student's t (${
      2 * stated - 2
    } degrees of freedom; two-sided 95 %, and one-sided 95 % twice) · √(2/${stated}) · ${
      middle.toFixed(3)
    } = ${differenceHalfWidth(middle, stated, stated).toFixed(3)} and ${
      halfWidth(middle, stated, stated).toFixed(3)
    }; ${
      margins.map((margin) =>
        `margin ${margin.toFixed(2)}: ${
          number(runsThatDecide(middle, stated, margin))
        } runs against their ${stated}, ${number(runsOnEachSide(middle, margin))} on each side`
      ).join("; ")
    }`,
  });
  for (const { table, margin } of paper.tables.allResults) {
    const own = cells.filter((each) => each.table === table);
    const wide = own.filter(({ cell }) => halfWidth(cell.sd!, cell.n, cell.n) > margin.points);
    if (wide.length === 0) continue;
    report.findings.push({
      id: `power/${table}`,
      kind: "note",
      places: wide.map(({ cell: { row, column, line } }) => ({ table, row, column, line })),
      says: `${wide.length} of ${own.length} cells of ${
        tableNumber(table)
      } cannot be shown to lie within ${margin.points} points with as many runs as theirs, even where the means are equal.`,
      arithmetic: wide.map(({ cell }) =>
        `${cell.row} ${cell.column}: sd ${cell.sd!.toFixed(2)}, half-width ${
          halfWidth(cell.sd!, cell.n, cell.n).toFixed(2)
        } with ${cell.n} runs against ${cell.n}, ${
          number(runsThatDecide(cell.sd!, cell.n, margin.points))
        } runs against their ${cell.n}, ${number(runsOnEachSide(cell.sd!, margin.points))} on each side`
      ).join("; "),
    });
  }
  return report;
}
