// Promises finished runs for figures, by hand: results, schedules and logs that follow from a few numbers by plain formulas.
// Leaves which runs a figure asks for to its declaration.
import {
  type Figure,
  type Paper,
  requestKey,
  type RunOfFigure,
  type Setup,
  wantedByFigure,
} from "../../repro/paper/mod.ts";
import type { FinishedRun } from "../../repro/runs/mod.ts";

export const setup = (changes: Partial<Setup> = {}): Setup => ({
  scale: "tiny",
  seeds: [1, 2],
  backend: "wasm",
  fidelity: "authors-code",
  data: "tiny",
  models: {
    mbert: { model: "mbert", revision: "m1" },
    xlmr: { model: "xlmr", revision: "x1" },
  },
  dataRevisions: { squad: "s1", xnli: "n1", copa: "c1" },
  ...changes,
});

/** What a fake run left; anything that is absent is as little as a run can leave. */
export interface Left {
  metrics?: Record<string, number>;
  schedule?: FinishedRun["schedule"];
  trace?: RunOfFigure["trace"];
  validation?: RunOfFigure["validation"];
  selections?: RunOfFigure["selections"];
}

/** All runs that a figure wants, those of them finished for which `left` gives something. */
export function runsFor(
  paper: Paper,
  figure: Figure,
  of: Setup,
  left: (wanted: { request: RunOfFigure["request"]; seed: number; number: number }) => Left | null,
): RunOfFigure[] {
  return wantedByFigure(paper, figure, of).map(({ request, spec }, number) => {
    const found = left({ request, seed: spec.seed, number });
    const run: FinishedRun | null = found && {
      id: requestKey(request),
      spec,
      metrics: found.metrics ?? {},
      schedule: found.schedule ?? [],
      provenance: {
        ...{ runtime: "fake", platform: "fake", backend: "wasm", device: "fake" },
        ...{ started: "", finished: "", seconds: 1, peakMemoryBytes: 1 },
      },
    };
    return {
      ...{ request, spec, run },
      trace: found?.trace ?? [],
      validation: found?.validation ?? [],
      selections: found?.selections ?? [],
    };
  });
}

/** Metrics of every language of every data set, all with one value a data set. */
export function allLanguages(paper: Paper, valueOf: (dataset: string) => number): Record<string, number> {
  return Object.fromEntries(
    paper.datasets.flatMap(({ id, languages, metrics }) =>
      languages.flatMap((language) => metrics.map((metric) => [`${id}/${language}/${metric}`, valueOf(id)]))
    ),
  );
}
