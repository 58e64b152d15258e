// Promises scores of files that a user names, in all accepted layouts, with warnings and errors that say what to do.
// Leaves the rules of scoring to metrics-answers.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readLabels, scoreFiles, type ScoreKind } from "../../repro/metrics/score-files.ts";
import * as runtime from "../../repro/runtime.ts";

const test = suite("metrics-files");
const folder = runtime.join(runtime.temporaryFolder(), `metrics-files-${crypto.randomUUID()}`);

test.after(() => runtime.remove(folder));

async function write(name: string, content: unknown): Promise<string> {
  const path = runtime.join(folder, name);
  await runtime.writeAtomic(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function score(kind: ScoreKind, references: unknown, predictions: unknown, language?: string) {
  const warnings: string[] = [];
  const scores = await scoreFiles(kind, {
    references: await write("references", references),
    predictions: await write("predictions", predictions),
    language,
    warn: (line) => warnings.push(line),
  });
  return { ...scores, warnings };
}

async function fails(action: Promise<unknown>, ...parts: string[]): Promise<void> {
  const error = await action.then(() => null, (thrown) => thrown as Error);
  if (!error) assert.unreachable(`no error; one with ${parts.join(", ")} was wanted`);
  for (const part of parts) assert.match(error!.message, part);
}

const squad = {
  version: "1.1",
  data: [{
    paragraphs: [{
      context: "Das Haus",
      qas: [
        { id: "a", question: "?", answers: [{ text: "Das Haus", answer_start: 0 }] },
        { id: "b", question: "?", answers: [{ text: "Haus", answer_start: 4 }] },
      ],
    }],
  }],
};

test("squad and mlqa: scores, missing and unknown ids", async () => {
  const one = await score("squad", squad, { a: "haus" });
  assert.equal(one.metrics, { em: 0, f1: (100 * (2 / 3)) / 2 });
  assert.equal([one.count, one.missing], [2, 1]);
  assert.is(one.warnings.length, 1);
  assert.match(one.warnings[0], /1 references have no prediction in .*predictions and count as wrong \(b\)/);
  const two = await score("mlqa", squad, { a: "haus", b: "haus", c: "x" }, "de");
  assert.equal(two.metrics, { em: 100, f1: 100 });
  assert.match(two.warnings.join(), "1 predictions");
  assert.equal((await score("squad", squad, { a: "Das Haus", b: "Haus" })).warnings, []);
});

test("accuracy: every layout of labels", async () => {
  const layouts = [
    { 0: "entailment", 1: "neutral", 2: "contradiction" },
    [0, 1, 2],
    "entailment\nneutral\ncontradiction\n",
    "p\th\tentailment\np\th\tneutral\np\th\tcontradiction\n",
    "entailment\tfiction\nneutral\tfiction\ncontradiction\tfiction\n",
    '{"idx": 2, "label": 2}\n{"idx": 0, "label": 0}\n{"idx": 1, "label": 1}\n',
  ];
  for (const references of layouts) {
    for (const predictions of layouts) {
      const { metrics, warnings } = await score("accuracy", references, predictions);
      assert.equal(metrics, { accuracy: 100 });
      assert.equal(warnings, []);
    }
  }
  assert.equal((await score("accuracy", layouts[1], "0\n2\n2\n")).metrics, { accuracy: 200 / 3 });
  const short = await score("accuracy", layouts[1], "0\n");
  assert.equal([short.metrics.accuracy, short.missing], [100 / 3, 2]);
  assert.match(short.warnings[0], "2 references have no prediction");
});

test("one JSON line is read as a line, one JSON object as ids", () => {
  assert.equal([...readLabels('{"premise": "x", "label": 1}\n', "f")], [["0", "1"]]);
  assert.equal([...readLabels('{"q1": 1, "q2": "effect"}', "f")], [["q1", "1"], ["q2", "effect"]]);
});

test("wrong requests and files are named with the remedy", async () => {
  await fails(score("mlqa", squad, {}), "--language");
  await fails(score("mlqa", squad, {}, "th"), `"th"`, "en es de vi ar hi zh");
  await fails(score("rouge" as ScoreKind, squad, {}), `"rouge"`, "squad, mlqa, accuracy");
  await fails(score("squad", squad, { a: 3 }), "predictions", "question a", "answer text");
  await fails(score("squad", squad, '{"a": "x"'), "predictions", "truncated");
  await fails(score("squad", { version: "1.1" }, {}), "references", `"data"`);
  await fails(score("accuracy", "", "1\n"), "references", "no labels");
  await fails(score("accuracy", { a: [1] }, "1\n"), "references", "id a");
  await fails(scoreFiles("squad", { references: "/no/such", predictions: "/no/such" }), "/no/such", "ENOENT");
});

test.run();
