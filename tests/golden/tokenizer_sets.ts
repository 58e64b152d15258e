// The texts on which tokenizers are compared with Python's (XQuAD, XNLI dev, XCOPA), and what is compared, as rows of numbers.
// It leaves running them to make_tokenizer_goldens.ts (everything) and tokenizers.test.ts (the gate).
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { readCopaJsonl } from "../../repro/data/copa.ts";
import { targetLanguages } from "../../repro/data/datasets.ts";
import { readXnliDev } from "../../repro/data/nli.ts";
import type { DataSource } from "../../repro/data/source.ts";
import { readSquad } from "../../repro/data/squad.ts";
import type { ChoiceExample, NliExample, QaExample } from "../../repro/data/types.ts";
import { choiceData, choicePrompt } from "../../repro/tasks/choice.ts";
import { nliData } from "../../repro/tasks/nli.ts";
import { qaData, qaWindows } from "../../repro/tasks/qa.ts";
import type { TaskData } from "../../repro/tasks/task-data.ts";
import type { Encoded, Tokenizer } from "../../repro/tokenizers/tokenizer.ts";

/** The lengths at which rows are compared; the pairs' are short, so that most must be cut. */
export const lengths = { question: 384, docStride: 128, pair: 32, choice: 16 } as const;

interface Texts {
  readonly texts: string[];
  /** Rows as fed to an encoder: [first, second]. */
  readonly pairs: [string, string][];
}

export type TextSet =
  & Texts
  & ({ readonly kind: "question"; readonly examples: QaExample[] } | {
    readonly kind: "pair";
    readonly examples: NliExample[];
  } | { readonly kind: "choice"; readonly examples: ChoiceExample[] });

/** Names of all sets: "xquad.en", …, "xnli.ar", …, "xcopa.et", …. */
export const setNames: readonly string[] = (["xquad", "xnli", "xcopa"] as const).flatMap((data) =>
  targetLanguages[data].filter((language) => data !== "xcopa" || language !== "en").map((language) =>
    `${data}.${language}`
  )
);

export async function readSet(source: DataSource, name: string): Promise<TextSet> {
  const [data, language] = name.split(".");
  if (data === "xquad") {
    const path = `xquad/xquad.${language}.json`;
    const examples = readSquad(await source.text(path), path);
    const contexts = [...new Set(examples.map(({ context }) => context))];
    return {
      kind: "question",
      texts: [...contexts, ...examples.map(({ question }) => question)],
      pairs: examples.map(({ question, context }) => [question, context]),
      examples,
    };
  }
  if (data === "xnli") {
    const path = `xnli/dev-${language}.tsv`;
    const examples = readXnliDev(await source.text(path), path);
    const pairs = examples.map(({ premise, hypothesis }): [string, string] => [premise, hypothesis]);
    return { kind: "pair", texts: pairs.flat(), pairs, examples };
  }
  const examples: ChoiceExample[] = [];
  for (const part of ["val", "test"]) {
    const path = `xcopa/${language}/${part}.${language}.jsonl`;
    examples.push(...readCopaJsonl(await source.text(path), path));
  }
  return {
    kind: "choice",
    texts: examples.flatMap(({ premise, choice1, choice2 }) => [premise, choice1, choice2]),
    pairs: examples.flatMap((example) => {
      const prompt = choicePrompt(example);
      return [[prompt, example.choice1], [prompt, example.choice2]] as [string, string][];
    }),
    examples,
  };
}

/** What Python answered, as hashes of rows: of all, and of every `step`-th text or example. */
export interface StoredAnswers {
  readonly step: number;
  /** Of each text in tokenizer_edges.ts, its first 16 digits. */
  readonly edges: Record<string, string[]>;
  readonly tokenizers: Record<string, {
    /** Python's tokenizer.json with hashes in place of what is long. */
    readonly parts: Record<string, any>;
    readonly tokens: Record<string, [all: string, sample: string]>;
    readonly features: Record<string, [all: string, sample: string]>;
  }>;
}

export const storedAnswers = async (): Promise<StoredAnswers> =>
  JSON.parse(await readFile(new URL("./fixtures/tokenizers.json", import.meta.url), "utf8"));

/** SHA-256 over rows one after another, as 32-bit integers (little-endian, as on every machine this runs on). */
export function digestRows(rows: readonly ArrayBufferView[]): string {
  const hash = createHash("sha256");
  for (const row of rows) hash.update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
  return hash.digest("hex");
}

/** A set in which each list keeps every `step`-th entry. */
export function sampled(set: TextSet, step: number): TextSet {
  const keep = <T>(list: T[]) => list.filter((_, index) => index % step === 0);
  const examples = keep(set.examples as unknown[]) as never[];
  return { ...set, texts: keep(set.texts), examples };
}

/** A text as [n, ids, starts, ends]. */
export function encodedRow({ ids, starts, ends }: Encoded): Int32Array {
  const row = new Int32Array(1 + 3 * ids.length);
  row[0] = ids.length;
  row.set(ids, 1);
  row.set(starts, 1 + ids.length);
  row.set(ends, 1 + 2 * ids.length);
  return row;
}

/**
 * What the encoder is fed for each example, as [example, ids, attention mask, token types] padded to the full length; for questions
 * followed by the starts and ends of the context's tokens in the context, -1 elsewhere.
 */
export async function featureRows(tokenizer: Tokenizer, set: TextSet): Promise<Int32Array[]> {
  if (set.kind === "question") {
    const options = { maxLength: lengths.question, docStride: lengths.docStride };
    const data = await qaData(tokenizer, set.examples, options);
    const { windows, contexts } = await qaWindows(tokenizer, set.examples, options);
    return rows(data, options.maxLength, (index) => windows[index].example).map((row, index) => {
      const { example, from, count, secondFrom } = windows[index];
      const { starts, ends } = contexts[example].tokens;
      const length = options.maxLength;
      const whole = new Int32Array(row.length + 2 * length).fill(-1);
      whole.set(row);
      whole.set(starts.subarray(from, from + count), row.length + secondFrom);
      whole.set(ends.subarray(from, from + count), row.length + length + secondFrom);
      return whole;
    });
  }
  const maxLength = lengths[set.kind];
  const options = { maxLength, padding: { to: maxLength } };
  if (set.kind === "pair") {
    return rows(await nliData(tokenizer, set.examples, options), maxLength, (row) => row);
  }
  return rows(await choiceData(tokenizer, set.examples, options), maxLength, (row) => row >> 1);
}

/** All rows of `data` in order. */
function rows(data: TaskData, length: number, example: (row: number) => number): Int32Array[] {
  const batch = data.collate(Array.from({ length: data.size }, (_, index) => index));
  return Array.from({ length: batch.rows }, (_, row) => {
    const part = (values: Int32Array) => values.subarray(row * length, (row + 1) * length);
    return Int32Array.from([
      example(row),
      ...part(batch.inputIds),
      ...part(batch.attentionMask),
      ...part(batch.tokenTypeIds),
    ]);
  });
}
