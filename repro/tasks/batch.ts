// Promises what the encoder is fed: rows of token ids padded to one length, with masks, token types and labels.
// Leaves which rows go together to order.ts and labels to qa.ts, nli.ts and choice.ts.
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

/** What a batch is to be learned: a span or a class a row, one right row in each group of two, or tokens ([rows, T]; −1 for none). */
export type Labels =
  | { readonly kind: "span"; readonly start: Int32Array; readonly end: Int32Array }
  | { readonly kind: "class"; readonly labels: Int32Array }
  | { readonly kind: "choice"; readonly labels: Int32Array }
  | { readonly kind: "tokens"; readonly labels: Int32Array };

/** Rows of `length` = T tokens. `size` counts items (examples, or windows of QA); a choice has two rows for each item. */
export interface Batch {
  readonly size: number;
  readonly rows: number;
  readonly length: number;
  /** [rows, T]; padded with the tokenizer's pad id. */
  readonly inputIds: Int32Array;
  /** [rows, T]; 1 for tokens, 0 for padding. */
  readonly attentionMask: Int32Array;
  /** [rows, T]; BERT: 1 in the second segment with its closing [SEP]. XLM-R: 0. */
  readonly tokenTypeIds: Int32Array;
  readonly labels: Labels;
  /** [size]; number of each item in the TaskData that made the batch. */
  readonly indices: Int32Array;
}

/** "longest" pads to the longest row of the batch, rounded up to `multipleOf`; a number pads every batch to that length. */
export interface Padding {
  readonly to: "longest" | number;
  readonly multipleOf?: number;
}

/** One row before padding, special tokens included. */
export interface Row {
  readonly ids: Int32Array;
  /** Position of the second segment's first token. */
  readonly secondFrom: number;
}

/** Joins two segments with the special tokens of the tokenizer's style. */
export function joinPair(tokenizer: Tokenizer, first: Int32Array, second: Int32Array): Row {
  const { cls, sep } = tokenizer.special;
  const between = tokenizer.style === "bert" ? 1 : 2;
  const secondFrom = 1 + first.length + between;
  const ids = new Int32Array(secondFrom + second.length + 1).fill(sep);
  ids[0] = cls;
  ids.set(first, 1);
  ids.set(second, secondFrom);
  return { ids, secondFrom };
}

/** Length to which rows are padded. Throws when a row is longer than a fixed length. */
export function paddedLength(longest: number, padding: Padding): number {
  if (padding.to === "longest") {
    const multiple = padding.multipleOf ?? 1;
    return Math.ceil(longest / multiple) * multiple;
  }
  if (longest > padding.to) {
    throw new Error(
      `collate: a row of ${longest} tokens does not fit into ${padding.to}; pad to at least maxLength`,
    );
  }
  return padding.to;
}

/** Pads rows to one length: ids, attention mask and token types, each [rows, T]. */
export function padRows(
  rows: readonly Row[],
  tokenizer: Tokenizer,
  padding: Padding,
): Pick<Batch, "rows" | "length" | "inputIds" | "attentionMask" | "tokenTypeIds"> {
  const length = paddedLength(rows.reduce((longest, row) => Math.max(longest, row.ids.length), 1), padding);
  const inputIds = new Int32Array(rows.length * length).fill(tokenizer.special.pad);
  const attentionMask = new Int32Array(rows.length * length);
  const tokenTypeIds = new Int32Array(rows.length * length);
  rows.forEach((row, index) => {
    const at = index * length;
    inputIds.set(row.ids, at);
    attentionMask.fill(1, at, at + row.ids.length);
    if (tokenizer.style === "bert") tokenTypeIds.fill(1, at + row.secondFrom, at + row.ids.length);
  });
  return { rows: rows.length, length, inputIds, attentionMask, tokenTypeIds };
}
