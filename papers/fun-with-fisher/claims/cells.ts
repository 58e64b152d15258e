// Promises names for the cells that claims compare: a model, a method, a data set, and where. Leaves the claims to the files beside it.
import type { CellName, Pair } from "../../../repro/claims/mod.ts";

export type Metric = "f1" | "em" | "accuracy";
export const titles: Record<string, string> = {
  mbert: "mBERT",
  xlmr: "XLM-R",
  mlqa: "MLQA",
  xquad: "XQuAD",
  xcopa: "XCOPA",
  xnli: "XNLI",
};
export const models = ["mbert", "xlmr"];
export const datasets = ["mlqa", "xquad", "xcopa", "xnli"];
export const first = (
  dataset: string,
): Metric => (dataset === "mlqa" || dataset === "xquad" ? "f1" : "accuracy");
export const metricsOf = (dataset: string): Metric[] => first(dataset) === "f1" ? ["f1", "em"] : ["accuracy"];

export interface Place {
  table?: string;
  kind?: string;
  metric?: Metric;
  size?: number;
}

export function cell(model: string, method: string, dataset: string, place: Place = {}): CellName {
  const { table = "table1", kind = "average", metric = first(dataset), size } = place;
  return {
    table,
    row: `${model}/${method}`,
    column: [dataset, kind, metric, ...(size ? [String(size)] : [])].join("/"),
  };
}

/** One method against another on a data set. */
export function pair(
  model: string,
  dataset: string,
  [left, right]: [string, string],
  place: Place = {},
): Pair {
  const metric = place.metric && place.metric !== first(dataset) ? ` ${place.metric.toUpperCase()}` : "";
  const size = place.size ? ` ${place.size / 1000}K` : "";
  return {
    label: `${titles[model]} ${titles[dataset]}${metric}${size}, ${left} − ${right}`,
    left: cell(model, left, dataset, place),
    right: cell(model, right, dataset, place),
  };
}

export function pairs(
  methods: [string, string],
  place: Place = {},
  over: { models?: string[]; datasets?: string[]; allMetrics?: boolean } = {},
): Pair[] {
  return (over.models ?? models).flatMap((model) =>
    (over.datasets ?? datasets).flatMap((dataset) =>
      (over.allMetrics ? metricsOf(dataset) : [first(dataset)]).map((metric) =>
        pair(model, dataset, methods, { ...place, metric })
      )
    )
  );
}

/** Half of the gain that the paper claims: two methods that differ by more are not alike where the gain is the message. */
export const alikeMargin = 1;
export const claimedGain = 2;
