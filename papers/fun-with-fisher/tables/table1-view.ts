// Promises Table 1 in the paper's layout: question answering above, choice and inference below, one block an encoder, with our
// number, its spread, the reference with a verdict, and the paper's number in every cell. Leaves drawing to render/.
import type { Verdict } from "../../../repro/checks/mod.ts";
import type { Block, Line, TableView, Tone } from "../../../repro/render/mod.ts";
import type { Encoder } from "../hyperparameters.ts";
import { paper } from "../paper.ts";
import { datasets, encoders, kinds, type Plan } from "./table1.ts";
import type { JudgedCell, JudgedTable } from "./table1-judge.ts";

const encoderTitles: Record<Encoder, string> = { mbert: "mBERT", xlmr: "XLM-R" };
const methodTitles: Record<string, string> = {
  standard: "Ada",
  rand: "Ada+Rand",
  gu: "Ada+GU",
  fun: "Ada+FUN",
};
const metricTitles: Record<string, string> = { f1: "F1", em: "EM", accuracy: "Accuracy" };

/** A verdict's mark is text, so that it survives a file, a pipe and eyes that do not see its colour. */
const marks: Record<Verdict, { mark: string; tone: Tone }> = {
  "consistent": { mark: "=", tone: "good" },
  "inconsistent": { mark: "≠", tone: "bad" },
  "underpowered": { mark: "?", tone: "doubt" },
  "not comparable": { mark: "·", tone: "faint" },
  "missing": { mark: "!", tone: "doubt" },
};
const legend = "= consistent   ≠ INCONSISTENT   ? underpowered   · not comparable   ! missing";

const number = (
  value: number | null | undefined,
) => (value === null || value === undefined ? "–" : value.toFixed(2));

/** Joins one piece for each metric with slashes. */
function joined(cells: JudgedCell[], piece: (cell: JudgedCell) => Line): Line {
  return cells.flatMap((cell, index) => (index === 0 ? piece(cell) : [{ text: "/" }, ...piece(cell)]));
}

function cellLines(cells: JudgedCell[], atPaperScale: boolean): Line[] {
  const lines: Line[] = [joined(cells, ({ mean }) => [{ text: number(mean), tone: "strong" }])];
  const spread = joined(cells, ({ sd }) => [{ text: number(sd) }]);
  lines.push([{ text: "±" }, ...spread, { text: ` ×${cells[0].n}` }]);
  lines.push(
    joined(cells, ({ reference, verdict }) => {
      const { mark, tone } = marks[verdict];
      return [{ text: reference ? number(reference.mean) : "" }, { text: mark, tone }];
    }),
  );
  if (!atPaperScale) lines.push(joined(cells, (cell) => [{ text: number(cell.paper.mean), tone: "faint" }]));
  return lines;
}

function block(
  table: JudgedTable,
  encoder: Encoder,
  half: typeof datasets,
  atPaperScale: boolean,
): Block | null {
  const find = (row: string, dataset: string, kind: string) =>
    table.cells.filter((cell) => cell.row === row && cell.column.startsWith(`${dataset}/${kind}/`));
  const groups = half.map(({ id, title, metrics }) => {
    const present = kinds.filter((kind) =>
      table.cells.some(({ column }) => column.startsWith(`${id}/${kind}/`))
    );
    const lowest = table.lowest[encoder][id];
    const name = {
      en: "En",
      lowest: `Lowest (${lowest ? lowest[0].toUpperCase() + lowest.slice(1) : "–"})`,
      average: "Average",
    };
    return {
      id,
      title: `${title} (${metrics.map((metric) => metricTitles[metric]).join(" / ")})`,
      kinds: present,
      columns: present.map((kind) => name[kind]),
    };
  }).filter(({ columns }) => columns.length > 0);
  const rows = [...new Set(table.cells.map(({ row }) => row))].filter((row) => row.startsWith(`${encoder}/`));
  if (groups.length === 0 || rows.length === 0) return null;
  return {
    corner: encoderTitles[encoder],
    groups: groups.map(({ title, columns }) => ({ title, columns })),
    rows: rows.map((row) => {
      const label: Line[] = [
        [{ text: `${encoderTitles[encoder]} ${methodTitles[row.split("/")[1]]}`, tone: "strong" }],
        [{ text: "± sd × runs" }],
        [{ text: atPaperScale ? "paper" : "reference" }],
      ];
      if (!atPaperScale) label.push([{ text: "(paper)", tone: "faint" }]);
      return {
        label,
        cells: groups.flatMap(({ id, kinds }) =>
          kinds.map((kind) => cellLines(find(row, id, kind), atPaperScale))
        ),
      };
    }),
  };
}

