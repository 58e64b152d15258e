// Promises one description of a table of results, whatever it will be drawn as: text, Markdown.
// Leaves its content to the papers and drawing to text.ts and markdown.ts.

/** How a piece of text is to be understood; never the only carrier of a meaning. */
export type Tone = "plain" | "strong" | "good" | "bad" | "doubt" | "faint";

export interface Piece {
  text: string;
  tone?: Tone;
}

/** One line of a cell. */
export type Line = Piece[];

export interface ViewRow {
  /** Lines of the first column. */
  label: Line[];
  /** Lines of each further column. */
  cells: Line[][];
}

export interface Block {
  /** Headings that span columns. */
  groups: { title: string; columns: string[] }[];
  /** Heading of the first column. */
  corner: string;
  rows: ViewRow[];
}

export interface TableView {
  title: string;
  /** What a reader must know before the numbers. */
  heading: string[];
  blocks: Block[];
  legend: string;
  /** What follows the table: counts, deviating cells, partial data. */
  notes: Line[];
}

/** A legend where spaces run together: commas part its entries. */
export const flowing = (legend: string): string => legend.replaceAll(/ {2,}/g, ", ");

export const plain = (line: Line): string => line.map(({ text }) => text).join("");

/** Breaks a text at spaces into lines of at most `width` characters; further lines are indented. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
