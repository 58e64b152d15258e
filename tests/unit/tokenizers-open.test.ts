// Promises that a model's folder is opened by the best tokenizer file in it, that its settings are followed, and errors that say
// what was looked for. Leaves equality with Python to tests/golden/tokenizers.test.ts.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { join, writeAtomic } from "../../repro/runtime.ts";
import { sha256 } from "../../repro/spec/mod.ts";
import { openTokenizer } from "../../repro/tokenizers/open.ts";
import type { Tokenizer } from "../../repro/tokenizers/tokenizer.ts";
import { wordPieceJson } from "../../repro/tokenizers/wordpiece.ts";
import { openEncoder } from "../../repro/training/world.ts";
import { randomEncoder } from "../fakes/encoders.ts";
import { wordPieceVocabulary } from "../fixtures/tasks/tokenizers.ts";
import { sentencePieceModel } from "../golden/tokenizer_folders.ts";

const test = suite("tokenizers-open");

const vocabulary = wordPieceVocabulary.join("\n") + "\n";
const model = sentencePieceModel({
  pieces: [
    { piece: "[PAD]", score: 0, type: "control" },
    { piece: "[CLS]", score: 0, type: "control" },
    { piece: "[SEP]", score: 0, type: "control" },
    { piece: "[UNK]", score: 0, type: "unknown" },
    { piece: "▁the", score: -1 },
    { piece: "▁", score: -2 },
    { piece: "cat", score: -2 },
  ],
  characterMap: new Uint8Array(0),
  trainer: [[40, 3]],
});

