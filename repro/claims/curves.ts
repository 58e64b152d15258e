// Promises predicates over what was logged during training: a hill, one curve above another, an order of layers.
// Leaves logging to training and drawing to figures.
import { mean, standardDeviation, studentT, twoSidedP } from "../checks/mod.ts";
import type { Case, CellValue, CurvePoint, Evidence, Outcome } from "./claim.ts";
import { confidence, halfWidth, outcome, points, positive } from "./predicates.ts";

/** Centred moving average over `window` points, shorter at the ends. */
export function movingAverage(curve: readonly CurvePoint[], window: number): CurvePoint[] {
  const half = Math.floor(window / 2);
  return curve.map(({ step }, i) => ({
    step,
    value: mean(curve.slice(Math.max(0, i - half), i + half + 1).map(({ value }) => value)),
  }));
}

/** A hill: the smoothed curve's peak is inside, and so many times higher than the curve is at both ends. */
export function hill(
  curve: readonly CurvePoint[],
  factor: number,
): { isHill: boolean; peak: number; at: number; start: number; end: number } {
  const smooth = movingAverage(curve, 3);
  const values = smooth.map(({ value }) => value);
  const peak = Math.max(...values);
  const at = values.indexOf(peak);
  const [start, end] = [values[0], values[values.length - 1]];
  const inside = at > 0 && at < values.length - 1;
  return {
    isHill: inside && peak >= factor * start && peak >= factor * end,
    peak,
    at: smooth[at].step,
    start,
    end,
  };
}

interface Setting {
  label: string;
  row: string;
  task: string;
}

const absent = ({ row, task }: Setting) => `log of ${row} on ${task}`;

/** In every setting most seeds' curves are hills. */
export function hills(settings: readonly Setting[], factor: number): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const cases: Case[] = [];
    const missing: string[] = [];
    for (const setting of settings) {
      const curves = (evidence.curves?.(setting.row, setting.task) ?? []).filter((curve) =>
        curve.length >= 5
      );
      if (curves.length === 0) {
        missing.push(absent(setting));
        continue;
      }
      const found = curves.map((curve) => hill(curve, factor));
      const number = found.filter(({ isHill }) => isHill).length;
      cases.push({
        label: setting.label,
        cells: [],
        value: number / found.length,
        holds: number > found.length / 2,
        arithmetic: `${number} of ${found.length} seeds; first seed: ${
          found[0].start.toExponential(2)
        } at the start, ${found[0].peak.toExponential(2)} at step ${found[0].at}, ${
          found[0].end.toExponential(2)
        } at the end`,
      });
    }
    return outcome(cases, missing);
  };
}

const over = (values: readonly number[]): CellValue => ({
  mean: mean(values),
  sd: standardDeviation(values),
  n: values.length,
});

/** Over the first `share` of the steps the mean of the first curve is above that of the second, beyond the noise over seeds. */
export function higherAtFirst(
  settings: readonly (Setting & { other: string })[],
  share: number,
): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const cases: Case[] = [];
    const missing: string[] = [];
    const early = (curves: readonly (readonly CurvePoint[])[]) =>
      over(curves.map((curve) => {
        const last = curve[curve.length - 1].step * share;
        return mean(curve.filter(({ step }, i) => i === 0 || step <= last).map(({ value }) => value));
      }));
    for (const setting of settings) {
      const ours = (evidence.curves?.(setting.row, setting.task) ?? []).filter(({ length }) => length > 0);
      const theirs = (evidence.curves?.(setting.other, setting.task) ?? []).filter(({ length }) =>
        length > 0
      );
      if (ours.length === 0) missing.push(absent(setting));
      if (theirs.length === 0) missing.push(absent({ ...setting, row: setting.other }));
      if (ours.length === 0 || theirs.length === 0) continue;
      const [a, b] = [early(ours), early(theirs)];
      const difference = { value: a.mean - b.mean, halfWidth: halfWidth(a, b) };
      cases.push({
        label: setting.label,
        cells: [],
        ...difference,
        holds: positive(evidence, difference),
        arithmetic: `${a.mean.toExponential(2)} − ${b.mean.toExponential(2)} = ${
          difference.value.toExponential(2)
        }${difference.halfWidth === undefined ? "" : ` ± ${difference.halfWidth.toExponential(2)}`}, ${
          (a.mean / b.mean).toFixed(2)
        } times`,
      });
    }
    return outcome(cases, missing);
  };
}

