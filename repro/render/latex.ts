// Promises a table as LaTeX with booktabs: each line of a cell a row of its own, marks as mathematics, notes below.
// Leaves the document around it to the reader: \usepackage{booktabs} is all it needs.
import { type Line, plain, type TableView } from "./view.ts";

const special: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "&": "\\&",
  "%": "\\%",
  "$": "\\$",
  "#": "\\#",
  "_": "\\_",
  "{": "\\{",
  "}": "\\}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "≠": "$\\neq$",
  "±": "$\\pm$",
  "×": "$\\times$",
  "·": "$\\cdot$",
  "≤": "$\\leq$",
  "≥": "$\\geq$",
  "√": "$\\surd$",
  "–": "--",
  "—": "---",
  "…": "\\dots{}",
  "→": "$\\to$",
  "ø": "\\o{}",
  "<": "$<$",
  ">": "$>$",
  "|": "$|$",
};

export const latexText = (text: string): string => [...text].map((each) => special[each] ?? each).join("");

const piece = ({ text, tone }: Line[number]) =>
  tone === "strong" || tone === "bad" ? `\\textbf{${latexText(text)}}` : latexText(text);
const line = (pieces: Line | undefined) =>
  (pieces ?? []).filter(({ text }) => text !== "").map(piece).join("");

export function renderLatex(view: TableView): string {
  const out: string[] = [`% ${view.title}`, ...view.heading.map((each) => `% ${each}`)];
  out.push("\\begin{table}", "\\centering", "\\small");
  for (const { corner, groups, rows } of view.blocks) {
    const columns = groups.flatMap((group) => group.columns);
    out.push(`\\begin{tabular}{l${"r".repeat(columns.length)}}`, "\\toprule");
    if (groups.some(({ title }) => title !== "")) {
      out.push(
        ["", ...groups.map((group) => `\\multicolumn{${group.columns.length}}{c}{${latexText(group.title)}}`)]
          .join(" & ") + " \\\\",
      );
      let at = 2;
      out.push(
        groups.map((group) => {
          const rule = `\\cmidrule(lr){${at}-${at + group.columns.length - 1}}`;
          at += group.columns.length;
          return rule;
        }).join(" "),
      );
    }
    out.push([corner, ...columns].map((text) => `\\textbf{${latexText(text)}}`).join(" & ") + " \\\\");
    for (const { label, cells } of rows) {
      out.push("\\midrule");
      const height = Math.max(label.length, ...cells.map((cell) => cell.length));
      for (let i = 0; i < height; i++) {
        out.push([line(label[i]), ...cells.map((cell) => line(cell[i]))].join(" & ") + " \\\\");
      }
    }
    out.push("\\bottomrule", "\\end{tabular}", "", "\\medskip");
  }
  const [name, ...rest] = view.title.split(" · ");
  out.push(`\\caption{${latexText(rest.length > 0 ? rest.join(", ") : name)}. ${latexText(view.legend)}}`);
  out.push("\\end{table}", ...view.notes.map((note) => `% ${plain(note)}`));
  return out.join("\n") + "\n";
}
