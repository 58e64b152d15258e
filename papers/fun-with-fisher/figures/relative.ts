// Promises Figure 2: how far task adapters are from full fine-tuning, in the paper's printed numbers and in our runs.
// Leaves the numbers to numbers/ and averages over languages to the toolkit.
import { mean, standardDeviation } from "../../../repro/checks/mod.ts";
import type { Figure, RunRequest } from "../../../repro/paper/mod.ts";
import { resultCell } from "../../../repro/published/mod.ts";
import type { Bar, BarsPanel, TableRecord } from "../../../repro/render/mod.ts";
import { valueOf } from "../../../repro/tables/mod.ts";
import { printed } from "../printed.ts";
import { datasets } from "../world.ts";
import { finished, modelNames, modelTitle, noRun, request, tasks } from "./common.ts";

const methods = [
  { id: "standard", title: "Ada" },
  { id: "lpft", title: "Ada+LPFT" },
  { id: "gu", title: "Ada+GU" },
];

/** The table that prints a data set by language. */
const tableOf: Record<string, string> = { mlqa: "table8", xquad: "table8", xcopa: "table9", xnli: "table10" };

interface Known {
  mean: number;
  sd?: number;
  n: number;
}
/** Or why it is not known, in a word or two. */
type Value = Known | string;

/** The average over the target languages as the paper prints it. */
function printedValue(model: string, method: string, dataset: string): Value {
  const { metrics } = datasets.find(({ id }) => id === dataset)!;
  const column = `${dataset}/average/${metrics[0]}`;
  const table = printed.results(method === "full" ? "table7" : tableOf[dataset]);
  const row = `${model}/${method}`;
  if (!table.rows.some(({ id }) => id === row)) return "not printed";
  const { mean, sd, n } = resultCell(table, row, column);
  return mean === undefined ? "not legible" : { mean, ...(sd === undefined ? {} : { sd }), n };
}

/** "n = 4", or "n = 1, 4" where the method has other runs than full fine-tuning. */
const countOf = (own: number, full: number) => `n = ${own === full ? own : `${own}, ${full}`}`;

/** A bar: the method's average less full fine-tuning's. */
export function relativeBar(style: number, value: Value, full: Value): Bar {
  if (typeof value === "string") return { style, value: null, why: value };
  if (typeof full === "string") return { style, value: null, why: full };
  const spread = value.sd === undefined || full.sd === undefined ? undefined : Math.hypot(value.sd, full.sd);
  return {
    ...{ style, value: value.mean - full.mean, count: countOf(value.n, full.n) },
    ...(spread === undefined ? {} : { spread }),
  };
}

export const figure2: Figure = {
  kind: "figure",
  id: "figure2",
  title: "task adapters beside full fine-tuning",
  needs: "printed Tables 7 to 10, and runs of standard training, LPFT, GU and full fine-tuning",
  requests: modelNames.flatMap((model) =>
    tasks.flatMap(({ id }): RunRequest[] => [
      ...methods.map((method) => request(model, id, method.id)),
      request(model, id, "standard", { adapter: "full" }),
    ])
  ),
  draw({ paper, setup, runs }) {
    const ours = (model: string, method: string, dataset: string): Value => {
      const { task, metrics } = datasets.find(({ id }) => id === dataset)!;
      const wanted = method === "full"
        ? request(model, task, "standard", { adapter: "full" })
        : request(model, task, method);
      const column = { id: "", dataset: datasets.find(({ id }) => id === dataset)!.id };
      const values = finished(runs, wanted).flatMap(({ run }) =>
        valueOf(paper, run.metrics, { ...column, pick: "average", metric: metrics[0] }, undefined) ?? []
      );
      if (values.length === 0) return "no run";
      const sd = standardDeviation(values);
      return { mean: mean(values), ...(values.length > 1 ? { sd } : {}), n: values.length };
    };
    const records: TableRecord[] = [];
    const sources = [
      { source: "paper", title: "as printed", of: printedValue },
      { source: "ours", title: `our runs, scale ${setup.scale}`, of: ours },
    ];
    const panels = sources.flatMap(({ source, title, of }) =>
      modelNames.map((model): BarsPanel => {
        const groups = datasets.map(({ id: dataset, title: label }) => {
          const full = of(model, "full", dataset);
          const bars = methods.map((method, style) => {
            const value = of(model, method.id, dataset);
            const bar = relativeBar(style, value, full);
            records.push({
              source,
              model,
              dataset,
              method: method.id,
              average: typeof value === "string" ? null : value.mean,
              full: typeof full === "string" ? null : full.mean,
              difference: bar.value,
              ratio: typeof value === "string" || typeof full === "string" ? null : value.mean / full.mean,
              spread: bar.spread ?? null,
              runs: typeof value === "string" ? null : value.n,
              full_runs: typeof full === "string" ? null : full.n,
              why: bar.why ?? "",
            });
            return bar;
          });
          return { label, bars };
        });
        const mine = records.slice(-groups.length * methods.length);
        const gap = mine.some(({ average }) => average !== null) ? "no run of full fine-tuning" : noRun;
        const isEmpty = groups.every(({ bars }) => bars.every(({ value }) => value === null));
        return {
          kind: "bars",
          title: `${modelTitle(model)}, ${title}`,
          ...(isEmpty ? { gap } : {}),
          y: { label: "difference in points" },
          groups,
        };
      })
    );
    return {
      records,
      picture: {
        title: "Task adapters with scheduled unfreezing and with standard training, beside full fine-tuning",
        columns: 1,
        panels,
        legend: methods.map(({ title }, style) => ({ label: title, style, sample: "bar" as const })),
        notes: [
          "Average over the target languages (F1 for MLQA and XQuAD, else accuracy) less that of full fine-tuning.",
          "n: runs behind a bar; of two numbers the second is that of full fine-tuning. Error bars: the standard deviation of such a difference from seed to seed, √(sd² + sd² of full fine-tuning), neither a standard error nor a confidence interval; none where one side has a single run or no printed sd.",
          "Printed: LPFT is in no table, and MLQA's and XCOPA's full fine-tuning are not legible in the source.",
        ],
      },
    };
  },
};
