// Promises masked pretraining batches of the tiny corpus: a pure function of (encoder, seed, batch number, curriculum).
// Leaves the documents to corpus.ts and learning from them to pretrain.ts.
import type { Batch } from "../../core/mod.ts";
import { joinPair, padRows, type Row } from "../tasks/batch.ts";
import type { Tokenizer } from "../tasks/tokenizer.ts";
import { document } from "./corpus.ts";
import { type Language, LANGUAGES, lexicon, RELATIONS } from "./lexicon.ts";
import { type Rng, rngFor } from "./rng.ts";

export interface FeedOptions {
  tokenizer: Tokenizer;
  seed: number;
  rowsEach: number;
  /** Only documents in this language: for a language adapter. */
  only?: Language;
}

/** What a batch is drawn from; a pretraining may begin with little and end with all. */
export interface Diet {
  /** Documents are at most this many tokens long. */
  longest: number;
  /** Share of documents whose two segments are in different languages. */
  crossLingual: number;
  /** Share of English among the languages of single-language documents. */
  english: number;
}

/** Share of the names and things of the masked segment that are hidden, and of all its other words. */
const hidden = { names: 0.5, others: 0.12 };
/** What stands in a hidden place: mostly the mask, sometimes another word, else the word itself. */
const shown = { mask: 0.85, other: 0.05 };
/** Batches drawn and sorted by length together, so that little is padding. */
const poolBatches = 16;

interface Drawn {
  row: Row;
  follows: boolean;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #names: Promise<Set<number>>;
  #pool: { number: number; batches: Drawn[][] } | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#names = nameIds(options.tokenizer);
  }

  /** Batch number `n`. The diet is that of the first batch of its pool. */
  async batch(n: number, dietOf: (n: number) => Diet): Promise<Batch> {
    const number = Math.floor(n / poolBatches);
    if (this.#pool?.number !== number) {
      this.#pool = { number, batches: await this.#draw(number, dietOf(number * poolBatches)) };
    }
    return this.#mask(this.#pool.batches[n % poolBatches], n, await this.#names);
  }

  async #draw(number: number, diet: Diet): Promise<Drawn[][]> {
    const { tokenizer, seed, rowsEach, only } = this.#options;
    const rng = rngFor("corpus", tokenizer.style, seed, only ?? "all", number);
    const wanted = poolBatches * rowsEach;
    const drawn: Drawn[] = [];
    while (drawn.length < wanted) {
      const documents = Array.from({ length: wanted }, () => document(rng, ...this.#languages(rng, diet)));
      const first = await tokenizer.encode(documents.map((each) => each.first));
      const second = await tokenizer.encode(documents.map((each) => each.second));
      documents.forEach(({ follows }, i) => {
        const row = joinPair(tokenizer, first[i].ids, second[i].ids);
        if (row.ids.length <= diet.longest && drawn.length < wanted) drawn.push({ row, follows });
      });
    }
    drawn.sort((a, b) => a.row.ids.length - b.row.ids.length);
    const batches = Array.from(
      { length: poolBatches },
      (_, i) => drawn.slice(i * rowsEach, (i + 1) * rowsEach),
    );
    return rng.shuffle(batches);
  }

  #languages(rng: Rng, { english, crossLingual }: Diet): [Language, Language] {
    const { only } = this.#options;
    if (only !== undefined) return [only, only];
    const others = LANGUAGES.filter((language) => language !== "en");
    const a = rng.chance(english) ? "en" : rng.pick(others);
    if (!rng.chance(crossLingual)) return [a, a];
    const b = a === "en" ? rng.pick(others) : rng.chance(0.6) ? "en" : rng.pick(LANGUAGES);
    return rng.chance(0.5) ? [a, b] : [b, a];
  }

  /** Hides words of one segment of each document and leaves the other whole, to be looked up in. */
  #mask(drawn: Drawn[], n: number, names: Set<number>): Batch {
    const { tokenizer, seed, only } = this.#options;
    const rng = rngFor("mask", tokenizer.style, seed, only ?? "all", n);
    const { cls, sep, pad, mask } = tokenizer.special;
    const padded = padRows(drawn.map((each) => each.row), tokenizer, { to: "longest" });
    const labels = new Int32Array(padded.inputIds.length).fill(-1);
    let predicted = 0;
    drawn.forEach(({ row }, r) => {
      const inFirst = rng.chance(0.5);
      for (let t = 0; t < row.ids.length; t++) {
        const id = row.ids[t];
        if (id === cls || id === sep || id === pad || (t < row.secondFrom) !== inFirst) continue;
        if (!rng.chance(names.has(id) ? hidden.names : hidden.others)) continue;
        const at = r * padded.length + t;
        labels[at] = id;
        predicted++;
        const dice = rng.next();
        if (dice < shown.mask) padded.inputIds[at] = mask;
        else if (dice < shown.mask + shown.other) padded.inputIds[at] = rng.pick(drawn).row.ids[1];
      }
    });
    // A batch in which chance hid nothing still needs something to predict.
    if (predicted === 0) labels[1] = padded.inputIds[1];
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

/** Ids of the pieces of all names, things and numbers: what documents are about. */
async function nameIds(tokenizer: Tokenizer): Promise<Set<number>> {
  const words = LANGUAGES.flatMap((language) => {
    const { names, things } = lexicon(language);
    return [...names, ...RELATIONS.flatMap((relation) => things[relation])].map((entry) =>
      entry.split("~").at(-1)!
    );
  });
  const encoded = await tokenizer.encode(words);
  return new Set(encoded.flatMap(({ ids }) => [...ids]));
}
