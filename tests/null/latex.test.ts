// Promises: a table as LaTeX fits a page by its own arithmetic, with the packages that it says. Leaves what cells say to the view; that
// LaTeX takes it is looked at by hand.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { latexText, renderLatex } from "../../repro/render/mod.ts";
import type { Block, TableView } from "../../repro/render/mod.ts";

const test = suite("latex");

function block(columns: number, rows: number, lines: number): Block {
  const cell = Array.from({ length: lines }, () => [{ text: "63.48/49.66" }]);
  return {
    corner: "mBERT",
    groups: [{ title: "XQuAD", columns: Array.from({ length: columns }, (_, i) => `L${i}`) }],
    rows: Array.from({ length: rows }, (_, i) => ({
      label: [[{ text: `row ${i}` }]],
      cells: Array.from({ length: columns }, () => cell),
    })),
  };
}

const view = (...blocks: Block[]): TableView => ({
  title: "Paper · Table 8 · by language",
  heading: ["scale tiny"],
  blocks,
  legend: "= consistent   ≠ INCONSISTENT",
  notes: [[{ text: "a note" }]],
});
const times = (text: string, part: string) => text.split(part).length - 1;

test("a narrow table stands upright, on one page, and says which packages it needs", () => {
  const text = renderLatex(view(block(4, 3, 4)));
  assert.match(text, "% needs \\usepackage{booktabs,graphicx}\n");
  assert.is(times(text, "\\begin{table}"), 1);
  assert.match(text, "\\caption{Table 8, by language. = consistent, $\\neq$ INCONSISTENT}");
  assert.not.match(text, "sideways");
  // Made smaller only where it is wider than its line.
  assert.match(
    text,
    "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n\\begin{tabular}",
  );
});

test("what is wider than a page is turned", () => {
  // Six columns of eleven characters are 80 with their gaps and the first: made a little smaller for the 75 of a line. 13 are 166.
  assert.match(renderLatex(view(block(6, 4, 4))), "\\begin{table}");
  const text = renderLatex(view(block(13, 4, 4)));
  assert.match(text, "% needs \\usepackage{booktabs,graphicx,rotating}\n");
  assert.is(times(text, "\\begin{sidewaystable}"), 1);
  assert.is(times(text, "\\end{sidewaystable}"), 1);
  assert.not.match(text, "\\begin{table}");
});

test("what is higher than a page goes on in further floats under the same number, each with its head", () => {
  // Turned, 26 lines: a block of four rows of four lines and its head of three fills one.
  const turned = renderLatex(view(block(13, 4, 4), block(13, 4, 4)));
  assert.equal(turned.split("\\begin{sidewaystable}").slice(1).map((part) => times(part, "\\midrule")), [
    4,
    4,
  ]);
  assert.is(times(turned, "\\addtocounter{table}{-1}"), 1);
  assert.match(turned, "\\caption{Table 8, by language, continued.}");
  // Upright, 44 lines: 3 + 18 · 3 lines do not fit; 13 rows do.
  const long = renderLatex(view(block(1, 18, 3)));
  assert.equal(
    long.split("\\begin{table}").slice(1).map((part) => times(part, "\\midrule")),
    [13, 5],
  );
  assert.is(times(long, "\\toprule"), 2);
});

test("marks and signs are LaTeX", () => {
  assert.is(latexText("≠ ± √ 5 % a_b"), "$\\neq$ $\\pm$ $\\surd$ 5 \\% a\\_b");
});

test.run();
