// Promises windows, span labels and decoded answers of questions over contexts, checked against slow and obvious versions.
// Leaves the scores of answers to metrics-answers.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import type { QaExample } from "../../repro/data/types.ts";
import { qaData, qaWindows } from "../../repro/tasks/qa.ts";
import { largest } from "../../repro/tasks/qa-decode.ts";
import { windows } from "../../repro/tasks/truncate.ts";
import { bert, xlmr } from "../fixtures/tasks/tokenizers.ts";

// The gate must give the same answer every time.
fc.configureGlobal({ seed: 20240616 });
const test = suite("tasks-qa");

const example = (context: string, answer: string, question = "who?"): QaExample => ({
  id: "q",
  context,
  question,
  answers: [{ text: answer, start: [...context.slice(0, context.indexOf(answer))].length }],
});

test("windows cover everything, share the stride, and end once", () => {
  fc.assert(fc.property(fc.nat(60), fc.integer({ min: 1, max: 20 }), fc.nat(19), (length, size, stride) => {
    if (length > size && stride >= size) {
      return assert.throws(() => windows(length, size, stride), /lower docStride/);
    }
    const found = windows(length, size, stride);
    assert.is(found[0][0], 0);
    assert.is(found.at(-1)![1], length);
    for (const [index, [start, end]] of found.entries()) {
      assert.ok(end - start <= size);
      if (index === 0) continue;
      assert.is(found[index - 1][1] - start, stride);
      assert.ok(found[index - 1][1] < length);
    }
  }));
});

test("rows of both styles; the question's left white space goes, its right stays out of the count", async () => {
  const context = "the cat sat on the mat.";
  const bertTokenizer = bert();
  const data = await qaData(bertTokenizer, [example(context, "mat", "  who is it?")], {
    maxLength: 10,
    docStride: 1,
  });
  const batch = data.collate([0, 1, 2]);
  const row = (r: number) =>
    Array.from(batch.inputIds.subarray(r * 10, r * 10 + 10), (id) => bertTokenizer.piece(id)).join(" ");
  assert.is(data.size, 3);
  assert.is(row(0), "[CLS] who is it ? [SEP] the cat sat [SEP]");
  assert.is(row(1), "[CLS] who is it ? [SEP] sat on the [SEP]");
  assert.is(row(2), "[CLS] who is it ? [SEP] the mat . [SEP]");
  assert.is(batch.tokenTypeIds.subarray(0, 10).join(""), "0000001111");
  assert.equal(batch.labels, { kind: "span", start: Int32Array.of(0, 0, 7), end: Int32Array.of(0, 0, 7) });

  const xlmrTokenizer = xlmr();
  const other = await qaData(xlmrTokenizer, [example(context, "on the")], {
    maxLength: 32,
    docStride: 1,
    padding: { to: "longest" },
  });
  const only = other.collate([0]);
  assert.is(
    Array.from(only.inputIds, (id) => xlmrTokenizer.piece(id)).join(" "),
    "<s> ▁who ? </s> </s> ▁the ▁cat ▁sat ▁on ▁the ▁mat . </s>",
  );
  assert.equal(only.labels, { kind: "span", start: Int32Array.of(8), end: Int32Array.of(9) });
});

const texts = (...words: string[]) => fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 40 });

test("labels point at exactly the tokens that cover the answer, in every window that holds it, else at 0", async () => {
  // Every word of the second list starts with a known piece: a lone "▁" would share its place with the token after it.
  const cases = [
    { tokenizer: bert(), words: texts("the", "cat", "cats", "漢字", "😀", "𐍈a", ".") },
    { tokenizer: xlmr(), words: texts("the", "cat", "cats", "on漢字", "cat😀", "sat𐍈.") },
  ];
  for (const { tokenizer, words } of cases) {
    await fc.assert(
      fc.asyncProperty(
        words,
        fc.nat(),
        fc.nat(3),
        fc.integer({ min: 8, max: 40 }),
        fc.nat(2),
        async (parts, at, extra, room, stride) => {
          const first = at % parts.length;
          const answer = parts.slice(first, first + 1 + extra).join(" ");
          const context = parts.join(" ");
          const start = [...parts.slice(0, first).join(" ")].length + (first > 0 ? 1 : 0);
          const one: QaExample = { id: "q", context, question: "who?", answers: [{ text: answer, start }] };
          const options = { maxLength: room + 4, docStride: stride };
          const data = await qaData(tokenizer, [one], options);
          const { windows: rows, contexts } = await qaWindows(tokenizer, [one], options);
          const all = Array.from({ length: data.size }, (_, i) => i);
          const { labels } = data.collate(all);
          if (labels.kind !== "span") return assert.unreachable();
          const { starts, ends } = contexts[0].tokens;
          const end = start + [...answer].length;
          // The tokens of the answer, by looking at each token alone.
          const inside = Array.from(starts.keys()).filter((i) => ends[i] > start && starts[i] < end);
          let held = 0;
          rows.forEach((window, index) => {
            const whole = inside.every((i) => i >= window.from && i < window.from + window.count);
            const expected = whole
              ? [inside[0], inside.at(-1)!].map((i) => window.secondFrom + i - window.from)
              : [0, 0];
            assert.equal([labels.start[index], labels.end[index]], expected);
            if (whole) held++;
          });
          assert.ok(held > 0 || inside.length > stride);
        },
      ),
      { numRuns: 150 },
    );
  }
});

