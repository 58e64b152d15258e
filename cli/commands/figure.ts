// Promises `repro figureN` for any figure of any paper: makes the runs it needs, draws it as SVG and PNG with its data beside it as
// CSV and JSON, and says what is missing. Leaves the figure to the paper's folder and drawing to repro/.
import { drawFigure, runsOfFigure } from "../../repro/figures/mod.ts";
import {
  fidelityWords,
  type Figure,
  gapOf,
  type Paper,
  type RunOfFigure,
  type RunRequest,
  type Setup,
  wantedByFigure,
} from "../../repro/paper/mod.ts";
import { renderCsv } from "../../repro/render/mod.ts";
import { type Panel } from "../../repro/render/picture.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { join, resolve, warn, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import type { Values } from "../ui/arguments.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { setupFor, setupOptions, warnOfGaps, withoutRuns } from "./setup.ts";

export const figureEndings = ["svg", "png", "csv", "json"] as const;

/** What must be at hand for a figure: that of its runs, and the models that it looks into. */
export function requestsOfFigure(paper: Paper, figure: Figure): RunRequest[] {
  const [{ task }] = paper.datasets;
  const looked = (figure.models ?? []).map((model): RunRequest => ({
    ...{ model, task, method: paper.baseline, adapter: "mad-x" },
  }));
  return [...figure.requests, ...looked];
}

export interface DrawnFiles {
  files: Record<(typeof figureEndings)[number], string | Uint8Array>;
  summary: Record<string, unknown>;
  /** For a terminal: what each panel shows, and what is missing. */
  lines: string[];
}

/** Draws what the store holds. */
export async function drawnFigure(
  paper: Paper,
  figure: Figure,
  setup: Setup,
  values: Values,
): Promise<DrawnFiles> {
  const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
  const runs = await runsOfFigure(store, paper, figure, setup);
  const { picture, records, missing } = await drawFigure(paper, figure, setup, runs);
  const summary = {
    figure: figure.id,
    title: picture.title,
    scale: setup.scale,
    fidelity: fidelityWords(setup),
    backend: setup.backend,
    runs: { finished: runs.filter(({ run }) => run !== null).length, needed: runs.length },
    sources: runs.flatMap(({ run, request }) => run === null ? [] : [{ run: run.id, ...request }]),
    missing,
    notes: picture.notes,
    records,
  };
  // Libraries of pictures are loaded only to draw one.
  const { renderPicture } = await import("../../repro/render/picture-svg.ts");
  const { renderPng } = await import("../../repro/render/png.ts");
  const svg = renderPicture(picture, shortened(missing));
  return {
    files: {
      svg,
      png: renderPng(svg),
      csv: renderCsv(records),
      json: JSON.stringify(summary, null, 2) + "\n",
    },
    summary,
    lines: [
      `${figure.id} · ${picture.title} · scale ${setup.scale}${runsText(runs)}`,
      ...picture.panels.map((panel) => `  ${panel.title}: ${panelText(panel)}`),
      ...shortened(missing).map((line) => `  ${line}`),
    ],
  };
}

/** Long lists are cut in a picture and on a terminal; the data hold them whole. */
function shortened(lines: readonly string[]): string[] {
  const most = 8;
  if (lines.length <= most) return [...lines];
  return [
    ...lines.slice(0, most - 1),
    `… and ${lines.length - most + 1} more kinds of runs, all in the JSON`,
  ];
}

const runsText = (runs: readonly RunOfFigure[]) =>
  runs.length === 0
    ? ""
    : `, ${runs.filter(({ run }) => run !== null).length} of ${runs.length} runs in the store`;

function panelText(panel: Panel): string {
  if (panel.gap !== undefined) return `gap, ${panel.gap}`;
  const of = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
  switch (panel.kind) {
    case "curves":
      return of(panel.curves.length, "curve");
    case "bars": {
      const bars = panel.groups.flatMap(({ bars }) => bars);
      const gaps = bars.filter(({ value }) => value === null).length;
      return `${of(bars.length - gaps, "bar")}${gaps > 0 ? `, ${of(gaps, "gap")}` : ""}`;
    }
    case "spans":
      return of(panel.rows.length, "layer");
    case "diagram":
      return `${panel.boxes.length} boxes`;
  }
}

/** Writes a figure's files into a folder and returns their names. */
export async function writeFigure(name: string, { files }: DrawnFiles, folder: string): Promise<string[]> {
  const paths = figureEndings.map((ending) => join(folder, `${name}.${ending}`));
  for (const [i, ending] of figureEndings.entries()) await writeAtomic(paths[i], files[ending]);
  return paths;
}

export function figureCommandOf(name: string, paper: Paper, figure: Figure): Command {
  const makesRuns = figure.requests.length > 0;
  const unused = makesRuns ? /^--(rows|columns|training-size)/ : /^--(rows|columns|training-size|store|jobs)/;
  const place = name.replaceAll("/", "-");
  return {
    name,
    summary: `${figure.title}, as a picture with its data`,
    options: [
      ...setupOptions([paper], String(figure.seeds ?? 4)).filter(({ flag }) => !unused.test(flag)),
      ...(makesRuns
        ? [{ flag: "--draw", help: "make no runs: draw what the store holds, with gaps" }]
        : withoutRuns),
      { flag: "--json", help: "its data as one JSON object on standard output" },
      {
        flag: "--out <place>",
        help: `a folder for ${place}.svg, .png, .csv and .json, or one such file (default .repro/figures)`,
      },
    ],
    async run(values) {
      const { setup } = await setupFor(values, paper, requestsOfFigure(paper, figure));
      // As many seeds as were asked for; the default is what the figure needs.
      const asked: Figure = { ...figure, seeds: undefined };
      let interrupted = false, failed = 0;
      if (!values.draw) warnOfGaps(paper, setup, figure.requests);
      const specs = wantedByFigure(paper, asked, setup).map(({ spec }) => spec);
      if (!values.draw && specs.length > 0) ({ interrupted, failed } = await makeRuns(specs, values));
      const drawn = await drawnFigure(paper, asked, setup, values);
      const out = String(values.out ?? join(".repro", "figures"));
      const ending = figureEndings.find((each) => out.endsWith(`.${each}`));
      let written = [out];
      if (ending === undefined) written = await writeFigure(place, drawn, resolve(out));
      else await writeAtomic(resolve(out), drawn.files[ending]);
      if (values.json) writeOutput(String(drawn.files.json));
      else writeOutput([...drawn.lines, ...written.map((path) => `  written: ${path}`)].join("\n") + "\n");
      if (interrupted) return 130;
      if (failed > 0) {
        warn(`${failed} runs failed: their parts are missing; the same command tries them again`);
        return 1;
      }
      return 0;
    },
  };
}

/** Why some of a figure's runs cannot be made. */
export const gapsOfFigure = (paper: Paper, figure: Figure, setup: Setup): string[] => [
  ...new Set(figure.requests.flatMap((request) => gapOf(paper, setup, request) ?? [])),
];
