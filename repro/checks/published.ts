// Promises the judgement of our runs beside a published mean: equivalence by two one-sided tests, difference by Welch's t,
// and how many more runs would decide. Leaves the correction for many cells to verdict.ts, which sees them all.
import { mean, oneSidedT, standardDeviation, studentT, twoSidedP, welch } from "./statistics.ts";
import { type Judgement, points, type PublishedReference } from "./judgement.ts";

/** One-sided level of each of the two tests of equivalence, and level of "a difference is shown" for a whole table. */
export const level = 0.05;

export interface Comparison {
  n: number;
  difference: number;
  error: number;
  freedom: number;
  /** Of Welch's t. */
  p: number;
  /** Standard error and freedom if there were n runs on our side; undefined without a spread to go by. */
  at(n: number): { error: number; freedom: number };
}

/** The two sides of one cell; undefined where neither has a spread. */
export function compare(ours: readonly number[], reference: PublishedReference): Comparison | undefined {
  const n = ours.length;
  const sd = standardDeviation(ours) ?? reference.sd;
  if (sd === undefined) return undefined;
  const difference = mean(ours) - reference.mean;
  const theirs = { sd: reference.sd ?? sd, n: reference.n };
  // A single run has no spread of its own: the paper's stands for both.
  const at = (n: number) =>
    n > 1 ? welch({ sd, n }, theirs) : {
      error: sd * Math.sqrt(1 + 1 / reference.n),
      freedom: Math.max(1, reference.n - 1),
    };
  const { error, freedom } = at(n);
  const p = error > 0 ? twoSidedP(difference / error, freedom) : difference === 0 ? 1 : 0;
  return { n, difference, error, freedom, p, at };
}

/** `cells`: how many cells the table compares; `shown`: whether this one's difference stands after the correction. */
export function judgePublished(
  comparison: Comparison | undefined,
  reference: PublishedReference,
  { shown, cells }: { shown: boolean; cells: number },
): Judgement {
  if (comparison === undefined) {
    return { verdict: "underpowered", runsNeeded: 2, why: "one run and no printed spread: 2 runs at least" };
  }
  const { difference, error, freedom, p, at, n } = comparison;
  const tolerance = reference.margin;
  const halfWidth = oneSidedT(freedom) * error;
  const common = { tolerance, difference, halfWidth, p };
  const found = `${points(difference)} ± ${points(halfWidth)}`;
  if (Math.abs(difference) + halfWidth <= tolerance) {
    return { verdict: "consistent", ...common, why: `${found} lies within ±${points(tolerance)}` };
  }
  if (shown) {
    const many = cells > 1 ? `, corrected for ${cells} cells` : "";
    return {
      verdict: "inconsistent",
      ...common,
      why: `${points(difference)}, a difference is shown (p = ${p.toPrecision(2)}${many}) and ±${
        points(tolerance)
      } is not`,
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
    why: `${found} is neither within ±${points(tolerance)} nor a difference shown: ${remedy(runsNeeded, n)}`,
  };
}

export function remedy(runs: number | undefined, have: number): string {
  return runs === undefined
    ? "no number of runs on our side would decide"
    : `${runs - have} more run${runs - have === 1 ? "" : "s"} would decide`;
}

/** The smallest n up to a thousand for which `enough` is true. */
export function smallest(enough: (n: number) => boolean): number | undefined {
  for (let n = 1; n <= 1000; n++) if (enough(n)) return n;
  return undefined;
}
