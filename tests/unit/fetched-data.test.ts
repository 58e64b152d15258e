// What was fetched, whatever form it was published in (plain files, zips, the Hub's Parquet), gives the same examples under the
// same names; Wikipedia comes one row group at a time; what is absent is named with its command.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { loadTarget, loadTask, targetLanguages } from "../../repro/data/datasets.ts";
import { fetchedSource } from "../../repro/data/fetched.ts";
import { parquetRowGroups } from "../../repro/data/parquet.ts";
import { digestFiles } from "../../repro/data/source.ts";
import { readSquad } from "../../repro/data/squad.ts";
import { openText } from "../../repro/data/text.ts";
import { type ChoiceExample, type NliExample, nliLabels, type QaExample } from "../../repro/data/types.ts";
import { wikipediaArticles, wikipediaShards } from "../../repro/data/wikipedia.ts";
import { zipLines, zipText } from "../../repro/data/zip.ts";
import { adaptersFolder, locateModel, parseHubModel } from "../../repro/fetch/locate.ts";
import { hubKey, readLockFile, recordFile } from "../../repro/fetch/lock-file.ts";
import { realData } from "../fixtures/data/real.ts";
import { fetchSets } from "../../papers/fun-with-fisher/pins.ts";
import { openData, openEncoder } from "../../repro/training/world.ts";
import { randomEncoder } from "../fakes/encoders.ts";
import { fetchNow, freshSettings } from "../fakes/fetching.ts";
import { fakeHub } from "../fakes/hub.ts";
import { parquetOf, zipOf } from "../fakes/published.ts";

const test = suite("fetched data");
const commit = "c".repeat(40);

/** Empty caches of their own, where everything looks from now on. */
async function freshCaches(): Promise<{ data: string; hub: string }> {
  const folder = await mkdtemp(join(tmpdir(), "repro-fetched-"));
  process.env.REPRO_CACHE = join(folder, "cache");
  process.env.HF_HUB_CACHE = join(folder, "hub");
  delete process.env.REPRO_LOCK;
  return { data: join(folder, "cache", "data"), hub: join(folder, "hub") };
}

async function put(path: string, content: string | Uint8Array): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

/** Files of a data set on the Hub, in its cache, with the record of their download. */
async function putHub(hub: string, repo: string, files: Record<string, Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await put(
      join(hub, `datasets--${repo.replace("/", "--")}`, "snapshots", commit, ...path.split("/")),
      content,
    );
    await recordFile(
      join(process.env.REPRO_CACHE!, "fetch.lock.json"),
      hubKey("dataset", repo, commit, path),
      {
        bytes: content.length,
        sha256: "0".repeat(64),
        compared: "hub",
        recorded: "2024-01-01T00:00:00.000Z",
      },
    );
  }
}

const questions: QaExample[] = [
  // XQuAD has contexts that begin with a byte order mark, which counts.
  {
    id: "a",
    context: "\uFEFFAna vive en “Quito” 😀.",
    question: "¿Quién?",
    answers: [{ text: "Ana", start: 1 }],
  },
  {
    id: "b",
    context: "\uFEFFAna vive en “Quito” 😀.",
    question: "¿Qué?",
    answers: [{ text: "😀", start: 21 }, { text: "Quito", start: 14 }],
  },
  { id: "c", context: "ไทย\tและ\nจีน", question: "?", answers: [{ text: "จีน", start: 8 }] },
];
const squadJson = (examples: readonly QaExample[]) =>
  JSON.stringify({
    version: "1.1",
    data: examples.map(({ context, id, question, answers }) => ({
      title: "t",
      paragraphs: [{
        context,
        qas: [{ id, question, answers: answers.map(({ text, start }) => ({ text, answer_start: start })) }],
      }],
    })),
  });
const squadRows = (examples: readonly QaExample[]) =>
  examples.map(({ id, context, question, answers }) => ({
    id,
    title: "t",
    context,
    question,
    answers: { text: answers.map(({ text }) => text), answer_start: answers.map(({ start }) => start) },
  }));