/** Opens a folder with these files. */
async function opened(files: Record<string, string | Uint8Array>) {
  const folder = await mkdtemp(join(tmpdir(), "tokenizer-"));
  try {
    for (const [name, data] of Object.entries(files)) await writeAtomic(join(folder, name), data);
    return await openTokenizer(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const pieces = async (tokenizer: Tokenizer, text: string) =>
  Array.from((await tokenizer.encode([text]))[0].ids, (id) => tokenizer.piece(id)).join(" ");

async function message(files: Record<string, string | Uint8Array>): Promise<string> {
  try {
    await opened(files);
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

test("tokenizer.json before a SentencePiece model before vocab.txt", async () => {
  const json = wordPieceJson(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "json"]);
  const files = { "vocab.txt": vocabulary, "tokenizer_config.json": '{"do_lower_case": false}' };
  assert.is(await pieces((await opened(files)).tokenizer, "the cats"), "the cat ##s");
  const withModel = await opened({ ...files, "spm.model": model });
  assert.is(withModel.tokenizer.special.mask, 7);
  assert.match(withModel.tokenizer.name, "spm.model");
  const all = await opened({ ...files, "spm.model": model, "tokenizer.json": json });
  assert.is(all.tokenizer.piece(5), "json");
  // One file is identified by its own hash: runs keep their names.
  assert.is(all.digest, await sha256(json));
});

test("do_lower_case, strip_accents and tokenize_chinese_chars of a vocab.txt are followed", async () => {
  const open = async (config: unknown) =>
    await opened({ "vocab.txt": vocabulary, "tokenizer_config.json": JSON.stringify(config) });
  const cased = await open({ do_lower_case: false });
  assert.is(await pieces(cased.tokenizer, "The é 漢字"), "[UNK] é 漢 字");
  const lower = await open({ do_lower_case: true });
  assert.is(await pieces(lower.tokenizer, "The É"), "the e");
  const accents = await open({ do_lower_case: true, strip_accents: false });
  assert.is(await pieces(accents.tokenizer, "The É"), "the é");
  const chinese = await open({ do_lower_case: false, tokenize_chinese_chars: false });
  assert.is(await pieces(chinese.tokenizer, "漢字"), "[UNK]");
  assert.is(new Set([cased, lower, accents, chinese].map(({ digest }) => digest)).size, 4);
});

test("settings beside a tokenizer.json: followed where written, otherwise the file stands", async () => {
  const json = wordPieceJson(wordPieceVocabulary);
  const open = async (config: unknown) =>
    await opened({ "tokenizer.json": json, "tokenizer_config.json": JSON.stringify(config) });
  const plain = await open({ model_max_length: 512 });
  assert.is(await pieces(plain.tokenizer, "The cat"), "[UNK] cat");
  assert.is(plain.digest, await sha256(json));
  assert.is((await open({ do_lower_case: false })).digest, plain.digest);
  const lower = await open({ do_lower_case: true });
  assert.is(await pieces(lower.tokenizer, "The cat"), "the cat");
  assert.is.not(lower.digest, plain.digest);
  const own = await open({ do_lower_case: true, tokenizer_class: "PreTrainedTokenizerFast" });
  assert.is(await pieces(own.tokenizer, "The cat"), "[UNK] cat");
});

test("added_tokens_decoder: a token of one's own, and [MASK] with the space before it", async () => {
  const token = (content: string, lstrip: boolean) => ({ content, lstrip, special: true });
  const config = {
    do_lower_case: false,
    added_tokens_decoder: { 4: token("[MASK]", true), [wordPieceVocabulary.length]: token("[E1]", false) },
  };
  const { tokenizer } = await opened({
    "vocab.txt": vocabulary,
    "tokenizer_config.json": JSON.stringify(config),
  });
  const [{ ids, starts }] = await tokenizer.encode(["the [MASK][E1]"]);
  assert.equal([...ids], [5, 4, wordPieceVocabulary.length]);
  assert.equal([...starts], [0, 3, 10]);
});

test("errors say what was looked for and what to do", async () => {
  assert.match(
    await message({ "config.json": "{}" }),
    /none of tokenizer\.json, spm\.model, sentencepiece\.bpe\.model, sentencepiece\.model, vocab\.txt is there/,
  );
  assert.match(
    await message({ "vocab.txt": vocabulary }),
    /but no tokenizer_config\.json, .*"do_lower_case": false/,
  );
  assert.match(
    await message({ "vocab.txt": vocabulary, "tokenizer_config.json": "{}" }),
    /tokenizer_config\.json has no "do_lower_case"/,
  );
  const config = (text: string) => message({ "vocab.txt": vocabulary, "tokenizer_config.json": text });
  assert.match(await config('{"do_lower_case": "no"}'), /"do_lower_case" must be true or false, found "no"/);
  assert.match(await config('{"do_basic_tokenize": false}'), /"do_basic_tokenize" is false/);
  assert.match(await config('{"do_low'), /tokenizer_config\.json: not valid JSON/);
  assert.match(await message({ "spm.model": model.subarray(0, 30) }), /spm\.model \(30 bytes\)/);
  assert.match(await message({ "tokenizer.json": "{" }), /tokenizer\.json: .*truncated/);
  const absent = await openTokenizer("/no/such/folder").catch((error) => error as Error);
  assert.match((absent as Error).message, "/no/such/folder: no such folder");
});

test("an encoder's folder: any tokenizer opens it, but not one with more tokens than the encoder has", async () => {
  const folder = await randomEncoder(["en"]);
  const before = await openEncoder(folder, "tiny");
  await rm(join(folder, "tokenizer.json"));
  await writeAtomic(join(folder, "spm.model"), model);
  const { tokenizer, revision } = await openEncoder(folder, "tiny");
  assert.is(await pieces(tokenizer, "the cat"), "▁the ▁ cat");
  assert.is.not(revision, before.revision);
  const many = wordPieceVocabulary.join("\n") + Array.from({ length: 5000 }, (_, i) => `\nx${i}`).join("");
  await writeAtomic(join(folder, "tokenizer.json"), wordPieceJson(many.split("\n")));
  const error = await openEncoder(folder, "tiny").catch((thrown) => thrown as Error);
  assert.match((error as Error).message, /tokenizer\.json has \d+ tokens, config\.json's vocab_size is \d+;/);
  await rm(folder, { recursive: true });
});

test.run();
