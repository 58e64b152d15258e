// Promises where each model, adapter and data set of this paper comes from, pinned by commit and digest as well as public sources
// allow (pins.json says how well), and which of them a table or a figure needs. Leaves downloading to repro/fetch.
import {
  type Evidence,
  type FileSet,
  type Origin,
  parseHubId,
  type PinnedFile,
} from "../../repro/fetch/wanted.ts";
import type { Download } from "../../repro/paper/mod.ts";
import { encoderParameters, languageAdapterParameters } from "../../repro/plan/parameters.ts";
import type { TaskName } from "../../repro/spec/mod.ts";
import { figures } from "./figures/mod.ts";
import { printed } from "./printed.ts";
import { datasets as evaluated, models as shapes } from "./world.ts";
import pins from "./pins.json" with { type: "json" };

interface Side {
  repo?: string;
  revision?: string;
  evidence: Evidence;
  files: PinnedFile[];
  note?: string;
}

const models = pins.models as Record<string, Required<Omit<Side, "note">> & { note?: string }>;
const datasets = pins.datasets as Record<string, { original?: Side; hub?: Side }>;
const adapters = pins.adapters as Record<string, {
  model: string;
  evidence: Evidence;
  base: string;
  choices: Record<string, { language: string; url: string; sha256: string; nonLinearity: string }[]>;
}>;

const modelSet = (short: string): FileSet => {
  const { repo, revision, evidence, files, note } = models[short];
  return { id: short, kind: "model", repo: { type: "model", name: repo, revision }, files, evidence, note };
};

function datasetSet(id: string, origin: Origin): FileSet {
  const side = datasets[id][origin] ?? datasets[id].original ?? datasets[id].hub!;
  const { repo, revision, evidence, files, note } = side;
  return {
    id,
    kind: "dataset",
    ...(repo === undefined ? {} : { repo: { type: "dataset", name: repo, revision: revision! } }),
    files,
    evidence,
    note,
  };
}

/** Wikipedia in every language of the paper; what public sources do not list is listed on the Hub, at the same commit. */
const wikipedia = datasets["wikipedia-it"].hub!;
const listed = new Map(
  [...new Set(evaluated.flatMap(({ languages }) => languages))]
    .map((language): [string, FileSet] => [`wikipedia-${language}`, {
      id: `wikipedia-${language}`,
      kind: "dataset",
      repo: { type: "dataset", name: wikipedia.repo!, revision: wikipedia.revision! },
      files: null,
      folder: `20231101.${language}`,
      evidence: wikipedia.evidence,
    }])
    .filter(([id]) => !Object.hasOwn(datasets, id)),
);

/**
 * Language adapters from AdapterHub. "default" is what the name "<language>/wiki@ukp" stands for; the paper does not say which
 * mBERT files it used: "nd" and "wd" are the GELU ones, "relu" those that exist with ReLU (Figure 6 says ReLU).
 */
function adapterSet(encoder: string, choice: string): FileSet {
  const { model, evidence, base, choices } = adapters[encoder];
  return {
    id: adapterId(encoder, choice),
    kind: "adapter",
    files: choices[choice].map(({ language, url, sha256, nonLinearity }) => ({
      path: `adapters/${model}/${choice}/${language}.zip`,
      urls: [base + url],
      sha256,
      evidence,
      note: nonLinearity,
    })),
    evidence,
  };
}

const adapterId = (encoder: string, choice: string) =>
  `${encoder}-adapters${choice === "default" ? "" : `-${choice}`}`;

/** Training data of a task, beside the data sets that it is evaluated on. */
const trainedOn: Record<TaskName, readonly string[]> = { squad: ["squad"], xnli: ["mnli"], copa: ["copa"] };

/** What runs with some models and tasks read: weights, language adapters where they are published, data. */
function needsOf(models_: Iterable<string>, tasks: Iterable<TaskName>): string[] {
  const models = [...new Set(models_)].flatMap((model) => [
    model,
    ...(Object.hasOwn(adapters, model) ? [adapterId(model, "default")] : []),
  ]);
  const data = [...new Set(tasks)].flatMap((task) => [
    ...trainedOn[task],
    ...evaluated.filter((each) => each.task === task).map(({ id }) => id),
  ]);
  return [...new Set([...models, ...data])];
}

interface Target {
  models: readonly string[];
  tasks: readonly TaskName[];
  /** Models of which its runs read language adapters. */
  adapted: readonly string[];
}

/** What each table of results, the table that counts the data, and each figure needs. */
const targets: Record<string, Target> = Object.fromEntries([
  ...printed.allResults.map(({ table, rows, columns }) => [table, {
    models: rows.map(({ model }) => model),
    tasks: columns.map(({ dataset }) => evaluated.find(({ id }) => id === dataset)!.task),
    adapted: rows.filter(({ method }) => method !== "full").map(({ model }) => model),
  }]),
  ["table5", { models: [], tasks: printed.text("table5").rows.map(({ task }) => task), adapted: [] }],
  ...figures.map(({ id, requests, models = [] }) => [id, {
    models: [...requests.map(({ model }) => model), ...models],
    tasks: requests.map(({ task }) => task),
    adapted: requests.filter(({ adapter }) => adapter !== "full").map(({ model }) => model),
  }]),
]);

