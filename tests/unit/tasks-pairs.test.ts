// Promises sentence pairs and choices as rows: special tokens, truncation, padding, token types, labels, accuracy, order.
// Leaves questions over contexts to tasks-qa.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import { subsample } from "../../repro/data/subsample.ts";
import { paddedLength } from "../../repro/tasks/batch.ts";
import { choiceData } from "../../repro/tasks/choice.ts";
import { nliData } from "../../repro/tasks/nli.ts";
import { batches, byLength, epochOrder } from "../../repro/tasks/order.ts";
import { longestFirst } from "../../repro/tasks/truncate.ts";
import { bert, xlmr } from "../fixtures/tasks/tokenizers.ts";

// The gate must give the same answer every time.
fc.configureGlobal({ seed: 20240616 });
const test = suite("tasks-pairs");

const nli = [
  { premise: "the cat sat on the mat", hypothesis: "the cat sat", label: 0 as const },
  { premise: "it rained", hypothesis: "who is it?", label: 2 as const },
];
const copa = [
  {
    premise: "it rained",
    choice1: "the cat sat",
    choice2: "on the mat",
    question: "cause" as const,
    label: 1 as const,
  },
  {
    premise: "the cat",
    choice1: "sat",
    choice2: "it sat on it",
    question: "effect" as const,
    label: 0 as const,
  },
];

test("longest-first takes tokens one by one from the longer segment", () => {
  fc.assert(fc.property(fc.nat(30), fc.nat(30), fc.integer({ min: 2, max: 40 }), (a, b, limit) => {
    let [x, y] = [a, b];
    while (x + y > limit) x > y ? x-- : y--;
    const [first, second] = longestFirst(a, b, limit);
    assert.is(first + second, x + y);
    // Only an odd token left over may differ from the step-by-step rule: it stays with the longer segment.
    assert.ok(Math.abs(first - x) <= 1 && first <= a && second <= b);
    if (x !== y) assert.is(first > second, a > b);
  }));
  assert.equal(longestFirst(9, 9, 7), [3, 4]);
  assert.equal(longestFirst(10, 9, 7), [4, 3]);
  assert.equal(longestFirst(2, 9, 7), [2, 5]);
});

test("BERT pairs: [CLS] a [SEP] b [SEP] with token types, padded to the maximum", async () => {
  const tokenizer = bert();
  const data = await nliData(tokenizer, nli, { maxLength: 14 });
  assert.equal([data.kind, data.size, data.examples], ["class", 2, 2]);
  assert.equal([...data.lengths], [12, 9]);
  const batch = data.collate([1, 0]);
  assert.equal([batch.size, batch.rows, batch.length], [2, 2, 14]);
  const row = (r: number) =>
    Array.from(batch.inputIds.subarray(r * 14, r * 14 + 14), (id) => tokenizer.piece(id)).join(" ");
  assert.is(row(0), "[CLS] it rained [SEP] who is it ? [SEP] [PAD] [PAD] [PAD] [PAD] [PAD]");
  assert.is(row(1), "[CLS] the cat sat on the mat [SEP] the cat sat [SEP] [PAD] [PAD]");
  assert.is(batch.attentionMask.subarray(0, 14).join(""), "11111111100000");
  assert.is(batch.tokenTypeIds.subarray(0, 14).join(""), "00001111100000");
  assert.equal(batch.labels, { kind: "class", labels: Int32Array.of(2, 0) });
  assert.equal([...batch.indices], [1, 0]);
});

test("XLM-R pairs: <s> a </s></s> b </s>, token types 0, cut to fit", async () => {
  const tokenizer = xlmr();
  const data = await nliData(tokenizer, nli, { maxLength: 9, padding: { to: "longest" } });
  const batch = data.collate([0]);
  assert.is(
    Array.from(batch.inputIds, (id) => tokenizer.piece(id)).join(" "),
    "<s> ▁the ▁cat ▁sat </s> </s> ▁the ▁cat </s>",
  );
  assert.equal([...batch.tokenTypeIds], new Array(9).fill(0));
});

