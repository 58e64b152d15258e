// Promises JSON and JSON-lines parsing whose errors name the file and the line, and typed access to fields.
// Leaves the meaning of the fields to each reader.
import { DataError, shown } from "./errors.ts";

export type Fields = Record<string, unknown>;

const fetchAgain = "the file may be truncated; fetch it again and compare its size";

/** Parses one JSON document. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      file,
      "",
      `not valid JSON (${reason}, ${text.length} characters read)`,
      fetchAgain,
      error,
    );
  }
}

/** Parses one object a line; blank lines are passed over. Line numbers count from 1. */
export function parseJsonLines(text: string, file: string): { line: number; fields: Fields }[] {
  const rows: { line: number; fields: Fields }[] = [];
  text.split("\n").forEach((raw, index) => {
    if (raw.trim() === "") return;
    const where = `line ${index + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(raw);
    } catch (error) {
      throw new DataError(file, where, `not valid JSON: ${shown(raw)}`, fetchAgain, error);
    }
    rows.push({ line: index + 1, fields: asFields(value, file, where) });
  });
  if (rows.length === 0) throw new DataError(file, "", "no rows", "fetch the file again");
  return rows;
}

export function asFields(value: unknown, file: string, where: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(
      file,
      where,
      `an object is wanted, found ${shown(value)}`,
      "check that the file has the named format",
    );
  }
  return value as Fields;
}

export function arrayField(fields: Fields, name: string, file: string, where: string): unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) {
    throw new DataError(
      file,
      where,
      `"${name}" must be a list, found ${shown(value)}`,
      "check that the file has the named format",
    );
  }
  return value;
}

export function stringField(fields: Fields, name: string, file: string, where: string): string {
  const value = fields[name];
  if (typeof value !== "string") {
    throw new DataError(
      file,
      where,
      `"${name}" must be text, found ${shown(value)}`,
      "check that the file has the named format",
    );
  }
  return value;
}
