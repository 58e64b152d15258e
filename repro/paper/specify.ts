// Promises the runs behind a table: which requests its cells make, and the specification of each, for any paper.
// Leaves finding out the hashes of models and data to the caller and the paper's settings to its folder.
import {
  type BackendName,
  type Fidelity,
  type FidelityChoices,
  languagesRead,
  numericsVersion,
  type RunSpec,
  type Scale,
  type TaskName,
} from "../spec/mod.ts";
import { adaptersGap } from "./adapters.ts";
import type { Figure } from "./figure.ts";
import type { Paper, PaperModel, ResultColumn, ResultRow, ResultTable, RunRequest } from "./paper.ts";

export interface SetupModel {
  model: string;
  revision: string;
  adapters?: Readonly<Record<string, string>>;
  /** Where they are looked for. */
  adaptersFolder?: string;
}

/** What the user and the machine decide about every run of a command. */
export interface Setup {
  scale: Scale;
  seeds: readonly number[];
  backend: BackendName;
  fidelity: Fidelity;
  /** Single items that follow the other side: those that act in a run, and those of the paper's settings. */
  items?: FidelityChoices;
  settingItems?: Readonly<Record<string, Fidelity>>;
  /** "tiny" or the folder of a data root. */
  data: string;
  /** Training examples at scale low-data, where the table does not say. */
  trainingSize?: number;
  /**
   * What stands for each of the paper's models, with the hash of its files and of the language adapters at hand (absent: it brings its
   * own); absent: there is none at hand.
   */
  models: Readonly<Record<string, SetupModel>>;
  /** Languages to score in; all of the paper's when absent. */
  languages?: readonly string[];
  dataRevisions: Readonly<Partial<Record<TaskName, string>>>;
  /** A deliberate fault, for testing that the checks notice it. */
  mutant?: string;
}

/** Whom a setup's runs follow, as --fidelity takes it: "authors-code,fisher-label=paper". */
export const fidelityWords = ({ fidelity, items, settingItems }: Setup): string =>
  [fidelity, ...Object.entries({ ...items, ...settingItems }).map(([item, side]) => `${item}=${side}`)]
    .join();

/** Where models and data come from that stand for the paper's. */
export function sourceWords(paper: Paper, { models, data }: Pick<Setup, "models" | "data">): string {
  const given = paper.models.flatMap(({ id, title, hub }) => {
    const model = models[id]?.model;
    return model === undefined || model === hub ? [] : [`${title} from ${model}`];
  });
  return `the paper's settings; ${given.length === 0 ? "its own models" : `models: ${given.join(", ")}`}; ${
    data === "fetched" ? "data as published" : `data from ${data}`
  }`;
}

/** What runs of a setup can tell, for whoever sees a number or a curve without its command. */
export function scaleWords(paper: Paper, setup: Pick<Setup, "scale" | "models" | "data">): string {
  const { scale, data } = setup;
  if (scale === "tiny") {
    const made = data === "tiny"
      ? ": a small world made by this project, with encoders of its own"
      : ` on real data from ${data}: short training`;
    return `scale tiny${made}; nothing here confirms or refutes the paper.`;
  }
  const fewer = scale === "low-data" ? "few training examples; " : "";
  return `scale ${scale}: ${fewer}${sourceWords(paper, setup)}.`;
}

export const modelOf = (paper: Paper, id: string): PaperModel => {
  const found = paper.models.find((model) => model.id === id);
  if (!found) {
    throw new Error(`${paper.id}: it has no model "${id}"; ${paper.models.map((m) => m.id).join(", ")}`);
  }
  return found;
};

export const datasetOf = (paper: Paper, id: string) => {
  const found = paper.datasets.find((dataset) => dataset.id === id);
  if (!found) throw new Error(`${paper.id}: it has no data set "${id}"`);
  return found;
};

/** The languages of a column's data set without English: those that an average is over. */
export const targetsOf = (paper: Paper, { dataset }: Pick<ResultColumn, "dataset">): string[] =>
  datasetOf(paper, dataset).languages.filter((language) => language !== "en");

/** Languages whose test sets a column's number is counted over. */
export function countedLanguages(
  paper: Paper,
  column: Pick<ResultColumn, "dataset" | "pick">,
  lowest: string | undefined,
): string[] {
  if (column.pick === "average") return targetsOf(paper, column);
  return [column.pick === "lowest" ? lowest! : column.pick];
}

/**
 * Data sets that a task's runs are evaluated on: all of them, whatever is shown, so that a run serves every table; in all of the
 * paper's languages, or only in those that are given.
 */
export function evaluations(
  paper: Paper,
  task: TaskName,
  only?: readonly string[],
): RunSpec["evaluate"] {
  return Object.fromEntries(
    paper.datasets.filter((dataset) => dataset.task === task)
      .map(({ id, languages }) => [id, languages.filter((each) => only?.includes(each) ?? true)] as const)
      .filter(([, languages]) => languages.length > 0),
  );
}

export function requestOf(paper: Paper, row: ResultRow, column: ResultColumn): RunRequest {
  return {
    model: row.model,
    task: datasetOf(paper, column.dataset).task,
    method: row.method,
    adapter: row.adapter ?? "mad-x",
    ...(column.trainingSize === undefined ? {} : { trainingSize: column.trainingSize }),
  };
}