test("padding: to the longest of the batch, rounded up, or to a length that must suffice", async () => {
  assert.is(paddedLength(9, { to: "longest" }), 9);
  assert.is(paddedLength(9, { to: "longest", multipleOf: 8 }), 16);
  assert.is(paddedLength(16, { to: "longest", multipleOf: 8 }), 16);
  const data = await nliData(bert(), nli, { maxLength: 14, padding: { to: "longest", multipleOf: 4 } });
  assert.is(data.collate([1]).length, 12);
  assert.is(data.collate([0, 1]).length, 12);
  const short = await nliData(bert(), nli, { maxLength: 14, padding: { to: 10 } });
  assert.throws(() => short.collate([0]), /12 tokens does not fit into 10/);
  assert.throws(() => data.collate([2]), /item 2 of 2/);
});

test("choices: two rows an example, the English prompt first", async () => {
  const tokenizer = bert();
  const data = await choiceData(tokenizer, copa, { maxLength: 32 });
  const batch = data.collate([1, 0]);
  assert.equal([batch.size, batch.rows, batch.length], [2, 4, Math.max(...data.lengths)]);
  const row = (r: number) =>
    Array.from(batch.inputIds.subarray(r * batch.length, (r + 1) * batch.length), (id) => tokenizer.piece(id))
      .join(" ");
  assert.match(row(0), /^\[CLS\] the cat \[UNK\] was the effect \? \[SEP\] sat \[SEP\]( \[PAD\])*$/);
  assert.match(row(3), /^\[CLS\] it rained \[UNK\] was the cause \? \[SEP\] on the mat \[SEP\]( \[PAD\])*$/);
  assert.equal(batch.labels, { kind: "choice", labels: Int32Array.of(0, 1) });
});

test("accuracy counts the largest logit, the first among equals, over batches in any order", async () => {
  const data = await nliData(bert(), nli, { maxLength: 14 });
  const evaluation = data.evaluation();
  evaluation.add(data.collate([1]), { kind: "class", logits: [0, 0, 1] });
  assert.throws(() => evaluation.finish(), /example 0 was never scored/);
  evaluation.add(data.collate([0]), { kind: "class", logits: [1, 1, 0] });
  assert.equal(evaluation.finish(), {
    metrics: { accuracy: 100 },
    conventions: {},
    predictions: { 0: 0, 1: 2 },
  });

  const choices = await choiceData(bert(), copa, { maxLength: 32 });
  const chosen = choices.evaluation();
  chosen.add(choices.collate([0, 1]), { kind: "choice", logits: [1, 2, 3, 4] });
  assert.equal(chosen.finish().metrics, { accuracy: 50 });
  assert.throws(
    () => chosen.add(choices.collate([0]), { kind: "choice", logits: [1] }),
    /1 values in "logits", 2 are wanted/,
  );
  assert.throws(
    () => chosen.add(choices.collate([0]), { kind: "class", logits: [1, 2] }),
    /kind "class" for a task of kind "choice"/,
  );
});

test("data order: a permutation of its seed and epoch alone, cut into batches", () => {
  const order = epochOrder(3, 0, 50);
  assert.equal([...order].sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
  assert.equal(order, epochOrder(3, 0, 50));
  assert.not.equal(order, epochOrder(3, 1, 50));
  assert.not.equal(order, epochOrder(4, 0, 50));
  assert.equal(batches(order, 20).map((part) => part.length), [20, 20, 10]);
  assert.equal(batches(order, 20).flatMap((part) => [...part]), [...order]);
  assert.throws(() => batches(order, 0), /whole number from 1/);
  assert.equal([...byLength(Int32Array.of(5, 3, 5, 1))], [3, 1, 0, 2]);
});

test("subsample: seeded, without repetition, nested, and refuses nonsense", () => {
  const all = Array.from({ length: 100 }, (_, i) => i);
  const small = subsample(all, 10, 7);
  assert.is(new Set(small).size, 10);
  assert.equal(subsample(all, 50, 7).slice(0, 10), small);
  assert.not.equal(subsample(all, 10, 8), small);
  assert.is(subsample(all, 1000, 7).length, 100);
  assert.throws(() => subsample(all, 0, 7), /whole number from 1/);
});

test.run();
