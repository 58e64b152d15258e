// Promises the usual predicates of a claim: larger, alike, a stated number, a count; each case with its arithmetic.
// Leaves the meaning of a verdict to claim.ts.
import { welchHalfWidth } from "../checks/mod.ts";
import type { Case, CellName, CellValue, ClaimVerdict, Evidence, Outcome } from "./claim.ts";

/** Of every interval on runs. */
export const confidence = 0.95;
/** A printed number with two decimals may be off by half of the last one. */
const rounding = 0.005;
/** Two decimals, with the sign that the rest of the arithmetic has. */
export const points = (value: number): string => value.toFixed(2).replace("-", "−");
const signed = (value: number) => `${value < 0 ? "" : "+"}${points(value)}`;
const nameOf = ({ table, row, column }: CellName) => `${table} ${row} ${column}`;

/** Two cells, compared as left minus right. */
export interface Pair {
  label: string;
  left: CellName;
  right: CellName;
}

export interface Difference extends Pair {
  value: number;
  halfWidth?: number;
  a: CellValue;
  b: CellValue;
}

/** Half-width of the 95 % interval of a difference; undefined without both spreads and two runs on each side. */
export function halfWidth(a: CellValue, b: CellValue): number | undefined {
  if (a.sd === undefined || b.sd === undefined || a.n < 2 || b.n < 2) return undefined;
  return welchHalfWidth(confidence, { sd: a.sd, n: a.n }, { sd: b.sd, n: b.n });
}

export function differences(
  evidence: Evidence,
  pairs: readonly Pair[],
): { found: Difference[]; missing: string[] } {
  const found: Difference[] = [];
  const missing: string[] = [];
  for (const pair of pairs) {
    const [a, b] = [evidence.cell(pair.left), evidence.cell(pair.right)];
    if (a === undefined) missing.push(nameOf(pair.left));
    if (b === undefined) missing.push(nameOf(pair.right));
    if (a && b) found.push({ ...pair, a, b, value: a.mean - b.mean, halfWidth: halfWidth(a, b) });
  }
  return { found, missing };
}

/** Of how many cases a claim speaks. */
export type Quantifier = "every" | "some";

/**
 * The verdict that the cases and what is missing allow. A claim about every case holds where all of them are shown to, and fails in part
 * or whole by one that is shown not to; with open or missing cases and none against it is undecided. A claim about some cases holds by
 * one of them, and fails only where all are there and none is open.
 */
export function outcome(
  cases: Case[],
  missing: string[],
  why?: string,
  of: Quantifier = "every",
): Outcome {
  const holding = cases.filter(({ holds }) => holds === true).length;
  const failing = cases.filter(({ holds }) => holds === false).length;
  const complete = cases.length > 0 && holding + failing === cases.length && missing.length === 0;
  const lacking = missing.length === 0
    ? ""
    : `; ${missing.length} wanted value${missing.length > 1 ? "s are" : " is"} not there`;
  const verdict: ClaimVerdict = of === "every"
    ? failing > 0 ? (holding > 0 ? "partly" : "fails") : complete ? "holds" : "undecided"
    : holding > 0
    ? "holds"
    : complete
    ? "fails"
    : "undecided";
  return { verdict, why: (why ?? counts(cases)) + lacking, cases, missing };
}

/** How many cases are shown to hold, how many not to, and how many lie within noise. */
function counts(cases: readonly Case[]): string {
  if (cases.length === 0) return "no case can be computed";
  const number = (of: boolean | null) => cases.filter(({ holds }) => holds === of).length;
  const [holding, failing, open] = [number(true), number(false), number(null)];
  return `${holding} of ${cases.length} cases hold${
    failing > 0 ? `, ${failing} ${failing === 1 ? "does" : "do"} not` : ""
  }${open > 0 ? `, ${open} ${open === 1 ? "lies" : "lie"} within noise` : ""}`;
}

/** Whether a difference is positive: at face value on the paper, beyond noise on runs. */
export function positive(
  { source }: Pick<Evidence, "source">,
  { value, halfWidth }: { value: number; halfWidth?: number },
): boolean | null {
  if (source === "paper") return value > 0;
  return halfWidth === undefined || Math.abs(value) <= halfWidth ? null : value > 0;
}

/** "+1.00 ± 1.73": a difference with half of its 95 % interval where that is known. */
export const withNoise = (value: number, halfWidth: number | undefined): string =>
  `${signed(value)}${halfWidth === undefined ? "" : ` ± ${points(halfWidth)}`}`;

const arithmetic = ({ a, b, value, halfWidth }: Difference) =>
  `${points(a.mean)} − ${points(b.mean)} = ${withNoise(value, halfWidth)}`;

/** Whether a distance is at most `margin`: null where its interval lies neither inside nor outside. */
const within = (distance: number, width: number | undefined, margin: number): boolean | null => {
  const [size, noise] = [Math.abs(distance), width ?? Infinity];
  return size + noise <= margin ? true : size - noise > margin ? false : null;
};

const caseOf = (difference: Difference, holds: boolean | null): Case => ({
  label: difference.label,
  cells: [difference.left, difference.right],
  value: difference.value,
  halfWidth: difference.halfWidth,
  holds,
  arithmetic: arithmetic(difference),
});

