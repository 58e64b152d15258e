// Promises token ids and code-point offsets of plain text, and the special tokens of the two families, BERT's and XLM-R's.
// Leaves truncation, windows and special tokens around segments to truncate.ts and batch.ts.
import { Tokenizer as NativeTokenizer } from "tokenizers";

/** How segments are joined: "bert" [CLS] a [SEP] b [SEP] with token types 0 and 1; "xlm-roberta" <s> a </s></s> b </s>, all 0. */
export type TokenizerStyle = "bert" | "xlm-roberta";

/** One text without special tokens. `starts` and `ends` are code-point positions in the text, `ends` exclusive. */
export interface Encoded {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export interface Tokenizer {
  readonly style: TokenizerStyle;
  /** Where it came from, for messages. */
  readonly name: string;
  readonly vocabularySize: number;
  /** Ids of the special tokens. */
  readonly special: {
    readonly cls: number;
    readonly sep: number;
    readonly pad: number;
    readonly unk: number;
    readonly mask: number;
  };
  /** Tokens of each text, in order: nothing added, nothing cut. */
  encode(texts: readonly string[]): Promise<Encoded[]>;
  /** The piece with this id; undefined when there is none. */
  piece(id: number): string | undefined;
}

const specialNames = {
  bert: { cls: "[CLS]", sep: "[SEP]", pad: "[PAD]", unk: "[UNK]", mask: "[MASK]" },
  "xlm-roberta": { cls: "<s>", sep: "</s>", pad: "<pad>", unk: "<unk>", mask: "<mask>" },
} as const;

/** Texts handed to the native library at a time; bounds the memory that its encodings hold. */
const chunk = 512;

/** Reads a `tokenizer.json` (its text). `name` is used in messages. */
export function loadTokenizer(json: string, name: string): Tokenizer {
  let native: NativeTokenizer;
  try {
    native = NativeTokenizer.fromString(json);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`load tokenizer ${name}: ${reason}; fetch tokenizer.json again (it may be truncated)`, {
      cause: error,
    });
  }
  // Both would otherwise act on each segment by itself.
  native.disableTruncation();
  native.disablePadding();
  const style: TokenizerStyle = native.tokenToId("[CLS]") === null ? "xlm-roberta" : "bert";
  const id = (token: string) => {
    const found = native.tokenToId(token);
    if (found === null) {
      throw new Error(
        `load tokenizer ${name}: no token "${token}"; a BERT vocabulary needs ${
          Object.values(specialNames.bert).join(" ")
        }, an XLM-R one ${Object.values(specialNames["xlm-roberta"]).join(" ")}`,
      );
    }
    return found;
  };
  const names = specialNames[style];
  return {
    style,
    name,
    vocabularySize: native.getVocabSize(true),
    special: {
      cls: id(names.cls),
      sep: id(names.sep),
      pad: id(names.pad),
      unk: id(names.unk),
      mask: id(names.mask),
    },
    piece: (token) => native.idToToken(token) ?? undefined,
    async encode(texts) {
      const encoded: Encoded[] = [];
      for (let from = 0; from < texts.length; from += chunk) {
        const part = texts.slice(from, from + chunk) as string[];
        for (const encoding of await native.encodeBatch(part, { addSpecialTokens: false })) {
          const offsets = encoding.getOffsets();
          encoded.push({
            ids: Int32Array.from(encoding.getIds()),
            starts: Int32Array.from(offsets, (pair) => pair[0]),
            ends: Int32Array.from(offsets, (pair) => pair[1]),
          });
        }
      }
      return encoded;
    },
  };
}
