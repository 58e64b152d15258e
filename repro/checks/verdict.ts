// Promises a verdict for every cell, with its reason in words: consistent, inconsistent, underpowered, not comparable, missing.
// Leaves where reference numbers come from to reference.ts and the papers.
import { mean, standardDeviation, studentT, welchHalfWidth } from "./statistics.ts";

export type Verdict = "consistent" | "inconsistent" | "underpowered" | "not comparable" | "missing";

/** Verdicts under which a table stands. */
export const holds = (verdict: Verdict): boolean => verdict !== "inconsistent" && verdict !== "missing";

/** A published number: a mean over n runs, its spread where it was printed. */
export interface PublishedReference {
  kind: "published";
  mean: number;
  sd?: number;
  n: number;
  /** Largest difference, in points, that the check is allowed not to see. */
  margin: number;
}

/** The project's own earlier runs, seed by seed, with the tolerances stored beside them. */
export interface StoredReference {
  kind: "stored";
  mean: number;
  sd?: number;
  n: number;
  seeds: Record<string, number>;
  tolerance: StoredTolerance;
}

export interface StoredTolerance {
  /** Largest difference of the means over the seeds that both sides have, for one seed; with n seeds it shrinks by √n. */
  seed: number;
  /** Never below this: what one test item weighs. */
  floor: number;
  /** For other seeds: quantile × spread × √(1/n + 1/reference n). */
  spread: number;
  quantile: number;
  /** A tolerance above this decides nothing. */
  margin: number;
  reason: string;
}

export type Reference = PublishedReference | StoredReference;

export interface Judgement {
  verdict: Verdict;
  /** Largest difference that would have been taken as consistent, in points. */
  tolerance?: number;
  difference?: number;
  why: string;
  /** For "underpowered": runs on our side that would decide it, where any number would. */
  runsNeeded?: number;
}

const points = (value: number) => value.toFixed(2);

/** Judges one cell from its values by seed. `reference` is a sentence where there is nothing to compare with. */
export function judge(values: ReadonlyMap<number, number>, reference: Reference | string): Judgement {
  if (values.size === 0) return { verdict: "missing", why: "no finished run" };
  if (typeof reference === "string") return { verdict: "not comparable", why: reference };
  return reference.kind === "stored" ? judgeStored(values, reference) : judgePublished(values, reference);
}

function judgeStored(values: ReadonlyMap<number, number>, reference: StoredReference): Judgement {
  const shared = [...values.keys()].filter((seed) => Object.hasOwn(reference.seeds, seed));
  const others = [...values.keys()].filter((seed) => !Object.hasOwn(reference.seeds, seed));
  const judgements: Judgement[] = [];
  if (shared.length > 0) judgements.push(sameSeeds(values, reference, shared));
  if (others.length > 0) judgements.push(otherSeeds(others.map((seed) => values.get(seed)!), reference));
  const order: Verdict[] = ["inconsistent", "underpowered", "consistent"];
  return order.flatMap((verdict) => judgements.filter((judgement) => judgement.verdict === verdict))[0];
}

function sameSeeds(
  values: ReadonlyMap<number, number>,
  { seeds, tolerance: { seed, floor } }: StoredReference,
  shared: number[],
): Judgement {
  const n = shared.length;
  const difference = mean(shared.map((seed) => values.get(seed)! - seeds[seed]));
  const tolerance = Math.max(floor, seed / Math.sqrt(n));
  const verdict = Math.abs(difference) <= tolerance ? "consistent" : "inconsistent";
  const sign = verdict === "consistent" ? "≤" : ">";
  const which = n === 1 ? `seed ${shared[0]}` : `the same ${n} seeds`;
  return {
    verdict,
    tolerance,
    difference,
    why: `with ${which}: |${points(difference)}| ${sign} ${points(tolerance)}`,
  };
}

function otherSeeds(values: number[], reference: StoredReference): Judgement {
  const { spread, quantile, floor, margin } = reference.tolerance;
  const width = (n: number) => Math.max(floor, quantile * spread * Math.sqrt(1 / n + 1 / reference.n));
  const tolerance = width(values.length);
  const difference = mean(values) - reference.mean;
  const why = `with other seeds: |${points(difference)}|`;
  if (Math.abs(difference) > tolerance) {
    return { verdict: "inconsistent", tolerance, difference, why: `${why} > ${points(tolerance)}` };
  }
  if (tolerance > margin) {
    const runsNeeded = smallest((n) => width(n) <= margin);
    return {
      verdict: "underpowered",
      tolerance,
      difference,
      runsNeeded,
      why: undecided(why, tolerance, margin, runsNeeded),
    };
  }
  return { verdict: "consistent", tolerance, difference, why: `${why} ≤ ${points(tolerance)}` };
}

/** Probability that a true match is not called inconsistent, for one published number. */
const confidence = 0.95;

function judgePublished(values: ReadonlyMap<number, number>, reference: PublishedReference): Judgement {
  const ours = [...values.values()];
  const n = ours.length;
  const difference = mean(ours) - reference.mean;
  const sd = standardDeviation(ours) ?? reference.sd;
  const why = `|${points(difference)}|`;
  if (sd === undefined) {
    return { verdict: "underpowered", difference, runsNeeded: 2, why: "one run and no printed spread" };
  }
  const theirs = { sd: reference.sd ?? sd, n: reference.n };
  const width = (n: number) => welchHalfWidth(confidence, { sd, n }, theirs);
  const tolerance = n > 1
    ? width(n)
    : studentT(confidence, reference.n - 1) * sd * Math.sqrt(1 + 1 / reference.n);
  if (Math.abs(difference) > tolerance) {
    return { verdict: "inconsistent", tolerance, difference, why: `${why} > ${points(tolerance)}` };
  }
  if (tolerance > reference.margin) {
    const runsNeeded = smallest((n) => n > 1 && width(n) <= reference.margin);
    return {
      verdict: "underpowered",
      tolerance,
      difference,
      runsNeeded,
      why: undecided(why, tolerance, reference.margin, runsNeeded),
    };
  }
  return { verdict: "consistent", tolerance, difference, why: `${why} ≤ ${points(tolerance)}` };
}

function undecided(why: string, tolerance: number, margin: number, runs: number | undefined): string {
  const remedy = runs === undefined ? "no number of runs on our side would" : `${runs} runs would`;
  return `${why} ≤ ${points(tolerance)}, but differences up to ${points(margin)} should be seen: ${remedy}`;
}

/** The smallest n up to a thousand for which `enough` is true. */
function smallest(enough: (n: number) => boolean): number | undefined {
  for (let n = 1; n <= 1000; n++) if (enough(n)) return n;
  return undefined;
}
