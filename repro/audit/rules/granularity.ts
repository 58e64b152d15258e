// Rule: a mean over n runs of a count over m items is a multiple of 100/(m·n), but for rounding; so printed means tell n.
import { roundingOf } from "../../published/mod.ts";
import { type RuleReport, tableNumber } from "../finding.ts";
import type { AuditedPaper } from "../paper.ts";
import {
  isLanguage,
  languageKey,
  nameOf,
  placeOf,
  printedMean,
  quantities,
  type Quantity,
  titleOf,
} from "../quantities.ts";

/** Numbers of runs that are tried. */
const most = 12;
/** A grid finer than this times the rounding lets nearly every number through, and tells nothing. */
const telling = 1.5;

/** Whether `mean`, rounded as printed, can be a mean over `n` runs of whole items out of `items`. */
export function fits(mean: number, rounding: number, items: number, n: number): boolean {
  const perPoint = (items * n) / 100;
  const slack = 1e-9 * perPoint * 100;
  return Math.floor((mean + rounding) * perPoint + slack) >= Math.ceil((mean - rounding) * perPoint - slack);
}

/** Chance that a number which knows nothing of the grid fits it. */
export const chance = (rounding: number, items: number, n: number): number =>
  Math.min(1, (2 * rounding * items * n) / 100);

interface Counted extends Quantity {
  items: number;
  rounding: number;
  stated: Runs;
}

type Runs = NonNullable<AuditedPaper["runs"]>;

const tells = (rounding: number, items: number, n: number) => 100 / (items * n) > telling * 2 * rounding;

function statedRuns(runs: Runs, { table, row }: Quantity): Runs {
  const exception = runs.exceptions.find((each) => each.table === table && each.method === row.method);
  return { ...runs, ...exception };
}

/** Cells of one language whose items are known and few enough; the same quantity once, in the table with most of its kind. */
function countedCells(paper: AuditedPaper): Map<string, Counted[]> {
  const groups = new Map<string, Counted[]>();
  for (const quantity of paper.runs ? quantities(paper) : []) {
    const { table, column, language, cell } = quantity;
    if (!paper.countedMetrics.includes(column.metric) || column.kind === "average") continue;
    const items = paper.datasets[column.dataset]?.items;
    const named = isLanguage(paper, column.kind) ? column.kind : language ?? "";
    const count = items?.[named] ?? items?.default;
    const [rounding, stated] = [roundingOf(cell), statedRuns(paper.runs!, quantity)];
    if (count === undefined || !tells(rounding, count, stated.stated)) continue;
    const key = `${table}/${column.dataset}/${column.metric}`;
    groups.set(key, [...groups.get(key) ?? [], { ...quantity, items: count, rounding, stated }]);
  }
  const seen = new Set<string>();
  const namesOf = (each: Counted) => [
    // The same "lowest" number may stand under two languages; it is one number all the same.
    `${each.key} ${each.cell.mean}`,
    ...(each.language ? [`${languageKey(each, each.language)} ${each.cell.mean}`] : []),
  ];
  const largestFirst = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return new Map(largestFirst.map(([key, cells]): [string, Counted[]] => {
    const fresh = cells.filter((each) => !namesOf(each).some((name) => seen.has(name)));
    for (const each of fresh) for (const name of namesOf(each)) seen.add(name);
    return [key, fresh];
  }));
}

const fitsRuns = ({ cell, rounding, items }: Counted, n: number) => fits(cell.mean, rounding, items, n);

/** The same if each run was rounded as printed before the mean was taken, which moves it by as much again; whole hundredths stay. */
function fitsRounded({ cell, rounding, items }: Counted, n: number): boolean {
  const exact = Number.isInteger((100 / items) * (0.5 / rounding));
  return fits(cell.mean, exact ? rounding : 2 * rounding, items, n);
}

/** The largest number of runs whose grid tells something about every cell. */
function finest(cells: readonly Counted[]): number {
  let n = 1;
  while (n < most && cells.every(({ rounding, items }) => tells(rounding, items, n + 1))) n++;
  return n;
}

/** The number of runs that fits the most cells beyond chance, and which others the rest fit. */
function reading(cells: readonly Counted[]): string {
  const candidates = Array.from({ length: finest(cells) }, (_, i) => i + 1);
  const tried = candidates.map((n) => ({
    n,
    fitting: cells.filter((each) => fitsRuns(each, n)).length,
    expected: cells.reduce((sum, { rounding, items }) => sum + chance(rounding, items, n), 0),
  }));
  const best = tried.reduce((a, b) => b.fitting - b.expected > a.fitting - a.expected ? b : a);
  const rest = cells.filter((each) => !fitsRuns(each, best.n)).map((each) => {
    const fitting = candidates.filter((n) => fitsRuns(each, n)).join(", ") || "none";
    return `${printedMean(each.cell)} (${each.row.label}, ${each.column.kind}) fits ${fitting}`;
  });
  const head = `${best.fitting} of ${cells.length} fit ${best.n} runs, where chance would give ${
    best.expected.toFixed(1)
  }`;
  return rest.length === 0
    ? head
    : `${head}; the others, tried up to ${candidates.length} runs: ${rest.join("; ")}`;
}

export function granularity(paper: AuditedPaper): RuleReport {
  const groups = countedCells(paper);
  const report: RuleReport = {
    rule: "granularity",
    asks:
      "a share of counted items, averaged over the stated number of runs, is a multiple of 100/(items · runs)",
    checked: [...groups.values()].reduce((sum, { length }) => sum + length, 0),
    unit: "cells whose items are few enough to tell, each quantity once",
    findings: [],
  };
  for (const [key, cells] of groups) {
    const misfits = cells.filter((each) => !fitsRuns(each, each.stated.stated));
    if (misfits.length === 0) continue;
    const [first] = misfits;
    const { stated, section } = first.stated;
    const certain = misfits.filter((each) => !fitsRounded(each, stated)).length;
    const below = Math.floor((first.cell.mean * first.items * stated) / 100);
    const multiple = (count: number) => ((100 * count) / (first.items * stated)).toFixed(4);
    report.findings.push({
      id: `granularity/${key}`,
      kind: certain > 0 ? "contradiction" : "doubt",
      places: misfits.map(placeOf),
      says: `${misfits.length} of ${cells.length} cells of ${
        titleOf(paper.titles, first.column.dataset)
      } in ${tableNumber(first.table)} cannot be means over ${stated} runs, the number that ${section} gives${
        certain === misfits.length
          ? ""
          : certain === 0
          ? ", unless each run was rounded before averaging"
          : `; ${certain} of them even if each run was rounded before averaging`
      }.`,
      arithmetic: `for example ${nameOf(paper, first)}: ${printedMean(first.cell)} lies between ${
        multiple(below)
      } and ${multiple(below + 1)} (${below} and ${below + 1} of ${first.items}·${stated} items); ${
        reading(cells)
      }`,
    });
  }
  return report;
}
