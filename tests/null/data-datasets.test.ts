// Promises the rules by which files are chosen, what is said of partial data, errors for absent files, and the published counts.
// Leaves file formats to data-readers.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import { codePointLength, codePoints } from "../../repro/data/codepoints.ts";
import { loadTarget, loadTask, targetLanguages, type TargetName } from "../../repro/data/datasets.ts";
import { readCopaXml } from "../../repro/data/copa.ts";
import { readXnliDev } from "../../repro/data/nli.ts";
import { digestFiles, folderSource, memorySource } from "../../repro/data/source.ts";
import { realData } from "../fixtures/data/real.ts";

// The gate must give the same answer every time.
fc.configureGlobal({ seed: 20240616 });
const test = suite("data-datasets");

const squad = (ids: string[]) =>
  JSON.stringify({
    data: [{
      paragraphs: [{
        context: "one two",
        qas: ids.map((id) => ({ id, question: "?", answers: [{ text: "two", answer_start: 4 }] })),
      }],
    }],
  });
const choice = (premise: string) =>
  JSON.stringify({ premise, choice1: "a", choice2: "b", question: "cause", label: 0 });
const copaXml = (n: number) =>
  `<copa-corpus>${
    Array.from({ length: n }, (_, i) =>
      `<item id="${i + 1}" asks-for="cause" most-plausible-alternative="1"><p>p${
        i + 1
      }</p><a1>a</a1><a2>b</a2></item>`)
      .join("")
  }</copa-corpus>`;

const files = {
  "squad/train-v1.1.first-2.json": squad(["a", "b"]),
  "squad/train-v1.1.first-3.json": squad(["a", "b", "c"]),
  "squad/dev-v1.1.json": squad(["d"]),
  "mnli/dev.csv": "premise,hypothesis,label\na,b,neutral\n",
  "xnli/dev-en.tsv": "a\tb\tneutral\n",
  "xnli/dev-sw.tsv": "a\tb\tneutral\n",
  "xnli/test-en.tsv": "a\tb\nc\td\n",
  "xnli/test-labels.tsv": "neutral\tx\nentailment\tx\n",
  "copa/copa-dev.xml": copaXml(5),
  "xcopa/et/test.et.jsonl": choice("tere"),
  "mlqa/dev-context-de-question-de.json": squad(["e"]),
  "mlqa/dev-context-es-question-es.json": squad(["e"]),
  "mlqa/test-context-es-question-es.json": squad(["f"]),
};
const source = (extra: Record<string, string> = {}) =>
  memorySource("a small world", new Map(Object.entries({ ...files, ...extra })));

async function fails(action: Promise<unknown>, ...parts: string[]): Promise<void> {
  const error = await action.then(() => null, (thrown) => thrown as Error);
  if (!error) assert.unreachable(`no error; one with ${parts.join(", ")} was wanted`);
  for (const part of parts) assert.match(error!.message, part);
}

test("SQuAD: the full file wins, then the longest prefix, which is said", async () => {
  const cut = await loadTask(source(), "squad");
  assert.equal(cut.train.map((example) => example.id), ["a", "b", "c"]);
  assert.equal(cut.partial, ["SQuAD train: first 3 of 87,599 questions"]);
  assert.equal(cut.files, ["squad/train-v1.1.first-3.json", "squad/dev-v1.1.json"]);
  const full = await loadTask(source({ "squad/train-v1.1.json": squad(["x"]) }), "squad");
  assert.equal(full.train.map((example) => example.id), ["x"]);
  assert.equal(full.partial, []);
});

test("an answer that is not at its offset stops nothing and is told of with its file", async () => {
  const wrong = squad(["w"]).replace('"answer_start":4', '"answer_start":3');
  const { train, partial } = await loadTask(source({ "squad/train-v1.1.json": wrong }), "squad");
  assert.is(train[0].answers[0].start, 3);
  assert.match(
    partial.join(),
    /^squad\/train-v1\.1\.json: 1 of 1 answers are not at their offset: "two" at 3 /,
  );
  const path = "mlqa/test-context-es-question-es.json";
  const spanish = await loadTarget(source({ [path]: wrong }), "mlqa", "es");
  assert.match(spanish.partial.join(), new RegExp(`^${path}: 1 of 1 answers`));
});

