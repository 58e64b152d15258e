// Promises a table as text for a terminal or a file: at most `width` columns where the content allows, readable without colour.
// Leaves what the cells say to the view.
import Table from "cli-table3";
import pc from "picocolors";
import { type Line, plain, type TableView, type Tone, wrap } from "./view.ts";

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

export function renderText(view: TableView, options: { width?: number; colour?: boolean } = {}): string {
  const width = options.width ?? 100;
  const paint = painter(options.colour ?? false);
  const out: string[] = [paint([{ text: view.title, tone: "strong" }])];
  for (const line of view.heading) out.push(...wrap(line, width, "  "));
  out.push("");
  for (const { groups, corner, rows } of view.blocks) {
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
