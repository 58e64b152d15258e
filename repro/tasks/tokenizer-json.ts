// Promises the text of a `tokenizer.json` for BERT's cased WordPiece pieces, so that every vocabulary is loaded in one way.
// Leaves learning the pieces to whoever has a corpus, and reading the result to tokenizer.ts.

const addedToken = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

function idOf(pieces: readonly string[], token: string): number {
  const id = pieces.indexOf(token);
  if (id < 0) throw new Error(`tokenizer vocabulary: no piece "${token}" among ${pieces.length}; add it`);
  return id;
}

/** An object literal in JSON with pieces as keys, which as a JavaScript object would lose a piece named "__proto__". */
function vocabularyJson(pieces: readonly string[]): string {
  const seen = new Map<string, number>();
  const entries = pieces.map((piece, id) => {
    if (seen.has(piece)) {
      throw new Error(
        `tokenizer vocabulary: "${piece}" is at ${
          seen.get(piece)
        } and again at ${id}; pieces must differ (is the file whole?)`,
      );
    }
    seen.set(piece, id);
    return `${JSON.stringify(piece)}:${id}`;
  });
  return `{${entries.join(",")}}`;
}

/** Cased BERT (Devlin et al. 2019): no lower-casing, accents kept, Chinese characters set apart, WordPiece with "##". */
export function wordPieceJson(pieces: readonly string[]): string {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((token) =>
    addedToken(idOf(pieces, token), token)
  );
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.sort((a, b) => a.id - b.id),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: false,
      lowercase: false,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: "VOCABULARY",
    },
  };
  return JSON.stringify(json).replace('"VOCABULARY"', () => vocabularyJson(pieces));
}
