// Promises that every reader gives the normalised example, and that each kind of bad input is named with its file and place.
// Leaves counts of the published files to data-datasets.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readCopaJsonl, readCopaXml } from "../../repro/data/copa.ts";
import { parseCsv } from "../../repro/data/delimited.ts";
import { readMnliCsv, readMnliJsonl, readMnliTsv, readXnliDev, readXnliTest } from "../../repro/data/nli.ts";
import { misplacedAnswers, readSquad } from "../../repro/data/squad.ts";

const test = suite("data-readers");

const squad = (answers: unknown, context = "a 😀 cat sat", id = "q1") =>
  JSON.stringify({ data: [{ paragraphs: [{ context, qas: [{ id, question: "Who?", answers }] }] }] });

function fails(action: () => unknown, ...parts: string[]): void {
  try {
    action();
  } catch (error) {
    for (const part of parts) assert.match((error as Error).message, part);
    assert.is((error as Error).name, "DataError");
    return;
  }
  assert.unreachable(`no error; one with ${parts.join(", ")} was wanted`);
}

test("SQuAD: offsets count code points", () => {
  const [example] = readSquad(squad([{ text: "cat", answer_start: 4 }]), "f.json");
  assert.equal(example, {
    id: "q1",
    context: "a 😀 cat sat",
    question: "Who?",
    answers: [{ text: "cat", start: 4 }],
  });
});

test("SQuAD: an answer that is not at its offset is kept as it is, and told of", () => {
  const right = { text: "cat", answer_start: 4 };
  const examples = (...answers: unknown[]) => readSquad(squad(answers), "f.json");
  assert.equal(misplacedAnswers(examples(right), "f.json"), []);
  const read = examples({ text: "cat", answer_start: 5 }, right, { text: "sat", answer_start: 99 });
  assert.equal(read[0].answers, [
    { text: "cat", start: 5, isElsewhere: true },
    { text: "cat", start: 4 },
    { text: "sat", start: 99, isElsewhere: true },
  ]);
  assert.equal(misplacedAnswers(read, "f.json"), [
    'f.json: 2 of 3 answers are not at their offset, the first being "cat" at 5 in question q1; ' +
    "used as the file has them, as the published scripts do",
  ]);
});

test("SQuAD: bad input names file and question", () => {
  const whole = squad([{ text: "cat", answer_start: 4 }]);
  fails(() => readSquad(whole.slice(0, -9), "cut.json"), "cut.json", "not valid JSON", "truncated");
  fails(() => readSquad(squad([]), "f.json"), "question q1", "no answer");
  fails(
    () => readSquad(squad([{ text: "cat", answer_start: "4" }]), "f.json"),
    "question q1",
    "answer_start",
  );
  fails(() => readSquad(`{"rows": []}`, "f.json"), "f.json", `"data" must be a list`);
  fails(() => readSquad(`{"data": []}`, "f.json"), "no questions");
  const paragraph = JSON.parse(whole).data[0];
  fails(() => readSquad(JSON.stringify({ data: [paragraph, paragraph] }), "f.json"), "question q1", "twice");
});

test("XNLI: labels by name, quotation marks kept", () => {
  const examples = readXnliDev('"A\tb"\tneutral\r\nc\td\tentailment\n', "dev.tsv");
  assert.equal(examples, [
    { premise: '"A', hypothesis: 'b"', label: 1 },
    { premise: "c", hypothesis: "d", label: 0 },
  ]);
  assert.equal(readXnliTest("a\tb\n", "t.tsv", "contradiction\tfiction\n", "l.tsv"), [
    { premise: "a", hypothesis: "b", label: 2 },
  ]);
});

test("XNLI: bad input names file and line", () => {
  fails(
    () => readXnliDev("a\tb\tneutral\na\tb\n", "dev.tsv"),
    "dev.tsv",
    "line 2",
    "2 columns, 3 are wanted",
  );
  fails(
    () => readXnliDev("a\tb\tmaybe\n", "dev.tsv"),
    "line 1",
    `"maybe"`,
    "entailment, neutral, contradiction",
  );
  fails(
    () => readXnliTest("a\tb\nc\td\n", "t.tsv", "neutral\n", "l.tsv"),
    "t.tsv",
    "2 pairs but 1 labels",
    "l.tsv",
  );
  fails(() => readXnliTest("a\tb\n", "t.tsv", "x\n", "l.tsv"), "l.tsv", "line 1");
  fails(() => readXnliDev("", "dev.tsv"), "no rows");
});

