// Promises the published counts of the real files, and that what is partial about them is said.
// Leaves behaviour on bad input to data-readers.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadTarget, loadTask, targetLanguages, type TargetName } from "../../repro/data/datasets.ts";
import { readCopaXml } from "../../repro/data/copa.ts";
import { readXnliDev } from "../../repro/data/nli.ts";
import { realData } from "../fixtures/data/real.ts";

const test = suite("data-real");
const source = realData("data-real", 4);

if (source) {
  test("training tasks: counts and partial data", async () => {
    const squad = await loadTask(source, "squad");
    assert.is(squad.validation.length, 10_570);
    assert.is(squad.validation.reduce((sum, example) => sum + example.answers.length, 0), 34_726);
    if (squad.partial.length > 0) {
      assert.is(squad.train.length, 4_370);
      assert.equal(squad.partial, ["SQuAD train: first 4,370 of 87,599 questions"]);
    } else {
      assert.is(squad.train.length, 87_599);
    }
    const xnli = await loadTask(source, "xnli");
    assert.is(xnli.validation.length, 2_490);
    if (xnli.partial.length > 0) {
      assert.is(xnli.train.length, 19_647);
      assert.equal(xnli.partial, ["MNLI train replaced by MNLI dev (19,647 pairs)"]);
    } else {
      assert.is(xnli.train.length, 392_702);
    }
    const copa = await loadTask(source, "copa");
    assert.equal([copa.train.length, copa.validation.length], [400, 100]);
    assert.equal(copa.partial, []);
  });

  test("COPA test has 500 items", async () => {
    assert.is(readCopaXml(await source.text("copa/copa-test.xml"), "copa/copa-test.xml").length, 500);
  });

  test("targets: counts in every language", async () => {
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
      (await loadTarget(source, name, language)).examples.length;
    for (const language of targetLanguages.xquad) assert.is(await count("xquad", language), 1_190, language);
    for (const language of targetLanguages.mlqa) {
      const { examples, partial } = await loadTarget(source, "mlqa", language);
      if (partial.length > 0) assert.is(examples.length, mlqaDev[language], language);
    }
    for (const language of targetLanguages.xnli) assert.is(await count("xnli", language), 5_010, language);
    for (const language of targetLanguages.xcopa) {
      assert.is(await count("xcopa", language), language === "en" ? 100 : 500, language);
    }
  });

  test("XNLI: 2,490 development pairs in each language, a third of each label", async () => {
    for (const language of targetLanguages.xnli) {
      const examples = readXnliDev(await source.text(`xnli/dev-${language}.tsv`), language);
      for (const label of [0, 1, 2]) {
        assert.is(examples.filter((e) => e.label === label).length, 830, language);
      }
      const { examples: tested } = await loadTarget(source, "xnli", language);
      for (const label of [0, 1, 2]) {
        assert.is(tested.filter((e) => e.label === label).length, 1_670, language);
      }
    }
  });
}

test.run();
