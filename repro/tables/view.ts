// Promises a judged table in the paper's layout: our number, its spread, the reference with a verdict and the paper's number in
// every cell; and below it what is missing and which runs would fill it. Leaves drawing to render/.
import { type Verdict, verdicts } from "../checks/mod.ts";
import { isRemark } from "../data/squad.ts";
import {
  capital,
  fidelityWords,
  type LayoutBlock,
  type Paper,
  requestWords,
  type ResultTable,
  scaleWords,
  type Setup,
  sourceWords,
} from "../paper/mod.ts";
import type { Block, Line, TableView, Tone } from "../render/mod.ts";
import type { RunOfTable } from "./cells.ts";
import { type JudgedCell, type JudgedTable, judgingRules, named } from "./judge.ts";
import { gatherPartial, partialReason } from "./partial.ts";

/** A verdict's mark is text, so that it survives a file, a pipe and eyes that do not see its colour. */
export const marks: Record<Verdict, { mark: string; tone: Tone }> = {
  "consistent": { mark: "=", tone: "good" },
  "inconsistent": { mark: "≠", tone: "bad" },
  "underpowered": { mark: "?", tone: "doubt" },
  "not comparable": { mark: "·", tone: "faint" },
  "not legible": { mark: "ø", tone: "faint" },
  "missing": { mark: "!", tone: "doubt" },
};
const legend = "= consistent   ≠ INCONSISTENT   ? underpowered   · not comparable   ! missing";
export const legendOf = (found: readonly { verdict: Verdict; legible?: boolean }[]): string =>
  found.some(({ verdict, legible }) => verdict === "not legible" || legible === false)
    ? `${legend}   ø not legible in the source`
    : legend;

const number = (value: number | null | undefined) =>
  value === null || value === undefined ? "–" : value.toFixed(2);

/** Joins one piece for each metric with slashes. */
function joined(cells: JudgedCell[], piece: (cell: JudgedCell) => Line): Line {
  return cells.flatMap((cell, index) => (index === 0 ? piece(cell) : [{ text: "/" }, ...piece(cell)]));
}

function cellLines(cells: JudgedCell[], paperIsReference: boolean): Line[] {
  if (cells.length === 0) return [[{ text: "–", tone: "faint" }]];
  const lines: Line[] = [joined(cells, ({ mean }) => [{ text: number(mean), tone: "strong" }])];
  const spread = joined(cells, ({ sd }) => [{ text: number(sd) }]);
  lines.push([{ text: "±" }, ...spread, { text: ` ×${cells[0].n}` }]);
  lines.push(
    joined(cells, ({ reference, verdict }) => {
      const { mark, tone } = marks[verdict];
      return [{ text: reference ? number(reference.mean) : "" }, { text: mark, tone }];
    }),
  );
  if (!paperIsReference) {
    const printed = (
      { paper, legible }: JudgedCell,
    ) => (legible ? number(paper?.mean) : marks["not legible"].mark);
    lines.push(joined(cells, (cell) => [{ text: printed(cell), tone: "faint" }]));
  }
  return lines;
}

function block(
  table: ResultTable,
  judged: JudgedTable,
  layout: LayoutBlock,
  paperIsReference: boolean,
): Block | null {
  const cellOf = new Map(judged.cells.map((cell) => [`${cell.row} ${cell.column}`, cell]));
  const rows = layout.rows.filter((row) => judged.cells.some((cell) => cell.row === row));
  const present = new Set(judged.cells.map(({ column }) => column));
  const groups = layout.groups.map(({ title, columns }) => ({
    title,
    columns: columns.filter(({ cells }) => cells.some((id) => present.has(id))),
  })).filter(({ columns }) => columns.length > 0);
  if (groups.length === 0 || rows.length === 0) return null;
  const heading = (title: string, ids: readonly string[]) => {
    const column = table.columns.find(({ id }) => id === ids[0])!;
    if (column.pick !== "lowest") return title;
    const languages = new Set(rows.map((row) => judged.lowest[row]?.[column.dataset]));
    return `${title} (${[...languages].map((code) => code ? capital(code) : "–").join(" ")})`;
  };
  return {
    corner: layout.corner,
    groups: groups.map(({ title, columns }) => ({
      title,
      columns: columns.map((each) => heading(each.title, each.cells)),
    })),
    rows: rows.map((row) => {
      const label: Line[] = [
        [{ text: table.rows.find(({ id }) => id === row)!.title, tone: "strong" }],
        [{ text: "± sd × runs" }],
        [{ text: paperIsReference ? "paper" : "reference" }],
      ];
      if (!paperIsReference) label.push([{ text: "(paper)", tone: "faint" }]);
      return {
        label,
        cells: groups.flatMap(({ columns }) =>
          columns.map(({ cells }) =>
            cellLines(cells.flatMap((id) => cellOf.get(`${row} ${id}`) ?? []), paperIsReference)
          )
        ),
      };
    }),
  };
}

