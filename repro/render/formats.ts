// Promises a drawn table in the format that is asked for by name or by a file's ending. Leaves each format to its own file.
import { renderCsv, type TableRecord } from "./csv.ts";
import { renderLatex } from "./latex.ts";
import { renderMarkdown } from "./markdown.ts";
import { renderSvg } from "./svg.ts";
import { renderText } from "./text.ts";
import type { TableView } from "./view.ts";

export const formatNames = ["text", "svg", "markdown", "latex", "json", "csv"] as const;

/** A table in its three forms: laid out for people, whole for programs, and flat with one record a cell. */
export interface Drawn {
  view: TableView;
  summary: Record<string, unknown>;
  records: readonly TableRecord[];
}

const endings: Record<string, (typeof formatNames)[number]> = {
  svg: "svg",
  md: "markdown",
  tex: "latex",
  json: "json",
  csv: "csv",
  txt: "text",
};

export const formatOfFile = (path: string): string | undefined =>
  endings[/\.([a-z]+)$/.exec(path)?.[1] ?? ""];

export function render(
  { view, summary, records }: Drawn,
  format: string,
  screen: { width: number; colour: boolean },
): string {
  if (format === "json") return JSON.stringify(summary, null, 2) + "\n";
  if (format === "csv") return renderCsv(records);
  if (format === "latex") return renderLatex(view);
  if (format === "markdown") return renderMarkdown(view);
  if (format === "svg") return renderSvg(view);
  return renderText(view, screen);
}
