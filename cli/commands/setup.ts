// Promises the options that every command about runs shares, and the setup they describe, with the hashes of all that runs read.
// Leaves what is done with it to the commands and which runs there are to repro/paper.
import {
  type Choice,
  evaluations,
  gapOf,
  languagesOf,
  notAtHand,
  type Paper,
  requestsOf,
  type ResultTable,
  type RunRequest,
  type Setup,
  type SetupModel,
} from "../../repro/paper/mod.ts";
import { NotFetchedError } from "../../repro/fetch/locate.ts";
import { warn } from "../../repro/runtime.ts";
import { backends, scales, type TaskName } from "../../repro/spec/mod.ts";
import { resolveBackend } from "../../repro/training/backend.ts";
import { identifyAdapters, identifyModel, taskRevision } from "../../repro/training/identify.ts";
import type { OptionSpec, Values } from "../ui/arguments.ts";
import { fidelityHelp, readFidelity } from "../ui/fidelity.ts";
import { dataPlace, modelPlace } from "../ui/places.ts";
import { listOf, oneOf, seedsOf, UsageError, wholeNumber } from "../ui/usage.ts";

export const setupOptions = (papers: readonly Paper[], seeds = "4"): OptionSpec[] => {
  const models = new Map(papers.flatMap(({ models }) => models).map((model) => [model.id, model]));
  return [
    { flag: "--scale <scale>", help: `${scales.join(", ")}`, default: "tiny" },
    { flag: "--seeds <seeds>", help: "how many (4 = seeds 1 to 4), or a list: 2,5", default: seeds },
    { flag: "--rows <rows>", help: "only these, comma-separated: mbert, xlmr/gu, …" },
    { flag: "--columns <columns>", help: "only these: xquad, xnli/average, …" },
    { flag: "--backend <backend>", help: `auto, ${backends.join(", ")}`, default: "auto" },
    {
      flag: "--fidelity <fidelity>",
      help: fidelityHelp,
      default: "authors-code",
    },
    {
      flag: "--data-root <folder>",
      help: "real data; default: the tiny world at scale tiny, else what repro fetch brought",
    },
    ...[...models.values()].map(({ id, title, tiny }) => ({
      flag: `--${id} <model>`,
      help:
        `folder, Hub id or fetched name of the ${title} encoder, with #choice for other language adapters (default: ${
          tiny === undefined ? "none at scale tiny" : "the tiny world's at scale tiny"
        }, else the pinned one)`,
    })),
    { flag: "--training-size <n>", help: "training examples at scale low-data" },
    {
      flag: "--languages <codes>",
      help:
        "score in these only, comma-separated: cells of others are gaps, and their adapters are not needed",
    },
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
    {
      flag: "--jobs <n>",
      help: "processes side by side (default: cores, as far as memory goes; 1 on webgpu)",
    },
    {
      flag: "--micro-batch <n>",
      help: "examples on the device at a time; batches and the runs' ids stay as they are",
    },
  ];
};

/** Taken by targets without runs as by all others, so that one command line fits every target. */
export const withoutRuns: readonly OptionSpec[] = [
  { flag: "--draw", help: "taken as everywhere; changes nothing: no runs are made here" },
  { flag: "--store <folder>", help: "taken as everywhere; changes nothing: no run is read here" },
];

/** Those of the shared options whose names are given. */
export const someOptions = (
  papers: readonly Paper[],
  names: readonly string[],
  seeds?: string,
): OptionSpec[] =>
  setupOptions(papers, seeds).filter(({ flag }) => names.some((name) => flag.startsWith(`--${name}`)));

/** Those that say which runs are meant, for every model of the papers; and some more. */
export const runOptions = (papers: readonly Paper[], ...more: readonly string[]): OptionSpec[] =>
  someOptions(papers, [
    ...["scale", "seeds", "backend", "fidelity", "languages", "data-root", "store"],
    ...papers.flatMap(({ models }) => models.map(({ id }) => id)),
    ...more,
  ]);

/** Rows and columns that were asked for. */
export function choiceOf(values: Values, table: ResultTable): Required<Choice> {
  return {
    rows: listOf("row", values.rows, table.rows.map(({ id }) => id)),
    columns: listOf("column", values.columns, table.columns.map(({ id }) => id)),
  };
}

export interface Prepared {
  setup: Setup;
  /** Why this backend. */
  reason: string;
}

/**
 * The setup for the runs that some tables ask for. A model that is not at hand is left out; its cells are gaps. With
 * `provisional`, models and data that are not at hand get names that no run can have, so that runs can be counted.
 * `beside`: requests whose finished runs are looked at too; nothing is missed where their models or data are not at hand.
 */