/** Spearman's correlation of two orders of the same layers. */
export function orderCorrelation(a: readonly number[], b: readonly number[]): number {
  const n = a.length;
  if (n < 2) return 1;
  const squares = a.reduce((sum, layer, rank) => sum + (rank - b.indexOf(layer)) ** 2, 0);
  return 1 - (6 * squares) / (n * (n * n - 1));
}

/** The mean over seeds of the correlation with the top-down order is at least `least`, beyond the noise over seeds. */
export function topDown(settings: readonly Setting[], least: number): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const cases: Case[] = [];
    const missing: string[] = [];
    for (const setting of settings) {
      const orders = evidence.schedules?.(setting.row, setting.task) ?? [];
      if (orders.length === 0) {
        missing.push(absent(setting).replace("log", "schedule"));
        continue;
      }
      const all = orders.map((order) => orderCorrelation(order, [...order].sort((x, y) => y - x)));
      const { mean: value, sd, n } = over(all);
      const width = sd === undefined ? undefined : (studentT(confidence, n - 1) * sd) / Math.sqrt(n);
      cases.push({
        label: setting.label,
        cells: [],
        value,
        halfWidth: width,
        holds: width === undefined || (width > 0 && Math.abs(value - least) <= width) ? null : value >= least,
        arithmetic: `rank correlation with the top-down order ${
          all.map((each) => each.toFixed(2)).join(", ")
        }: mean ${value.toFixed(2)}${width === undefined ? "" : ` ± ${width.toFixed(2)}`}`,
      });
    }
    return outcome(cases, missing);
  };
}

/** Ranks from 0, equal values sharing the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}

/** Spearman's correlation of two lists; undefined where one of them does not vary. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number | undefined {
  const [x, y] = [ranks(a), ranks(b)];
  const [mx, my] = [mean(x), mean(y)];
  const above = x.reduce((sum, each, i) => sum + (each - mx) * (y[i] - my), 0);
  const under = Math.sqrt(
    x.reduce((sum, each) => sum + (each - mx) ** 2, 0) * y.reduce((sum, each) => sum + (each - my) ** 2, 0),
  );
  return under === 0 ? undefined : above / under;
}

const area = (curve: readonly CurvePoint[]) =>
  curve.slice(1).reduce(
    (sum, { step, value }, i) => sum + ((value + curve[i].value) / 2) * (step - curve[i].step),
    0,
  );

/** Whether a rank correlation of n pairs is positive: null where its sign may be chance (Student's t, as for Pearson's). */
function signOf(correlation: number, n: number): boolean | null {
  const t = correlation * Math.sqrt((n - 2) / Math.max(0, 1 - correlation ** 2));
  return twoSidedP(t, n - 2) > 1 - confidence ? null : correlation > 0;
}

/** Over rows that differ in their schedule alone: the mean area under the logged curve against a result, at least five rows. */
export function areaAgainstTransfer(
  settings: readonly {
    label: string;
    rows: readonly string[];
    task: string;
    table: string;
    column: string;
  }[],
): (evidence: Evidence) => Outcome {
  return (evidence) => {
    const cases: Case[] = [];
    const missing: string[] = [];
    for (const { label, rows, task, table, column } of settings) {
      const found = rows.flatMap((row) => {
        const curves = (evidence.curves?.(row, task) ?? []).filter(({ length }) => length > 1);
        const name = { table, row, column };
        const result = evidence.cell(name);
        return curves.length > 0 && result
          ? [{ name, area: mean(curves.map(area)), result: result.mean }]
          : [];
      });
      const correlation = rankCorrelation(found.map((each) => each.area), found.map((each) => each.result));
      if (found.length < 5 || correlation === undefined) {
        missing.push(`logs and results of at least five schedules for ${label}`);
        continue;
      }
      cases.push({
        label,
        cells: found.map(({ name }) => name),
        value: correlation,
        holds: signOf(correlation, found.length),
        arithmetic: `rank correlation ${points(correlation)} over ${found.length} schedules`,
      });
    }
    return outcome(cases, missing);
  };
}
