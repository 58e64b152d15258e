// Promises tokens, offsets and rows equal to transformers' fast tokenizers on a sample of all real texts, and on odd ones.
// Leaves the whole of the texts to make_tokenizer_goldens.ts, and the real data to its owners: without it, only the parts are checked.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openTokenizer } from "../../repro/tokenizers/open.ts";
import { readSentencePiece } from "../../repro/tokenizers/sentencepiece.ts";
import type { Tokenizer } from "../../repro/tokenizers/tokenizer.ts";
import { unigramJson } from "../../repro/tokenizers/unigram.ts";
import { wordPieceJson } from "../../repro/tokenizers/wordpiece.ts";
import { realData } from "../fixtures/data/real.ts";
import { edges } from "./tokenizer_edges.ts";
import { type FolderName, folders, writeFolder } from "./tokenizer_folders.ts";
import {
  digestRows,
  encodedRow,
  featureRows,
  readSet,
  sampled,
  setNames,
  storedAnswers,
  type TextSet,
} from "./tokenizer_sets.ts";

const names = Object.keys(folders) as FolderName[];
const test = suite("tokenizers golden");
const source = realData("tokenizers golden", 2 * names.length + 2);
const real = source ? test : test.skip;
const stored = await storedAnswers();

let target = "";
const opened = new Map<FolderName, Promise<{ tokenizer: Tokenizer; digest: string; folder: string }>>();
/** The tokenizer of a folder; each is written and opened once. */
function tokenizerOf(name: FolderName) {
  const known = opened.get(name) ?? (async () => {
    const folder = await writeFolder(name, source!.name, target);
    return { ...await openTokenizer(folder), folder };
  })();
  opened.set(name, known);
  return known;
}

let samples: Promise<[string, TextSet][]> | undefined;
const sampledSets = () =>
  samples ??= Promise.all(
    setNames.map(async (name) =>
      [name, sampled(await readSet(source!, name), stored.step)] as [string, TextSet]
    ),
  );

test.before(async () => {
  target = await mkdtemp(`${tmpdir()}/tokenizers-`);
});
test.after(() => rm(target, { recursive: true }));

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

/** A tokenizer.json with hashes in place of what is long, as Python's is stored. */
function parts(json: string): any {
  const whole = JSON.parse(json);
  const { vocab } = whole.model;
  const list = Array.isArray(vocab);
  const pieces = list
    ? vocab.map(([piece]: [string]) => piece)
    : Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);
  whole.model.vocab = sha256(pieces.join("\n"));
  if (list) {
    whole.model.scores = digestRows([Float32Array.from(vocab, ([, score]: [string, number]) => score)]);
  }
  for (const part of [whole.normalizer, ...(whole.normalizer.normalizers ?? [])]) {
    if (part.type === "Precompiled") {
      part.precompiled_charsmap = sha256(
        Uint8Array.from(atob(part.precompiled_charsmap), (c) => c.charCodeAt(0)),
      );
    }
  }
  return whole;
}

test("answers are stored for every tokenizer, set and odd text", () => {
  for (const name of names) {
    assert.is(stored.edges[name].length, edges.length, "run make_tokenizer_goldens.py again");
    assert.equal(Object.keys(stored.tokenizers[name].tokens), setNames);
    assert.equal(Object.keys(stored.tokenizers[name].features), setNames);
  }
});

real(
  "the tokenizer.json made of a vocab.txt or a SentencePiece model is the one transformers makes",
  async () => {
    const lines = async (name: FolderName) =>
      (await readFile(`${(await tokenizerOf(name)).folder}/vocab.txt`, "utf8")).trimEnd().split("\n");
    const model = async (name: FolderName, file: string) =>
      unigramJson(
        readSentencePiece(await readFile(`${(await tokenizerOf(name)).folder}/${file}`), file),
        file,
      );
    const lower = { lowerCase: true, stripAccents: false, splitChinese: false };
    const made = {
      mbert: wordPieceJson(await lines("mbert")),
      "mbert-lower": wordPieceJson(await lines("mbert-lower"), lower),
      xlmr: await model("xlmr", "sentencepiece.bpe.model"),
      mdeberta: await model("mdeberta", "spm.model"),
    };
    for (const [name, json] of Object.entries(made)) {
      assert.equal(parts(json), stored.tokenizers[name].parts, name);
    }
  },
);

real(
  "mBERT's tokenizer.json is the Hub's, byte for byte; XLM-R's pieces have the published ids",
  async () => {
    // Both hashes and the ids are public records of the real files.
    const { tokenizer, digest } = await tokenizerOf("mbert-json");
    assert.is(digest, "f4a4d5bf7301717e261fafbe26e1eb967f6ba4cb3ae0ab7a29f4642ec229f386");
    assert.is(tokenizer.vocabularySize, 119_547);
    const vocabulary = await readFile(`${(await tokenizerOf("mbert")).folder}/vocab.txt`);
    assert.is(sha256(vocabulary), "fe0fda7c425b48c516fc8f160d594c8022a0808447475c1a7c6d6479763f310c");
    const xlmr = (await tokenizerOf("xlmr")).tokenizer;
    assert.is(xlmr.vocabularySize, 250_002);
    assert.equal(xlmr.special, { cls: 0, pad: 1, sep: 2, unk: 3, mask: 250_001 });
    assert.equal([...(await xlmr.encode(["Hello World!"]))[0].ids], [35_378, 6_661, 38]);
  },
);

for (const name of names) {
  real(`${name} (${folders[name]}): odd texts`, async () => {
    const { tokenizer } = await tokenizerOf(name);
    const encoded = await tokenizer.encode(edges);
    const different = edges.filter((_, index) =>
      digestRows([encodedRow(encoded[index])]).slice(0, 16) !== stored.edges[name][index]
    );
    assert.equal(different, []);
  });

  // The others differ from these in the tokens only, and windows take time.
  const withRows = ["mbert", "xlmr", "mdeberta"].includes(name);
  const what = withRows ? "tokens, windows and pairs" : "tokens";
  real(`${name}: ${what} of XQuAD, XNLI and XCOPA in every language (sample)`, async () => {
    const { tokenizer } = await tokenizerOf(name);
    const answers = stored.tokenizers[name];
    const different: string[] = [];
    for (const [setName, set] of await sampledSets()) {
      const rows = (await tokenizer.encode(set.texts)).map(encodedRow);
      if (digestRows(rows) !== answers.tokens[setName][1]) different.push(`${setName}: tokens`);
      if (!withRows) continue;
      const features = await featureRows(tokenizer, set);
      if (digestRows(features) !== answers.features[setName][1]) different.push(`${setName}: rows`);
    }
    assert.equal(different, [], "tests/golden/make_tokenizer_goldens.py names the texts");
  });
}

test.run();
