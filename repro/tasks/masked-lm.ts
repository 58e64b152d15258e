// Promises plain text as blocks of tokens of which some are hidden and to be predicted (Devlin et al., 2019, section 3.1): which
// ones is a function of seed, draw and block. Leaves reading text to data/text.ts.
import { philoxWords, streamKey } from "../../core/random.ts";
import { padRows } from "./batch.ts";
import { checkedIndices, type Items } from "./task-data.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

export interface MaskedLmOptions {
  /** Tokens of a block, special tokens included. */
  readonly maxLength: number;
  /** Share of the tokens that are to be predicted; 0.15 for BERT. */
  readonly maskedShare: number;
  readonly seed: number;
}

/** Of the tokens to be predicted so many are replaced by the mask and so many by a random token; the rest stays. */
const shown = { mask: 0.8, random: 0.1 };

/** Lines tokenized at a time. */
const linesEach = 4096;

/**
 * The text as one stream, each line between its special tokens, cut into blocks of `maxLength`, `limit` at most; what is left over
 * at the end is dropped, unless it is all there is. Throws when there is no text.
 */
export async function textBlocks(
  tokenizer: Tokenizer,
  text: AsyncIterable<readonly string[]>,
  maxLength: number,
  limit = Infinity,
): Promise<Int32Array[]> {
  const { cls, sep } = tokenizer.special;
  const blocks: Int32Array[] = [];
  let rest: number[] = [];
  for await (const lines of text) {
    for (let from = 0; from < lines.length; from += linesEach) {
      for (const { ids } of await tokenizer.encode(lines.slice(from, from + linesEach))) {
        rest.push(cls);
        for (const id of ids) rest.push(id);
        rest.push(sep);
      }
      let at = 0;
      for (; at + maxLength <= rest.length; at += maxLength) {
        blocks.push(Int32Array.from(rest.slice(at, at + maxLength)));
        if (blocks.length === limit) return blocks;
      }
      rest = rest.slice(at);
    }
  }
  if (blocks.length === 0 && rest.length === 0) throw new Error("text: there is none; every line is blank");
  return blocks.length > 0 ? blocks : [Int32Array.from(rest)];
}

/** Blocks as training items. `collate` with the same `draw` hides the same tokens. */
export function maskedLmData(
  tokenizer: Tokenizer,
  blocks: readonly Int32Array[],
  { maskedShare, seed }: MaskedLmOptions,
): Items {
  const { cls, sep, pad, mask } = tokenizer.special;
  const below = (share: number) => share * 2 ** 32;
  return {
    kind: "tokens",
    examples: blocks.length,
    size: blocks.length,
    lengths: Int32Array.from(blocks, (block) => block.length),
    collate(wanted, draw = 0) {
      const indices = checkedIndices(wanted, blocks.length);
      const rows = Array.from(indices, (index) => ({ ids: blocks[index].slice(), secondFrom: Infinity }));
      const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 1);
      const labels = new Int32Array(rows.length * longest).fill(-1);
      rows.forEach(({ ids }, row) => {
        const words = philoxWords(streamKey(seed, "masking", draw, indices[row]), 3 * ids.length);
        for (let t = 0; t < ids.length; t++) {
          const id = ids[t];
          if (id === cls || id === sep || id === pad || words[3 * t] >= below(maskedShare)) continue;
          labels[row * longest + t] = id;
          const dice = words[3 * t + 1];
          if (dice < below(shown.mask)) ids[t] = mask;
          else if (dice < below(shown.mask + shown.random)) {
            ids[t] = Math.floor(words[3 * t + 2] / 2 ** 32 * tokenizer.vocabularySize);
          }
        }
      });
      const padded = padRows(rows, tokenizer, { to: longest });
      // One segment only.
      padded.tokenTypeIds.fill(0);
      return { size: indices.length, ...padded, labels: { kind: "tokens", labels }, indices };
    },
  };
}
