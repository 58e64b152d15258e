// Promises data sets as they are published: the original zips, and Parquet with the columns of the Hub's. Leaves the examples
// to the tests.
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { parquetWriteBuffer } from "hyparquet-writer";

const bytesOf = (content: string | Uint8Array) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

export async function zipOf(members: Record<string, string | Uint8Array>): Promise<Uint8Array> {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  for (const [name, content] of Object.entries(members)) {
    await writer.add(name, new Uint8ArrayReader(bytesOf(content)));
  }
  return await writer.close();
}

const text = (name: string) => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  repetition_type: "OPTIONAL",
});
const listOf = (name: string, element: Record<string, unknown>) => [
  { name, num_children: 1, converted_type: "LIST", repetition_type: "OPTIONAL" },
  { name: "list", num_children: 1, repetition_type: "REPEATED" },
  { ...element, name: "element", repetition_type: "OPTIONAL" },
];

type Options = Parameters<typeof parquetWriteBuffer>[0];
type Rows = readonly Record<string, unknown>[];

/** Rows as Parquet: text where a value is one, INT64 for numbers, and the Hub's structure for "answers". */
export function parquetOf(rows: Rows, rowGroupSize = 100): Uint8Array {
  const names = Object.keys(rows[0]);
  const schema: unknown[] = [{ name: "root", num_children: names.length }];
  for (const name of names) {
    if (name === "answers") {
      schema.push(
        { name, num_children: 2, repetition_type: "OPTIONAL" },
        ...listOf("text", text("")),
        ...listOf("answer_start", { type: "INT32" }),
      );
    } else if (typeof rows[0][name] === "string") schema.push(text(name));
    else schema.push({ name, type: "INT64", repetition_type: "OPTIONAL" });
  }
  const columnData = names.map((name) => ({
    name,
    data: rows.map((row) => typeof row[name] === "number" ? BigInt(row[name]) : row[name]),
  }));
  return new Uint8Array(parquetWriteBuffer({ schema, columnData, rowGroupSize } as unknown as Options));
}
