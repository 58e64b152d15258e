// The paper's pins are complete and well-formed, and every name that can be fetched stands for files.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deviations } from "../../papers/fun-with-fisher/deviations.ts";
import { fetchNames, fetchNotes, fetchSets, publishedAdapters } from "../../papers/fun-with-fisher/pins.ts";
import { figures } from "../../papers/fun-with-fisher/figures/mod.ts";
import { printed } from "../../papers/fun-with-fisher/printed.ts";
import { datasets, models } from "../../papers/fun-with-fisher/world.ts";
import { type FileSet, type Origin, origins } from "../../repro/fetch/wanted.ts";

const test = suite("pins");
const languages = Object.fromEntries(datasets.map((each) => [each.id, each.languages]));
const setsOf = (word: string, origin: Origin): FileSet[] => [...fetchSets([word], origin).values()][0]!;
const everything = origins.flatMap((origin) => fetchNames.flatMap((name) => setsOf(name, origin)))
  .filter(({ folder }) => folder === undefined);

test("each file has an address, and digests that look like ones", () => {
  for (const { id, repo, files } of everything) {
    assert.ok(files!.length > 0, id);
    if (repo) assert.match(repo.revision, /^([0-9a-f]{40}|refs\/convert\/parquet)$/, id);
    for (const { path, urls, bytes, sha256, evidence } of files!) {
      const where = `${id} ${path}`;
      if (!repo) {
        assert.ok(urls!.length > 0 && urls!.every((url) => /^https:\/\/\w[\w.~%/-]+$/.test(url)), where);
      }
      assert.ok(bytes === undefined || (Number.isInteger(bytes) && bytes > 0), where);
      assert.ok(sha256 === undefined || /^[0-9a-f]{64}$/.test(sha256), where);
      // A digest has a source, and what has none is recorded at the first download.
      assert.is(evidence === "none", sha256 === undefined, where);
      assert.ok(!/\.\.|^\//.test(path), where);
    }
  }
});

test("no two files share a place", () => {
  for (const origin of origins) {
    const places = setsOf("all", origin).flatMap(({ repo, files }) =>
      files!.map(({ path }) => `${repo?.name ?? ""}:${path}`)
    );
    assert.is(new Set(places).size, places.length);
  }
});

test("a table's fetch brings every language of its columns, for both encoders and from both origins", () => {
  for (const origin of origins) {
    const paths = setsOf("table1", origin).flatMap(({ files }) => files!.map(({ path }) => path)).join("\n");
    for (const language of [...languages.xquad, ...languages.xcopa.filter((each) => each !== "en")]) {
      assert.match(paths, new RegExp(`[/.]${language}[/.]`), `${origin} ${language}`);
    }
    for (const model of ["bert-base-multilingual-cased", "xlm-roberta-base"]) {
      // AdapterHub has no mBERT adapters for these: the authors trained them.
      const absent = model === "xlm-roberta-base" ? [] : ["it", "ta", "th"];
      for (
        const language of [...new Set(Object.values(languages).flat())].filter((each) =>
          !absent.includes(each)
        )
      ) {
        assert.match(paths, `adapters/${model}/default/${language}.zip`);
      }
    }
  }
});

test("every table that reads data and every figure can be fetched; one that counts data needs no model", () => {
  const idsOf = (word: string) => setsOf(word, "original").map(({ id }) => id);
  for (const { id } of [...printed.allResults.map(({ table }) => ({ id: table })), ...figures]) {
    assert.ok(fetchNames.includes(id) && idsOf(id).length > 0, id);
  }
  assert.equal(idsOf("table5").sort(), ["copa", "mlqa", "mnli", "squad", "xcopa", "xnli", "xquad"]);
  assert.equal(idsOf("figure1"), ["mbert", "mbert-adapters", "mnli", "xnli"]);
  assert.equal(idsOf("figure6"), ["mbert", "mbert-adapters"]);
});

test("Wikipedia can be fetched in every language of the paper, all of one commit", () => {
  const all = [...new Set(Object.values(languages).flat())];
  assert.is(all.length, 18);
  const sets = all.flatMap((code) => setsOf(`wikipedia-${code}`, "original"));
  assert.is(sets.length, 18);
  assert.is(new Set(sets.map(({ repo }) => `${repo!.name} ${repo!.revision}`)).size, 1);
  for (const { id, files, folder } of sets) {
    const wanted = `20231101.${id.slice("wikipedia-".length)}`;
    assert.ok(
      files === null ? folder === wanted : files.every(({ path }) => path.startsWith(`${wanted}/`)),
      id,
    );
  }
});

test("which language adapters are published, and what a table leaves to be trained", () => {
  const mbert = "google-bert/bert-base-multilingual-cased";
  const had = publishedAdapters(mbert, "default")!;
  assert.is(had.name, "mbert-adapters");
  assert.ok(had.languages.includes("en") && !had.languages.includes("th"));
  assert.equal(publishedAdapters(mbert, "relu"), {
    name: "mbert-adapters-relu",
    languages: ["en", "ar", "qu", "sw", "zh"],
  });
  assert.is(publishedAdapters("microsoft/mdeberta-v3-base", "default"), null);
  const [note, ...more] = fetchNotes(["table1"]);
  assert.equal(more, []);
  assert.match(
    note,
    /^nobody publishes language adapters of mbert for th, it, ta: .*repro fetch wikipedia-th,/,
  );
  assert.match(fetchNotes(["table16"])[0], /language adapters of mdeberta for en, ar, de, es, hi, vi, zh/);
  // Full fine-tuning reads none.
  assert.equal(fetchNotes(["table7", "xquad", "mbert"]), []);
});

test("names: short ones, Hub ids, adapters under either name; others name nothing", () => {
  const ids = (...words: string[]) =>
    [...fetchSets(words, "original").values()].map((sets) => sets?.map(({ id }) => id) ?? null);
  assert.equal(ids("mbert", "google-bert/bert-base-multilingual-cased"), [["mbert"], []]);
  for (const { id, hub } of models) assert.equal(ids(hub), [[id]]);
  assert.equal(ids("bert-base-multilingual-cased-adapters-relu"), [["mbert-adapters-relu"]]);
  assert.equal(ids("org/other@v2"), [["org/other@v2"]]);
  assert.equal(ids("squat", "table99", "../x"), [null, null, null]);
  assert.equal(ids("table1", "squad")[1], []);
});

test("by its size XLM-R's pinned file holds a pooler, which COPA then reads: its header alone is what is left over", () => {
  const { shape: { hidden: h, feedForward, layers, vocabulary } } = models.find(({ id }) => id === "xlmr")!;
  const { bytes } = setsOf("xlmr", "original")[0].files!.find(({ path }) => path === "model.safetensors")!;
  const dense = (from: number, to: number) => from * to + to, norm = 2 * h, positions = 514, types = 1;
  const layer = 4 * dense(h, h) + dense(h, feedForward) + dense(feedForward, h) + 2 * norm;
  const encoder = (vocabulary + positions + types) * h + norm + layers * layer;
  const lmHead = dense(h, h) + norm + vocabulary, pooler = dense(h, h);
  const header = bytes! - 4 * (encoder + lmHead + pooler);
  assert.equal([encoder + lmHead + pooler, header], [278_885_778, 24_540]);
  // About a line of JSON for each of 204 tensors; without the pooler two and a half thousand lines would be left.
  const tensors = 5 + 16 * layers + 5 + 2;
  assert.ok(header > 100 * tensors && header < 140 * tensors, `${header} bytes for ${tensors} tensors`);
  const { note } = deviations.find(({ id }) => id === "copa-xlmr-pooler")!;
  for (const value of [bytes!, encoder + lmHead + pooler, header]) {
    assert.match(note!, value.toLocaleString("en"));
  }
});

test.run();
