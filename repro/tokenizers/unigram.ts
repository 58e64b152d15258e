// Promises the tokenizer.json of a SentencePiece unigram model in the two layouts that encoders use: XLM-R's and DeBERTa's.
// Leaves the file's bytes to sentencepiece.ts. The rules are those of transformers' fast tokenizers (4.57), the reference here.
import {
  type AddedToken,
  addedToken,
  assertDistinct,
  bertTemplate,
  type Part,
  tokenizerJson,
  xlmrTemplate,
} from "./json.ts";
import type { Piece, SentencePieceModel } from "./sentencepiece.ts";

export interface UnigramOptions {
  /** do_lower_case, which only DeBERTa's layout knows. Default false. */
  readonly lowerCase?: boolean;
  /** split_by_punct, likewise: punctuation is cut off before the pieces are chosen. Default false. */
  readonly splitPunctuation?: boolean;
  /** Tokens beside the model's special ones, or other settings for those. */
  readonly addedTokens?: readonly AddedToken[];
}

/** Why a model cannot be translated, or null. */
function obstacle(model: SentencePieceModel): string | null {
  if (model.algorithm !== "unigram") return `its algorithm is ${model.algorithm}, only unigram is read`;
  if (model.whitespaceAsSuffix) return "it marks the ends of words (treat_whitespace_as_suffix)";
  if (!model.addDummyPrefix) return "it sets no ▁ before the first word (add_dummy_prefix false)";
  if (!model.escapeWhitespaces) return "it keeps spaces as they are (escape_whitespaces false)";
  return null;
}

function base64(bytes: Uint8Array): string {
  let text = "";
  // A call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

const replace = (regex: string, content: string): Part => ({
  type: "Replace",
  pattern: { Regex: regex },
  content,
});
const metaspace: Part = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };

/** Pieces that are found in text as a whole; control pieces are special, a user's own symbols are not. */
function addedPieces(pieces: readonly Piece[], idOf: ReadonlyMap<string, number>): Map<string, AddedToken> {
  const added = new Map<string, AddedToken>();
  for (const { piece, kind } of pieces) {
    if (kind !== "control" && kind !== "user-defined") continue;
    const id = idOf.get(piece);
    if (id !== undefined) added.set(piece, addedToken(id, piece, { special: kind === "control" }));
  }
  return added;
}

/**
 * The tokenizer.json of a model. Layout by its pieces: with [CLS] DeBERTa's, ids as in the file and [MASK] after the last where
 * the file has none; with <unk> <s> </s> at 0 1 2 XLM-R's, where fairseq put <s> <pad> </s> <unk> first and <mask> last.
 * Bytes for characters without a piece (byte_fallback) are not used: the reference's fast tokenizers answer [UNK] there.
 */
export function unigramJson(model: SentencePieceModel, name: string, options: UnigramOptions = {}): string {
  const reason = obstacle(model);
  if (reason !== null) {
    throw new Error(
      `read SentencePiece model ${name}: ${reason}; save the tokenizer as tokenizer.json with transformers and use that`,
    );
  }
  const { pieces } = model;
  assertDistinct(pieces.map(({ piece }) => piece));
  const first = pieces.slice(0, 3).map(({ piece }) => piece);
  if (pieces.some(({ piece }) => piece === "[CLS]")) return debertaJson(model, name, options);
  if (first.join(" ") === "<unk> <s> </s>") return xlmrJson(model, options);
  throw new Error(
    `read SentencePiece model ${name}: it begins with ${
      first.join(" ")
    } and has no [CLS]; XLM-R's begins with <unk> <s> </s>, ` +
      `DeBERTa's has [PAD] [CLS] [SEP] [UNK]; is it the model of another kind of encoder?`,
  );
}

function xlmrJson(model: SentencePieceModel, options: UnigramOptions): string {
  const special: [string, number][] = ["<s>", "<pad>", "</s>", "<unk>"].map((piece) => [piece, 0]);
  const rest = model.pieces.slice(3).map(({ piece, score }): [string, number] => [piece, score]);
  const vocabulary: [string, number][] = [...special, ...rest, ["<mask>", 0]];
  const idOf = new Map(vocabulary.map(([piece], id) => [piece, id]));
  const added = addedPieces(model.pieces, idOf);
  for (const [piece] of special) added.set(piece, addedToken(idOf.get(piece)!, piece));
  // The space before a mask belongs to it.
  added.set("<mask>", addedToken(vocabulary.length - 1, "<mask>", { lstrip: true }));
  for (const token of options.addedTokens ?? []) added.set(token.content, token);
  const map = model.characterMap;
  return tokenizerJson({
    addedTokens: [...added.values()],
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(map.length > 0 ? [{ type: "Precompiled", precompiled_charsmap: base64(map) }] : []),
        { type: "Strip", strip_left: false, strip_right: true },
        replace(" {2,}", "▁"),
      ],
    },
    preTokenizer: metaspace,
    template: xlmrTemplate(0, 2),
    decoder: metaspace,
    model: { type: "Unigram", unk_id: 3, byte_fallback: false },
    vocabulary: JSON.stringify(vocabulary),
  });
}

function debertaJson(model: SentencePieceModel, name: string, options: UnigramOptions): string {
  const vocabulary = model.pieces.map(({ piece, score }): [string, number] => [piece, score]);
  const idOf = new Map(vocabulary.map(([piece], id) => [piece, id]));
  const added = addedPieces(model.pieces, idOf);
  for (const piece of ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]) {
    const id = idOf.get(piece) ?? (piece === "[MASK]" ? vocabulary.length : undefined);
    if (id === undefined) {
      throw new Error(
        `read SentencePiece model ${name}: it has [CLS] but no ${piece}; DeBERTa's has [PAD] [CLS] [SEP] [UNK]`,
      );
    }
    // A written [UNK] is looked for after normalization: so do the reference's.
    added.set(piece, addedToken(id, piece, { normalized: piece === "[UNK]" }));
  }
  for (const token of options.addedTokens ?? []) added.set(token.content, token);
  const map = model.characterMap;
  return tokenizerJson({
    addedTokens: [...added.values()],
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(options.lowerCase ? [{ type: "Lowercase" }] : []),
        { type: "Strip", strip_left: true, strip_right: true },
        ...(map.length > 0 ? [{ type: "Precompiled", precompiled_charsmap: base64(map) }] : []),
        replace(" {2,}", " "),
      ],
    },
    preTokenizer: {
      type: "Sequence",
      pretokenizers: [
        ...(options.splitPunctuation ? [{ type: "Punctuation", behavior: "Isolated" }] : []),
        metaspace,
      ],
    },
    template: bertTemplate(idOf.get("[CLS]")!, idOf.get("[SEP]")!),
    decoder: metaspace,
    model: { type: "Unigram", unk_id: model.unkId, byte_fallback: false },
    vocabulary: JSON.stringify(vocabulary),
  });
}
