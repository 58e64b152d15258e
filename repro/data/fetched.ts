// Promises what `repro fetch` brought as a data root: plain files, members of the original zips and the Hub's Parquet files, all
// under the names and in the formats that the readers know. Leaves the formats' conversion to hub-layouts.ts.
import { sizeOrNull } from "../disk.ts";
import { dataFolder } from "../fetch/plan.ts";
import { locateRepo, NotFetchedError } from "../fetch/locate.ts";
import { reproCacheFolder } from "../fetch/settings.ts";
import { isFolder, join } from "../runtime.ts";
import { DataError } from "./errors.ts";
import { choicesText, multiNliText, pairsText, squadText } from "./hub-layouts.ts";
import { type DataSource, folderSource, memorySource } from "./source.ts";
import { shardsOf } from "./shards.ts";
import { openWikipedia, type WikipediaText } from "./wikipedia.ts";
import { zipLines, zipMembers, zipText } from "./zip.ts";

/** Another place where the content of a path may be found. */
type Place =
  | { zip: string; member: string; read?: (zip: string, member: string) => Promise<string> }
  | { repo: string; folder: string; split: string; read: (paths: readonly string[]) => Promise<string> };

const columnsOf = (line: string) => (line.endsWith("\r") ? line.slice(0, -1) : line).split("\t");

/** One language's pairs of XNLI's file of all languages: premise, hypothesis, label. */
const xnliLanguage = (language: string) => async (zip: string, member: string): Promise<string> => {
  const lines: string[] = [];
  let heading: string[] | null = null;
  await zipLines(zip, member, (line) => {
    const cells = columnsOf(line);
    if (heading === null) {
      heading = cells;
      const absent = ["language", "gold_label", "sentence1", "sentence2"].filter((name) =>
        !cells.includes(name)
      );
      if (absent.length > 0) {
        throw new DataError(
          zip,
          member,
          `no column ${absent.join(", ")} in its heading`,
          "fetch the archive again",
        );
      }
      return;
    }
    const of = (name: string) => cells[heading!.indexOf(name)];
    if (of("language") === language) {
      lines.push(`${of("sentence1")}\t${of("sentence2")}\t${of("gold_label")}`);
    }
  });
  return lines.join("\n") + "\n";
};

/** What of MultiNLI's JSON lines is read: the file itself is nearly half a gigabyte, most of it parses. */
async function multiNliLines(zip: string, member: string): Promise<string> {
  const lines: string[] = [];
  await zipLines(zip, member, (line) => {
    if (line.trim() === "") return;
    const { gold_label, sentence1, sentence2 } = JSON.parse(line);
    lines.push(JSON.stringify({ gold_label, sentence1, sentence2 }));
  });
  return lines.join("\n") + "\n";
}

const rules: [RegExp, (...groups: string[]) => Place[]][] = [
  [/^squad\/(train|dev)-v1\.1\.json$/, (split) => [
    {
      repo: "rajpurkar/squad",
      folder: "plain_text",
      split: split === "dev" ? "validation" : split,
      read: squadText,
    },
  ]],
  [/^xquad\/xquad\.(\w+)\.json$/, (language) => [
    { repo: "google/xquad", folder: `xquad.${language}`, split: "validation", read: squadText },
  ]],
  [/^mlqa\/((test|dev)-context-(\w+)-question-(\w+)\.json)$/, (name, split, context, question) => [
    { zip: "mlqa/MLQA_V1.zip", member: `MLQA_V1/${split}/${name}` },
    {
      repo: "facebook/mlqa",
      folder: `mlqa.${context}.${question}`,
      split: split === "dev" ? "validation" : split,
      read: squadText,
    },
  ]],
  [/^xnli\/(test|dev)-(\w\w)\.tsv$/, (split, language) => [
    { zip: "xnli/XNLI-1.0.zip", member: `XNLI-1.0/xnli.${split}.tsv`, read: xnliLanguage(language) },
    {
      repo: "facebook/xnli",
      folder: language,
      split: split === "dev" ? "validation" : split,
      read: pairsText,
    },
  ]],
  [/^mnli\/train\.tsv$/, () => [
    { zip: "mnli/XNLI-MT-1.0.zip", member: "XNLI-MT-1.0/multinli/multinli.train.en.tsv" },
    { repo: "facebook/xnli", folder: "en", split: "train", read: pairsText },
  ]],
  [/^mnli\/train\.jsonl$/, () => [
    { zip: "mnli/multinli_1.0.zip", member: "multinli_1.0/multinli_1.0_train.jsonl", read: multiNliLines },
    { repo: "nyu-mll/glue", folder: "mnli", split: "train", read: multiNliText },
  ]],
  [/^copa\/(train|val)\.jsonl$/, (split) => [
    { zip: "copa/COPA.zip", member: `COPA/${split}.jsonl` },
    {
      repo: "aps/super_glue",
      folder: "copa",
      split: split === "val" ? "validation" : split,
      read: choicesText,
    },
  ]],
  [/^xcopa\/(\w+)\/(test|val)\.\w+\.jsonl$/, (language, split) => [
    {
      repo: "cambridgeltl/xcopa",
      folder: language,
      split: split === "val" ? "validation" : split,
      read: choicesText,
    },
  ]],
];