export interface ViewContext {
  setup: Setup;
  /** Device and reason of the backend's choice, as shown. */
  device: string;
  reason: string;
  /** Runs that are wanted, finished or not. */
  runs: readonly RunOfTable[];
  /** What differs from the full data, one sentence each. */
  partial: readonly string[];
}

function heading(paper: Paper, judged: JudgedTable, context: ViewContext, reduced: boolean): string[] {
  const { setup, device, reason, runs, partial } = context;
  const lines = setup.scale === "tiny" ? [scaleWords(paper, setup)] : [];
  const { reference } = judged;
  if (setup.scale === "tiny" && setup.data === "tiny") {
    lines.push(
      reference
        ? `reference: this project's own stored runs (${
          reference.cells[0].n
        } seeds, ${reference.made.backend}, ${reference.made.date}); (paper): for orientation only.`
        : "reference: none stored; (paper): for orientation only.",
    );
  } else if (setup.scale === "tiny") {
    lines.push("reference: none for these data; (paper): for orientation only.");
  } else if (setup.scale === "paper" || reduced) {
    lines.push(
      `scale ${setup.scale}: ${sourceWords(paper, setup)}${
        partial.every(isRemark) ? "" : ", in part (see below)"
      }; reference: the paper.`,
    );
  } else {
    lines.push(
      "scale low-data: the paper's models with few training examples; (paper): full data, for orientation only.",
    );
  }
  const finished = runs.filter(({ run }) => run !== null).length;
  lines.push(
    `backend ${setup.backend} (${reason}) · device ${device} · fidelity ${fidelityWords(setup)} · seeds ${
      setup.seeds.join(" ")
    } · ${finished} of ${runs.length} runs`,
  );
  if (setup.mutant) lines.push(`DELIBERATE FAULT in every run: ${setup.mutant}`);
  return lines;
}

/** "xnli mbert gu: seeds 1 2", one line for each request with runs that are not finished. */
export function missingRuns(runs: readonly RunOfTable[]): string[] {
  const seeds = new Map<string, Set<number>>();
  for (const { request, spec, run } of runs) {
    if (run !== null) continue;
    const name = requestWords(request);
    seeds.set(name, (seeds.get(name) ?? new Set()).add(spec.seed));
  }
  return [...seeds].map(([name, each]) => `${name} seed${each.size === 1 ? "" : "s"} ${[...each].join(" ")}`);
}

/** How many cells have which verdict, in words. */
export function countLine(cells: readonly { verdict: Verdict }[]): Line {
  const count = new Map<Verdict, number>();
  for (const { verdict } of cells) count.set(verdict, (count.get(verdict) ?? 0) + 1);
  const counts = verdicts.filter((verdict) => count.has(verdict)).flatMap((verdict, index): Line => [
    { text: index === 0 ? "" : ", " },
    { text: `${count.get(verdict)} ${verdict}`, tone: marks[verdict].tone },
  ]);
  return [{ text: `${cells.length} cells: ` }, ...counts];
}