export interface ViewContext {
  plan: Plan;
  /** Device and reason of the backend's choice, as shown. */
  device: string;
  reason: string;
  /** Finished and needed runs. */
  finished: number;
  needed: number;
  /** What differs from the full data, one sentence each. */
  partial: readonly string[];
}

function heading(table: JudgedTable, { plan, device, reason, finished, needed }: ViewContext): string[] {
  const lines: string[] = [];
  const { reference } = table;
  if (plan.scale === "tiny" && plan.data === "tiny") {
    lines.push(
      "scale tiny: a small world made by this project, with encoders of its own; nothing here confirms or refutes the paper.",
    );
    lines.push(
      reference
        ? `reference: this project's own stored runs (${
          reference.cells[0].n
        } seeds, ${reference.made.backend}, ${reference.made.date}); (paper): for orientation only.`
        : "reference: none stored; (paper): for orientation only.",
    );
  } else if (plan.scale === "tiny") {
    lines.push(
      `scale tiny on real data from ${plan.data}: short training; nothing here confirms or refutes the paper.`,
    );
    lines.push("reference: none for these data; (paper): for orientation only.");
  } else if (plan.scale === "paper") {
    lines.push("scale paper: the paper's own models, data and settings; reference: the paper.");
  } else {lines.push(
      "scale low-data: the paper's models with few training examples; (paper): full data, for orientation only.",
    );}
  lines.push(
    `backend ${plan.backend} (${reason}) · device ${device} · fidelity ${plan.fidelity} · seeds ${
      plan.seeds.join(" ")
    } · ${finished} of ${needed} runs`,
  );
  if (plan.mutant) lines.push(`DELIBERATE FAULT in every run: ${plan.mutant}`);
  return lines;
}

/** Sentences such as "xquad ar: 20 of 1,190 examples" that differ in the language alone, as one. */
export function gatherPartial(sentences: readonly string[]): string[] {
  const languages = new Map<string, string[]>();
  const keyed = sentences.map((sentence) => {
    const [, dataset, language, rest] = /^(\w+) (\w\w): (.*)$/.exec(sentence) ?? [];
    if (dataset === undefined) return sentence;
    const key = `${dataset}|${rest}`;
    languages.set(key, [...languages.get(key) ?? [], language]);
    return key;
  });
  return [...new Set(keyed)].map((key) => {
    const found = languages.get(key);
    if (found === undefined) return key;
    const [dataset, rest] = key.split("|");
    return `${dataset} ${found.join(", ")}: ${rest}`;
  });
}

function notes(table: JudgedTable, context: ViewContext): Line[] {
  const count = new Map<Verdict, number>();
  for (const { verdict } of table.cells) count.set(verdict, (count.get(verdict) ?? 0) + 1);
  const order: Verdict[] = ["consistent", "inconsistent", "underpowered", "not comparable", "missing"];
  const counts = order.filter((verdict) => count.has(verdict)).flatMap((verdict, index): Line => [
    { text: index === 0 ? "" : ", " },
    { text: `${count.get(verdict)} ${verdict}`, tone: marks[verdict].tone },
  ]);
  const lines: Line[] = [[{ text: `${table.cells.length} cells: ` }, ...counts]];
  for (const cell of table.cells) {
    if (cell.verdict !== "inconsistent") continue;
    lines.push([{ text: `≠ ${cell.row} ${cell.column}: ${cell.why}`, tone: "bad" }]);
  }
  const doubts = table.cells.filter(({ verdict }) => verdict === "underpowered");
  if (doubts.length > 0) {
    lines.push([{ text: `? for example ${doubts[0].row} ${doubts[0].column}: ${doubts[0].why}` }]);
  }
  const reasons = new Set(
    table.cells.filter((cell) => cell.verdict === "not comparable").map((cell) => cell.why),
  );
  for (const why of reasons) lines.push([{ text: `· ${why}` }]);
  for (const sentence of gatherPartial(context.partial)) lines.push([{ text: `partial data: ${sentence}` }]);
  return lines;
}

/** The whole table, ready to be drawn. */
export function table1View(table: JudgedTable, context: ViewContext): TableView {
  const atPaperScale = context.plan.scale === "paper";
  const halves = [datasets.slice(0, 2), datasets.slice(2)];
  return {
    title: `Table 1 · ${paper.title.split(":")[0]} (${paper.venue}) · zero-shot cross-lingual transfer`,
    heading: heading(table, context),
    blocks: halves.flatMap((half) =>
      encoders.map((encoder) => block(table, encoder, half, atPaperScale)).filter((made) => made !== null)
    ),
    legend,
    notes: notes(table, context),
  };
}