/** How many differences lie beyond their own 95 % interval, as words to append to a reason. */
export function noise(cases: readonly Case[]): string {
  const known = cases.filter(({ halfWidth }) => halfWidth !== undefined);
  if (known.length === 0) return "";
  const beyond = known.filter(({ value, halfWidth }) => Math.abs(value) > halfWidth!).length;
  return `, ${beyond} of ${known.length} differences exceed their 95 % half-width`;
}

/** Left above right in every pair, or in some; `clearly`: on the paper too by more than the 95 % half-width where it is known. */
export function above(
  pairs: readonly Pair[],
  { clearly = false, of = "every" }: { clearly?: boolean; of?: Quantifier } = {},
): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const { found, missing } = differences(evidence, pairs);
    const cases = found.map((difference) =>
      caseOf(
        difference,
        clearly && evidence.source === "paper"
          ? difference.value > (difference.halfWidth ?? 0)
          : positive(evidence, difference),
      )
    );
    return outcome(cases, missing, cases.length === 0 ? undefined : counts(cases) + noise(cases), of);
  };
}

/** Both alike in every pair: the means differ by at most `margin` points; on runs that must be shown, or its opposite. */
export function alike(pairs: readonly Pair[], margin: number): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const { found, missing } = differences(evidence, pairs);
    const cases = found.map((difference) => {
      const { value, halfWidth } = difference;
      const holds = evidence.source === "paper"
        ? Math.abs(value) <= margin
        : within(value, halfWidth, margin);
      return caseOf(difference, holds);
    });
    if (cases.length === 0) return outcome(cases, missing);
    const largest = Math.max(...cases.map(({ value }) => Math.abs(value)));
    const shown =
      cases.filter(({ value, halfWidth }) => Math.abs(value) + (halfWidth ?? Infinity) <= margin).length;
    return outcome(
      cases,
      missing,
      `${counts(cases)}; largest difference ${points(largest)}, margin ${
        points(margin)
      }; shown at 95 % in ${shown} of ${cases.length} cases`,
    );
  };
}

export interface StatedMean {
  label: string;
  pairs: readonly Pair[];
  /** The number in the text. */
  stated: number;
  decimals: number;
  /** "at least": the computed mean may be larger. Else points within which runs must be shown to repeat the number. */
  relation: "at least" | { within: number };
}

/**
 * The mean of differences is the number that the text states. On the paper's own numbers it must follow but for rounding; runs must
 * be shown, or shown not, to come within the margin, or to be at least that much: what lies within their noise is undecided.
 */
export function statedMean(statements: readonly StatedMean[]): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const cases: Case[] = [];
    const absent: string[] = [];
    for (const statement of statements) {
      const { found, missing } = differences(evidence, statement.pairs);
      absent.push(...missing);
      if (missing.length === 0) cases.push(statedCase(evidence, statement, found));
    }
    const noisy = evidence.source === "runs";
    const why = cases.map(({ label, value, halfWidth }) =>
      `${label} ${noisy ? withNoise(value, halfWidth) : signed(value)}`
    ).join(", ");
    return outcome(cases, absent, why === "" ? undefined : why);
  };
}

function statedCase(
  { source }: Evidence,
  { label, stated, decimals, relation }: StatedMean,
  found: readonly Difference[],
): Case {
  const value = found.reduce((sum, each) => sum + each.value, 0) / found.length;
  const widths = found.map((each) => each.halfWidth);
  const width = widths.every((each) => each !== undefined)
    ? Math.sqrt(widths.reduce((sum, each) => sum + each! ** 2, 0)) / found.length
    : undefined;
  const distance = value - stated;
  // Two printed numbers a difference, each off by half of its last decimal.
  const slack = 2 * rounding + (relation === "at least" ? 0 : 0.5 * 10 ** -decimals);
  const holds = source === "paper"
    ? relation === "at least" ? distance >= -slack : Math.abs(distance) <= slack
    : relation === "at least"
    ? positive({ source }, { value: distance, halfWidth: width })
    : within(distance, width, relation.within);
  const terms = found.map(({ a, b }) => `${points(a.mean)} − ${points(b.mean)}`).join(" + ");
  const asked = relation === "at least"
    ? `at least ${stated.toFixed(decimals)}`
    : `${stated.toFixed(decimals)}${
      source === "runs" ? `, to be met within ${points(relation.within)}` : ""
    }`;
  return {
    label,
    cells: found.flatMap(({ left, right }) => [left, right]),
    value,
    halfWidth: width,
    holds,
    arithmetic: `${found.length > 1 ? `(${terms}) / ${found.length}` : terms} = ${
      withNoise(value, width)
    }; stated ${asked}`,
  };
}

/** Left is above right in exactly (on runs: at least) `wanted` of the pairs. */
export function counted(
  pairs: readonly Pair[],
  wanted: number,
  label: string,
): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const { found, missing } = differences(evidence, pairs);
    if (missing.length > 0) return outcome([], missing);
    const signs = found.map((each) => positive(evidence, each));
    const higher = signs.filter((sign) => sign === true).length;
    const open = signs.filter((sign) => sign === null).length;
    const holds = evidence.source === "paper"
      ? higher === wanted
      : higher >= wanted
      ? true
      : higher + open < wanted
      ? false
      : null;
    return outcome(
      [{
        label,
        cells: found.flatMap(({ left, right }) => [left, right]),
        value: higher,
        holds,
        arithmetic: found.map((each) => `${each.label} ${arithmetic(each)}`).join("; "),
      }],
      [],
      `${higher} of ${found.length}${open > 0 ? `, ${open} within noise` : ""}, stated ${wanted}`,
    );
  };
}
