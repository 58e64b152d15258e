// Promises the training task and the evaluation set of a data root, found by rule, with a list of what is partial about them.
// Leaves formats to the readers beside this file, and which languages a paper reports to that paper's folder.
import { readCopaJsonl, readCopaXml } from "./copa.ts";
import { DataError } from "./errors.ts";
import { readMnliCsv, readMnliJsonl, readMnliTsv, readXnliDev, readXnliTest } from "./nli.ts";
import type { DataSource } from "./source.ts";
import { misplacedAnswers, readSquad } from "./squad.ts";
import type { ChoiceExample, NliExample, QaExample } from "./types.ts";

export type TaskName = "squad" | "xnli" | "copa";
export type TargetName = "xquad" | "mlqa" | "xnli" | "xcopa";

/** The example type each task and target is made of. */
export interface Examples {
  squad: QaExample;
  xquad: QaExample;
  mlqa: QaExample;
  xnli: NliExample;
  copa: ChoiceExample;
  xcopa: ChoiceExample;
}

/** English data to train on and to choose the best checkpoint by. */
export interface LoadedTask<E> {
  readonly train: E[];
  readonly validation: E[];
  /** What differs from the full data set or is wrong in its files, one sentence each; empty when nothing does. */
  readonly partial: string[];
  /** Files read, in order: see digestFiles. */
  readonly files: string[];
}

/** Data of one language to evaluate on. */
export interface LoadedTarget<E> {
  readonly examples: E[];
  readonly partial: string[];
  readonly files: string[];
}

export const tasks: readonly TaskName[] = ["squad", "xnli", "copa"];
export const targets: readonly TargetName[] = ["xquad", "mlqa", "xnli", "xcopa"];

/** The task whose English training data a target is transferred from. */
export const taskOf: Record<TargetName, TaskName> = {
  xquad: "squad",
  mlqa: "squad",
  xnli: "xnli",
  xcopa: "copa",
};

/** Languages that each data set exists in; XCOPA's English is COPA's validation set. */
export const targetLanguages: Record<TargetName, readonly string[]> = {
  xquad: "en ar de el es hi ru th tr vi zh".split(" "),
  mlqa: "en ar de es hi vi zh".split(" "),
  xnli: "en ar bg de el es fr hi ru sw th tr ur vi zh".split(" "),
  xcopa: "en et ht id it qu sw ta th tr vi zh".split(" "),
};

/** Questions in the full SQuAD v1.1 training set, to say how much of it a cut file holds. */
const squadTrainQuestions = 87_599;

const counted = (n: number) => n.toLocaleString("en-US");

async function firstPresent(source: DataSource, paths: string[]): Promise<string | undefined> {
  for (const path of paths) if (await source.has(path)) return path;
  return undefined;
}

function noneOf(source: DataSource, paths: string[], what: string): Error {
  return source.absent?.(paths[0], what) ?? new DataError(
    paths[0],
    "",
    `no ${what} in ${source.name}`,
    `put one of these there: ${paths.join(", ")}`,
  );
}

async function loadSquad(source: DataSource): Promise<LoadedTask<QaExample>> {
  const full = "squad/train-v1.1.json";
  let train = full;
  if (!(await source.has(full))) {
    const cut = (await source.list("squad"))
      .map((name) => ({ name, size: Number(/^train-v1\.1\.first-(\d+)\.json$/.exec(name)?.[1] ?? 0) }))
      .sort((a, b) => b.size - a.size)[0];
    if (!cut || cut.size === 0) {
      throw noneOf(source, [full, "squad/train-v1.1.first-N.json"], "SQuAD training data");
    }
    train = `squad/${cut.name}`;
  }
  const validation = "squad/dev-v1.1.json";
  const examples = readSquad(await source.text(train), train);
  const held = readSquad(await source.text(validation), validation);
  return {
    train: examples,
    validation: held,
    partial: [
      ...train === full
        ? []
        : [`SQuAD train: first ${counted(examples.length)} of ${counted(squadTrainQuestions)} questions`],
      ...misplacedAnswers(examples, train),
      ...misplacedAnswers(held, validation),
    ],
    files: [train, validation],
  };
}

async function loadXnli(source: DataSource): Promise<LoadedTask<NliExample>> {
  const paths = ["mnli/train.tsv", "mnli/train.jsonl", "mnli/dev.csv"];
  const train = await firstPresent(source, paths);
  if (train === undefined) throw noneOf(source, paths, "MultiNLI training data");
  const read = train.endsWith(".csv") ? readMnliCsv : train.endsWith(".jsonl") ? readMnliJsonl : readMnliTsv;
  const examples = read(await source.text(train), train);
  const validation = "xnli/dev-en.tsv";
  return {
    train: examples,
    validation: readXnliDev(await source.text(validation), validation),
    partial: train === "mnli/dev.csv"
      ? [`MNLI train replaced by MNLI dev (${counted(examples.length)} pairs)`]
      : [],
    files: [train, validation],
  };
}

