// Promises Figure 3, tr(F) under standard training and GU, and Figure 4, tr(F) and validation curves of random schedules grouped by
// their transfer. Leaves smoothing, scaling and grouping to repro/figures.
import { mean } from "../../../repro/checks/mod.ts";
import { groupedByResult, meanCurve, movingAverage, normalised } from "../../../repro/figures/mod.ts";
import type { Figure, Paper, RunRequest } from "../../../repro/paper/mod.ts";
import type { CurvesPanel, LegendEntry, TableRecord } from "../../../repro/render/mod.ts";
import type { DatasetName, TaskName } from "../../../repro/spec/mod.ts";
import { valueOf } from "../../../repro/tables/mod.ts";
import { datasets } from "../world.ts";
import { counted, type Finished, finished, modelNames, modelTitle, noRun, request, tasks } from "./common.ts";

/** Entries of the log that a moving average takes: the paper smooths, and does not say over how many. */
const smoothing = 5;

const compared = [{ method: "standard", title: "standard" }, { method: "gu", title: "GU" }];

const tracked = (model: string, task: TaskName, method: string): RunRequest =>
  request(model, task, method, { tracked: true });

/** How many runs stand behind the curves of a figure, each of which has one of these counts. */
function runsOfCurves(counts: ReadonlySet<number>): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (most === 1) return "Each curve is one run.";
  const of = least === most ? `${most} runs` : `${least} to ${most} runs`;
  return `Each curve is the mean of ${of} with different seeds; band: least to largest of them.`;
}

const smoothed = `Moving average over ${smoothing} logged values`;

export const figure3: Figure = {
  kind: "figure",
  id: "figure3",
  title: "tr(F) per adapter under standard training and GU",
  needs: "tracked runs of standard training and GU",
  requests: modelNames.flatMap((model) =>
    tasks.flatMap(({ id }) => compared.map(({ method }) => tracked(model, id, method)))
  ),
  // The paper shows single curves and names no average over runs.
  seeds: 1,
  draw({ paper, runs }) {
    const records: TableRecord[] = [];
    const counts = new Set<number>();
    const panels = modelNames.flatMap((model) =>
      tasks.map(({ id, title }): CurvesPanel => {
        const curves = compared.flatMap(({ method }, style) => {
          const found = finished(runs, { model, task: id, method }).filter(({ trace }) => trace.length > 0);
          if (found.length > 0) counts.add(found.length);
          const points = meanCurve(found.map(({ trace }) => movingAverage(trace, smoothing)));
          for (const { x, y, low, high } of points) {
            records.push({ model, task: id, method, step: x, trace: y, low: low ?? y, high: high ?? y });
          }
          return points.length === 0 ? [] : [{ style, points }];
        });
        return {
          kind: "curves",
          title: `${modelTitle(model)}, ${title}`,
          ...(curves.length === 0 ? { gap: noRun } : {}),
          x: { label: "update" },
          y: { label: "tr(F) per adapter" },
          curves,
        };
      })
    );
    const every = new Set(runs.map(({ spec }) => spec.hyperparameters.trackFisherEvery));
    return {
      records,
      picture: {
        title:
          `Average tr(F) per adapter during standard training and gradual unfreezing: ${paper.shortTitle}`,
        columns: tasks.length,
        panels,
        legend: compared.map(({ title }, style) => ({ label: title, style, sample: "line" as const })),
        notes: [
          `${smoothed}; divided by the number of open task adapters${
            every.size > 0 ? `; a value every ${[...every].join(" or ")} updates` : ""
          }.`,
          ...(counts.size === 0 ? [] : [runsOfCurves(counts)]),
        ],
      },
    };
  },
};

/** The paper's two most sensitive settings. */
const settings: readonly {
  model: string;
  task: TaskName;
  title: string;
  score: string;
  sets: readonly DatasetName[];
}[] = [
  {
    model: "xlmr",
    task: "squad",
    title: "a) XLM-R, MLQA and XQuAD",
    score: "validation F1",
    sets: ["mlqa", "xquad"],
  },
  { model: "mbert", task: "xnli", title: "b) mBERT, XNLI", score: "validation accuracy", sets: ["xnli"] },
];

/** Nine random permutations and the top-down order as the tenth, as the published code lists them. */
const schedules = Array.from({ length: 10 }, (_, i) => `schedule-${i}`);

/** Footnote 10: runs within one point of the best that is left are one group. */
const groupWithin = 1;

/** The average over target languages, and over data sets where there are several. */
function transferOf(paper: Paper, { run }: Finished, sets: readonly DatasetName[]): number {
  return mean(sets.map((dataset) => {
    const { metrics } = datasets.find(({ id }) => id === dataset)!;
    const column = { id: "", dataset, pick: "average", metric: metrics[0] };
    const value = valueOf(paper, run.metrics, column, undefined);
    if (value === undefined) throw new Error(`figure4: run ${run.id} has no average for ${dataset}`);
    return value;
  }));
}

export const figure4: Figure = {
  kind: "figure",
  id: "figure4",
  title: "tr(F) and validation of random schedules, grouped by transfer",
  needs: "tracked runs of ten fixed schedules",
  requests: settings.flatMap(({ model, task }) => schedules.map((method) => tracked(model, task, method))),
  // The paper groups runs; it names no average over seeds.
  seeds: 1,
  draw({ paper, runs }) {
    const records: TableRecord[] = [];
    const panels = settings.map(({ model, task, title, score, sets }): CurvesPanel => {
      const found = finished(runs, { model, task }).filter(({ trace }) => trace.length > 0);
      const scaled = normalised(found.map(({ trace }) => movingAverage(trace, smoothing)));
      const traces = new Map(found.map((each, i) => [each, scaled[i]]));
      const groups = groupedByResult(found, (each) => transferOf(paper, each, sets), groupWithin);
      const curves = groups.flatMap((group, style) => {
        const trace = meanCurve(group.map((each) => traces.get(each)!));
        const validation = meanCurve(
          group.map((each) => each.validation.map(({ step, value }) => ({ step, value: value / 100 }))),
        );
        const result = mean(group.map((each) => transferOf(paper, each, sets)));
        for (const [what, points] of [["trace", trace], ["validation", validation]] as const) {
          for (const { x, y } of points) {
            records.push({ setting: `${model}/${task}`, group: style + 1, result, what, step: x, value: y });
          }
        }
        // Bands of several groups would lie over one another.
        const line = (points: typeof trace) => points.map(({ x, y }) => ({ x, y }));
        return [{ style, points: line(trace) }, { style, points: line(validation), second: true }];
      });
      const legend = groups.map((group, style): LegendEntry => ({
        label: `${mean(group.map((each) => transferOf(paper, each, sets))).toFixed(2)} (${
          counted(group.length, "run")
        })`,
        style,
        sample: "solid",
      }));
      return {
        kind: "curves",
        title,
        ...(curves.length === 0 ? { gap: noRun } : { legend }),
        x: { label: "update" },
        y: { label: `tr(F), ${score}`, domain: [0, 1] },
        curves,
      };
    });
    return {
      records,
      picture: {
        title: "tr(F) per adapter and validation score under random schedules",
        columns: 2,
        panels,
        legend: [
          { label: "tr(F) per adapter, from 0 to 1", style: 0, sample: "line" },
          { label: "validation score", style: 0, sample: "second" },
        ],
        notes: [
          "Legend: averaged cross-lingual transfer of a group, the runs within one point of its best.",
          `${smoothed}, scaled over all runs of a panel; schedules 1 to 9 and the top-down order of the published code.`,
        ],
      },
    };
  },
};
