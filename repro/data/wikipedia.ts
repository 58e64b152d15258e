// Promises Wikipedia's articles of one language from the Hub's Parquet shards, one row group in memory at a time.
// Leaves fetching the shards to `repro fetch wikipedia-<language>` and turning text into training batches to its callers.
import { locateRepo, NotFetchedError } from "../fetch/locate.ts";
import { join } from "../runtime.ts";
import { shardsOf } from "./fetched.ts";
import { parquetRowGroups } from "./parquet.ts";

export interface Article {
  id: string;
  title: string;
  text: string;
}

const repo = "wikimedia/wikipedia";
const dump = "20231101";

/** The shards of a language that were fetched. Throws with the command that fetches them when there are none. */
export async function wikipediaShards(language: string): Promise<string[]> {
  const snapshot = await locateRepo("dataset", repo, null);
  const shards = snapshot === null ? [] : await shardsOf(join(snapshot, `${dump}.${language}`), "train");
  if (shards.length === 0) {
    throw new NotFetchedError(
      `read ${repo} ${dump}.${language}: not in the Hub's cache; fetch it: repro fetch wikipedia-${language}`,
    );
  }
  return shards;
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