const pairs: NliExample[] = [
  { premise: 'He said "no".', hypothesis: "Yes '…' ", label: 2 },
  { premise: "ไม่", hypothesis: "\u2028 odd", label: 0 },
  { premise: "third", hypothesis: "3rd", label: 1 },
];
const pairRows = (examples: readonly NliExample[]) => examples.map((each) => ({ ...each }));
const xnliTsv = (byLanguage: Record<string, readonly NliExample[]>) =>
  "language\tgold_label\tsentence1_binary_parse\tsentence1\tsentence2\tpairID\n" +
  Object.entries(byLanguage).flatMap(([language, examples]) =>
    examples.map(({ premise, hypothesis, label }, i) =>
      `${language}\t${nliLabels[label]}\t( x )\t${premise}\t${hypothesis}\t${i + 1}\n`
    )
  ).join("");

const choices: ChoiceExample[] = [
  { premise: "p 1", choice1: "a", choice2: "b", question: "cause", label: 1 },
  { premise: "p “2”", choice1: "c", choice2: "d", question: "effect", label: 0 },
];
const choiceLines = (examples: readonly ChoiceExample[]) =>
  examples.map((each, idx) => JSON.stringify({ ...each, idx, changed: false })).join("\n") + "\n";

test("SQuAD, XQuAD and MLQA: the same questions from JSON, zip and Parquet, offsets and byte order marks kept", async () => {
  const original = await freshCaches();
  await put(join(original.data, "squad/train-v1.1.json"), squadJson(questions));
  await put(join(original.data, "squad/dev-v1.1.json"), squadJson(questions.slice(1)));
  await put(join(original.data, "xquad/xquad.es.json"), squadJson(questions));
  await put(
    join(original.data, "mlqa/MLQA_V1.zip"),
    await zipOf({
      "MLQA_V1/test/test-context-de-question-de.json": squadJson(questions),
      "MLQA_V1/README.md": "x",
    }),
  );
  const read = async () => {
    const source = fetchedSource();
    const squad = await loadTask(source, "squad");
    return {
      train: squad.train,
      validation: squad.validation,
      partial: squad.partial,
      xquad: (await loadTarget(source, "xquad", "es")).examples,
      mlqa: await loadTarget(source, "mlqa", "de"),
    };
  };
  const plain = await read();
  assert.equal(plain.train, questions);
  assert.equal([plain.partial, plain.mlqa.partial], [[], []]);
  assert.equal(plain.mlqa.examples, questions);

  const { hub } = await freshCaches();
  const name = (split: string) => `${split}-00000-of-00001.parquet`;
  await putHub(hub, "rajpurkar/squad", {
    [`plain_text/${name("train")}`]: parquetOf(squadRows(questions), 2),
    [`plain_text/${name("validation")}`]: parquetOf(squadRows(questions.slice(1))),
  });
  await putHub(hub, "google/xquad", { [`xquad.es/${name("validation")}`]: parquetOf(squadRows(questions)) });
  await putHub(hub, "facebook/mlqa", { "mlqa.de.de/test/0000.parquet": parquetOf(squadRows(questions)) });
  assert.equal(await read(), plain);
});

