// Promises a table as GitHub-flavoured Markdown. Leaves what the cells say to the view.
import { flowing, type Line, plain, type TableView } from "./view.ts";

const cell = (lines: Line[]) => lines.map(plain).join("<br>").replaceAll("|", "\\|");

export function renderMarkdown(view: TableView): string {
  const out = [`## ${view.title}`, "", ...view.heading.flatMap((line) => [line, ""])];
  for (const { groups, corner, rows } of view.blocks) {
    const heads = groups.flatMap(({ title, columns }) =>
      columns.map((column) => [title, column].filter(Boolean).join("<br>"))
    );
    out.push(`| ${[corner, ...heads].join(" | ")} |`);
    out.push(`| ${["---", ...heads.map(() => "---:")].join(" | ")} |`);
    for (const { label, cells } of rows) out.push(`| ${[label, ...cells].map(cell).join(" | ")} |`);
    out.push("");
  }
  out.push(flowing(view.legend), "", ...view.notes.map((note) => `- ${plain(note)}`));
  return out.join("\n") + "\n";
}