test("MultiNLI: three layouts give the same pairs", () => {
  const expected = [{ premise: 'He said "no", twice', hypothesis: "He spoke", label: 0 }];
  const tsv =
    'index\tsentence1\tsentence2\tgold_label\n0\tHe said "no", twice\tHe spoke\tentailment\n1\ta\tb\t-\n';
  assert.equal(readMnliTsv(tsv, "train.tsv"), expected);
  assert.equal(readMnliTsv('He said "no", twice\tHe spoke\tentailment\n', "train.tsv"), expected);
  assert.equal(
    readMnliTsv('premise\thypo\tlabel\nHe said "no", twice\tHe spoke\tentailment\n', "train.tsv"),
    expected,
  );
  const csv = 'premise,hypothesis,label\n"He said ""no"", twice",He spoke,entailment\n';
  assert.equal(readMnliCsv(csv, "dev.csv"), expected);
  const jsonl = [
    { gold_label: "entailment", sentence1: 'He said "no", twice', sentence2: "He spoke" },
    { gold_label: "-", sentence1: "a", sentence2: "b" },
  ].map((row) => JSON.stringify(row)).join("\n");
  assert.equal(readMnliJsonl(jsonl, "train.jsonl"), expected);
  const numbered = readMnliJsonl(JSON.stringify({ premise: "a", hypothesis: "b", label: 2 }), "train.jsonl");
  assert.is(numbered[0].label, 2);
  assert.is(readMnliTsv("premise\thypo\tlabel\na\tb\tcontradictory\n", "t.tsv")[0].label, 2);
});

test("MultiNLI: bad input", () => {
  fails(() => readMnliTsv("sentence1\tlabel\na\tneutral\n", "t.tsv"), "t.tsv", "line 1", `"hypothesis" or`);
  fails(
    () => readMnliCsv('premise,hypothesis,label\n"a,b,neutral\n', "d.csv"),
    "d.csv",
    "line 2",
    "never closed",
  );
  fails(() => readMnliCsv('premise,hypothesis,label\n"a"x,b,neutral\n', "d.csv"), "d.csv", "line 2");
  fails(() => readMnliJsonl('{"sentence1": "a"}\n', "t.jsonl"), "line 1", "hypothesis");
  fails(() => readMnliJsonl('{"sentence1": "a', "t.jsonl"), "t.jsonl", "line 1", "truncated");
});

test("CSV: quoted line ends, empty cells, line numbers", () => {
  const rows = parseCsv('a,b\r\n"x\ny",\n\n,"z"', "f.csv");
  assert.equal(rows.map((row) => row.cells), [["a", "b"], ["x\ny", ""], ["", "z"]]);
  assert.equal(rows.map((row) => row.line), [1, 2, 5]);
});

const xml = (body: string) => `<?xml version="1.0"?>\n<copa-corpus version="1.0">\n${body}\n</copa-corpus>\n`;
const item =
  '<item id="7" asks-for="effect" most-plausible-alternative="2"><p>I &amp; you</p><a1>x</a1><a2>y</a2></item>';

test("COPA: XML and JSON lines agree", () => {
  const expected = [{ premise: "I & you", choice1: "x", choice2: "y", question: "effect", label: 1 }];
  assert.equal(readCopaXml(xml(item), "c.xml"), expected);
  assert.equal(readCopaJsonl(JSON.stringify({ ...expected[0], idx: 0 }) + "\n", "c.jsonl"), expected);
});

test("COPA: bad input", () => {
  fails(() => readCopaXml(xml(item).slice(0, -8), "c.xml"), "c.xml", "truncated");
  fails(() => readCopaXml(xml(item.replace('"2"', '"3"')), "c.xml"), "item 7", `"3"`);
  fails(() => readCopaXml(xml(item.replace("effect", "why")), "c.xml"), "item 7", `"why"`);
  fails(() => readCopaXml(xml(item.replace("<a2>y</a2>", "")), "c.xml"), "item 7", "<a2>");
  fails(() => readCopaXml(xml(item.replace("&amp;", "&nope;")), "c.xml"), "item 7", "&nope;");
  fails(() => readCopaXml(xml(""), "c.xml"), "no items");
  fails(() => readCopaJsonl('{"premise": "a"}', "c.jsonl"), "c.jsonl", "line 1", "label");
});

test.run();
