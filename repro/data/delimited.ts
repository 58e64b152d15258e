// Promises rows of tab-separated text (no quoting) and comma-separated text (RFC 4180 quoting), with line numbers.
// Leaves the meaning of columns to nli.ts.
import { DataError } from "./errors.ts";

/** One row; `line` is where it starts, from 1. */
export interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Splits at tabs only: in these corpora a quotation mark is a character of the sentence. Blank lines are passed over. */
export function parseTsv(text: string): Row[] {
  const rows: Row[] = [];
  text.split("\n").forEach((raw, index) => {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line !== "") rows.push({ line: index + 1, cells: line.split("\t") });
  });
  return rows;
}

/** Comma-separated values as RFC 4180 has them: cells may be quoted, hold line ends, and double a quotation mark. */
export function parseCsv(text: string, file: string): Row[] {
  const rows: Row[] = [];
  let cells: string[] = [];
  let line = 1;
  let rowLine = 1;
  let at = 0;
  while (at < text.length) {
    let cell = "";
    if (text[at] === '"') {
      const opened = line;
      at++;
      for (;;) {
        const quote = text.indexOf('"', at);
        if (quote < 0) {
          throw new DataError(
            file,
            `line ${opened}`,
            "a quoted cell is never closed",
            "the file may be truncated; fetch it again",
          );
        }
        const piece = text.slice(at, quote);
        cell += piece;
        line += piece.split("\n").length - 1;
        at = quote + 1;
        if (text[at] !== '"') break;
        cell += '"';
        at++;
      }
      if (at < text.length && !",\r\n".includes(text[at])) {
        throw new DataError(
          file,
          `line ${line}`,
          "text follows a closing quotation mark",
          "double the marks inside a quoted cell",
        );
      }
    } else {
      let end = at;
      while (end < text.length && text[end] !== "," && text[end] !== "\n" && text[end] !== "\r") end++;
      cell = text.slice(at, end);
      at = end;
    }
    cells.push(cell);
    if (text[at] === ",") {
      at++;
      if (at < text.length) continue;
      cells.push("");
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    line++;
    if (cells.length > 1 || cells[0] !== "") rows.push({ line: rowLine, cells });
    cells = [];
    rowLine = line;
  }
  return rows;
}
