// Promises everything between examples and the encoder's batches, and between the encoder's outputs and scores, by task name.
// Leaves reading to data/ and training to training/.
import type { Examples, TaskName } from "../data/datasets.ts";
import type { ChoiceExample, NliExample, QaExample } from "../data/types.ts";
import { choiceData } from "./choice.ts";
import { nliData, type PairOptions } from "./nli.ts";
import { qaData, type QaOptions } from "./qa.ts";
import type { TaskData } from "./task-data.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Options of any task; `docStride` is needed for "squad" and the last three mean nothing elsewhere. */
export type PrepareOptions = PairOptions & Partial<Pick<QaOptions, "docStride" | "lastToken" | "scoring">>;

/** Prepares examples of a task (or of a target transferred from it: see `taskOf` in data/datasets.ts). */
export function prepare<T extends TaskName>(
  task: T,
  tokenizer: Tokenizer,
  examples: readonly Examples[T][],
  options: PrepareOptions,
): Promise<TaskData> {
  const name: TaskName = task;
  if (name === "xnli") return nliData(tokenizer, examples as readonly NliExample[], options);
  if (name === "copa") return choiceData(tokenizer, examples as readonly ChoiceExample[], options);
  if (options.docStride === undefined) {
    return Promise.reject(
      new Error("prepare squad: no docStride; give the number of tokens that windows share"),
    );
  }
  return qaData(tokenizer, examples as readonly QaExample[], { ...options, docStride: options.docStride });
}

export { type Batch, type Labels, type Padding } from "./batch.ts";
export { batches, byLength, epochOrder } from "./order.ts";
export { type Evaluation, type EvaluationResult, type Outputs, type TaskData } from "./task-data.ts";
export {
  type Encoded,
  loadTokenizer,
  loadWordPiece,
  type Tokenizer,
  type TokenizerStyle,
} from "./tokenizer.ts";
