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

/** Half-width of the interval of a difference of two means, each group with its own spread (Welch). */
export function welchHalfWidth(
  probability: number,
  a: { sd: number; n: number },
  b: { sd: number; n: number },
): number {
  const [va, vb] = [a.sd ** 2 / a.n, b.sd ** 2 / b.n];
  if (va + vb === 0) return 0;
  const df = (va + vb) ** 2 / ((a.n > 1 ? va ** 2 / (a.n - 1) : 0) + (b.n > 1 ? vb ** 2 / (b.n - 1) : 0));
  return studentT(probability, Math.max(1, df)) * Math.sqrt(va + vb);
}
