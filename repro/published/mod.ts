// Promises the public surface of published numbers, and nothing else.
export { parsePublished } from "./schema.ts";
export type {
  PublishedTable,
  ResultCell,
  ResultColumn,
  ResultRow,
  ResultTable,
  TextCell,
  TextTable,
} from "./schema.ts";
export { publishedTables, resultCell, roundingOf } from "./tables.ts";
export type { PublishedTables } from "./tables.ts";