test("XNLI and MNLI: the same pairs from the zips and from Parquet; pairs without a majority are passed over", async () => {
  const original = await freshCaches();
  await put(
    join(original.data, "xnli/XNLI-1.0.zip"),
    await zipOf({
      "XNLI-1.0/xnli.dev.tsv": xnliTsv({ de: pairs.slice(1), en: pairs }),
      "XNLI-1.0/xnli.test.tsv": xnliTsv({ de: pairs, en: pairs.slice(0, 2) }),
    }),
  );
  const mt = [
    "premise\thypo\tlabel",
    ...pairs.map(({ premise, hypothesis, label }) =>
      `${premise}\t${hypothesis}\t${["entailment", "neutral", "contradictory"][label]}`
    ),
  ].join("\n") + "\n";
  await put(
    join(original.data, "mnli/XNLI-MT-1.0.zip"),
    await zipOf({
      "XNLI-MT-1.0/multinli/multinli.train.en.tsv": mt,
      "XNLI-MT-1.0/multinli/multinli.train.de.tsv": "x",
    }),
  );
  const read = async () => {
    const source = fetchedSource();
    const { train, validation, files } = await loadTask(source, "xnli");
    return {
      train,
      validation,
      files,
      de: await loadTarget(source, "xnli", "de"),
      en: await loadTarget(source, "xnli", "en"),
    };
  };
  const plain = await read();
  assert.equal(plain.train, pairs);
  assert.equal(plain.files, ["mnli/train.tsv", "xnli/dev-en.tsv"]);
  assert.equal([plain.validation, plain.de.examples, plain.en.examples], [pairs, pairs, pairs.slice(0, 2)]);
  assert.equal(plain.de.files, ["xnli/test-de.tsv"]);

  const { data, hub } = await freshCaches();
  await putHub(hub, "facebook/xnli", {
    "en/train-00000-of-00002.parquet": parquetOf(pairRows(pairs.slice(0, 1))),
    "en/train-00001-of-00002.parquet": parquetOf(pairRows(pairs.slice(1))),
    "en/validation-00000-of-00001.parquet": parquetOf(pairRows(pairs)),
    "en/test-00000-of-00001.parquet": parquetOf(pairRows(pairs.slice(0, 2))),
    "de/test-00000-of-00001.parquet": parquetOf(pairRows(pairs)),
  });
  assert.equal(await read(), plain);

  // MultiNLI as its authors publish it is read where XNLI's copy is not there.
  const jsonl =
    [...pairs, { ...pairs[0], label: -1 }].map(({ premise, hypothesis, label }) =>
      JSON.stringify({
        gold_label: nliLabels[label] ?? "-",
        sentence1: premise,
        sentence2: hypothesis,
        sentence1_parse: "( x",
      })
    ).join("\n") + "\n";
  const multi = await freshCaches();
  await put(
    join(multi.data, "mnli/multinli_1.0.zip"),
    await zipOf({ "multinli_1.0/multinli_1.0_train.jsonl": jsonl }),
  );
  const source = fetchedSource();
  const text = await source.text("mnli/train.jsonl");
  assert.not.match(text, "parse");
  await put(join(multi.data, "xnli/XNLI-1.0.zip"), await readFile(join(original.data, "xnli/XNLI-1.0.zip")));
  assert.equal((await loadTask(source, "xnli")).train, pairs);
  const glue = await freshCaches();
  await putHub(glue.hub, "nyu-mll/glue", {
    "mnli/train-00000-of-00001.parquet": parquetOf(
      [...pairs, { ...pairs[0], label: -1 }].map((each) => ({ ...each })),
    ),
  });
  await put(join(glue.data, "xnli/XNLI-1.0.zip"), await readFile(join(original.data, "xnli/XNLI-1.0.zip")));
  assert.equal((await loadTask(fetchedSource(), "xnli")).train, pairs);
  assert.ok(data);
});

test("COPA and XCOPA: the same choices from JSON lines, zip and Parquet", async () => {
  const original = await freshCaches();
  await put(
    join(original.data, "copa/COPA.zip"),
    await zipOf({
      "COPA/train.jsonl": choiceLines(choices),
      "COPA/val.jsonl": choiceLines(choices.slice(1)),
    }),
  );
  await put(join(original.data, "xcopa/et/test.et.jsonl"), choiceLines(choices));
  const read = async () => {
    const source = fetchedSource();
    const { train, validation } = await loadTask(source, "copa");
    return [train, validation, (await loadTarget(source, "xcopa", "et")).examples];
  };
  const plain = await read();
  assert.equal(plain, [choices, choices.slice(1), choices]);
  const { hub } = await freshCaches();
  const rows = (examples: readonly ChoiceExample[]) =>
    parquetOf(examples.map((each, idx) => ({ ...each, idx })));
  await putHub(hub, "aps/super_glue", {
    "copa/train-00000-of-00001.parquet": rows(choices),
    "copa/validation-00000-of-00001.parquet": rows(choices.slice(1)),
  });
  await putHub(hub, "cambridgeltl/xcopa", { "et/test-00000-of-00001.parquet": rows(choices) });
  assert.equal(await read(), plain);
});

