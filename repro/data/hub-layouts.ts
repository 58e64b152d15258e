// Promises the Hub's Parquet rows written as the files that the data sets were published in, so that one reader serves both.
// Leaves finding the Parquet files to fetched.ts and reading the text to the readers beside this file.
import { DataError, shown } from "./errors.ts";
import { type ParquetRow, parquetRows } from "./parquet.ts";
import { nliLabels } from "./types.ts";

/** SQuAD's JSON from rows of id, context, question, answers {text, answer_start}. */
export async function squadText(paths: readonly string[]): Promise<string> {
  const paragraphs: { context: unknown; qas: unknown[] }[] = [];
  for (
    const { id, context, question, answers } of await parquetRows(paths, [
      "id",
      "context",
      "question",
      "answers",
    ])
  ) {
    const { text, answer_start: starts } = answers as { text: unknown[]; answer_start: unknown[] };
    if (paragraphs.at(-1)?.context !== context) paragraphs.push({ context, qas: [] });
    paragraphs.at(-1)!.qas.push({
      id,
      question,
      answers: text.map((each, i) => ({ text: each, answer_start: Number(starts[i]) })),
    });
  }
  return JSON.stringify({ version: "1.1", data: [{ paragraphs }] });
}

function cell(value: unknown, path: string, row: number): string {
  if (typeof value !== "string" || /[\t\n]/.test(value)) {
    throw new DataError(
      path,
      `row ${row + 1}`,
      `${shown(value)} is no text of one line`,
      "check the file's columns",
    );
  }
  return value;
}

/** Three tab-separated columns, no heading, from rows of premise, hypothesis, label; rows without a label are passed over. */
export async function pairsText(paths: readonly string[]): Promise<string> {
  const lines: string[] = [];
  (await parquetRows(paths, ["premise", "hypothesis", "label"])).forEach(
    ({ premise, hypothesis, label }, row) => {
      if (Number(label) === -1) return;
      const name = nliLabels[Number(label)];
      if (name === undefined) {
        throw new DataError(
          paths[0],
          `row ${row + 1}`,
          `the label is ${shown(String(label))}`,
          "it must be 0, 1 or 2",
        );
      }
      lines.push(`${cell(premise, paths[0], row)}\t${cell(hypothesis, paths[0], row)}\t${name}`);
    },
  );
  return lines.join("\n") + "\n";
}

const plain = (row: ParquetRow) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );

async function jsonLines(paths: readonly string[], columns: string[]): Promise<string> {
  return (await parquetRows(paths, columns)).map((row) => JSON.stringify(plain(row))).join("\n") + "\n";
}

/** MultiNLI's JSON lines from rows of premise, hypothesis, label. */
export const multiNliText = (paths: readonly string[]): Promise<string> =>
  jsonLines(paths, ["premise", "hypothesis", "label"]);

/** COPA's and XCOPA's JSON lines. */
export const choicesText = (paths: readonly string[]): Promise<string> =>
  jsonLines(paths, ["premise", "choice1", "choice2", "question", "label"]);
