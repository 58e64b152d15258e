// Promises logged values as few points as a picture can show, and each of them honest: the mean of neighbours, never a choice among them.
// Leaves reading logs to gather.ts.
import type { LogLine } from "../runs/mod.ts";
import type { ReportCurve } from "./data.ts";

/** Four digits are more than a curve shows. */
export const short = (value: number): number => Number(value.toPrecision(4));

/** @param most points at most */
export function thinned(points: readonly { step: number; value: number }[], most = 100): ReportCurve {
  const each = Math.max(1, Math.ceil(points.length / most));
  const curve: ReportCurve = { each, steps: [], values: [] };
  for (let from = 0; from < points.length; from += each) {
    const part = points.slice(from, from + each);
    const mean = (of: "step" | "value") => part.reduce((sum, point) => sum + point[of], 0) / part.length;
    curve.steps.push(short(mean("step")));
    curve.values.push(short(mean("value")));
  }
  return curve;
}

/** The finite numbers in one field of a log. */
export const logged = (lines: readonly LogLine[], field: string): { step: number; value: number }[] =>
  lines.flatMap(({ step, [field]: value }) =>
    typeof value === "number" && Number.isFinite(value) ? [{ step, value }] : []
  );

/** tr(F) of all layers, step by step; of very many measurements every k-th. */
export function layerTraces(
  lines: readonly LogLine[],
  most = 60,
): { steps: number[]; values: (number | null)[][] } | null {
  const found = lines.filter(({ layers }) => Array.isArray(layers));
  if (found.length === 0) return null;
  const every = Math.ceil(found.length / most);
  const kept = found.filter((_, index) => index % every === 0);
  return {
    steps: kept.map(({ step }) => step),
    values: kept.map(({ layers }) =>
      (layers as unknown[]).map((value) =>
        typeof value === "number" && Number.isFinite(value) ? short(value) : null
      )
    ),
  };
}