async function fails(action: Promise<unknown>, ...parts: (string | RegExp)[]): Promise<void> {
  const error = await action.then(() => null, (thrown) => thrown as Error);
  if (!error) assert.unreachable(`no error; one with ${parts.join(", ")} was wanted`);
  for (const part of parts) assert.match(error!.message, part);
}

test("what was not fetched is named with the command that fetches it; a missing shard too", async () => {
  const { hub } = await freshCaches();
  const source = fetchedSource();
  await fails(loadTask(source, "squad"), "repro fetch squad");
  await fails(loadTask(source, "xnli"), "repro fetch mnli");
  await fails(loadTask(source, "copa"), "repro fetch copa");
  await fails(loadTarget(source, "mlqa", "de"), "repro fetch mlqa");
  await fails(loadTarget(source, "xnli", "de"), "repro fetch xnli");
  await fails(wikipediaShards("it"), "repro fetch wikipedia-it");
  await putHub(hub, "facebook/xnli", { "en/train-00000-of-00002.parquet": parquetOf(pairRows(pairs)) });
  await fails(fetchedSource().text("mnli/train.tsv"), "1 of 2 shards are there");
});

test("damaged archives and Parquet files are named with what is wrong and the remedy", async () => {
  const folder = await mkdtemp(join(tmpdir(), "repro-fetched-"));
  const zip = await zipOf({ "a.txt": "hello ".repeat(1000) });
  const cut = await put(join(folder, "cut.zip"), zip.slice(0, zip.length - 30));
  await fails(zipText(cut, "a.txt"), "cut.zip", "not a readable zip archive", "fetch it again");
  const wrong = zip.slice();
  wrong[60] ^= 255;
  await fails(
    zipText(await put(join(folder, "wrong.zip"), wrong), "a.txt"),
    "a.txt",
    "the member is damaged",
  );
  const good = await put(join(folder, "good.zip"), zip);
  await fails(zipText(good, "b.txt"), "no such member", "holds a.txt");
  await fails(
    zipText(await put(join(folder, "bytes.zip"), await zipOf({ x: Uint8Array.of(65, 255, 66) })), "x"),
    "not valid UTF-8",
  );
  const parquet = parquetOf(pairRows(pairs));
  const all = async (path: string, columns: string[]) => {
    for await (const _ of parquetRowGroups(path, columns));
  };
  const half = await put(join(folder, "half.parquet"), parquet.slice(0, parquet.length >> 1));
  await fails(all(half, ["premise"]), "half.parquet", "not a readable Parquet file", "fetch it again");
  const whole = await put(join(folder, "whole.parquet"), parquet);
  await fails(all(whole, ["text"]), 'no column "text" among premise, hypothesis, label');
});

