// Promises two-way choices as batches of two rows an example, and accuracy.
// Leaves reading files to data/copa.ts.
import type { ChoiceExample } from "../data/types.ts";
import { type Padding, padRows } from "./batch.ts";
import { Classified } from "./classified.ts";
import { type PairOptions, pairRows } from "./nli.ts";
import { checkedIndices, checkedOutputs, type TaskData } from "./task-data.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

/** First segment of both rows; the question is English in every language, as in the authors' script. */
export const choicePrompt = (example: ChoiceExample): string =>
  `${example.premise} What was the ${example.question}?`;

/** Rows 2i and 2i + 1 of a batch are the two choices of its item i. Padding is to the longest row unless stated. */
export async function choiceData(
  tokenizer: Tokenizer,
  examples: readonly ChoiceExample[],
  options: PairOptions,
): Promise<TaskData> {
  const prompts = examples.flatMap((example) => [choicePrompt(example), choicePrompt(example)]);
  const choices = examples.flatMap((example) => [example.choice1, example.choice2]);
  const rows = await pairRows(tokenizer, prompts, choices, options.maxLength);
  const padding: Padding = options.padding ?? { to: "longest" };
  return {
    kind: "choice",
    examples: examples.length,
    size: examples.length,
    lengths: Int32Array.from(
      examples,
      (_, i) => Math.max(rows[2 * i].ids.length, rows[2 * i + 1].ids.length),
    ),
    collate(wanted) {
      const indices = checkedIndices(wanted, examples.length);
      const both = Array.from(indices).flatMap((index) => [rows[2 * index], rows[2 * index + 1]]);
      return {
        size: indices.length,
        ...padRows(both, tokenizer, padding),
        labels: { kind: "choice", labels: indices.map((index) => examples[index].label) },
        indices,
      };
    },
    evaluation() {
      const classified = new Classified(examples.map((example) => example.label));
      return {
        add(batch, outputs) {
          const { logits } = checkedOutputs("choice", outputs, { logits: batch.rows });
          classified.add(batch.indices, logits, 2);
        },
        finish: () => classified.finish(),
      };
    },
  };
}
