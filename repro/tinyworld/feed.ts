// Promises masked pretraining batches of the tiny corpus: a pure function of (encoder, seed, diet, batch number).
// Leaves the documents to corpus.ts and learning from them to pretrain.ts.
import type { Batch } from "../../core/mod.ts";
import { joinPair, padRows, type Row } from "../tasks/batch.ts";
import type { Encoded, Tokenizer } from "../tokenizers/tokenizer.ts";
import { type Document, document, type Mix, type Segment, verdictWord } from "./corpus.ts";
import { type Language, LANGUAGES } from "./lexicon.ts";
import { type Rng, rngFor } from "./rng.ts";

export interface FeedOptions {
  tokenizer: Tokenizer;
  seed: number;
  rowsEach: number;
  /** Only documents in this language: for a language adapter. */
  only?: Language;
}

/** What batches are drawn from. */
export interface Diet {
  /** Documents are at most this many tokens long. */
  longest: number;
  /** Share of documents whose two segments are in different languages. */
  crossLingual: number;
  /** Share of English among the languages of single-language documents. */
  english: number;
  mix: Mix;
}

/** Share of all words that are hidden beside those that the other segment tells. */
const hiddenOthers = 0.08;
/** What stands in the place of a hidden word: mostly the mask, sometimes another word, else the word itself. */
const shown = { mask: 0.65, other: 0.2 };
/** Batches drawn and sorted by length together, so that little is padding. */
const poolBatches = 16;

/** One document as tokens. `labels`: the token that each position is to predict, −1 for none; `hide`: whether it is hidden. */
interface Drawn {
  row: Row;
  labels: Int32Array;
  hide: Uint8Array;
  follows: boolean;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #diet: Diet;
  readonly #verdicts: Promise<Map<string, number>>;
  #pool: { number: number; batches: Drawn[][] } | null = null;

  constructor(options: FeedOptions, diet: Diet) {
    this.#options = options;
    this.#diet = diet;
    this.#verdicts = verdictIds(options.tokenizer);
  }

  /** Batch number `n`. */
  async batch(n: number): Promise<Batch> {
    const number = Math.floor(n / poolBatches);
    if (this.#pool?.number !== number) {
      this.#pool = { number, batches: await this.#draw(number) };
    }
    return this.#collate(this.#pool.batches[n % poolBatches], n);
  }

  async #draw(number: number): Promise<Drawn[][]> {
    const { tokenizer, seed, rowsEach, only } = this.#options;
    const { longest, mix } = this.#diet;
    const rng = rngFor("corpus", tokenizer.style, seed, only ?? "all", number);
    const wanted = poolBatches * rowsEach;
    const verdicts = await this.#verdicts;
    const drawn: Drawn[] = [];
    while (drawn.length < wanted) {
      const documents = Array.from({ length: wanted }, () => document(rng, ...this.#languages(rng), mix));
      const first = await tokenizer.encode(documents.map((each) => each.first.text));
      const second = await tokenizer.encode(documents.map((each) => each.second.text));
      documents.forEach((each, i) => {
        const tokens = asTokens(rng, tokenizer, each, first[i], second[i], verdicts);
        if (tokens.row.ids.length <= longest && drawn.length < wanted) drawn.push(tokens);
      });
    }
    drawn.sort((a, b) => a.row.ids.length - b.row.ids.length);
    const batches = Array.from(
      { length: poolBatches },
      (_, i) => drawn.slice(i * rowsEach, (i + 1) * rowsEach),
    );
    return rng.shuffle(batches);
  }

  #languages(rng: Rng): [Language, Language] {
    const { only } = this.#options;
    const { english, crossLingual } = this.#diet;
    if (only !== undefined) return [only, only];
    const others = LANGUAGES.filter((language) => language !== "en");
    const a = rng.chance(english) ? "en" : rng.pick(others);
    if (!rng.chance(crossLingual)) return [a, a];
    const b = a === "en" ? rng.pick(others) : rng.chance(0.6) ? "en" : rng.pick(LANGUAGES);
    return rng.chance(0.5) ? [a, b] : [b, a];
  }