async function loadCopa(source: DataSource): Promise<LoadedTask<ChoiceExample>> {
  const [train, validation] = ["copa/train.jsonl", "copa/val.jsonl"];
  if (await source.has(train)) {
    return {
      train: readCopaJsonl(await source.text(train), train),
      validation: readCopaJsonl(await source.text(validation), validation),
      partial: [],
      files: [train, validation],
    };
  }
  const xml = "copa/copa-dev.xml";
  if (!(await source.has(xml))) throw noneOf(source, [xml, train], "COPA training data");
  const items = readCopaXml(await source.text(xml), xml);
  // SuperGLUE made its training set of COPA's development items 1–400 and its validation set of 401–500.
  const cut = Math.floor((items.length * 4) / 5);
  return { train: items.slice(0, cut), validation: items.slice(cut), partial: [], files: [xml] };
}

const loaders: { [T in TaskName]: (source: DataSource) => Promise<LoadedTask<Examples[T]>> } = {
  squad: loadSquad,
  xnli: loadXnli,
  copa: loadCopa,
};

/** English training and validation data of a task. Throws DataError naming the file that is absent or wrong. */
export function loadTask<T extends TaskName>(source: DataSource, task: T): Promise<LoadedTask<Examples[T]>> {
  const load = loaders[task];
  if (!load) {
    return Promise.reject(new DataError(task, "", "no such task", `choose one of ${tasks.join(", ")}`));
  }
  return load(source);
}

const jsonPaths = {
  xquad: (language: string) => [`xquad/xquad.${language}.json`],
  mlqa: (language: string) => [
    `mlqa/test-context-${language}-question-${language}.json`,
    `mlqa/dev-context-${language}-question-${language}.json`,
  ],
};

async function loadQuestions(
  source: DataSource,
  dataset: "xquad" | "mlqa",
  language: string,
): Promise<LoadedTarget<QaExample>> {
  const paths = jsonPaths[dataset](language);
  const path = await firstPresent(source, paths);
  if (path === undefined) throw noneOf(source, paths, `${dataset} data for "${language}"`);
  const examples = readSquad(await source.text(path), path);
  return {
    examples,
    partial: [
      ...path.startsWith("mlqa/dev-") ? [`${dataset} ${language}: dev instead of test`] : [],
      ...misplacedAnswers(examples, path),
    ],
    files: [path],
  };
}

async function loadPairs(source: DataSource, language: string): Promise<LoadedTarget<NliExample>> {
  const [test, labels, dev] = [
    `xnli/test-${language}.tsv`,
    "xnli/test-labels.tsv",
    `xnli/dev-${language}.tsv`,
  ];
  if (await source.has(test)) {
    const text = await source.text(test);
    // With a third column the labels are there already.
    if (/^[^\t\n]*\t[^\t\n]*\t/.test(text)) {
      return { examples: readXnliDev(text, test), partial: [], files: [test] };
    }
    const examples = readXnliTest(text, test, await source.text(labels), labels);
    return { examples, partial: [], files: [test, labels] };
  }
  if (!(await source.has(dev))) throw noneOf(source, [test, dev], `xnli data for "${language}"`);
  return {
    examples: readXnliDev(await source.text(dev), dev),
    partial: [`xnli ${language}: dev instead of test`],
    files: [dev],
  };
}

async function loadChoices(source: DataSource, language: string): Promise<LoadedTarget<ChoiceExample>> {
  if (language === "en") {
    const { validation, partial, files } = await loadCopa(source);
    return { examples: validation, partial, files };
  }
  const path = `xcopa/${language}/test.${language}.jsonl`;
  if (!(await source.has(path))) throw noneOf(source, [path], `xcopa data for "${language}"`);
  return { examples: readCopaJsonl(await source.text(path), path), partial: [], files: [path] };
}

/**
 * The test data of one language (MLQA and XNLI fall back to development data where only that is present, and say so).
 * XCOPA's "en" is COPA's validation set. Throws DataError on a language the data set does not have.
 */
export async function loadTarget<D extends TargetName>(
  source: DataSource,
  dataset: D,
  language: string,
): Promise<LoadedTarget<Examples[D]>> {
  const known = targetLanguages[dataset];
  if (!known) throw new DataError(dataset, "", "no such data set", `choose one of ${targets.join(", ")}`);
  if (!known.includes(language)) {
    throw new DataError(dataset, "", `it has no language "${language}"`, `choose one of ${known.join(" ")}`);
  }
  const name: TargetName = dataset;
  const loaded = name === "xnli"
    ? await loadPairs(source, language)
    : name === "xcopa"
    ? await loadChoices(source, language)
    : await loadQuestions(source, name, language);
  return loaded as LoadedTarget<Examples[D]>;
}
