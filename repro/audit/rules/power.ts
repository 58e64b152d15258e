// Rule: what the stated number of runs can decide, at the printed spreads: the half-width of a difference against the margin.
import { welchHalfWidth } from "../../checks/mod.ts";
import type { RuleReport } from "../finding.ts";
import { tableNumber } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import { median, spreads } from "./spread.ts";

const confidence = 0.95;
const most = 1000;

/** Half of the 95 % interval of a difference between n runs and m runs of one spread. */
export const halfWidth = (sd: number, n: number, m: number): number =>
  welchHalfWidth(confidence, { sd, n }, { sd, n: m });

/** The smallest number of new runs, against `theirs` published ones, that could decide a margin; undefined: none could. */
export function runsThatDecide(sd: number, theirs: number, margin: number): number | undefined {
  for (let n = 2; n <= most; n++) if (halfWidth(sd, n, theirs) <= margin) return n;
  return undefined;
}

/** The smallest number of runs on each side that could decide a margin. */
export function runsOnEachSide(sd: number, margin: number): number | undefined {
  for (let n = 2; n <= most; n++) if (halfWidth(sd, n, n) <= margin) return n;
  return undefined;
}

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
    asks: `a difference of a table's margin can be decided with ${stated} runs on each side`,
    checked: cells.length,
    unit: "printed standard deviations",
    findings: [],
  };
  if (cells.length === 0 || stated < 2) return { ...report, checked: 0 };
  const middle = median(cells.map(({ cell }) => cell.sd!));
  const width = halfWidth(middle, stated, stated);
  const margins = [...new Set([2, 1, 0.5, ...paper.tables.allResults.map(({ margin }) => margin.points)])]
    .sort((a, b) => b - a);
  report.findings.push({
    id: "power/median",
    kind: "note",
    places: [],
    says: `With ${stated} runs against ${stated} the 95 % half-width of a difference is ${
      width.toFixed(2)
    } points at the median spread, and ${
      halfWidth(1, stated, stated).toFixed(2)
    } at a standard deviation of 1: a smaller margin is underpowered.`,
    arithmetic: `median of ${cells.length} printed standard deviations ${middle.toFixed(3)}; Student's t (${
      2 * stated - 2
    } degrees of freedom) · √(2/${stated}) · ${middle.toFixed(3)} = ${width.toFixed(3)}; ${
      margins.map((margin) =>
        `margin ${margin.toFixed(2)}: ${
          number(runsThatDecide(middle, stated, margin))
        } runs against their ${stated}, ${number(runsOnEachSide(middle, margin))} on each side`
      ).join("; ")
    }`,
  });
  for (const { table, margin } of paper.tables.allResults) {
    const own = cells.filter((each) => each.table === table);
    const wide = own.filter(({ cell }) => halfWidth(cell.sd!, stated, stated) > margin.points);
    if (wide.length === 0) continue;
    report.findings.push({
      id: `power/${table}`,
      kind: "note",
      places: wide.map(({ cell: { row, column, line } }) => ({ table, row, column, line })),
      says: `${wide.length} of ${own.length} cells of ${
        tableNumber(table)
      } cannot be decided within ${margin.points} points with ${stated} runs against ${stated}.`,
      arithmetic: wide.map(({ cell }) =>
        `${cell.row} ${cell.column}: sd ${cell.sd!.toFixed(2)}, half-width ${
          halfWidth(cell.sd!, stated, stated).toFixed(2)
        }, ${number(runsThatDecide(cell.sd!, cell.n, margin.points))} runs against their ${cell.n}, ${
          number(runsOnEachSide(cell.sd!, margin.points))
        } on each side`
      ).join("; "),
    });
  }
  return report;
}