test("an answer in the last context token: its own position, or as published the row's last one", async () => {
  const one = [example("the cat sat", "sat")];
  const label = async (spanLabels: "exact" | "authors-code") => {
    const { labels } = (await qaData(bert(), one, { maxLength: 16, docStride: 2, spanLabels })).collate([0]);
    return labels.kind === "span" ? [labels.start[0], labels.end[0]] : [];
  };
  assert.equal(await label("exact"), [6, 6]);
  assert.equal(await label("authors-code"), [15, 6]);
});

test("XLM-R's lone ▁ before an answer of one character turns only the published span around", async () => {
  const one = [example("the 漢 cat", "漢")];
  const label = async (spanLabels: "exact" | "authors-code") =>
    (await qaData(xlmr(), one, { maxLength: 16, docStride: 2, spanLabels })).collate([0]).labels;
  assert.equal(await label("exact"), { kind: "span", start: Int32Array.of(7), end: Int32Array.of(7) });
  assert.equal(await label("authors-code"), { kind: "span", start: Int32Array.of(7), end: Int32Array.of(6) });
});

test("a question that leaves no room is named", async () => {
  const long = example("the cat sat on the mat", "cat", "who ".repeat(12));
  const error = await qaData(bert(), [long], { maxLength: 16, docStride: 4 }).then(
    () => null,
    (thrown) => thrown as Error,
  );
  assert.match(error!.message, "question q: 12 question tokens leave 1 of maxLength 16");
});

test("largest: sorted, the lower position among equals", () => {
  assert.equal(largest([1, 5, 5, 2, 9, 5], 0, 6, 4), [4, 1, 2, 5]);
  assert.equal(largest([9, 1, 3, 2], 1, 3, 20), [1, 2, 0]);
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 60 }), fc.integer({ min: 1, max: 25 }), (values, count) => {
      const expected = values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b).slice(0, count);
      assert.equal(largest(values, 0, values.length, count), expected);
    }),
  );
});

/** Decodes by trying every pair of positions. */
function bruteForce(
  rows: { context: [number, number]; start: number[]; end: number[] }[],
): [window: number, first: number, last: number] | null {
  let best: [number, number, number] | null = null;
  let score = -Infinity;
  rows.forEach(({ context: [from, to], start, end }, window) => {
    const top = (values: number[]) =>
      new Set(values.map((_, i) => i).sort((a, b) => values[b] - values[a]).slice(0, 20));
    const [starts, ends] = [top(start), top(end)];
    for (let first = from; first < to; first++) {
      for (let last = first; last < to && last - first < 30; last++) {
        if (!starts.has(first) || !ends.has(last) || !(start[first] + end[last] > score)) continue;
        score = start[first] + end[last];
        best = [window, first, last];
      }
    }
  });
  return best;
}

test("decoding equals trying every span, over several windows, in any order of batches", async () => {
  const tokenizer = bert();
  const context = Array.from({ length: 60 }, (_, i) => ["the", "cat", "漢字", "😀", "sat"][i % 5]).join(" ");
  const one = [example(context, "cat")];
  const options = { maxLength: 48, docStride: 8 };
  const data = await qaData(tokenizer, one, options);
  const { windows: rows, contexts } = await qaWindows(tokenizer, one, options);
  assert.is(data.size, 2);
  // Whole numbers without repetition: no ties, and exact in single precision.
  const scores = fc.array(fc.nat(100_000), { minLength: 48, maxLength: 48 }).map((values) =>
    values.map((v, i) => v * 64 + i)
  );
  fc.assert(
    fc.property(scores, scores, scores, scores, (a, b, c, d) => {
      const given = [{ start: a, end: b.map((v) => v + 17) }, { start: c.map((v) => v + 31), end: d }];
      const evaluation = data.evaluation();
      for (const window of [1, 0]) evaluation.add(data.collate([window]), { kind: "span", ...given[window] });
      const found = bruteForce(
        given.map((scores, w) => ({
          ...scores,
          context: [rows[w].secondFrom, rows[w].secondFrom + rows[w].count] as [number, number],
        })),
      );
      const { starts, ends } = contexts[0].tokens;
      const text = found === null ? "empty" : [...context].slice(
        starts[rows[found[0]].from + found[1] - rows[found[0]].secondFrom],
        ends[rows[found[0]].from + found[2] - rows[found[0]].secondFrom],
      ).join("");
      assert.is(evaluation.finish().predictions.q, text);
    }),
    { numRuns: 300 },
  );
});

test("no span inside the context gives the text 'empty'; a perfect model scores 100", async () => {
  const one = [example("the cat sat 😀 on the mat", "😀 on")];
  const data = await qaData(bert(), one, { maxLength: 30, docStride: 4 });
  const batch = data.collate([0]);
  const outside = new Array(30).fill(0).map((_, i) => (i < 1 ? 9 : i >= 11 ? 5 : 0));
  const nothing = data.evaluation();
  nothing.add(batch, { kind: "span", start: outside, end: outside });
  assert.equal(nothing.finish().predictions, { q: "empty" });
  const { labels } = batch;
  if (labels.kind !== "span") return assert.unreachable();
  const right = data.evaluation();
  const peak = (at: number) => Array.from({ length: 30 }, (_, i) => (i === at ? 1 : 0));
  right.add(batch, { kind: "span", start: peak(labels.start[0]), end: peak(labels.end[0]) });
  const { metrics, predictions, conventions } = right.finish();
  assert.equal(predictions, { q: "😀 on" });
  assert.equal(metrics, { f1: 100, em: 100 });
  assert.equal(conventions, { squad: { f1: 100, em: 100 } });
  assert.throws(() => data.evaluation().finish(), /example 0 was never scored/);
});

test.run();
