// Promises a table of facts (settings, counts, codes): what is found here beside what the paper prints, with a verdict each.
// Leaves finding them to the paper's folder and drawing to render/.
import type { Verdict } from "../checks/mod.ts";
import type { Fact, FactContext, FactTable, LayoutBlock, Paper } from "../paper/mod.ts";
import type { Block, Line, TableView } from "../render/mod.ts";
import { countLine, legendOf, marks, titleOf } from "./view.ts";

export interface JudgedFact extends Fact {
  printed: string | null;
  /** Where the printed text was read. */
  read: string | null;
  line?: number;
  verdict: Verdict;
  why: string;
}

export async function judgeFacts(table: FactTable, context: FactContext): Promise<JudgedFact[]> {
  return (await table.facts(context)).map((fact) => {
    const cell = table.published.cells.find(({ row, column }) => row === fact.row && column === fact.column);
    return {
      ...fact,
      printed: cell?.text ?? null,
      read: cell?.read ?? null,
      ...(cell?.line === undefined ? {} : { line: cell.line }),
      ...judgement(fact, cell?.text),
    };
  });
}

function judgement(fact: Fact, printed: string | undefined): { verdict: Verdict; why: string } {
  const { ours, from, why, alsoAs = [] } = fact;
  if (ours === null || fact.incomparable) return { verdict: "not comparable", why: why ?? "not found here" };
  if (printed === undefined) {
    return { verdict: "not comparable", why: why ?? "the paper prints nothing here" };
  }
  if ([ours, ...alsoAs].some((text) => same(text, printed))) {
    return { verdict: "consistent", why: `${from}: the same` };
  }
  return { verdict: "inconsistent", why: `${from}: ${ours}; the paper: ${printed}${why ? `; ${why}` : ""}` };
}

/** A difference that has a name is shown, and does not make a check fail. */
export const factHolds = ({ verdict, deviation }: JudgedFact): boolean =>
  verdict !== "inconsistent" || deviation !== undefined;

/** 5e-4 and 0.0005 are one number; everything else is compared as text without spaces and commas. */
export function same(a: string, b: string): boolean {
  const plain = (text: string) =>
    text.toLowerCase().replaceAll(/[\s,]/g, "").split("/").map((part) =>
      part !== "" && Number.isFinite(Number(part)) ? String(Number(part)) : part
    ).join("/");
  return plain(a) === plain(b);
}

function block(layout: LayoutBlock, table: FactTable, facts: readonly JudgedFact[]): Block {
  const title = (row: string) => table.published.rows.find(({ id }) => id === row)!.label;
  const tiny = facts.some((fact) => fact.tiny !== undefined);
  return {
    corner: layout.corner,
    groups: layout.groups.map(({ title, columns }) => ({
      title,
      columns: columns.map((column) => column.title),
    })),
    rows: layout.rows.map((row) => {
      const label: Line[] = [[{ text: title(row), tone: "strong" }], [{ text: "paper" }]];
      if (tiny) label.push([{ text: "(tiny world)", tone: "faint" }]);
      const cells = layout.groups.flatMap(({ columns }) =>
        columns.map(({ cells: [column] }): Line[] => {
          const fact = facts.find((each) => each.row === row && each.column === column);
          if (fact === undefined) return [[{ text: "" }]];
          const { mark, tone } = marks[fact.verdict];
          const lines: Line[] = [
            [{ text: fact.ours ?? "–", tone: "strong" }],
            [{ text: fact.printed ?? "" }, { text: mark, tone }],
          ];
          if (tiny) lines.push([{ text: fact.tiny ?? "", tone: "faint" }]);
          return lines;
        })
      );
      return { label, cells };
    }),
  };
}

/** The whole table, ready to be drawn. */
export function factsView(
  paper: Paper,
  table: FactTable,
  facts: readonly JudgedFact[],
  heading: readonly string[],
): TableView {
  const reasons = (verdict: Verdict) => facts.filter((fact) => fact.verdict === verdict);
  return {
    title: titleOf(paper, table),
    heading: [`found from ${table.needs}; compared with the paper's text.`, ...heading],
    blocks: table.layout.map((layout) => block(layout, table, facts)),
    legend: legendOf(facts),
    notes: [
      countLine(facts),
      ...reasons("inconsistent").map(({ row, column, why }): Line => [
        { text: `≠ ${row} ${column}: ${why}`, tone: "bad" },
      ]),
      ...[...new Set(reasons("not comparable").map(({ why }) => why))].map((
        why,
      ): Line => [{ text: `· ${why}` }]),
    ],
  };
}
