// Promises sentence pairs as batches with one of three classes, and accuracy.
// Leaves reading files to data/nli.ts.
import type { NliExample } from "../data/types.ts";
import { joinPair, type Padding, padRows, type Row } from "./batch.ts";
import { Classified } from "./classified.ts";
import { checkedIndices, checkedOutputs, type TaskData } from "./task-data.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { longestFirst, pairSpecials } from "./truncate.ts";

export interface PairOptions {
  /** Longest row in tokens, special tokens included. */
  readonly maxLength: number;
  readonly padding?: Padding;
}

/** Tokenizes pairs and cuts them longest-first. Rows include special tokens. */
export async function pairRows(
  tokenizer: Tokenizer,
  first: readonly string[],
  second: readonly string[],
  maxLength: number,
): Promise<Row[]> {
  const limit = maxLength - pairSpecials[tokenizer.style];
  if (!Number.isInteger(maxLength) || limit < 2) {
    throw new Error(`pairs: maxLength ${maxLength} leaves no room for two segments; raise it`);
  }
  // A premise often stands in several pairs.
  const distinct = [...new Set([...first, ...second])];
  const encoded = await tokenizer.encode(distinct);
  const idsOf = new Map(distinct.map((text, index) => [text, encoded[index].ids]));
  return first.map((text, index) => {
    const [a, b] = [idsOf.get(text)!, idsOf.get(second[index])!];
    const [keepA, keepB] = longestFirst(a.length, b.length, limit);
    return joinPair(tokenizer, a.subarray(0, keepA), b.subarray(0, keepB));
  });
}

/** (premise, hypothesis) with labels 0 entailment, 1 neutral, 2 contradiction. */
export async function nliData(
  tokenizer: Tokenizer,
  examples: readonly NliExample[],
  options: PairOptions,
): Promise<TaskData> {
  const rows = await pairRows(
    tokenizer,
    examples.map((example) => example.premise),
    examples.map((example) => example.hypothesis),
    options.maxLength,
  );
  const padding = options.padding ?? { to: options.maxLength };
  return {
    kind: "class",
    examples: examples.length,
    size: rows.length,
    lengths: Int32Array.from(rows, (row) => row.ids.length),
    collate(wanted) {
      const indices = checkedIndices(wanted, rows.length);
      return {
        size: indices.length,
        ...padRows(Array.from(indices, (index) => rows[index]), tokenizer, padding),
        labels: { kind: "class", labels: indices.map((index) => examples[index].label) },
        indices,
      };
    },
    evaluation() {
      const classified = new Classified(examples.map((example) => example.label));
      return {
        add(batch, outputs) {
          const classes = 3;
          const { logits } = checkedOutputs("class", outputs, { logits: batch.rows * classes });
          classified.add(batch.indices, logits, classes);
        },
        finish: () => classified.finish(),
      };
    },
  };
}
