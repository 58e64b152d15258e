// The tiny world: the same at every call, parallel over languages, read by the ordinary readers, and never told beforehand.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadTarget, loadTask, targetLanguages } from "../../repro/data/datasets.ts";
import { loadTokenizer } from "../../repro/tokenizers/tokenizer.ts";
import { document } from "../../repro/tinyworld/corpus.ts";
import { lexicon } from "../../repro/tinyworld/lexicon.ts";
import { rngFor } from "../../repro/tinyworld/rng.ts";
import {
  debertaUnigram,
  LANGUAGES,
  taskFiles,
  tinyWorld,
  unigram,
  wordPiece,
} from "../../repro/tinyworld/mod.ts";

const test = suite("tiny world");
const world = tinyWorld();
const mix = { retelling: 1, question: 1, dialogue: 1, story: 1 };
const paperLanguages = {
  xquad: "ar de el es hi ru th tr vi zh".split(" "),
  mlqa: "ar de es hi vi zh".split(" "),
  xnli: "ar de el es hi ru sw th tr vi zh".split(" "),
  xcopa: "et ht it id qu sw zh ta th tr vi".split(" "),
} as const;

test("two generations are equal, file by file", () => {
  assert.equal([...taskFiles()], [...taskFiles()]);
});

test("every task has training and validation data that the readers accept", async () => {
  const sizes: Record<string, number[]> = {};
  for (const task of ["squad", "xnli", "copa"] as const) {
    const { train, validation, partial } = await loadTask(world, task);
    sizes[task] = [train.length, validation.length];
    assert.equal(partial, []);
  }
  assert.equal(sizes.copa, [400, 100], "COPA has the sizes of the real one");
  assert.ok(sizes.squad[0] >= 2000 && sizes.xnli[0] >= 2000);
});

test("test sets are there in all languages of the paper, parallel, with exact answer offsets", async () => {
  for (const [dataset, languages] of Object.entries(paperLanguages)) {
    const name = dataset as keyof typeof paperLanguages;
    const english = (await loadTarget(world, name, "en")).examples;
    for (const language of languages) {
      assert.ok(targetLanguages[name].includes(language));
      const { examples } = await loadTarget(world, name, language);
      if (name !== "xcopa") assert.is(examples.length, english.length, `${dataset} ${language}`);
      for (const example of examples) {
        if (!("answers" in example)) continue;
        for (const { text, start } of example.answers) {
          assert.is([...example.context].slice(start, start + [...text].length).join(""), text);
        }
      }
    }
  }
});

test("labels of each test set are balanced", async () => {
  for (const [dataset, classes] of [["xnli", 3], ["xcopa", 2]] as const) {
    const { examples } = await loadTarget(world, dataset, "tr");
    for (let label = 0; label < classes; label++) {
      const share = examples.filter((each) => each.label === label).length / examples.length;
      assert.ok(Math.abs(share - 1 / classes) < 0.12, `${dataset} label ${label}: ${share}`);
    }
  }
});

test("no context or premise of a task is told in the pretraining corpus", async () => {
  const english = new Set<string>();
  for (const { context } of (await loadTarget(world, "xquad", "en")).examples) english.add(context);
  for (const { premise, hypothesis } of (await loadTarget(world, "xnli", "en")).examples) {
    english.add(`${premise}|${hypothesis}`);
  }
  const rng = rngFor("corpus", "test");
  for (let i = 0; i < 20_000; i++) {
    const { first: { text: first }, second: { text: second } } = document(rng, "en", "en", mix);
    for (const text of [first, second, `${first}|${second}`]) assert.not(english.has(text), text);
  }
});

test("marks stand on whole words, and say what the other segment decides", () => {
  const rng = rngFor("marks", "test");
  const counts: Record<string, number> = {};
  for (let i = 0; i < 5_000; i++) {
    const { first, second, verdict } = document(rng, "en", "en", { ...mix, story: 0 });
    for (const [here, there] of [[first, second], [second, first]]) {
      const marks = here.marks.map(({ from, to, kind }) => ({ word: here.text.slice(from, to), kind }));
      for (const { word, kind } of marks) {
        counts[kind] = (counts[kind] ?? 0) + 1;
        assert.match(word, /^[\p{L}\p{N}]+$/u, "a mark covers one whole word");
        if (kind === "hidden") {
          assert.is(verdict, "yes", "only what agrees can be looked up");
          assert.ok(there.text.includes(word), `${word}: ${there.text}`);
        }
        // A fact that the other segment tells too, or one that it denies.
        if (kind === "yes") assert.ok(there.text.includes(word), `${word}: ${there.text}`);
        if (kind === "asked" || kind === "shown") assert.match(there.text, /\?$/, "only a question asks");
      }
      const asked = marks.filter(({ kind }) => kind === "asked").length;
      if (marks.some(({ kind }) => kind === "shown")) assert.is(asked, 1, here.text);
    }
  }
  for (const kind of ["hidden", "shown", "asked", "yes", "maybe", "no"]) {
    assert.ok(counts[kind] > 500, JSON.stringify(counts));
  }
});