/** Everything that can be named, in the order of help. */
export const fetchNames: readonly string[] = [
  ...Object.keys(targets),
  ...Object.keys(models),
  ...Object.entries(adapters).flatMap(([encoder, { choices }]) =>
    Object.keys(choices).sort().map((choice) => adapterId(encoder, choice))
  ),
  ...Object.keys(datasets),
  ...listed.keys(),
  "all",
];

function one(word: string, origin: Origin): FileSet[] | null {
  if (word === "all") {
    const usual = fetchNames.filter((name) =>
      !(name in targets) && name !== "all" && !/-adapters-/.test(name) && !listed.has(name)
    );
    return usual.flatMap((name) => one(name, origin)!);
  }
  if (word in targets) {
    return needsOf(targets[word].models, targets[word].tasks).flatMap((name) => one(name, origin)!);
  }
  if (word in models) return [modelSet(word)];
  if (word in datasets) return [datasetSet(word, origin)];
  if (listed.has(word)) return [listed.get(word)!];
  for (const [encoder, { model, choices }] of Object.entries(adapters)) {
    for (const choice of Object.keys(choices)) {
      const long = adapterId(encoder, choice).replace(encoder, model);
      if (word === adapterId(encoder, choice) || word === long) return [adapterSet(encoder, choice)];
    }
  }
  const hub = parseHubId(word);
  if (hub === null) return null;
  const pinned = Object.keys(models).find((short) =>
    models[short].repo === hub.name && (hub.revision ?? models[short].revision) === models[short].revision
  );
  if (pinned !== undefined) return [modelSet(pinned)];
  return [{
    id: word,
    kind: "model",
    repo: { type: "model", name: hub.name, revision: hub.revision ?? "main" },
    files: null,
    evidence: "none",
  }];
}

/** The file sets behind the words after `repro fetch`, each once; null for a word that names nothing. */
export function fetchSets(words: readonly string[], origin: Origin): Map<string, FileSet[] | null> {
  const seen = new Set<string>();
  return new Map(words.map((word) => {
    const sets = one(word, origin)?.filter(({ id }) => !seen.has(id) && seen.add(id)) ?? null;
    return [word, sets];
  }));
}

/** Bytes of a file of weights that no source states, at 4 bytes a parameter; null where no widths are known, or it holds none. */
function estimated({ id, kind }: FileSet, { path }: PinnedFile): number | null {
  const shape = shapes.find((model) => id === model.id || id.startsWith(`${model.id}-adapters`))?.shape;
  if (shape === undefined) return null;
  if (kind === "adapter") return 4 * languageAdapterParameters(shape);
  return /\.(safetensors|bin)$/.test(path) ? 4 * encoderParameters(shape) : null;
}

/** Languages in which a choice of AdapterHub's adapters exists for a model of the Hub; null where there are none. */
export function publishedAdapters(repo: string, choice: string) {
  const encoder = Object.keys(adapters).find((each) => models[each].repo === repo);
  const known = encoder === undefined ? undefined : adapters[encoder].choices[choice];
  return known === undefined
    ? null
    : { name: adapterId(encoder!, choice), languages: known.map(({ language }) => language) };
}

/** What a fetch of tables and figures leaves to be trained: language adapters that nobody publishes. */
export function fetchNotes(words: readonly string[]): string[] {
  const missing = new Map<string, Set<string>>();
  for (const word of words.flatMap((each) => each === "all" ? Object.keys(targets) : each)) {
    const { adapted, tasks } = targets[word] ?? { adapted: [], tasks: [] };
    const languages = evaluated.filter(({ task }) => tasks.includes(task)).flatMap((each) => each.languages);
    for (const model of adapted) {
      const had = publishedAdapters(models[model].repo, "default")?.languages ?? [];
      const found = missing.get(model) ?? new Set();
      for (const code of languages) if (!had.includes(code)) found.add(code);
      if (found.size > 0) missing.set(model, found);
    }
  }
  return [...missing].map(([model, codes]) =>
    `nobody publishes language adapters of ${model} for ${[...codes].join(", ")}: each is to be trained ` +
    `(repro fetch wikipedia-${[...codes][0]}, …); every step: repro plan ${
      words.join(",")
    } --scale paper --no-probe`
  );
}

/** What must be fetched for runs with some models and tasks, from the original addresses, with what is known of its size. */
export function downloads(
  { models, tasks }: { models: readonly string[]; tasks: readonly TaskName[] },
): Download[] {
  return [...fetchSets(needsOf(models, tasks), "original").values()].flatMap((sets) => sets ?? []).map(
    (set) => {
      const files = set.files ?? [];
      const known = files.flatMap(({ bytes }) => bytes ?? []);
      const guessed = files.filter(({ bytes }) => bytes === undefined).flatMap((file) =>
        estimated(set, file) ?? []
      );
      const sum = (sizes: readonly number[]) => sizes.reduce((total, bytes) => total + bytes, 0);
      return {
        what: set.id,
        bytes: known.length === 0 ? null : sum(known),
        ...(guessed.length === 0 ? {} : { estimated: sum(guessed) }),
        unknown: files.length - known.length - guessed.length,
      };
    },
  );
}
