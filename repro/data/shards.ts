// Promises the Parquet files of one split, all of them or an error. Leaves reading them to parquet.ts.
import { join, list } from "../runtime.ts";
import { DataError } from "./errors.ts";

/** A split's shards in a folder: "train-00000-of-00002.parquet", or those of the Hub's own conversion, "train/0000.parquet". */
export async function shardsOf(folder: string, split: string): Promise<string[]> {
  const names = (await list(folder)).filter((name) =>
    name.startsWith(`${split}-`) && name.endsWith(".parquet")
  );
  if (names.length > 0) {
    const total = Number(/-of-(\d+)\.parquet$/.exec(names[0])?.[1] ?? names.length);
    if (names.length !== total) {
      throw new DataError(
        join(folder, names[0]),
        "",
        `${names.length} of ${total} shards are there`,
        "fetch the rest with the same command",
      );
    }
    return names.map((name) => join(folder, name));
  }
  const inside = join(folder, split);
  return (await list(inside)).filter((name) => name.endsWith(".parquet")).map((name) => join(inside, name));
}
