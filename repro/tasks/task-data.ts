// Promises the contract between prepared data and the trainer: batches in, scores out, whatever the task.
// Leaves how each task does it to qa.ts, nli.ts and choice.ts.
import type { Batch, Labels } from "./batch.ts";

/** The head's answers to one batch, row by row as in the batch. */
export type Outputs =
  /** Two scores a token, each [rows, T]. */
  | { readonly kind: "span"; readonly start: ArrayLike<number>; readonly end: ArrayLike<number> }
  /** [rows, classes]. */
  | { readonly kind: "class"; readonly logits: ArrayLike<number> }
  /** [rows] = [size, 2]. */
  | { readonly kind: "choice"; readonly logits: ArrayLike<number> };

/** Scores of a whole evaluation set, in percent. */
export interface EvaluationResult {
  /** f1 and em for spans, accuracy otherwise. */
  readonly metrics: Record<string, number>;
  /** The same under other published conventions, by name (spans only). */
  readonly conventions: Record<string, Record<string, number>>;
  /** Spans: answer text by question id. Otherwise: predicted class by example number. */
  readonly predictions: Record<string, string | number>;
}

/** Collects outputs batch by batch, in any order, keeping only what the scores need. */
export interface Evaluation {
  add(batch: Batch, outputs: Outputs): void;
  /** Throws when an example was never added. */
  finish(): EvaluationResult;
}

/** What a training runs over. */
export interface Items {
  readonly kind: Labels["kind"];
  /** Examples as read. */
  readonly examples: number;
  /** Items an epoch runs over: windows for spans, examples otherwise. */
  readonly size: number;
  /** [size]; tokens of each item's longest row, without padding. */
  readonly lengths: Int32Array;
  /** Builds the batch of these items, in this order. `draw` (the step) numbers what is drawn anew each time, such as masks. */
  collate(indices: ArrayLike<number>, draw?: number): Batch;
}

/** One prepared data set of a task. */
export interface TaskData extends Items {
  readonly kind: Exclude<Labels["kind"], "tokens">;
  evaluation(): Evaluation;
}

/** Checks that indices exist, and copies them. */
export function checkedIndices(indices: ArrayLike<number>, size: number): Int32Array {
  const checked = Int32Array.from(indices);
  for (const index of checked) {
    if (index < 0 || index >= size) {
      throw new Error(`collate: item ${index} of ${size}; give numbers from 0 to ${size - 1}`);
    }
  }
  return checked;
}

/** Checks that outputs have the batch's kind and number of values. */
export function checkedOutputs<K extends Outputs["kind"]>(
  kind: K,
  outputs: Outputs,
  counts: Record<string, number>,
): Extract<Outputs, { kind: K }> {
  if (outputs.kind !== kind) {
    throw new Error(`evaluate: outputs of kind "${outputs.kind}" for a task of kind "${kind}"`);
  }
  for (const [name, wanted] of Object.entries(counts)) {
    const values = (outputs as unknown as Record<string, ArrayLike<number>>)[name];
    if (values.length !== wanted) {
      throw new Error(
        `evaluate: ${values.length} values in "${name}", ${wanted} are wanted; pass them as rows of the batch`,
      );
    }
  }
  return outputs as Extract<Outputs, { kind: K }>;
}
