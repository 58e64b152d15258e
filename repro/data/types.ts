// Promises the one normalised example type per kind of task, whatever file it came from.
// Leaves reading to the readers beside this file and token ids to tasks/.

/** A span-extraction question. `start` counts Unicode code points of `context` (not UTF-16 units), from 0. */
export interface QaExample {
  readonly id: string;
  readonly context: string;
  readonly question: string;
  readonly answers: readonly Answer[];
}

export interface Answer {
  readonly text: string;
  readonly start: number;
  /** The context has other words at `start`; absent where it has the answer. */
  readonly isElsewhere?: true;
}

/** A sentence pair. Labels: 0 entailment, 1 neutral, 2 contradiction. */
export interface NliExample {
  readonly premise: string;
  readonly hypothesis: string;
  readonly label: 0 | 1 | 2;
}

/** A choice between two causes or effects; `label` is the index of the right one. */
export interface ChoiceExample {
  readonly premise: string;
  readonly choice1: string;
  readonly choice2: string;
  readonly question: "cause" | "effect";
  readonly label: 0 | 1;
}

export const nliLabels = ["entailment", "neutral", "contradiction"] as const;
