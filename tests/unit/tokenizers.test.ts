// Promises token ids with code-point offsets on both styles, and clear errors for files that are no tokenizer.
// Leaves windows and pairs to tasks-qa.test.ts and tasks-pairs.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import { loadTokenizer } from "../../repro/tokenizers/tokenizer.ts";
import { loadWordPiece } from "../../repro/tokenizers/wordpiece.ts";
import { realData } from "../fixtures/data/real.ts";
import { bert, wordPieceVocabulary, xlmr } from "../fixtures/tasks/tokenizers.ts";

// The gate must give the same answer every time.
fc.configureGlobal({ seed: 20240616 });
const test = suite("tokenizers");
const source = realData("tokenizers", 1);

const pieces = async (tokenizer: ReturnType<typeof bert>, text: string) =>
  Array.from((await tokenizer.encode([text]))[0].ids, (id) => tokenizer.piece(id));

test("BERT: cased WordPiece, characters of Chinese apart, what is unknown becomes [UNK]", async () => {
  const tokenizer = bert();
  assert.is(tokenizer.style, "bert");
  assert.equal(tokenizer.special, { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
  assert.is(tokenizer.vocabularySize, wordPieceVocabulary.length);
  assert.equal(await pieces(tokenizer, "the cats 漢字 😀 The?"), [
    "the",
    "cat",
    "##s",
    "漢",
    "字",
    "[UNK]",
    "[UNK]",
    "?",
  ]);
  assert.is(tokenizer.piece(999_999), undefined);
});

test("XLM-R: unigram; the file's own truncation is switched off", async () => {
  const tokenizer = xlmr();
  assert.is(tokenizer.style, "xlm-roberta");
  assert.equal(tokenizer.special, { cls: 0, pad: 1, sep: 2, unk: 3, mask: tokenizer.vocabularySize - 1 });
  assert.equal(await pieces(tokenizer, "the cat  on the mat"), ["▁the", "▁cat", "▁on", "▁the", "▁mat"]);
  assert.is((await pieces(tokenizer, "the cat sat on the mat. who is it?")).length, 11);
});

test("offsets are code points: slicing by them gives back every token's own characters", async () => {
  const text = fc.array(fc.constantFrom(..."aetc 漢é?😀𐍈", " the ", " cat ", "  "), { maxLength: 25 }).map((
    c,
  ) => c.join(""));
  for (const tokenizer of [bert(), xlmr()]) {
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        const [{ ids, starts, ends }] = await tokenizer.encode([value]);
        const points = [...value];
        let before = 0;
        ids.forEach((id, index) => {
          assert.ok(starts[index] >= before && ends[index] >= starts[index] && ends[index] <= points.length);
          before = starts[index];
          const slice = points.slice(starts[index], ends[index]).join("");
          const piece = tokenizer.piece(id)!.replace(/^##|^▁/, "");
          // A lone "▁" shares the place of the character after it.
          if (piece === "") assert.is(ends[index] - starts[index], 1);
          else if (id !== tokenizer.special.unk) assert.is(slice, piece);
          else assert.not.match(slice, /^\s|\s$/);
        });
      }),
      { numRuns: 200 },
    );
  }
});

test("encoding many texts keeps their order", async () => {
  const texts = Array.from({ length: 1100 }, (_, i) => "a".repeat((i % 7) + 1));
  const encoded = await bert().encode(texts);
  assert.equal(encoded.map((e) => e.ids.length), texts.map((text) => text.length));
  assert.equal(await bert().encode([]), []);
});

test("half a surrogate pair counts as one code point and reads as the replacement character", async () => {
  for (const tokenizer of [bert(), xlmr()]) {
    const [broken, replaced] = await tokenizer.encode(["the \ud83d cat\udc00 at", "the \ufffd cat\ufffd at"]);
    assert.equal(broken, replaced);
    const whole = (await tokenizer.encode(["the 😀 cat"]))[0];
    assert.is(whole.ends.at(-1), 9);
  }
});

test("files that are no tokenizer are named", () => {
  assert.throws(
    () => loadTokenizer('{"version": "1.0", "trunc', "dir/tokenizer.json"),
    /dir\/tokenizer\.json.*truncated/,
  );
  assert.throws(() => loadWordPiece("[PAD]\n[UNK]\ncat\n", "vocab.txt"), /no piece "\[CLS\]" among 3/);
  assert.throws(
    () => loadWordPiece([...wordPieceVocabulary, "cat"].join("\n"), "vocab.txt"),
    /"cat" is at \d+ and again at \d+/,
  );
  const crlf = loadWordPiece(wordPieceVocabulary.join("\r\n") + "\r\n", "vocab.txt");
  assert.is(crlf.vocabularySize, wordPieceVocabulary.length);
});

(source ? test : test.skip)("the real mBERT vocabulary: size, special tokens, known ids", async () => {
  const path = "vocab/bert-base-multilingual-cased/vocab.txt";
  const tokenizer = loadWordPiece(await source!.text(path), path);
  assert.is(tokenizer.vocabularySize, 119_547);
  assert.equal(tokenizer.special, { pad: 0, unk: 100, cls: 101, sep: 102, mask: 103 });
  const [encoded] = await tokenizer.encode(["a 😀 cat 北京x sat e\u0301tude"]);
  assert.equal([...encoded.ids], [169, 100, 41163, 2650, 2172, 192, 20694, 173, 82091, 41781]);
  assert.equal([...encoded.starts], [0, 2, 4, 8, 9, 10, 12, 16, 17, 18]);
});

test.run();
