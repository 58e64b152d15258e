// Promises the text of a `tokenizer.json` from a model's pieces and its text rules, so that every vocabulary is loaded in one way.
// Leaves what the rules of a family are to wordpiece.ts and unigram.ts, and reading the result to tokenizer.ts.

/** A token that is found in text before anything else happens to the text. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

export const addedToken = (id: number, content: string, changes: Partial<AddedToken> = {}): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...changes,
});

/** A part of a tokenizer.json as the format names it: {"type": …, …}. */
export type Part = Readonly<Record<string, unknown>> & { readonly type: string };

export interface TokenizerParts {
  readonly addedTokens: readonly AddedToken[];
  readonly normalizer: Part;
  readonly preTokenizer: Part;
  /** How segments are joined. */
  readonly template: Part;
  readonly decoder: Part;
  /** Without its vocabulary, which comes as text: an object or a list of hundreds of thousands is written once. */
  readonly model: Part;
  readonly vocabulary: string;
}

export function tokenizerJson(parts: TokenizerParts): string {
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...parts.addedTokens].sort((a, b) => a.id - b.id),
    normalizer: parts.normalizer,
    pre_tokenizer: parts.preTokenizer,
    post_processor: parts.template,
    decoder: parts.decoder,
    model: { ...parts.model, vocab: "VOCABULARY" },
  };
  return JSON.stringify(json).replace('"VOCABULARY"', () => parts.vocabulary);
}

const token = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
const named = (tokens: Record<string, number>) =>
  Object.fromEntries(Object.entries(tokens).map(([id, value]) => [id, { id, ids: [value], tokens: [id] }]));

/** [CLS] a [SEP] and [CLS] a [SEP] b [SEP], token types 0 and 1 (Devlin et al. 2019). */
export const bertTemplate = (cls: number, sep: number): Part => {
  const single = [token("[CLS]", 0), sequence("A", 0), token("[SEP]", 0)];
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, sequence("B", 1), token("[SEP]", 1)],
    special_tokens: named({ "[CLS]": cls, "[SEP]": sep }),
  };
};

/** <s> a </s> and <s> a </s></s> b </s>, token types 0 (Conneau et al. 2020). */
export const xlmrTemplate = (bos: number, eos: number): Part => {
  const single = [token("<s>", 0), sequence("A", 0), token("</s>", 0)];
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, token("</s>", 0), sequence("B", 0), token("</s>", 0)],
    special_tokens: named({ "<s>": bos, "</s>": eos }),
  };
};

/** Throws when a piece occurs twice: a vocabulary is a mapping. */
export function assertDistinct(pieces: readonly string[]): void {
  const seen = new Map<string, number>();
  pieces.forEach((piece, id) => {
    const before = seen.get(piece);
    if (before !== undefined) {
      throw new Error(
        `tokenizer vocabulary: "${piece}" is at ${before} and again at ${id}; pieces must differ (is the file whole?)`,
      );
    }
    seen.set(piece, id);
  });
}
