// Promises a table as text for a terminal or a file: at most `width` columns where the content allows, readable without colour.
// Leaves what the cells say to the view.
import Table from "cli-table3";
import pc from "picocolors";
import { type Block, type Line, plain, type TableView, type Tone, wrap } from "./view.ts";

type Painter = (line: Line) => string;

/** Turns tones into terminal colours, or drops them. */
export function painter(colour: boolean): Painter {
  if (!colour) return plain;
  const colours = pc.createColors(true);
  const paint: Record<Tone, (text: string) => string> = {
    plain: (text) => text,
    strong: colours.bold,
    good: colours.green,
    bad: (text) => colours.bold(colours.red(text)),
    doubt: colours.yellow,
    faint: colours.dim,
  };
  return (line) => line.map(({ text, tone }) => (text === "" ? "" : paint[tone ?? "plain"](text))).join("");
}

// Rules only between header, rows and blocks: vertical lines would take the width that the numbers need.
const chars = {
  "top": "─",
  "top-mid": "─",
  "top-left": "",
  "top-right": "",
  "bottom": "─",
  "bottom-mid": "─",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "─",
  "mid-mid": "─",
  "right": "",
  "right-mid": "",
  "middle": "",
};

/** Narrower than this no block is cut, so that a table of the usual size keeps its columns side by side. */
const leastCut = 120;

const lengthOf = (text: string) => [...text].length;

/** A block whose columns do not fit, as several blocks below each other, each with the rows' labels. */
function fitting(block: Block, width: number): Block[] {
  const { groups, rows, corner } = block;
  const columns = groups.flatMap((group, index) => group.columns.map((title) => ({ index, title })));
  const widths = columns.map(({ title }, at) =>
    1 +
    Math.max(
      lengthOf(title),
      ...rows.flatMap(({ cells }) => cells[at].map((line) => lengthOf(plain(line)))),
    )
  );
  const first = 1 +
    Math.max(lengthOf(corner), ...rows.flatMap(({ label }) => label.map((line) => lengthOf(plain(line)))));
  const parts: number[][] = [[]];
  let used = first;
  for (const at of columns.keys()) {
    if (used + widths[at] > Math.max(width, leastCut) && parts.at(-1)!.length > 0) {
      parts.push([]);
      used = first;
    }
    parts.at(-1)!.push(at);
    used += widths[at];
  }
  if (parts.length === 1) return [block];
  return parts.map((part) => ({
    corner,
    groups: groups.map(({ title }, index) => ({
      title,
      columns: part.filter((at) => columns[at].index === index).map((at) => columns[at].title),
    })).filter((group) => group.columns.length > 0),
    rows: rows.map(({ label, cells }) => ({ label, cells: part.map((at) => cells[at]) })),
  }));
}

export function renderText(view: TableView, options: { width?: number; colour?: boolean } = {}): string {
  const width = options.width ?? 100;
  const paint = painter(options.colour ?? false);
  const out: string[] = [paint([{ text: view.title, tone: "strong" }])];
  for (const line of view.heading) out.push(...wrap(line, width, "  "));
  out.push("");
  for (const { groups, corner, rows } of view.blocks.flatMap((block) => fitting(block, width))) {
    const table = new Table({
      chars,
      style: { "head": [], "border": [], "padding-left": 1, "padding-right": 0 },
    });
    // Without titles there is nothing to head the columns' own heads.
    if (groups.some(({ title }) => title !== "")) {
      table.push([
        { content: "" },
        ...groups.map(({ title, columns }) => ({
          content: paint([{ text: title, tone: "strong" }]),
          colSpan: columns.length,
          hAlign: "center" as const,
        })),
      ]);
    }
    const heads = groups.flatMap(({ columns }) => columns);
    table.push([
      paint([{ text: corner, tone: "strong" }]),
      ...heads.map((text) => ({ content: paint([{ text, tone: "strong" }]), hAlign: "right" as const })),
    ]);
    for (const { label, cells } of rows) {
      table.push([
        label.map(paint).join("\n"),
        ...cells.map((lines) => ({ content: lines.map(paint).join("\n"), hAlign: "right" as const })),
      ]);
    }
    out.push(table.toString(), "");
  }
  out.push(...wrap(view.legend, width, "  "));
  for (const note of view.notes) {
    // Colour codes have no width, so only a note that needs no break keeps its colours.
    if (plain(note).length <= width) out.push(paint(note));
    else out.push(...wrap(plain(note), width, "  "));
  }
  return out.join("\n") + "\n";
}
