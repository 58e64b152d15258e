// Promises the judgement of our runs beside a published mean: equivalence by two one-sided tests, difference by Welch's t,
// and how many more runs would decide. Leaves the correction for many cells to verdict.ts, which sees them all.
import { mean, oneSidedT, standardDeviation, studentT, twoSidedP, welch } from "./statistics.ts";
import { type Judgement, points, type PublishedReference } from "./judgement.ts";

/** One-sided level of each of the two tests of equivalence, and level of "a difference is shown" for a whole table. */
export const level = 0.05;

/** What is known of one side: its number of runs, and its spread where there is one. */
export interface Side {
  sd?: number;
  n: number;
}

/**
 * Standard error of the difference of two means and its degrees of freedom; undefined where no spread is known. Two known spreads:
 * Welch's. One: it stands for both sides, and is known no better than by the runs that it was taken from.
 */
export function errorOf(ours: Side, theirs: Side): { error: number; freedom: number } | undefined {
  if (ours.sd !== undefined && theirs.sd !== undefined) {
    return welch({ sd: ours.sd, n: ours.n }, { sd: theirs.sd, n: theirs.n });
  }
  const known = [ours, theirs].find(({ sd }) => sd !== undefined);
  if (known === undefined) return undefined;
  return {
    error: known.sd! * Math.sqrt(1 / ours.n + 1 / theirs.n),
    freedom: Math.max(1, known.n - 1),
  };
}

/** Half of the interval that must lie within a margin for two means to be shown alike (two one-sided tests). */
export function equivalenceHalfWidth(ours: Side, theirs: Side): number | undefined {
  const found = errorOf(ours, theirs);
  return found && oneSidedT(found.freedom) * found.error;
}

export interface Comparison {
  n: number;
  difference: number;
  error: number;
  freedom: number;
  /** Of the t test, before any correction. */
  p: number;
  /** Whose spread stands for both sides; empty where each has its own. */
  assumed: string;
  /** Standard error and freedom if there were n runs on our side with the present spread. */
  at(n: number): { error: number; freedom: number };
}

/** The two sides of one cell; undefined where neither has a spread. */
export function compare(ours: readonly number[], reference: PublishedReference): Comparison | undefined {
  const n = ours.length;
  const own = standardDeviation(ours);
  // A few runs that agree to the last digit do not show that there is no spread.
  if (reference.sd === undefined && !own) return undefined;
  const difference = mean(ours) - reference.mean;
  const at = (runs: number) =>
    errorOf({ sd: runs > 1 ? own ?? reference.sd : undefined, n: runs }, reference)!;
  const { error, freedom } = at(n);
  const p = error > 0 ? twoSidedP(difference / error, freedom) : difference === 0 ? 1 : 0;
  const assumed = reference.sd === undefined
    ? "the paper prints no spread, ours stands for both sides"
    : own === undefined
    ? "one run has no spread, the paper's stands for both sides"
    : "";
  return { n, difference, error, freedom, p, assumed, at };
}

/** `cells`: how many cells the table compares; `shown`: whether this one's difference stands after the correction. */
export function judgePublished(
  comparison: Comparison | undefined,
  reference: PublishedReference,
  { n, shown, cells }: { n: number; shown: boolean; cells: number },
): Judgement {
  if (comparison === undefined) {
    const have = n === 1 ? "one run" : `${n} runs that agree to the last digit`;
    return {
      verdict: "underpowered",
      runsNeeded: n + 1,
      why: `${have} and no printed spread: ${n + 1} runs at least`,
    };
  }
  const { difference, error, freedom, p, assumed, at } = comparison;
  const tolerance = reference.margin;
  const halfWidth = oneSidedT(freedom) * error;
  const common = { tolerance, difference, halfWidth, p };
  const found = `${points(difference)} ± ${points(halfWidth)}`;
  const basis = assumed === "" ? "" : ` (${assumed})`;
  if (Math.abs(difference) + halfWidth <= tolerance) {
    return { verdict: "consistent", ...common, why: `${found} lies within ±${points(tolerance)}${basis}` };
  }
  if (shown) {
    const many = cells > 1 ? `, still shown after Holm's correction for ${cells} cells` : "";
    return {
      verdict: "inconsistent",
      ...common,
      why: `${points(difference)}, a difference is shown (${probability(p)}${many}) and ±${
        points(tolerance)
      } is not${basis}`,
    };
  }
  const runsNeeded = smallest((m) => {
    if (m <= n) return false;
    const { error, freedom } = at(m);
    return Math.abs(difference) + oneSidedT(freedom) * error <= tolerance ||
      Math.abs(difference) > studentT(1 - level / cells, freedom) * error;
  });
  return {
    verdict: "underpowered",
    ...common,
    runsNeeded,
    why: `${found} is neither within ±${points(tolerance)} nor a difference shown: ${
      remedy(runsNeeded, n)
    }${basis}`,
  };
}

/** Below this a probability is rounding: it is one minus a number near one. */
const leastP = 1e-12;
const probability = (p: number) => p < leastP ? `p < ${leastP}` : `p = ${p.toPrecision(2)}`;

export function remedy(runs: number | undefined, have: number): string {
  return runs === undefined
    ? `not even ${mostRuns} runs on our side would decide at this mean and spread`
    : `${runs - have} more run${runs - have === 1 ? "" : "s"} would decide at this mean and spread`;
}

/** More than anybody will make. */
const mostRuns = 1000;

/** The smallest n up to `mostRuns` for which `enough` is true. */
export function smallest(enough: (n: number) => boolean, from = 1): number | undefined {
  for (let n = from; n <= mostRuns; n++) if (enough(n)) return n;
  return undefined;
}