test("a story's second half is hidden or judged, never its person", () => {
  const rng = rngFor("stories", "test");
  for (const language of LANGUAGES) {
    for (let i = 0; i < 50; i++) {
      const { second } = document(rng, language, language, {
        retelling: 0,
        question: 0,
        dialogue: 0,
        story: 1,
      });
      const [{ from, to, kind }] = second.marks;
      assert.ok(["hidden", "yes", "no"].includes(kind));
      assert.is(to, second.text.length - 1, "the stop stays");
      const person = lexicon(language).names.find((name) => second.text.slice(0, from).endsWith(name));
      assert.ok(person !== undefined, `${language}: ${second.text} from ${from}`);
    }
  }
});

test("the corpus knows no stranger; the tasks know many, in every language", async () => {
  const rng = rngFor("strangers", "test");
  for (const language of LANGUAGES) {
    const { strangers } = lexicon(language);
    assert.is(new Set(strangers).size, 10, language);
    const told = Array.from({ length: 300 }, () => document(rng, language, language, mix))
      .map(({ first, second }) => `${first.text} ${second.text}`).join("\n");
    for (const name of strangers) {
      assert.not(
        new RegExp(`(?<![\\p{L}\\p{M}])${name}(?![\\p{L}\\p{M}])`, "u").test(told),
        `${language}: ${name}`,
      );
    }
  }
  for (const language of paperLanguages.xcopa) {
    const { examples } = await loadTarget(world, "xcopa", language);
    const { strangers } = lexicon(language);
    const share = examples.filter(({ premise }) => strangers.some((name) => premise.includes(name))).length /
      examples.length;
    assert.ok(share > 0.6, `${language}: ${share}`);
  }
});

test("the wrong choice is the other person's in most items, and never fits its own", async () => {
  const { examples } = await loadTarget(world, "xcopa", "it");
  const { names, strangers, causes, effects } = lexicon("it");
  const read = (text: string) => {
    const person = [...names, ...strangers].find((name) => text.startsWith(`${name} `))!;
    const words = text.slice(person.length + 1).replace(/\.$/, "");
    return { person, event: Math.max(causes.indexOf(words), effects.indexOf(words)) };
  };
  let swapped = 0;
  for (const { premise, choice1, choice2, label } of examples) {
    const choices = [choice1, choice2];
    const told = premise.split(". ").map(read);
    const [right, wrong] = [read(choices[label]), read(choices[1 - label])];
    const own = told.find(({ person }) => person === right.person)!;
    assert.is(right.event, own.event, premise);
    assert.is(wrong.person, right.person, premise);
    assert.is.not(wrong.event, own.event, premise);
    if (told.some(({ event }) => event === wrong.event)) swapped++;
  }
  assert.ok(swapped / examples.length > 0.45 && swapped / examples.length < 0.75, `${swapped}`);
});

const vocabularies = [
  ["WordPiece", wordPiece()],
  ["Unigram", unigram()],
  ["DeBERTa's Unigram", debertaUnigram()],
] as const;
for (const [name, json] of vocabularies) {
  test(`${name} knows every word: no unknown piece in any language`, async () => {
    const tokenizer = loadTokenizer(json, name);
    const rng = rngFor("unknown", name);
    for (const language of LANGUAGES) {
      const texts = Array.from({ length: 50 }, () => document(rng, language, language, mix)).flatMap((
        each,
      ) => [each.first.text, each.second.text]);
      for (const [i, { ids }] of (await tokenizer.encode(texts)).entries()) {
        assert.not([...ids].includes(tokenizer.special.unk), `${language}: ${texts[i]}`);
      }
    }
    for (const [path, text] of taskFiles()) {
      const lines = path.endsWith(".tsv")
        ? text.split(/[\n\t]/)
        : JSON.stringify(text).match(/[\p{L}\p{M}\p{N}]+/gu)!;
      for (const [i, { ids }] of (await tokenizer.encode(lines)).entries()) {
        assert.not([...ids].includes(tokenizer.special.unk), `${path}: ${lines[i]}`);
      }
    }
  });
}

test.run();
