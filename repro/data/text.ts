// Promises the lines of plain text of one language in a data root. Leaves tokens and blocks to tasks/masked-lm.ts.
import { DataError } from "./errors.ts";
import type { DataSource } from "./source.ts";

export interface Text {
  readonly files: readonly string[];
  /** Lines file by file, one file in memory at a time; without blank lines. */
  lines(): AsyncGenerator<string[]>;
}

const isText = (name: string) => /\.(txt|md)$/.test(name);

/**
 * Text of a language: `text/<language>.txt`, or all .txt and .md files in `text/<language>/` in the order of their names; the same
 * without `text/` in front. Throws DataError naming where it was looked for.
 */
export async function openText(source: DataSource, language: string): Promise<Text> {
  const places = [`text/${language}`, language];
  for (const place of places) {
    const files = await source.has(`${place}.txt`)
      ? [`${place}.txt`]
      : (await source.list(place)).filter(isText).map((name) => `${place}/${name}`);
    if (files.length === 0) continue;
    return {
      files,
      async *lines() {
        for (const file of files) {
          yield (await source.text(file)).split(/\r?\n/).filter((line) => line.trim() !== "");
        }
      },
    };
  }
  throw source.absent?.(places[0], "text") ?? new DataError(
    `${places[0]}.txt`,
    "",
    `no text in "${language}" in ${source.name}`,
    `put it there, or as .txt or .md files into one of the folders ${places.join("/, ")}/`,
  );
}