test("MNLI: training data proper wins over the stand-in, which is said", async () => {
  assert.equal((await loadTask(source(), "xnli")).partial, ["MNLI train replaced by MNLI dev (1 pairs)"]);
  const jsonl = JSON.stringify({ sentence1: "a", sentence2: "b", gold_label: "contradiction" });
  const proper = await loadTask(source({ "mnli/train.jsonl": jsonl }), "xnli");
  assert.equal(proper.partial, []);
  assert.is(proper.train[0].label, 2);
  assert.is((await loadTask(source({ "mnli/train.tsv": "a\tb\tentailment\n" }), "xnli")).train[0].label, 0);
});

test("COPA: four fifths of the development items train; SuperGLUE's files win; XCOPA's English is the validation set", async () => {
  const copa = await loadTask(source(), "copa");
  assert.equal(copa.train.map((example) => example.premise), ["p1", "p2", "p3", "p4"]);
  assert.equal((await loadTarget(source(), "xcopa", "en")).examples, copa.validation);
  const glue = source({ "copa/train.jsonl": choice("t"), "copa/val.jsonl": choice("v") });
  assert.is((await loadTask(glue, "copa")).train[0].premise, "t");
  assert.is((await loadTarget(glue, "xcopa", "en")).examples[0].premise, "v");
  assert.is((await loadTarget(source(), "xcopa", "et")).examples[0].premise, "tere");
});

test("MLQA and XNLI: test wins over development data, which is said", async () => {
  const spanish = await loadTarget(source(), "mlqa", "es");
  assert.is(spanish.examples[0].id, "f");
  assert.equal(spanish.partial, []);
  assert.equal((await loadTarget(source(), "mlqa", "de")).partial, ["mlqa de: dev instead of test"]);
  assert.is((await loadTarget(source(), "xnli", "en")).examples.length, 2);
  assert.equal((await loadTarget(source(), "xnli", "sw")).partial, ["xnli sw: dev instead of test"]);
});

test("a wrong language, task or absent file is named with what is there", async () => {
  await fails(loadTarget(source(), "xquad", "fr"), "xquad", `"fr"`, "en ar de el");
  await fails(loadTarget(source(), "xquad", "de"), "xquad/xquad.de.json", "a small world");
  await fails(loadTarget(source(), "glue" as "xnli", "de"), "glue", "xquad, mlqa, xnli, xcopa");
  await fails(loadTask(source(), "glue" as "xnli"), "glue", "squad, xnli, copa");
  await fails(loadTask(memorySource("nothing", new Map()), "squad"), "squad/train-v1.1.json", "first-N");
  await fails(loadTask(memorySource("nothing", new Map()), "xnli"), "mnli/train.tsv");
  await fails(loadTask(memorySource("nothing", new Map()), "copa"), "copa/copa-dev.xml");
  const noDev = memorySource("half", new Map([["squad/train-v1.1.json", squad(["a"])]]));
  await fails(loadTask(noDev, "squad"), "squad/dev-v1.1.json", "half", "train-v1.1.json");
  await fails(source().text("../secret"), "leaves the data root");
  assert.throws(() => folderSource("/no/such/folder"), /--data-root/);
});

test("list gives the names in one folder", async () => {
  assert.equal(await source().list("xcopa"), ["et"]);
  assert.equal(await source().list("squad/"), [
    "dev-v1.1.json",
    "train-v1.1.first-2.json",
    "train-v1.1.first-3.json",
  ]);
  assert.equal(await source().list("none"), []);
});