export const requestKey = (request: RunRequest): string =>
  [
    ...[request.model, request.task, request.method, request.adapter, request.trainingSize ?? "all"],
    ...(request.tracked ? ["tracked"] : []),
  ].join(" ");

/** "mbert xnli gu lora with 1000 examples": what is usual goes without saying. */
export function requestWords({ model, task, method, adapter, trainingSize, tracked }: RunRequest): string {
  const size = trainingSize === undefined ? "" : ` with ${trainingSize} examples`;
  const kind = adapter === "mad-x" ? "" : ` ${adapter}`;
  return `${model} ${task} ${method}${kind}${size}${tracked ? ", tr(F) tracked" : ""}`;
}

/** Why a request cannot become a run in this setup, or undefined when it can. */
export function gapOf(paper: Paper, setup: Setup, request: RunRequest): string | undefined {
  const { model } = request;
  if (setup.models[model] !== undefined) return adaptersGap(paper, setup, request);
  const { title, noTiny } = modelOf(paper, model);
  if (setup.scale === "tiny") return noTiny ?? `no ${title} encoder was given`;
  return `no ${title} encoder was given: --${model} FOLDER`;
}

/** The specification of one run. Throws where there is a gap. */
export function specify(paper: Paper, setup: Setup, request: RunRequest, seed: number): RunSpec {
  const gap = gapOf(paper, setup, request);
  if (gap !== undefined) throw new Error(gap);
  const { fidelity, data } = setup;
  const { model, revision, adapters } = setup.models[request.model];
  const evaluate = evaluations(paper, request.task, setup.languages);
  const read = adapters === undefined ? [] : languagesRead({ ...request, evaluate });
  const size = request.trainingSize ?? (setup.scale === "low-data" ? setup.trainingSize : undefined);
  // Reduced data are the same runs whether a table of them or the whole paper is asked for.
  const scale = setup.scale === "paper" && request.trainingSize !== undefined ? "low-data" : setup.scale;
  return {
    format: 1,
    scale,
    model,
    modelRevision: revision,
    task: request.task,
    data,
    dataRevision: setup.dataRevisions[request.task]!,
    method: request.method,
    adapter: request.adapter,
    seed,
    fidelity,
    ...(Object.keys(setup.items ?? {}).length > 0 ? { items: setup.items } : {}),
    backend: setup.backend,
    numericsVersion,
    hyperparameters: paper.settings({
      ...request,
      scale,
      fidelity,
      ...(setup.settingItems === undefined ? {} : { items: setup.settingItems }),
      ...(size === undefined ? {} : { trainingSize: size }),
      realData: data !== "tiny",
    }),
    evaluate,
    ...(read.length === 0
      ? {}
      : { languageAdapters: Object.fromEntries(read.map((code) => [code, adapters![code]])) }),
    ...(setup.mutant ? { mutant: setup.mutant } : {}),
  };
}

/** Rows and columns of a table that are wanted; all of them when absent. */
export interface Choice {
  rows?: readonly string[];
  columns?: readonly string[];
}

export const chosenRows = (table: ResultTable, { rows }: Choice): ResultRow[] =>
  table.rows.filter(({ id }) => rows === undefined || rows.includes(id));
export const chosenColumns = (table: ResultTable, { columns }: Choice): ResultColumn[] =>
  table.columns.filter(({ id }) => columns === undefined || columns.includes(id));
/** The distinct requests of a table's cells, column by column. */
export function requestsOf(paper: Paper, table: ResultTable, choice: Choice = {}): RunRequest[] {
  const found = new Map<string, RunRequest>();
  for (const column of chosenColumns(table, choice)) {
    for (const row of chosenRows(table, choice)) {
      const request = requestOf(paper, row, column);
      found.set(requestKey(request), found.get(requestKey(request)) ?? request);
    }
  }
  return [...found.values()];
}

/** A run with what asked for it. */
export interface Wanted {
  request: RunRequest;
  spec: RunSpec;
}

/** The runs behind the chosen cells, seed by seed; requests with a gap are left out. */
export function wantedRuns(paper: Paper, table: ResultTable, setup: Setup, choice: Choice = {}): Wanted[] {
  return runsFor(paper, requestsOf(paper, table, choice), setup);
}

/** The runs that chosen cells are judged by: their own, and those of the table's other cells as far as they are possible. */
export function judgedRuns(paper: Paper, table: ResultTable, setup: Setup, choice: Choice = {}): Wanted[] {
  const chosen = wantedRuns(paper, table, setup, choice);
  const own = new Set(chosen.map(({ request }) => requestKey(request)));
  const others = requestsOf(paper, table).filter((request) => !own.has(requestKey(request)));
  return [
    ...chosen,
    ...others.flatMap((request) => {
      try {
        return runsFor(paper, [request], setup);
      } catch {
        return []; // The paper has no settings for it here.
      }
    }),
  ];
}

/** The runs behind a figure, as `wantedRuns`; with the first of the setup's seeds where the figure needs no more. */
export function wantedByFigure(paper: Paper, figure: Figure, setup: Setup): Wanted[] {
  return runsFor(paper, figure.requests, { ...setup, seeds: setup.seeds.slice(0, figure.seeds) });
}

function runsFor(paper: Paper, requests: readonly RunRequest[], setup: Setup): Wanted[] {
  const possible = requests.filter((request) => gapOf(paper, setup, request) === undefined);
  return setup.seeds.flatMap((seed) =>
    possible.map((request) => ({ request, spec: specify(paper, setup, request, seed) }))
  );
}
