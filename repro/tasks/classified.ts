// Promises the predicted class of every example (the largest logit, the first among equals) and their accuracy.
// Leaves the layout of logits to nli.ts and choice.ts.
import { accuracy } from "../metrics/accuracy.ts";
import type { EvaluationResult } from "./task-data.ts";

export class Classified {
  readonly #labels: readonly number[];
  readonly #predicted: Int32Array;

  constructor(labels: readonly number[]) {
    this.#labels = labels;
    this.#predicted = new Int32Array(labels.length).fill(-1);
  }

  /** `logits` holds `classes` values for each of the examples named. */
  add(indices: Int32Array, logits: ArrayLike<number>, classes: number): void {
    indices.forEach((index, row) => {
      let best = 0;
      for (let c = 1; c < classes; c++) {
        if (logits[row * classes + c] > logits[row * classes + best]) best = c;
      }
      this.#predicted[index] = best;
    });
  }

  finish(): EvaluationResult {
    const absent = this.#predicted.indexOf(-1);
    if (absent >= 0) {
      throw new Error(`evaluate: example ${absent} was never scored; pass every item through add`);
    }
    return {
      metrics: { accuracy: accuracy(this.#predicted, this.#labels) },
      conventions: {},
      predictions: Object.fromEntries(Array.from(this.#predicted, (value, index) => [String(index), value])),
    };
  }
}
