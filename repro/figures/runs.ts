// Promises the runs behind a figure with all that they logged, which of them are missing, and the figure drawn from them.
// Leaves which runs a figure needs to the papers and making them to launch/.
import {
  capital,
  type Figure,
  gapOf,
  modelOf,
  type Paper,
  requestWords,
  type RunOfFigure,
  scaleWords,
  type Setup,
  wantedByFigure,
} from "../paper/mod.ts";
import type { DrawnFigure } from "../render/picture.ts";
import type { LogLine, RunStore } from "../runs/mod.ts";
import { runId } from "../spec/mod.ts";
import { openArchitecture } from "./open.ts";

const numbers = (lines: readonly LogLine[], field: string) =>
  lines.flatMap(({ step, [field]: value }) => typeof value === "number" ? [{ step, value }] : []);

/** Everything a figure asks for; what is not in the store has run null. */
export async function runsOfFigure(
  store: RunStore,
  paper: Paper,
  figure: Figure,
  setup: Setup,
): Promise<RunOfFigure[]> {
  return await Promise.all(
    wantedByFigure(paper, figure, setup).map(async ({ request, spec }) => {
      const run = await store.finished(await runId(spec));
      const [trf, validation] = run === null
        ? [[], []]
        : await Promise.all([store.log(run.id, "trf"), store.log(run.id, "validation")]);
      return {
        request,
        spec,
        run,
        trace: numbers(trf.filter(({ kind }) => kind === "tracking"), "average"),
        validation: numbers(validation, "score"),
        selections: trf.flatMap(({ step, layers }) =>
          Array.isArray(layers) ? [{ step, layers: layers as number[] }] : []
        ),
      };
    }),
  );
}

/** Which runs would fill the gaps, one line a kind of run, and why some cannot be made. */
export function missingLines(
  paper: Paper,
  figure: Figure,
  setup: Setup,
  runs: readonly RunOfFigure[],
): string[] {
  const missing = new Map<string, number[]>();
  for (const { request, spec, run } of runs) {
    if (run !== null) continue;
    const words = requestWords(request);
    missing.set(words, [...missing.get(words) ?? [], spec.seed]);
  }
  const gaps = new Set([
    ...figure.requests.flatMap((request) => gapOf(paper, setup, request) ?? []),
    ...(figure.models ?? []).flatMap((model) =>
      setup.models[model] === undefined ? gapOfModel(paper, setup, model) : []
    ),
  ]);
  return [
    ...[...missing].map(([words, seeds]) =>
      `missing: ${words} (seed${seeds.length > 1 ? "s" : ""} ${seeds.join(" ")})`
    ),
    ...[...gaps].map((gap) => `gap: ${gap}`),
  ];
}

const gapOfModel = (paper: Paper, setup: Setup, model: string): string =>
  gapOf(paper, setup, { model, task: "xnli", method: "", adapter: "mad-x" }) ?? modelOf(paper, model).title;

/** Draws a figure. Its first note says what runs at this scale can tell: pictures are shown without their command. */
export async function drawFigure(
  paper: Paper,
  figure: Figure,
  setup: Setup,
  runs: readonly RunOfFigure[],
): Promise<DrawnFigure & { missing: string[] }> {
  const { picture, records } = await figure.draw({
    paper,
    setup,
    runs,
    async architecture(id) {
      const { task } = paper.datasets[0];
      const settings = paper.settings({
        ...{ model: id, task, method: paper.baseline, adapter: "mad-x" },
        ...{ scale: setup.scale, fidelity: setup.fidelity, realData: setup.data !== "tiny" },
      });
      return await openArchitecture(setup.models[id].model, setup.data, settings);
    },
  });
  const notes = [capital(scaleWords(paper, setup)), ...picture.notes];
  return { picture: { ...picture, notes }, records, missing: missingLines(paper, figure, setup, runs) };
}