export async function setupFor(
  values: Values,
  paper: Paper,
  requests: readonly RunRequest[],
  options: { mutant?: string; provisional?: boolean; beside?: readonly RunRequest[] } = {},
): Promise<Prepared> {
  const scale = oneOf("scale", values.scale ?? "tiny", scales);
  const seeds = seedsOf(values.seeds ?? "4");
  const { fidelity, items, settingItems } = readFidelity(
    values.fidelity ?? "authors-code",
    paper.settingItems,
  );
  const choice = oneOf("backend", values.backend ?? "auto", ["auto", ...backends] as const);
  const { provisional = false, beside = [] } = options;
  const data = dataPlace(values["data-root"], scale);
  const models: Record<string, SetupModel> = {};
  const languages = languagesFrom(values, paper);
  const absent: string[] = [];
  const used = new Set(requests.map(({ model }) => model));
  for (const { id, tiny, hub } of paper.models.filter(({ id }) => used.has(id))) {
    const given = values[id];
    const read = languagesOf(paper, [...requests, ...beside], id);
    let found: SetupModel | null = null;
    if (given !== undefined) found = await identifyModel(modelPlace(given, paper), data, read);
    else if (scale === "tiny") found = tiny === undefined ? null : await identifyModel(tiny, data, read);
    else {
      found = await ifFetched(() => identifyModel(hub, data, read), (why) => absent.push(why));
      if (found === null && provisional) {
        found = { model: hub, revision: notAtHand, ...await identifyAdapters(hub, read) };
      }
    }
    if (found === null) continue;
    models[id] = provisional && found.adapters !== undefined
      ? {
        ...found,
        adapters: { ...Object.fromEntries(read.map((code) => [code, notAtHand])), ...found.adapters },
      }
      : found;
  }
  if (Object.keys(models).length === 0 && scale !== "tiny" && used.size > 0) {
    throw new UsageError(
      `--scale ${scale} needs the real encoders: ${absent.join("; ")}; or give ${
        [...used].map((id) => `--${id} FOLDER`).join(" ")
      }`,
    );
  }
  const besideModels = new Set(beside.map(({ model }) => model).filter((model) => !used.has(model)));
  for (const { id, tiny, hub } of paper.models.filter(({ id }) => besideModels.has(id))) {
    const model = values[id] !== undefined ? modelPlace(values[id], paper) : scale === "tiny" ? tiny : hub;
    const read = languagesOf(paper, beside, id);
    const found = model === undefined ? null : await orNull(() => identifyModel(model, data, read));
    if (found !== null) models[id] = found;
  }
  const { name: backend, reason } = await resolveBackend(choice);
  const dataRevisions: Partial<Record<TaskName, string>> = {};
  for (const task of new Set(requests.map(({ task }) => task))) {
    const revision = () => taskRevision(data, task, evaluations(paper, task, languages));
    dataRevisions[task] = provisional ? await ifFetched(revision) ?? notAtHand : await revision();
  }
  for (const { task } of beside) {
    dataRevisions[task] ??= await orNull(() =>
      taskRevision(data, task, evaluations(paper, task, languages))
    ) ?? notAtHand;
  }
  return {
    reason,
    setup: {
      scale,
      seeds,
      backend,
      fidelity,
      ...(Object.keys(items).length > 0 ? { items } : {}),
      ...(Object.keys(settingItems).length > 0 ? { settingItems } : {}),
      data,
      ...(values["training-size"]
        ? { trainingSize: wholeNumber("training-size", values["training-size"], 1) }
        : {}),
      models,
      ...(languages === undefined ? {} : { languages }),
      dataRevisions,
      ...(options.mutant ? { mutant: options.mutant } : {}),
    },
  };
}

/** The setup for one table, with the rows and columns that were asked for; the whole table is judged where it is at hand. */
export async function setupForTable(
  values: Values,
  paper: Paper,
  table: ResultTable,
  options: { mutant?: string } = {},
): Promise<Prepared & { choice: Required<Choice> }> {
  // A wrong word is refused before any file is read.
  oneOf("scale", values.scale ?? "tiny", scales);
  const choice = choiceOf(values, table);
  const prepared = await setupFor(values, paper, requestsOf(paper, table, choice), {
    ...options,
    beside: requestsOf(paper, table),
  });
  return { ...prepared, choice };
}

/** Says which of the requests cannot become runs, before hours are spent on the others. */
export function warnOfGaps(paper: Paper, setup: Setup, requests: readonly RunRequest[]): void {
  for (const gap of new Set(requests.flatMap((each) => gapOf(paper, setup, each) ?? []))) {
    warn(`no run: ${gap}`);
  }
}

/** Languages to score in, as they were given; undefined: all. */
export function languagesFrom(values: Values, paper: Paper): string[] | undefined {
  if (values.languages === undefined) return undefined;
  return listOf("language", values.languages, [...new Set(paper.datasets.flatMap((each) => each.languages))]);
}

/** null where something is not at hand, for whatever reason: it is only looked at where it is there. */
async function orNull<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch {
    return null;
  }
}

/** null, with the reason, where something was not fetched yet; any other trouble is thrown. */
async function ifFetched<T>(
  work: () => Promise<T>,
  onAbsent?: (why: string) => void,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NotFetchedError)) throw error;
    onAbsent?.(error.message);
    return null;
  }
}
