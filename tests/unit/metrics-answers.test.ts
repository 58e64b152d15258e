// Promises SQuAD v1.1's and MLQA's scores, in every corner that the published scripts have, and on published predictions.
// Leaves files given by a user to metrics-files.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { accuracy } from "../../repro/metrics/accuracy.ts";
import { meanScores, scoreAnswer, scoreAnswers, tokenF1 } from "../../repro/metrics/answers.ts";
import { mlqaLanguages, mlqaNormaliser, squadNormaliser } from "../../repro/metrics/normalise.ts";
import { readSquad } from "../../repro/data/squad.ts";
import { realData } from "../fixtures/data/real.ts";

const test = suite("metrics-answers");
const source = realData("metrics-answers", 1);

const normal = (text: string, language?: string) =>
  (language ? mlqaNormaliser(language) : squadNormaliser)(text).join(" ");

test("SQuAD: lower case, ASCII punctuation deleted, English articles as whole words, white space", () => {
  assert.is(normal("The  Cat's x-y, (an) A-frame\u00a0\u2003.\u3000z"), "cats xy aframe z");
  assert.is(normal("theatre an1 _a the_"), "theatre an1");
  assert.is(normal("la casa “grande” ¿no?"), "la casa “grande” ¿no");
  // Word ends as Python sees them: letters of any script bind, combining marks do not.
  assert.is(normal("éa thé a\u0301"), "éa thé \u0301");
  assert.is(normal("a\u0085b\x1cc\ufeffd"), "b c\ufeffd");
  assert.is(normal("ΟΔΟΣ ẞ İ"), "οδος ß i\u0307");
  assert.is(normal("+<=>^`|~$ x"), "x");
});

test("MLQA: Unicode punctuation and the articles of each language", () => {
  assert.equal(mlqaLanguages, ["en", "es", "de", "vi", "ar", "hi", "zh"]);
  assert.is(normal("“The” cat — an end… $5", "en"), "cat end 5");
  assert.is(normal("Las casas de LOS unos ¿una?", "es"), "casas de");
  assert.is(normal("Den der DIE Eines derby", "de"), "derby");
  assert.is(normal("của là cái chiếc những nhà", "vi"), "nhà");
  assert.is(normal("البيت والمال، كتاب", "ar"), "بيت و م كتاب");
  assert.is(normal("यह। the किताब", "hi"), "यह the किताब");
  assert.is(normal("the 北京abc DE，大㐀学", "zh"), "the 北 京 abc de 大 㐀 学");
  assert.throws(() => mlqaNormaliser("th"), /"th"; choose one of en es de vi ar hi zh/);
});

test("F1 counts tokens as multisets; nothing in common is 0, even when both are empty", () => {
  assert.is(tokenF1(["a", "a", "b"], ["a", "b", "b", "c"]), 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4));
  assert.is(tokenF1(["x"], ["y"]), 0);
  assert.equal(scoreAnswer("the", ["a"], squadNormaliser), { em: 1, f1: 0 });
  assert.equal(scoreAnswer("", ["cat"], squadNormaliser), { em: 0, f1: 0 });
});

test("several references: the best for EM and for F1, each by itself", () => {
  const { em, f1 } = scoreAnswer("red cat", ["cat", "the red cat sat", "Red Cat!"], squadNormaliser);
  assert.equal([em, f1], [1, 1]);
  assert.ok(Math.abs(scoreAnswer("red cat", ["cat", "red cat sat"], squadNormaliser).f1 - 0.8) < 1e-12);
});

const question = (id: string, text: string) => ({ id, answers: [{ text }] });

test("a question without a prediction counts 0 and is named; no question is an error", () => {
  const scores = meanScores(
    [question("1", "cat"), question("2", "mat")],
    { 1: "cat", 3: "x" },
    squadNormaliser,
  );
  assert.equal(scores, { em: 50, f1: 50, missing: ["2"] });
  assert.equal(meanScores([question("toString", "x")], {}, squadNormaliser).missing, ["toString"]);
  assert.throws(() => meanScores([], {}, squadNormaliser), /no question/);
});

test("rules: MLQA's beside SQuAD's, Chinese by character in the authors' way", () => {
  const questions = [question("1", "北京大学")];
  const predictions = { 1: "北京" };
  const chinese = scoreAnswers(questions, predictions, { rule: "authors-code", language: "zh" });
  assert.ok(Math.abs(chinese.metrics.f1 - 200 / 3) < 1e-9);
  assert.is(chinese.conventions.squad.f1, 0);
  assert.equal(chinese.conventions.mlqa, chinese.metrics);
  const german = scoreAnswers([question("1", "die Stadt")], { 1: "Stadt" }, {
    rule: "authors-code",
    language: "de",
  });
  assert.is(german.metrics.em, 0);
  assert.is(german.conventions.mlqa.em, 100);
  assert.is(
    scoreAnswers([question("1", "die Stadt")], { 1: "Stadt" }, { rule: "mlqa", language: "de" }).metrics.em,
    100,
  );
  assert.equal(
    Object.keys(scoreAnswers(questions, predictions, { rule: "authors-code", language: "th" }).conventions),
    ["squad"],
  );
  assert.throws(() => scoreAnswers(questions, predictions, { rule: "mlqa", language: "th" }), /"th"/);
});

test("accuracy", () => {
  assert.is(accuracy([1, 2, 3, 4], [1, 2, 0, 4]), 75);
  assert.throws(() => accuracy([1], [1, 2]), /1 predictions for 2 references/);
  assert.throws(() => accuracy([], []), /at least one/);
});

(source ? test : test.skip)(
  "published predictions on SQuAD dev score what their authors were given",
  async () => {
    const path = "squad/dev-v1.1.json";
    const questions = readSquad(await source!.text(path), path);
    const published = { "bert-ensemble": [86.21, 92.2, 0], "logistic-regression": [40.14, 50.98, 13] };
    for (const [name, [em, f1, missing]] of Object.entries(published)) {
      const predictions = JSON.parse(await source!.text(`squad/predictions/${name}.json`));
      const scores = meanScores(questions, predictions, squadNormaliser);
      assert.is(scores.em.toFixed(2), em.toFixed(2), name);
      assert.is(scores.f1.toFixed(2), f1.toFixed(2), name);
      assert.is(scores.missing.length, missing, name);
    }
  },
);

test.run();
