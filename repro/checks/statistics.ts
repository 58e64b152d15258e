// Promises the few statistics that verdicts stand on. Leaves what a difference means to verdict.ts.
import jStat from "jstat";

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation (n − 1); undefined for fewer than two values. */
export function standardDeviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** Quantile of Student's t: the value that |t| stays below with the given probability. */
export function studentT(probability: number, degreesOfFreedom: number): number {
  return jStat.studentt.inv(0.5 + probability / 2, degreesOfFreedom);
}

/** Half-width that a one-sided test at 95 % needs: the two of them make an interval of 90 %. */
export const oneSidedT = (degreesOfFreedom: number): number => studentT(0.9, degreesOfFreedom);

/** Probability of a |t| at least as large where there is no difference. */
export function twoSidedP(t: number, degreesOfFreedom: number): number {
  return Math.min(1, 2 * (1 - jStat.studentt.cdf(Math.abs(t), degreesOfFreedom)));
}

export interface Group {
  sd: number;
  n: number;
}

/** Standard error of a difference of two means, each group with its own spread, and its degrees of freedom (Welch). */
export function welch(a: Group, b: Group): { error: number; freedom: number } {
  const [va, vb] = [a.sd ** 2 / a.n, b.sd ** 2 / b.n];
  if (va + vb === 0) return { error: 0, freedom: 1 };
  const df = (va + vb) ** 2 / ((a.n > 1 ? va ** 2 / (a.n - 1) : 0) + (b.n > 1 ? vb ** 2 / (b.n - 1) : 0));
  return { error: Math.sqrt(va + vb), freedom: Math.max(1, df) };
}

/** Half-width of the interval of a difference of two means, each group with its own spread (Welch). */
export function welchHalfWidth(probability: number, a: Group, b: Group): number {
  const { error, freedom } = welch(a, b);
  return error === 0 ? 0 : studentT(probability, freedom) * error;
}

/**
 * Which of many tests show a difference when the chance of one false alarm among all of them is to stay below `level`
 * (Holm's step-down procedure).
 */
export function holm(ps: readonly number[], level: number): boolean[] {
  const order = ps.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const shown = ps.map(() => false);
  for (const [rank, { p, index }] of order.entries()) {
    if (p > level / (ps.length - rank)) break;
    shown[index] = true;
  }
  return shown;
}
