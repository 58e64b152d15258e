// Promises the rows of Parquet files on the disk, one row group at a time, text exactly as it was written (a byte order mark at
// its start included). Leaves what the columns mean to fetched.ts and wikipedia.ts.
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { fileReader } from "../runtime.ts";
import { DataError } from "./errors.ts";

// hyparquet's own decoder drops a leading U+FEFF, which some contexts of XQuAD begin with: every answer would be off by one.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const parsers = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes) };

export type ParquetRow = Record<string, unknown>;

/** A file whose metadata are read: of a large one they are megabytes. */
export interface OpenParquet {
  groups: number;
  /** Rows of one row group. */
  rows(group: number): Promise<ParquetRow[]>;
}

/** Throws DataError on a file that is no Parquet, is cut short, or lacks a column. */
export async function openParquet(path: string, columns: readonly string[]): Promise<OpenParquet> {
  const open = await fileReader(path);
  const file = {
    byteLength: open.size,
    slice: async (start: number, end?: number) =>
      new Uint8Array(await open.read(start, (end ?? open.size) - start)).buffer,
  };
  const wrong = (error: unknown) => {
    throw error instanceof DataError ? error : new DataError(
      path,
      "",
      `not a readable Parquet file (${(error as Error).message}, ${open.size} bytes)`,
      "it may be truncated; fetch it again",
      error,
    );
  };
  const metadata = await parquetMetadataAsync(file).catch(wrong);
  const present = metadata.schema.filter((_, i) => i > 0).map(({ name }) => name);
  const absent = columns.filter((column) => !present.includes(column));
  if (absent.length > 0) {
    throw new DataError(
      path,
      "",
      `no column ${absent.map((name) => `"${name}"`).join(", ")} among ${present.join(", ")}`,
      "check that the file is of the named data set and revision",
    );
  }
  const starts = [0];
  for (const { num_rows } of metadata.row_groups) starts.push(starts.at(-1)! + Number(num_rows));
  return {
    groups: metadata.row_groups.length,
    rows: async (group) => {
      const [rowStart, rowEnd] = [starts[group], starts[group + 1]];
      const options = { file, metadata, columns: [...columns], rowStart, rowEnd, compressors, parsers };
      return await parquetReadObjects(options).catch(wrong) as ParquetRow[];
    },
  };
}

/** Rows with the named columns, row group by row group: that is the most that is held. */
export async function* parquetRowGroups(
  path: string,
  columns: readonly string[],
): AsyncGenerator<ParquetRow[]> {
  const { groups, rows } = await openParquet(path, columns);
  for (let group = 0; group < groups; group++) yield await rows(group);
}

/** All rows of several files (shards of one split), in their order. */
export async function parquetRows(
  paths: readonly string[],
  columns: readonly string[],
): Promise<ParquetRow[]> {
  const rows: ParquetRow[] = [];
  for (const path of paths) {
    for await (const group of parquetRowGroups(path, columns)) {
      for (const row of group) rows.push(row);
    }
  }
  return rows;
}
