// Subword vocabularies made from the lexicon: WordPiece in BERT's shape, Unigram in XLM-R's and in DeBERTa's.
// Written as Hugging Face tokenizer.json; loading and applying them is the task code's affair.
import { unigramJson } from "../tokenizers/unigram.ts";
import { LANGUAGES, lexicon, LINKS, RELATIONS } from "./lexicon.ts";
import { FORMS } from "./lexicon.ts";
import { hash32 } from "./rng.ts";

/** The English words that the choice task puts between premise and choice. */
const TASK_WORDS = ["What", "was", "the", "cause", "effect"];
/** Suffixes that patterns glue to a word, so that the word stays one piece. */
const SUFFIXES = ["pi", "ta", "pa", "manta", "watayuq"];

interface Words {
  spaced: Set<string>;
  unspaced: Set<string>;
  /** Chinese, which WordPiece sees one character at a time and Unigram by word. */
  chinese: Set<string>;
}

function collect(): Words {
  const words: Words = { spaced: new Set(TASK_WORDS), unspaced: new Set(), chinese: new Set() };
  for (const language of LANGUAGES) {
    const lex = lexicon(language);
    const into = language === "zh" ? words.chinese : lex.unspaced ? words.unspaced : words.spaced;
    const texts = [
      ...lex.names,
      ...RELATIONS.flatMap((r) => lex.things[r]),
      ...lex.causes,
      ...lex.effects,
      ...LINKS.map((l) => lex.links[l]),
      ...RELATIONS.flatMap((r) => FORMS.map((f) => lex.patterns[r][f].replaceAll(/\{[so]\}\p{L}*/gu, " "))),
      lex.stop,
      lex.question,
      lex.comma,
    ];
    for (const text of texts) {
      for (const word of text.replaceAll("~", " ").match(/[\p{L}\p{M}\p{N}]+|[^\s]/gu) ?? []) into.add(word);
    }
  }
  return words;
}

/** About one long word in six is left out as a whole and kept as two pieces. */
function pieces(word: string): [string, string] | undefined {
  if ([...word].length < 7 || /\p{M}/u.test(word) || hash32(`split ${word}`) % 6 !== 0) return undefined;
  const at = Math.ceil(word.length / 2);
  return [word.slice(0, at), word.slice(at)];
}

function characters(words: Words): string[] {
  const all = new Set<string>();
  for (const word of [...words.spaced, ...words.unspaced, ...words.chinese]) for (const c of word) all.add(c);
  for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?!;:'-") all.add(c);
  return [...all].sort();
}

const special = (id: number, content: string, lstrip = false) => ({
  id,
  content,
  single_word: false,
  lstrip,
  rstrip: false,
  normalized: false,
  special: true,
});

/** `tokenizer.json` of the BERT-shaped encoder: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4. Cased. */
export function wordPiece(): string {
  const words = collect();
  const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const vocab = new Set<string>(specials);
  for (const word of words.spaced) {
    const split = pieces(word);
    if (split) vocab.add(split[0]).add(`##${split[1]}`);
    else vocab.add(word);
  }
  for (const word of words.unspaced) vocab.add(word).add(`##${word}`);
  for (const suffix of SUFFIXES) vocab.add(`##${suffix}`);
  for (const c of characters(words)) {
    vocab.add(c);
    if (!/[\p{P}\p{Script=Han}]/u.test(c)) vocab.add(`##${c}`);
  }
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specials.map((t, id) => special(id, t)),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: false,
      lowercase: false,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [token("[CLS]", 0), sequence("A", 0), token("[SEP]", 0)],
      pair: [token("[CLS]", 0), sequence("A", 0), token("[SEP]", 0), sequence("B", 1), token("[SEP]", 1)],
      special_tokens: {
        "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] },
        "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] },
      },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries([...vocab].map((t, id) => [t, id])),
    },
  });
}

const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });

/** The pieces of both Unigram vocabularies with their scores, special ones apart. */
function unigramPieces(): Map<string, number> {
  const words = collect();
  const scores = new Map<string, number>();
  const add = (piece: string, score: number) => {
    if ((scores.get(piece) ?? -Infinity) < score) scores.set(piece, score);
  };
  for (const c of characters(words)) add(c, -14);
  add("▁", -8);
  for (const word of words.spaced) {
    const split = pieces(word);
    if (split) {
      add(`▁${split[0]}`, -7);
      add(split[1], -7);
    } else add(/^\p{P}$/u.test(word) ? word : `▁${word}`, -6);
  }
  for (const word of [...words.unspaced, ...words.chinese]) {
    add(word, -6);
    if (!/^\p{P}$/u.test(word)) add(`▁${word}`, -6);
  }
  for (const suffix of SUFFIXES) add(suffix, -7);
  return scores;
}

/** `tokenizer.json` of the DeBERTa-shaped encoder, by mDeBERTa's own rules: [PAD] 0, [CLS] 1, [SEP] 2, [UNK] 3, …, [MASK] last. */
export function debertaUnigram(): string {
  const control = (piece: string) => ({ piece, score: 0, kind: "control" as const });
  return unigramJson({
    pieces: [
      ...["[PAD]", "[CLS]", "[SEP]"].map(control),
      { piece: "[UNK]", score: -20, kind: "unknown" },
      ...[...unigramPieces()].map(([piece, score]) => ({ piece, score, kind: "normal" as const })),
    ],
    algorithm: "unigram",
    unkId: 3,
    byteFallback: false,
    whitespaceAsSuffix: false,
    addDummyPrefix: true,
    escapeWhitespaces: true,
    characterMap: new Uint8Array(0),
  }, "of the tiny world");
}

/** `tokenizer.json` of the XLM-R-shaped encoder: <s> 0, <pad> 1, </s> 2, <unk> 3, …, <mask> last. */
export function unigram(): string {
  const vocab: [string, number][] = [
    ["<s>", 0],
    ["<pad>", 0],
    ["</s>", 0],
    ["<unk>", -20],
    ...unigramPieces(),
    [
      "<mask>",
      0,
    ],
  ];
  const mask = vocab.length - 1;
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      special(0, "<s>"),
      special(1, "<pad>"),
      special(2, "</s>"),
      special(3, "<unk>"),
      special(mask, "<mask>", true),
    ],
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "WhitespaceSplit" },
        { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
      ],
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [token("<s>", 0), sequence("A", 0), token("</s>", 0)],
      pair: [
        token("<s>", 0),
        sequence("A", 0),
        token("</s>", 0),
        token("</s>", 0),
        sequence("B", 0),
        token("</s>", 0),
      ],
      special_tokens: {
        "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] },
        "</s>": { id: "</s>", ids: [2], tokens: ["</s>"] },
      },
    },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "Unigram", unk_id: 3, vocab, byte_fallback: false },
  });
}
