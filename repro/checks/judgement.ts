// Promises the words of judging: verdicts, the references that numbers are compared with, and what a judgement says.
// Leaves the rules to verdict.ts, published.ts and stored.ts.

export const verdicts = [
  "consistent",
  "inconsistent",
  "underpowered",
  "not comparable",
  "not legible",
  "missing",
] as const;
export type Verdict = (typeof verdicts)[number];

/** Verdicts under which a table stands. */
export const holds = (verdict: Verdict): boolean => verdict !== "inconsistent" && verdict !== "missing";

/** A published number: a mean over n runs, its spread where it was printed. */
export interface PublishedReference {
  kind: "published";
  mean: number;
  sd?: number;
  n: number;
  /** Points: a smaller difference is called none. */
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
  /** Degrees of freedom of the spread; without it the quantile stands for both tests. */
  freedom?: number;
  /** Points within which numbers of other seeds must be shown to be. */
  margin: number;
  reason: string;
}

/** The source is damaged where the number is printed. */
export interface Illegible {
  kind: "illegible";
  why: string;
}

export type Reference = PublishedReference | StoredReference;

export interface Judgement {
  verdict: Verdict;
  /** Points: for published numbers the tolerance, for stored ones the largest difference that was taken as none. */
  tolerance?: number;
  difference?: number;
  /** Of the 90 % interval of the difference. */
  halfWidth?: number;
  p?: number;
  why: string;
  /** For "underpowered": runs on our side that would decide it, where any number would. */
  runsNeeded?: number;
}

/** Two decimals; what rounds to nothing has no sign. */
export const points = (value: number): string => value.toFixed(2).replace(/^-(?=0\.00$)/, "");
