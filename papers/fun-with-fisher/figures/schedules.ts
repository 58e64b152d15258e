// Promises Figure 1, the three schedules as the selection of layers really traces them, and Figure 5, schedules of GU and FUN
// averaged over runs. Leaves running the selection to repro/figures.
import { mean, standardDeviation } from "../../../repro/checks/mod.ts";
import { type Openings, openingsOf, orderOf, traceSchedule } from "../../../repro/figures/mod.ts";
import { type Figure, modelOf, type RunRequest } from "../../../repro/paper/mod.ts";
import type { CurvesPanel, SpansPanel, TableRecord } from "../../../repro/render/mod.ts";
import { sideOf } from "../../../repro/spec/mod.ts";
import { counted, finished, modelNames, modelTitle, noRun, request, tasks } from "./common.ts";

/** The run whose selections are shown: the setting in which the paper finds FUN nearest to GU. */
const shown = request("mbert", "xnli", "fun");

const titles: Record<string, string> = {
  standard: "a) standard",
  gu: "b) gradual unfreezing",
  fun: "c) FUN, by tr(F)",
};

export const figure1: Figure = {
  kind: "figure",
  id: "figure1",
  title: "standard training, gradual unfreezing and unfreezing by tr(F)",
  needs: "the selection of layers itself, and one FUN run for its tr(F)",
  requests: [shown],
  seeds: 1,
  async draw({ paper, setup, runs }) {
    const { layers } = modelOf(paper, shown.model).shape;
    const records: TableRecord[] = [];
    const panels: SpansPanel[] = [];
    for (const [method, title] of Object.entries(titles)) {
      const settings = paper.settings({
        ...shown,
        ...{ method, scale: setup.scale, fidelity: setup.fidelity, realData: setup.data !== "tiny" },
        ...(setup.settingItems === undefined ? {} : { items: setup.settingItems }),
      });
      const { interval } = settings;
      const steps = (layers + 1) * interval;
      let openings: Openings | null = null;
      if (method !== "fun") {
        const { fidelity, items, seeds: [seed] } = setup;
        const spec = { method, fidelity, ...(items ? { items } : {}), seed, hyperparameters: settings };
        openings = await traceSchedule(spec, layers, steps);
      } else {
        const [found] = finished(runs, shown);
        // tr(F) is taken from the run's log; without one its schedule is all there is.
        if (found !== undefined && found.selections.length === 0) openings = openingsOf(found.run, layers);
        else if (found !== undefined) {
          openings = await traceSchedule(found.spec, layers, steps, found.selections);
        }
      }
      const rows = Array.from({ length: layers }, (_, i) => layers - 1 - i);
      panels.push({
        kind: "spans",
        title,
        ...(openings === null ? { gap: noRun } : {}),
        x: {
          label: `update / k, k = ${interval}`,
          domain: [0, layers + 1],
          ticks: [0, 3, 6, 9, 12],
        },
        rows: openings === null ? [] : rows.map((layer) => {
          const at = openings[layer];
          return {
            label: `layer ${layer}`,
            from: at === null ? null : at / interval,
            ...(at === null ? {} : { mark: String(at) }),
          };
        }),
      });
      for (const layer of openings === null ? [] : rows) {
        records.push({ method, interval, layer, opens_before_update: openings![layer] });
      }
    }
    return {
      records,
      picture: {
        title: "Schedules as the selection of layers traces them",
        columns: 3,
        panels,
        legend: [],
        notes: [
          "A layer's task adapter trains from the beginning of its dark bar on, the update written there. The head always trains.",
          `${
            sideOf(setup, "schedule") === "paper"
              ? "Algorithm 1 as printed"
              : "Intervals as in the published code"
          }; c) is ${modelTitle(shown.model)} on MNLI, seed ${setup.seeds[0]}.`,
        ],
      },
    };
  },
};

const averaged: { method: string; title: string }[] = [
  { method: "gu", title: "GU" },
  { method: "fun", title: "FUN" },
];

export const figure5: Figure = {
  kind: "figure",
  id: "figure5",
  title: "averaged schedules of GU and FUN",
  needs: "runs of GU and FUN on all tasks, as for Table 1",
  requests: modelNames.flatMap((model) =>
    averaged.flatMap(({ method }) => tasks.map(({ id }): RunRequest => request(model, id, method)))
  ),
  draw({ paper, runs }) {
    const records: TableRecord[] = [];
    const panels = modelNames.map((model): CurvesPanel => {
      const { layers } = modelOf(paper, model).shape;
      const counts: string[] = [];
      const curves = averaged.flatMap(({ method, title }, style) => {
        const orders = finished(runs, { model, method }).map(({ run }) => orderOf(run));
        if (orders.length === 0) return [];
        counts.push(`${title} ${counted(orders.length, "run")}`);
        const averages = Array.from({ length: layers }, (_, position) => {
          const opened = orders.flatMap((order) => order[position] ?? []);
          return { position: position + 1, opened };
        }).filter(({ opened }) => opened.length > 0).map(({ position, opened }) => {
          const sd = standardDeviation(opened) ?? 0;
          return { position, layer: mean(opened), sd, runs: opened.length };
        });
        records.push(...averages.map((each) => ({ model, method, ...each })));
        // A band goes through places where all runs agree, as a line; left out, it would be drawn as wide as its neighbours.
        const isBanded = averages.some(({ sd }) => sd > 0);
        const points = averages.map(({ position, layer, sd }) => {
          return { x: position, y: layer, ...(isBanded ? { low: layer - sd, high: layer + sd } : {}) };
        });
        return [{ style, points }];
      });
      return {
        kind: "curves",
        title: `${modelTitle(model)}${counts.length > 0 ? ` (${counts.join(", ")})` : ""}`,
        ...(curves.length === 0 ? { gap: noRun } : {}),
        x: { label: "place in the order of unfreezing", domain: [1, layers], ticks: [1, 3, 6, 9, 12] },
        y: { label: "layer that opens", domain: [-0.5, layers - 0.5], ticks: [0, 3, 6, 9, 11] },
        curves,
      };
    });
    return {
      records,
      picture: {
        title: "Averaged unfreezing schedules for GU and FUN with different base models",
        columns: 2,
        panels,
        legend: averaged.map(({ title }, style) => ({ label: title, style, sample: "line" as const })),
        notes: ["Mean over tasks and seeds, band: one standard deviation."],
      },
    };
  },
};
