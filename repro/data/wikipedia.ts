// Promises Wikipedia's articles of one language from the Hub's Parquet shards, one row group in memory at a time.
// Leaves fetching the shards to `repro fetch wikipedia-<language>` and turning text into training batches to its callers.
import { locateRepo, NotFetchedError } from "../fetch/locate.ts";
import { join } from "../runtime.ts";
import { parquetGroup, parquetGroupCount, parquetRowGroups } from "./parquet.ts";
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

/** Names of the parts of a language's text: a part is a row group. Empty when it was not fetched. */
export async function wikipediaParts(language: string): Promise<string[]> {
  const names: string[] = [];
  for (const [shard, path] of (await shardsHere(language)).entries()) {
    const groups = await parquetGroupCount(path);
    for (let group = 0; group < groups; group++) {
      names.push(`wikipedia-${String(shard).padStart(5, "0")}-${String(group).padStart(5, "0")}.txt`);
    }
  }
  return names;
}

/** The text of a part, an article after the other; null for what is no part. */
export async function wikipediaPart(language: string, name: string): Promise<string | null> {
  const [, shard, group] = /^wikipedia-(\d{5})-(\d{5})\.txt$/.exec(name) ?? [];
  const path = shard === undefined ? undefined : (await shardsHere(language))[Number(shard)];
  if (path === undefined || Number(group) >= await parquetGroupCount(path)) return null;
  return (await parquetGroup(path, ["text"], Number(group))).map(({ text }) => `${text}\n`).join("\n");
}