/** One underpowered cell in full, and how many runs all of them need. */
function doubts(cells: readonly JudgedCell[]): Line[] {
  if (cells.length === 0) return [];
  const lines: Line[] = [[{ text: `? for example ${cells[0].row} ${cells[0].column}: ${cells[0].why}` }]];
  if (cells.length === 1) return lines;
  const known = cells.filter(({ runsNeeded }) => runsNeeded !== undefined)
    .sort((a, b) => a.runsNeeded! - b.runsNeeded!);
  const [least, most] = [known[0], known[known.length - 1]];
  const never = cells.length - known.length;
  const range = least?.runsNeeded === most?.runsNeeded ? "" : `${least.runsNeeded} to `;
  const parts = [
    ...(known.length === 0 ? [] : [
      `${known.length} would be decided by ${range}${most.runsNeeded} runs of ours at their present means and spreads (most: ${most.row} ${most.column})`,
    ]),
    ...(never === 0 ? [] : [`${never} would be decided by no number of runs`]),
  ];
  lines.push([{
    text: `? of ${cells.length} underpowered cells ${
      parts.join(", ")
    }; each cell's number: runs_needed of --format csv`,
  }]);
  return lines;
}

function notes(table: ResultTable, judged: JudgedTable, context: ViewContext): Line[] {
  const { cells } = judged;
  const lines: Line[] = [countLine(cells)];
  for (const cell of cells) {
    if (cell.verdict !== "inconsistent") continue;
    lines.push([{ text: `≠ ${cell.row} ${cell.column}: ${cell.why}`, tone: "bad" }]);
  }
  lines.push(...doubts(cells.filter(({ verdict }) => verdict === "underpowered")));
  const restsOnPart = ({ partial, why }: JudgedCell) =>
    partial !== undefined && why === partialReason(partial);
  const quiet = (verdict: Verdict) => [
    ...new Set(
      cells.filter((cell) => cell.verdict === verdict && !restsOnPart(cell)).map(({ why }) => why),
    ),
  ];
  const partial = cells.filter(restsOnPart).length;
  if (partial > 0) {
    lines.push([{
      text: `· ${partial} cell${partial === 1 ? " rests" : "s rest"} on partial data and cannot be compared`,
    }]);
  }
  for (const why of quiet("not comparable")) lines.push([{ text: `· ${why}` }]);
  for (const why of quiet("not legible").slice(0, 3)) lines.push([{ text: `ø ${why}` }]);
  for (const why of quiet("missing").filter((each) => each.startsWith("which language"))) {
    lines.push([{ text: `! ${why}` }]);
  }
  const missing = missingRuns(context.runs);
  if (missing.length > 0) {
    const more = missing.length > 8 ? `; and ${missing.length - 8} more` : "";
    const number = context.runs.filter(({ run }) => run === null).length;
    lines.push([{
      text: `! ${number} run${number === 1 ? "" : "s"} would fill the gaps (the same command makes them): ${
        missing.slice(0, 8).join("; ")
      }${more}`,
    }]);
  }
  for (const rule of judgingRules(table, cells, judged.reference)) lines.push([{ text: `judged ${rule}` }]);
  for (const sentence of gatherPartial(context.partial)) {
    lines.push([{ text: `${isRemark(sentence) ? "data" : "partial data"}: ${sentence}` }]);
  }
  return lines;
}

export const titleOf = (paper: Paper, table: { id: string; title: string }): string =>
  `${named(table.id)} · ${paper.shortTitle} (${paper.venue}) · ${table.title}`;

/** The whole table, ready to be drawn. */
export function tableView(
  paper: Paper,
  table: ResultTable,
  judged: JudgedTable,
  context: ViewContext,
): TableView {
  const reduced = context.setup.scale === "low-data" &&
    table.columns.every(({ trainingSize }) => trainingSize !== undefined);
  const paperIsReference = context.setup.scale === "paper" || reduced;
  return {
    title: titleOf(paper, table),
    heading: heading(paper, judged, context, reduced),
    blocks: table.layout.flatMap((each) => block(table, judged, each, paperIsReference) ?? []),
    legend: legendOf(judged.cells),
    notes: notes(table, judged, context),
  };
}
