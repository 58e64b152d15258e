// Promises BERT's WordPiece tokenizer (also DistilBERT's) from the lines of a vocab.txt.
// Leaves learning the pieces to whoever has a corpus, and where the settings are written to config.ts.
import { type AddedToken, addedToken, assertDistinct, bertTemplate, tokenizerJson } from "./json.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

/** What happens to text before it is cut; the names in tokenizer_config.json stand beside each. */
export interface WordPieceOptions {
  /** do_lower_case. Default false: cased. */
  readonly lowerCase?: boolean;
  /** strip_accents. Default: as lowerCase. */
  readonly stripAccents?: boolean;
  /** tokenize_chinese_chars: every Chinese character is a word. Default true. */
  readonly splitChinese?: boolean;
  /** Tokens beside the five special ones, or other settings for those. */
  readonly addedTokens?: readonly AddedToken[];
}

const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** The tokenizer.json of a BERT vocabulary: a piece's place is its id, a piece inside a word starts with "##". */
export function wordPieceJson(pieces: readonly string[], options: WordPieceOptions = {}): string {
  assertDistinct(pieces);
  const id = (piece: string) => {
    const found = pieces.indexOf(piece);
    if (found < 0) {
      throw new Error(`tokenizer vocabulary: no piece "${piece}" among ${pieces.length}; add it`);
    }
    return found;
  };
  const added = new Map(specials.map((piece) => [piece, addedToken(id(piece), piece)]));
  for (const token of options.addedTokens ?? []) added.set(token.content, token);
  return tokenizerJson({
    addedTokens: [...added.values()],
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: options.splitChinese ?? true,
      strip_accents: options.stripAccents ?? null,
      lowercase: options.lowerCase ?? false,
    },
    preTokenizer: { type: "BertPreTokenizer" },
    template: bertTemplate(id("[CLS]"), id("[SEP]")),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
    },
    // Not JSON.stringify of an object: as a key of one, a piece named "__proto__" would be lost.
    vocabulary: `{${pieces.map((piece, place) => `${JSON.stringify(piece)}:${place}`).join(",")}}`,
  });
}

/** Reads a BERT vocabulary, cased unless the options say otherwise: one piece a line, the line number from 0 is the id. */
export function loadWordPiece(vocabulary: string, name: string, options: WordPieceOptions = {}): Tokenizer {
  const pieces = vocabulary.replace(/\r?\n$/, "").split("\n").map((line) =>
    line.endsWith("\r") ? line.slice(0, -1) : line
  );
  return loadTokenizer(wordPieceJson(pieces, options), name);
}
