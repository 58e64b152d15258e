// Promises prepared data for a specification: English training and validation items, and test items of any target language.
// Leaves reading files to data/ and token batches to tasks/.
import type { Batch as ModelBatch } from "../../core/mod.ts";
import { loadTarget, loadTask, type TargetName } from "../data/datasets.ts";
import type { DataSource } from "../data/source.ts";
import { subsample } from "../data/subsample.ts";
import type { ChoiceExample, NliExample, QaExample } from "../data/types.ts";
import { type Fidelity, type RunSpec, sideOf, type TaskName, type TransferSpec } from "../spec/mod.ts";
import type { Batch, Padding } from "../tasks/batch.ts";
import { choiceData } from "../tasks/choice.ts";
import { nliData } from "../tasks/nli.ts";
import { qaData } from "../tasks/qa.ts";
import type { TaskData } from "../tasks/task-data.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

/** Seed of every choice of examples that must not vary with the run's seed: which 1K of SQuAD, which 100 of a test set. */
const sampleSeed = 0;

export interface Prepared {
  readonly data: TaskData;
  readonly partial: readonly string[];
}

/** Training items of a run. Batches are padded to the longest row at tiny scale, else to the maximum length as the authors do. */
export async function trainingData(
  source: DataSource,
  tokenizer: Tokenizer,
  spec: TransferSpec,
): Promise<Prepared> {
  const { train, partial } = await loadTask(source, spec.task);
  const size = spec.hyperparameters.trainingSize;
  const examples = size === undefined ? train : subsample<unknown>(train, size, sampleSeed);
  return { data: await prepare(spec, tokenizer, examples, trainingPadding(spec)), partial };
}

/** English items by which the best checkpoint is chosen. */
export async function validationData(
  source: DataSource,
  tokenizer: Tokenizer,
  spec: TransferSpec,
): Promise<Prepared> {
  const { validation } = await loadTask(source, spec.task);
  return await evaluationData(spec, tokenizer, validation, `${spec.task} validation`);
}

/**
 * The examples that a run is scored on: the test set, but as coded XNLI's English is the validation set, by which the best
 * checkpoint was chosen too.
 */
export async function scoredExamples(
  source: DataSource,
  dataset: TargetName,
  language: string,
  fidelity: Fidelity,
): Promise<{ examples: readonly unknown[]; partial: readonly string[] }> {
  if (dataset === "xnli" && language === "en" && fidelity === "authors-code") {
    return { examples: (await loadTask(source, "xnli")).validation, partial: [] };
  }
  return await loadTarget(source, dataset, language);
}

/** Items to be scored of one data set in one language. */
export async function targetData(
  source: DataSource,
  tokenizer: Tokenizer,
  spec: TransferSpec,
  dataset: TargetName,
  language: string,
): Promise<Prepared> {
  const { examples, partial } = await scoredExamples(
    source,
    dataset,
    language,
    sideOf(spec, "english-evaluation"),
  );
  const prepared = await evaluationData(spec, tokenizer, examples, `${dataset} ${language}`, language);
  return { data: prepared.data, partial: [...partial, ...prepared.partial] };
}

async function evaluationData(
  spec: TransferSpec,
  tokenizer: Tokenizer,
  examples: readonly unknown[],
  what: string,
  language = "en",
): Promise<Prepared> {
  const limit = spec.hyperparameters.evaluationLimit;
  const cut = limit !== undefined && limit < examples.length;
  // The same numbers in every language, so that parallel test sets stay parallel.
  const chosen = cut ? subsample(examples, limit, sampleSeed) : examples;
  return {
    data: await prepare(spec, tokenizer, chosen, { to: "longest", multipleOf: 4 }, language),
    partial: cut ? [`${what}: ${limit} of ${examples.length.toLocaleString("en-US")} examples`] : [],
  };
}

function prepare(
  spec: TransferSpec,
  tokenizer: Tokenizer,
  examples: readonly unknown[],
  padding: Padding,
  language = "en",
): Promise<TaskData> {
  const { maxLength, docStride } = spec.hyperparameters;
  const kinds: Record<TaskName, () => Promise<TaskData>> = {
    squad: () =>
      qaData(tokenizer, examples as QaExample[], {
        maxLength,
        docStride,
        padding,
        scoring: { rule: "authors-code", language },
        spanLabels: sideOf(spec, "span-labels") === "authors-code" ? "authors-code" : "exact",
      }),
    xnli: () => nliData(tokenizer, examples as NliExample[], { maxLength, padding }),
    copa: () => choiceData(tokenizer, examples as ChoiceExample[], { maxLength, padding }),
  };
  return kinds[spec.task]();
}

/**
 * COPA is padded to the longest of the batch in the authors' script; SQuAD and MNLI to the maximum length. Of NLI and COPA nothing
 * reads padding; in SQuAD's loss it is a position like any other, as transformers has it (but see `ignoresPadding`).
 */
function trainingPadding(spec: TransferSpec): Padding {
  const fixed = spec.scale !== "tiny" && spec.task !== "copa" && sideOf(spec, "padding") === "authors-code";
  return fixed ? { to: spec.hyperparameters.maxLength } : { to: "longest", multipleOf: 4 };
}

/** At tiny scale each row has its own length: a fifth of SQuAD's tokens would be padding, which is not computed then. */
export const ignoresPadding = (spec: RunSpec): boolean => spec.scale === "tiny";

/** A batch as the model takes it. `ignorePadding`: scores of padding are neither learned from nor read. */
export function modelBatch(batch: Batch, ignorePadding: boolean): ModelBatch {
  const { labels } = batch;
  return {
    examples: batch.size,
    tokens: batch.length,
    choices: batch.rows / batch.size,
    inputIds: batch.inputIds,
    attentionMask: batch.attentionMask,
    tokenTypeIds: batch.tokenTypeIds,
    ignorePadding,
    ...(labels.kind === "span"
      ? { startPositions: labels.start, endPositions: labels.end }
      : { labels: labels.labels }),
  };
}