test("lines of a member come one by one, whatever pieces it is read in", async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ไทย 😀`);
  const path = await put(
    join(await mkdtemp(join(tmpdir(), "repro-fetched-")), "x.zip"),
    await zipOf({ x: lines.join("\n") }),
  );
  const found: string[] = [];
  await zipLines(path, "x", (line) => found.push(line));
  assert.equal(found, lines);
});

test("Wikipedia: shards in order, one row group at a time", async () => {
  const { hub } = await freshCaches();
  const article = (n: number) => ({
    id: String(n),
    url: `u${n}`,
    title: `T ${n}`,
    text: `text ${n} `.repeat(300),
  });
  const shard = (from: number) => parquetOf(Array.from({ length: 1000 }, (_, i) => article(from + i)), 100);
  await putHub(hub, "wikimedia/wikipedia", {
    "20231101.it/train-00000-of-00002.parquet": shard(0),
    "20231101.it/train-00001-of-00002.parquet": shard(1000),
    "20231101.ta/train-00000-of-00001.parquet": shard(5000),
  });
  const shards = await wikipediaShards("it");
  const groups: number[] = [];
  for await (const rows of parquetRowGroups(shards[0], ["text"])) groups.push(rows.length);
  assert.equal(groups, Array(10).fill(100));
  let n = 0;
  for await (const { id, title, text } of wikipediaArticles(shards)) {
    assert.equal([id, title, text], [String(n), `T ${n}`, article(n).text]);
    n++;
  }
  assert.is(n, 2000);
  // As text of a data root: a part is a row group.
  const source = fetchedSource();
  const parts = await source.list("text/it");
  assert.equal([parts.length, parts[0], parts.at(-1)], [
    20,
    "wikipedia-00000-00000.txt",
    "wikipedia-00001-00009.txt",
  ]);
  assert.equal(
    (await source.text(`text/it/${parts[11]}`)).split("\n\n")[99].trimEnd(),
    article(1199).text.trimEnd(),
  );
  assert.is(await source.has("text/it/wikipedia-00002-00000.txt"), false);
  let lines = 0;
  for await (const part of (await openText(source, "it")).lines()) lines += part.length;
  assert.is(lines, 2000);
  // Hashing the shards stands for hashing the text of every part; another shard or another order is another text.
  const revision = async (...codes: string[]) =>
    await digestFiles(
      fetchedSource(),
      (await Promise.all(codes.map((each) => openText(source, each)))).flatMap(({ files }) => files),
    );
  const [italian, tamil] = [await revision("it"), await revision("ta")];
  assert.is(await revision("it"), italian);
  assert.not.equal(italian, tamil);
  await putHub(hub, "wikimedia/wikipedia", { "20231101.ta/train-00000-of-00001.parquet": shard(5001) });
  assert.not.equal(await revision("ta"), tamil);
  await fails(openText(source, "th"), "no text in ", "fetch it: repro fetch wikipedia-th");
  await fails(source.text("text/th/wikipedia-00000-00000.txt"), "repro fetch wikipedia-th");
});

test("Wikipedia in any language of the paper: listed at the pinned commit, recorded, found by runs whatever lock file was named", async () => {
  const { hub: hubCache } = await freshCaches();
  const [set] = fetchSets(["wikipedia-sw"], "original").get("wikipedia-sw")!;
  assert.equal([set.files, set.folder], [null, "20231101.sw"]);
  const row = (n: number) => ({ id: String(n), url: "u", title: "t", text: `maandishi ${n}` });
  const shards = Object.fromEntries(
    [
      "20231101.sw/train-00000-of-00002.parquet",
      "20231101.sw/train-00001-of-00002.parquet",
      "20231101.swx/a.parquet",
    ]
      .map((path, n) => [path, { bytes: parquetOf([row(n)]), lfs: true }]),
  );
  const repo = {
    type: "dataset" as const,
    name: "wikimedia/wikipedia",
    commit: set.repo!.revision,
    files: shards,
  };
  const hub = await fakeHub([repo]);
  const lockPath = join(await mkdtemp(join(tmpdir(), "repro-fetched-")), "project.lock.json");
  try {
    const settings = await freshSettings(hub, { hubCache, cache: process.env.REPRO_CACHE!, lockPath });
    const { states } = await fetchNow([set], settings);
    assert.equal(states, {
      "20231101.sw/train-00000-of-00002.parquet": "downloaded",
      "20231101.sw/train-00001-of-00002.parquet": "downloaded",
    });
    assert.equal(Object.keys((await readLockFile(lockPath)).files).length, 2);
    // Without the named lock file, as runs look.
    const parts = await fetchedSource().list("text/sw");
    assert.equal(parts, ["wikipedia-00000-00000.txt", "wikipedia-00001-00000.txt"]);
    const again = await fetchNow([set], { ...settings, offline: true });
    assert.equal(new Set(Object.values(again.states)), new Set(["verified"]));
    const none = await fetchNow(fetchSets(["wikipedia-qu"], "original").get("wikipedia-qu")!, settings);
    assert.match(none.states["wikipedia-qu"], /no file in its folder 20231101\.qu/);
  } finally {
    await hub.close();
  }
});

test("a model is found by name, revision or branch, and what it lacks is named with the command", async () => {
  const { hub } = await freshCaches();
  assert.equal(parseHubModel("org/name@v1#relu"), { name: "org/name", revision: "v1", adapters: "relu" });
  for (const text of ["mbert", "/a/folder", "./a", "a/b#c#d"]) assert.is(parseHubModel(text), null, text);
  const [model, exact] = [parseHubModel("org/name")!, parseHubModel(`org/name@${commit}`)!];
  await fails(locateModel(model), "not in ", /repro fetch org\/name$/);
  const snapshot = join(hub, "models--org--name", "snapshots", commit);
  await put(join(snapshot, "config.json"), "{}");
  await fails(locateModel(exact), "weights is absent", `repro fetch org/name@${commit}`);
  await put(join(snapshot, "model.safetensors"), "x");
  assert.is(await locateModel(exact), snapshot);
  await fails(locateModel(model), "not in ");
  await put(join(hub, "models--org--name", "refs", "main"), commit);
  assert.is(await locateModel(model), snapshot);
});

test("an encoder that was fetched opens as it does from its folder, with adapters from AdapterHub's place", async () => {
  const { data, hub: hubCache } = await freshCaches();
  const folder = await randomEncoder(["en", "sw"]);
  const files: Record<string, { bytes: Uint8Array; lfs?: boolean }> = {};
  for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
    files[name] = {
      bytes: new Uint8Array(await readFile(join(folder, name))),
      lfs: name.endsWith(".safetensors"),
    };
  }
  const hub = await fakeHub([{ type: "model", name: "org/encoder", commit, files }]);
  try {
    const settings = await freshSettings(hub, {
      hubCache,
      cache: process.env.REPRO_CACHE!,
      lockPath: join(process.env.REPRO_CACHE!, "fetch.lock.json"),
    });
    const [sets] = fetchSets([`org/encoder@${commit}`], "original").values();
    const { states } = await fetchNow(sets!, settings);
    assert.equal(new Set(Object.values(states)), new Set(["downloaded"]));
  } finally {
    await hub.close();
  }
  for (const language of ["en", "sw"]) {
    await put(
      join(data, "adapters", "encoder", "mine", `${language}.safetensors`),
      await readFile(join(folder, "adapters", `${language}.safetensors`)),
    );
  }
  const [fetched, plain] = [
    await openEncoder(`org/encoder@${commit}#mine`, "tiny"),
    await openEncoder(folder, "tiny"),
  ];
  assert.is(fetched.revision, plain.revision);
  assert.equal((await fetched.language("sw")).state!.size, (await plain.language("sw")).state!.size);
  // Without a revision: the one that was recorded.
  assert.is((await openEncoder("org/encoder#mine", "tiny")).revision, plain.revision);
  const bare = await openEncoder("org/encoder", "tiny");
  await fails(
    bare.language("en"),
    `model org/encoder: no language adapter for en in ${
      join(data, "adapters", "encoder", "default")
    }; there are none;`,
  );
  await fails(openEncoder("org/other", "tiny"), /fetch it: repro fetch org\/other$/);
  const model = parseHubModel("google-bert/bert-base-multilingual-cased#nd")!;
  assert.is(adaptersFolder(model), join(data, "adapters", "bert-base-multilingual-cased", "nd"));
  assert.is(openData("fetched").name, `what was fetched (${data})`);
});

const real = realData("fetched-data", 1);
(real ? test : test.skip)(
  "XQuAD, all of it: Parquet made of the published files gives the published questions",
  async () => {
    const { hub } = await freshCaches();
    const published = new Map<string, QaExample[]>();
    for (const language of targetLanguages.xquad) {
      const path = `xquad/xquad.${language}.json`;
      const examples = readSquad(await real!.text(path), path);
      published.set(language, examples);
      await putHub(hub, "google/xquad", {
        [`xquad.${language}/validation-00000-of-00001.parquet`]: parquetOf(squadRows(examples), 500),
      });
    }
    const source = fetchedSource();
    for (const [language, examples] of published) {
      assert.equal((await loadTarget(source, "xquad", language)).examples, examples, language);
    }
  },
);

test.run();
