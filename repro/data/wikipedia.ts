// Promises Wikipedia's articles of one language from the Hub's Parquet shards, one row group in memory at a time.
// Leaves fetching the shards to `repro fetch wikipedia-<language>` and turning text into training batches to its callers.
import { locateRepo, NotFetchedError } from "../fetch/locate.ts";
import { fileSha256, join } from "../runtime.ts";
import { sha256 } from "../spec/mod.ts";
import { openParquet, parquetRowGroups } from "./parquet.ts";
import { shardsOf } from "./shards.ts";

export interface Article {
  id: string;
  title: string;
  text: string;
}

const repo = "wikimedia/wikipedia";
const dump = "20231101";

async function shardsHere(language: string): Promise<string[]> {
  const snapshot = await locateRepo("dataset", repo, null);
  return snapshot === null ? [] : await shardsOf(join(snapshot, `${dump}.${language}`), "train");
}

/** The shards of a language that were fetched. Throws with the command that fetches them when there are none. */
export async function wikipediaShards(language: string): Promise<string[]> {
  const shards = await shardsHere(language);
  if (shards.length > 0) return shards;
  throw new NotFetchedError(
    `read ${repo} ${dump}.${language}: not in the Hub's cache; fetch it: repro fetch wikipedia-${language}`,
  );
}

/** Articles in the order of the shards. */
export async function* wikipediaArticles(shards: readonly string[]): AsyncGenerator<Article> {
  for (const shard of shards) {
    for await (const rows of parquetRowGroups(shard, ["id", "title", "text"])) {
      for (const { id, title, text } of rows) {
        yield { id: String(id), title: String(title), text: String(text) };
      }
    }
  }
}

/** A language's text in parts: a part is a row group. */
export interface WikipediaText {
  /** Names of the parts. */
  readonly parts: readonly string[];
  /** The text of a part, an article after the other. */
  text(part: string): Promise<string>;
  /** SHA-256 that stands for a part's text: of the shard's file and the number of the row group. */
  digest(part: string): Promise<string>;
}

/** The text of a language; each shard's metadata and digest are read once. Without parts when it was not fetched. */
export async function openWikipedia(language: string): Promise<WikipediaText> {
  const shards = await shardsHere(language);
  const opened = await Promise.all(shards.map((path) => openParquet(path, ["text"])));
  const digests = new Map<string, Promise<string>>();
  const places = new Map<string, { shard: number; group: number }>();
  const number = (n: number) => String(n).padStart(5, "0");
  for (const [shard, { groups }] of opened.entries()) {
    for (let group = 0; group < groups; group++) {
      places.set(`wikipedia-${number(shard)}-${number(group)}.txt`, { shard, group });
    }
  }
  return {
    parts: [...places.keys()],
    async text(part) {
      const { shard, group } = places.get(part)!;
      return (await opened[shard].rows(group)).map(({ text }) => `${text}\n`).join("\n");
    },
    async digest(part) {
      const { shard, group } = places.get(part)!;
      const path = shards[shard];
      if (!digests.has(path)) digests.set(path, fileSha256(path));
      return await sha256(`${await digests.get(path)} ${group}`);
    },
  };
}
