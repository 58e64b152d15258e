// Promises arithmetic on logged curves: smoothing, several runs as one curve, a common scale from 0 to 1, and runs grouped by result.
// Leaves which curves a figure shows to the papers.
import { mean } from "../checks/mod.ts";
import { movingAverage } from "../claims/mod.ts";
import type { LoggedValue } from "../paper/mod.ts";

export { movingAverage };

export interface CurvePoint {
  x: number;
  y: number;
  low?: number;
  high?: number;
}

/** Several runs' curves as one: at each step that all of them logged their mean, with the least and the largest where they differ. */
export function meanCurve(curves: readonly (readonly LoggedValue[])[]): CurvePoint[] {
  const [first = [], ...rest] = curves;
  return first.flatMap(({ step, value }) => {
    const others = rest.map((curve) => curve.find((each) => each.step === step)?.value);
    if (others.some((other) => other === undefined)) return [];
    const values = [value, ...others as number[]];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return [{ x: step, y: mean(values), ...(low < high ? { low, high } : {}) }];
  });
}

/** Curves on one scale on which their least value is 0 and their largest 1; 0 where all values are equal. */
export function normalised(curves: readonly (readonly LoggedValue[])[]): LoggedValue[][] {
  const values = curves.flat().map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const scale = high > low ? 1 / (high - low) : 0;
  return curves.map((curve) => curve.map(({ step, value }) => ({ step, value: (value - low) * scale })));
}

/** Takes the largest value that is in no group yet, with all that lie within `within` of it, and so on; the best group first. */
export function groupedByResult<T>(
  items: readonly T[],
  resultOf: (item: T) => number,
  within: number,
): T[][] {
  let left = [...items].sort((a, b) => resultOf(b) - resultOf(a));
  const groups: T[][] = [];
  while (left.length > 0) {
    const best = resultOf(left[0]);
    // Sums of decimals are not exact: a difference of one point must count as one point.
    const isNear = (item: T) => best - resultOf(item) <= within + 1e-9;
    groups.push(left.filter(isNear));
    left = left.filter((item) => !isNear(item));
  }
  return groups;
}