test("the digest depends on content, path and order", async () => {
  const one = memorySource("m", new Map([["a", "1"], ["b", "2"], ["c", "1"]]));
  const digests = await Promise.all(
    [["a"], ["b"], ["c"], ["a", "b"], ["b", "a"]].map((p) => digestFiles(one, p)),
  );
  assert.is(new Set(digests).size, 5);
  assert.is(digests[0], await digestFiles(memorySource("n", new Map([["a", "1"]])), ["a"]));
  assert.is(digests[0].length, 64);
});

test("code points: positions agree with splitting the text", () => {
  const text = fc.array(fc.constantFrom("a", "é", "ไ", "漢", "😀", "𐍈", "\u0301"), { maxLength: 30 }).map((
    c,
  ) => c.join(""));
  fc.assert(fc.property(text, fc.nat(32), fc.nat(32), (value, a, b) => {
    const points = [...value];
    const [start, end] = [Math.min(a, b, points.length), Math.min(Math.max(a, b), points.length)];
    assert.is(codePointLength(value), points.length);
    assert.is(codePoints(value).slice(start, end), points.slice(start, end).join(""));
    assert.is(codePoints(value).toUtf16(start), points.slice(0, start).join("").length);
  }));
});

const realSource = realData("data-datasets", 4);
const real = realSource ? test : test.skip;

real("training tasks: counts and partial data", async () => {
  const squad = await loadTask(realSource!, "squad");
  assert.is(squad.validation.length, 10_570);
  assert.is(squad.validation.reduce((sum, example) => sum + example.answers.length, 0), 34_726);
  if (squad.partial.length > 0) {
    assert.is(squad.train.length, 4_370);
    assert.equal(squad.partial, ["SQuAD train: first 4,370 of 87,599 questions"]);
  } else {
    assert.is(squad.train.length, 87_599);
  }
  const xnli = await loadTask(realSource!, "xnli");
  assert.is(xnli.validation.length, 2_490);
  if (xnli.partial.length > 0) {
    assert.is(xnli.train.length, 19_647);
    assert.equal(xnli.partial, ["MNLI train replaced by MNLI dev (19,647 pairs)"]);
  } else {
    assert.is(xnli.train.length, 392_702);
  }
  const copa = await loadTask(realSource!, "copa");
  assert.equal([copa.train.length, copa.validation.length], [400, 100]);
  assert.equal(copa.partial, []);
});

real("COPA test has 500 items", async () => {
  assert.is(readCopaXml(await realSource!.text("copa/copa-test.xml"), "copa/copa-test.xml").length, 500);
});

real("targets: counts in every language", async () => {
  const mlqaDev: Record<string, number> = {
    en: 1148,
    ar: 517,
    de: 512,
    es: 500,
    hi: 507,
    vi: 511,
    zh: 504,
  };
  const count = async (name: TargetName, language: string) =>
    (await loadTarget(realSource!, name, language)).examples.length;
  for (const language of targetLanguages.xquad) assert.is(await count("xquad", language), 1_190, language);
  for (const language of targetLanguages.mlqa) {
    const { examples, partial } = await loadTarget(realSource!, "mlqa", language);
    if (partial.length > 0) assert.is(examples.length, mlqaDev[language], language);
  }
  for (const language of targetLanguages.xnli) assert.is(await count("xnli", language), 5_010, language);
  for (const language of targetLanguages.xcopa) {
    assert.is(await count("xcopa", language), language === "en" ? 100 : 500, language);
  }
});

real("XNLI: 2,490 development pairs in each language, a third of each label", async () => {
  for (const language of targetLanguages.xnli) {
    const examples = readXnliDev(await realSource!.text(`xnli/dev-${language}.tsv`), language);
    for (const label of [0, 1, 2]) {
      assert.is(examples.filter((e) => e.label === label).length, 830, language);
    }
    const { examples: tested } = await loadTarget(realSource!, "xnli", language);
    for (const label of [0, 1, 2]) {
      assert.is(tested.filter((e) => e.label === label).length, 1_670, language);
    }
  }
});

test.run();