function placesOf(path: string): Place[] {
  for (const [pattern, places] of rules) {
    const found = pattern.exec(path);
    if (found !== null) return places(...found.slice(1));
  }
  return [];
}

/** What was fetched, originals before the Hub's. Every file is read where it lies; nothing is unpacked to the disk. */
export function fetchedSource(): DataSource {
  const folder = dataFolder(reproCacheFolder());
  const plain = isFolder(folder) ? folderSource(folder) : memorySource(folder, new Map());
  const absent = (path: string, what: string) => {
    const name = path.replace(/^text\/(\w+).*/, "wikipedia-$1").split("/")[0];
    return new NotFetchedError(
      `read ${path}: no ${what} in ${folder} or the Hub's cache; fetch it: repro fetch ${name}`,
    );
  };
  const members = new Map<string, Promise<string[]>>();
  const wikipedias = new Map<string, Promise<WikipediaText>>();
  const wikipedia = (language: string) => {
    if (!wikipedias.has(language)) wikipedias.set(language, openWikipedia(language));
    return wikipedias.get(language)!;
  };

  /** The Wikipedia that a path is a part of; null for any other path. */
  async function partOf(path: string): Promise<{ of: WikipediaText; part: string } | null> {
    const [, language, part] = /^text\/(\w+)\/([^/]+)$/.exec(path) ?? [];
    if (language === undefined) return null;
    const of = await wikipedia(language);
    return of.parts.includes(part) ? { of, part } : null;
  }

  /** How to get the text of a path, null where it is nowhere. */
  async function find(path: string): Promise<(() => Promise<string>) | null> {
    if (await plain.has(path)) return () => plain.text(path);
    const found = await partOf(path);
    if (found !== null) return () => found.of.text(found.part);
    for (const place of placesOf(path)) {
      if ("zip" in place) {
        const zip = join(folder, place.zip);
        if (await sizeOrNull(zip) === null) continue;
        if (!members.has(zip)) members.set(zip, zipMembers(zip));
        if (!(await members.get(zip)!).includes(place.member)) continue;
        return () => (place.read ?? zipText)(zip, place.member);
      }
      const snapshot = await locateRepo("dataset", place.repo, null);
      const shards = snapshot === null ? [] : await shardsOf(join(snapshot, place.folder), place.split);
      if (shards.length > 0) return () => place.read(shards);
    }
    return null;
  }

  // The same file is asked for by its hash and by its reader.
  let last: { path: string; text: string } | null = null;
  return {
    name: `what was fetched (${folder})`,
    absent,
    has: async (path) => await find(path) !== null,
    async text(path) {
      if (last?.path === path) return last.text;
      const read = await find(path);
      if (read === null) throw absent(path, "such file");
      last = { path, text: await read() };
      return last.text;
    },
    async digest(path) {
      const found = await plain.has(path) ? null : await partOf(path);
      return found === null ? null : await found.of.digest(found.part);
    },
    async list(dir) {
      const language = /^text\/(\w+)\/?$/.exec(dir)?.[1];
      const parts = language === undefined ? [] : (await wikipedia(language)).parts;
      return [...await plain.list(dir), ...parts].sort();
    },
  };
}
