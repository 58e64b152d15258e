// Promises a logarithmic scale with round ends and ticks, as shares from 0 to 1, and numbers short enough for an axis.
// Leaves which values it is for to surface.ts.

export interface LogScale {
  low: number;
  high: number;
  /** 0 at `low`, 1 at `high`; null for what has no logarithm. */
  share(value: number | null): number | null;
  ticks: { value: number; share: number }[];
}

const decade = (value: number) => Math.floor(Math.log10(value) + 1e-9);

/** The nearest of 1, 2, 5 times a power of ten: at most `value`, or at least. */
function round(value: number, up: boolean): number {
  const at = decade(value);
  const steps = [1, 2, 5, 10].map((step) => power(step, at));
  return up
    ? steps.find((step) => step >= value * (1 - 1e-9))!
    : steps.findLast((step) => step <= value * (1 + 1e-9))!;
}

/** step · 10^at without the error of a product of fractions. */
const power = (step: number, at: number) => Number(`${step}e${at}`);

/** Null where no value is above zero. */
export function logScale(values: readonly (number | null)[]): LogScale | null {
  const positive = values.filter((value): value is number => value !== null && value > 0);
  if (positive.length === 0) return null;
  const low = round(Math.min(...positive), false);
  const top = round(Math.max(...positive), true);
  const high = top > low ? top : power(1, decade(low) + 1);
  const share = (value: number) => Math.log(value / low) / Math.log(high / low);
  // Two decades and more have powers of ten alone.
  const parts = high / low >= 100 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let at = decade(low); at <= decade(high); at++) {
    for (const part of parts) {
      const value = power(part, at);
      if (value >= low && value <= high) ticks.push({ value, share: share(value) });
    }
  }
  return {
    ...{ low, high, ticks },
    share: (value) => value === null || value <= 0 ? null : Math.min(1, Math.max(0, share(value))),
  };
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const raised = (power: number) =>
  (power < 0 ? "⁻" : "") + [...String(Math.abs(power))].map((digit) => superscripts[Number(digit)]).join("");

/** A tick's number: 0.005, 20, 10⁻⁵, 2·10⁻⁴. */
export function tickText(value: number): string {
  const at = decade(value);
  if (at >= -3 && at <= 3) return String(Number(value.toPrecision(2)));
  const part = Number((value / 10 ** at).toPrecision(2));
  return `${part === 1 ? "" : `${part}·`}10${raised(at)}`;
}

/** Three digits, the shortest way. */
export const valueText = (value: number | null): string =>
  value === null ? "not finite" : String(Number(value.toPrecision(3))).replace("e-", "e−");
