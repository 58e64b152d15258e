// Promises scores as lines of a table, each printed as soon as it is there: one block a data set, with a mean at its end.
// Leaves computing them to repro/training.
import { writeOutput } from "../../repro/runtime.ts";

/** What is shown of one language. */
export interface Scores {
  readonly dataset: string;
  readonly language: string;
  readonly examples: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Under other published rules, by rule. */
  readonly conventions: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const names: Record<string, string> = { f1: "F1", em: "EM", accuracy: "accuracy", likelihood: "likelihood" };
const rules: Record<string, string> = { squad: "SQuAD", mlqa: "MLQA" };

interface Column {
  title: string;
  of(each: Scores): number | undefined;
}

/** @param stored metrics of a finished run, shown beside the new ones */
export function scorePrinter(
  stored?: Readonly<Record<string, number>>,
  write: (text: string) => void = writeOutput,
): { add(scores: Scores): void; end(): void } {
  let block: { dataset: string; columns: Column[]; others: Scores[] } | null = null;
  const print = (columns: readonly Column[], language: string, examples: string, cells: readonly string[]) =>
    write(
      language.padEnd(14) + examples.padStart(9) +
        cells.map((cell, i) => cell.padStart(Math.max(6, columns[i].title.length) + 3)).join("") + "\n",
    );
  const number = (value: number | undefined) => value === undefined ? "–" : value.toFixed(2);
  const end = () => {
    if (block === null) return;
    const { columns, others } = block;
    block = null;
    if (others.length < 2) return;
    print(
      columns,
      "without en",
      "",
      columns.map(({ of }) => {
        const values = others.map(of).filter((value) => value !== undefined);
        const isWhole = values.length === others.length;
        return number(isWhole ? values.reduce((sum, each) => sum + each, 0) / values.length : undefined);
      }),
    );
  };
  return {
    add(scores) {
      const { dataset, language, examples } = scores;
      if (block?.dataset !== dataset) {
        end();
        block = { dataset, columns: columnsOf(scores, stored), others: [] };
        write("\n");
        print(block.columns, dataset, "examples", block.columns.map(({ title }) => title));
      }
      const { columns, others } = block;
      print(columns, language, String(examples), columns.map(({ of }) => number(of(scores))));
      if (language !== "en") others.push(scores);
    },
    end,
  };
}

function columnsOf({ metrics, conventions }: Scores, stored?: Readonly<Record<string, number>>): Column[] {
  const own = Object.keys(metrics);
  return [
    ...own.map((metric) => ({ title: names[metric], of: (each: Scores) => each.metrics[metric] })),
    ...Object.keys(conventions).flatMap((rule) =>
      own.map((metric) => ({
        title: `${rules[rule]} ${names[metric]}`,
        of: (each: Scores) => each.conventions[rule]?.[metric],
      }))
    ),
    ...(stored === undefined ? [] : own.map((metric) => ({
      title: `stored ${names[metric]}`,
      of: ({ dataset, language }: Scores) => stored[`${dataset}/${language}/${metric}`],
    }))),
  ];
}
