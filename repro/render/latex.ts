// Promises a table as LaTeX with booktabs: each line of a cell a row of its own, marks as mathematics, notes below.
// Leaves the document around it to the reader: the packages it needs stand at its head.
import { type Block, flowing, type Line, plain, type TableView, type ViewRow } from "./view.ts";

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

// A page of article at ten points, \small: characters in a line and lines in a column, less a caption. Turned, they change places.
const page = { upright: { across: 75, down: 44 }, turned: { across: 119, down: 26 } };
/** A table is not made smaller than this to stand upright. */
const leastUpright = 0.8;

const heightOf = ({ label, cells }: ViewRow) => Math.max(label.length, ...cells.map((cell) => cell.length));

/** About as many characters as a block is wide, gaps between its columns included. */
function widthOf({ corner, groups, rows }: Block): number {
  const longest = (lines: readonly Line[]) => Math.max(0, ...lines.map((each) => plain(each).length));
  const columns = groups.flatMap((group) => group.columns);
  const first = Math.max(corner.length, ...rows.map(({ label }) => longest(label)));
  return columns.reduce(
    (sum, title, i) => sum + Math.max(title.length, ...rows.map(({ cells }) => longest(cells[i]))) + 1.3,
    first,
  );
}

const headLines = 3;

/** Blocks page by page, whole where they can be; one that is higher than a page goes on with the same head. */
function pagesOf(blocks: readonly Block[], most: number): Block[][] {
  const pages: Block[][] = [[]];
  let used = 0;
  for (const block of blocks) {
    const whole = block.rows.reduce((sum, row) => sum + heightOf(row), headLines);
    if (used > 0 && used + whole > most && whole <= most) {
      pages.push([]);
      used = 0;
    }
    let part: Block | null = null;
    for (const row of block.rows) {
      const height = heightOf(row) + (part === null ? headLines : 0);
      if (used > 0 && used + height > most) {
        pages.push([]);
        [used, part] = [0, null];
      }
      if (part === null) {
        part = { ...block, rows: [] };
        pages.at(-1)!.push(part);
        used += headLines;
      }
      part.rows.push(row);
      used += heightOf(row);
    }
  }
  return pages;
}

function tabular({ corner, groups, rows }: Block): string[] {
  const columns = groups.flatMap((group) => group.columns);
  const out = [`\\begin{tabular}{l${"r".repeat(columns.length)}}`, "\\toprule"];
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
  for (const row of rows) {
    out.push("\\midrule");
    for (let i = 0; i < heightOf(row); i++) {
      out.push([line(row.label[i]), ...row.cells.map((cell) => line(cell[i]))].join(" & ") + " \\\\");
    }
  }
  return [...out, "\\bottomrule", "\\end{tabular}"];
}

/**
 * What is a little wider than a page is made smaller, what is much wider turned by a quarter; what is higher goes on in a further
 * float under the same number.
 */
export function renderLatex(view: TableView): string {
  const turned = view.blocks.some((block) => leastUpright * widthOf(block) > page.upright.across);
  const [environment, packages] = turned
    ? ["sidewaystable", "booktabs,graphicx,rotating"]
    : ["table", "booktabs,graphicx"];
  const out = [
    ...[view.title, ...view.heading].map((each) => `% ${each}`),
    `% needs \\usepackage{${packages}}`,
  ];
  const [name, ...rest] = view.title.split(" · ");
  const title = latexText(rest.length > 0 ? rest.join(", ") : name);
  pagesOf(view.blocks, page[turned ? "turned" : "upright"].down).forEach((blocks, number) => {
    out.push(`\\begin{${environment}}`, "\\centering", "\\small", "\\setlength{\\tabcolsep}{3pt}");
    for (const block of blocks) {
      out.push("\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%");
      out.push(...tabular(block), "}", "", "\\medskip");
    }
    out.push(
      ...number === 0
        ? [`\\caption{${title}. ${latexText(flowing(view.legend))}}`]
        : ["\\addtocounter{table}{-1}", `\\caption{${title}, continued.}`],
      `\\end{${environment}}`,
    );
  });
  out.push(...view.notes.map((note) => `% ${plain(note)}`));
  return out.join("\n") + "\n";
}