  /** Hides what is to be hidden, and a few words more, so that grammar is learned too. */
  #collate(drawn: Drawn[], n: number): Batch {
    const { tokenizer, seed, only } = this.#options;
    const rng = rngFor("mask", tokenizer.style, seed, only ?? "all", n);
    const { cls, sep, mask } = tokenizer.special;
    const padded = padRows(drawn.map((each) => each.row), tokenizer, { to: "longest" });
    const labels = new Int32Array(padded.inputIds.length).fill(-1);
    drawn.forEach(({ row, labels: wanted, hide }, r) => {
      for (let t = 0; t < row.ids.length; t++) {
        const at = r * padded.length + t;
        labels[at] = wanted[t];
        const id = row.ids[t];
        const chosen = hide[t] === 1 ||
          (wanted[t] < 0 && id !== cls && id !== sep && rng.chance(hiddenOthers));
        if (!chosen) continue;
        labels[at] = id;
        const dice = rng.next();
        if (dice < shown.mask) padded.inputIds[at] = mask;
        else if (dice < shown.mask + shown.other) padded.inputIds[at] = another(rng, drawn, id);
      }
    });
    return {
      examples: drawn.length,
      tokens: padded.length,
      inputIds: padded.inputIds,
      attentionMask: padded.attentionMask,
      tokenTypeIds: padded.tokenTypeIds,
      labels,
      nextSentenceLabels: Int32Array.from(drawn, (each) => each.follows ? 0 : 1),
    };
  }
}

/** A hidden word of another document, or any word. */
function another(rng: Rng, drawn: Drawn[], id: number): number {
  for (let tries = 0; tries < 8; tries++) {
    const { row, hide } = rng.pick(drawn);
    const t = hide.indexOf(1);
    if (t > 0 && row.ids[t] !== id) return row.ids[t];
  }
  return rng.pick(drawn).row.ids[1];
}

function asTokens(
  rng: Rng,
  tokenizer: Tokenizer,
  { first, second, verdict }: Document,
  firstTokens: Encoded,
  secondTokens: Encoded,
  verdicts: Map<string, number>,
): Drawn {
  const row = joinPair(tokenizer, firstTokens.ids, secondTokens.ids);
  const labels = new Int32Array(row.ids.length).fill(-1);
  const hide = new Uint8Array(row.ids.length);
  if (verdict !== undefined) {
    const { cls, sep } = tokenizer.special;
    row.ids.forEach((id, t) => {
      if (id === cls || id === sep) labels[t] = verdicts.get(`${second.language} ${verdict}`)!;
    });
  }
  const place = ({ marks, language }: Segment, { starts, ends }: Encoded, offset: number, other: Encoded) => {
    for (const { from, to, kind, share = 1 } of marks) {
      for (let t = 0; t < starts.length; t++) {
        if (starts[t] >= to || ends[t] <= from || !rng.chance(share)) continue;
        const itself = kind === "hidden" || kind === "shown";
        labels[offset + t] = itself
          ? row.ids[offset + t]
          // The answer to a question is to predict the question mark.
          : kind === "asked"
          ? other.ids.at(-1)!
          : verdicts.get(`${language} ${kind}`)!;
        if (kind === "hidden") hide[offset + t] = 1;
      }
    }
  };
  place(first, firstTokens, 1, secondTokens);
  place(second, secondTokens, row.secondFrom, firstTokens);
  return { row, labels, hide, follows: verdict === undefined || verdict === "yes" };
}

/** The first piece of the word for each verdict in each language: what the first position is to predict. */
async function verdictIds(tokenizer: Tokenizer): Promise<Map<string, number>> {
  const keys = LANGUAGES.flatMap((language) =>
    (["yes", "maybe", "no"] as const).map((verdict) => ({ language, verdict }))
  );
  const encoded = await tokenizer.encode(keys.map(({ language, verdict }) => verdictWord(language, verdict)));
  return new Map(keys.map(({ language, verdict }, i) => [`${language} ${verdict}`, encoded[i].ids[0]]));
}
