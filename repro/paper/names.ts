// Promises the words by which a reader knows columns, metrics and the runs behind rows, as tables have them. Leaves ids to programs.
import type { AdapterKind } from "../spec/mod.ts";
import type { Paper, PaperModel, ResultColumn } from "./paper.ts";
import { datasetOf } from "./specify.ts";

const metricTitles: Readonly<Record<string, string>> = { f1: "F1", em: "EM" };

export const metricTitle = (metric: string): string => metricTitles[metric] ?? metric;

/** A language's code as tables head their columns with it: "En". */
export const capital = (code: string): string => code[0].toUpperCase() + code.slice(1);

/** "XQuAD, Ar, F1"; "XNLI, average, accuracy, 1000 examples". */
export function columnTitle(paper: Paper, { dataset, pick, metric, trainingSize }: ResultColumn): string {
  const { title, languages } = datasetOf(paper, dataset);
  return [
    ...[title, languages.includes(pick) ? capital(pick) : pick, metricTitle(metric)],
    ...(trainingSize === undefined ? [] : [`${trainingSize} examples`]),
  ].join(", ");
}

/** A run's model and method as a row of the paper's tables is titled, and the data sets that it is scored on: "mBERT Ada+FUN, XNLI". */
export function runTitle(
  paper: Paper,
  model: PaperModel,
  { method, adapter, task }: { method: string; adapter: AdapterKind; task: string },
): string {
  const rows = paper.tables.flatMap((table) => table.kind === "results" ? table.rows : []);
  const row = rows.find((each) =>
    each.model === model.id && each.method === method && (each.adapter ?? "mad-x") === adapter
  );
  const words = row?.title ?? [model.title, method, ...(adapter === "mad-x" ? [] : [adapter])].join(" ");
  const scored = paper.datasets.filter((each) => each.task === task).map(({ title }) => title);
  return [words, scored.join(" and ")].filter(Boolean).join(", ");
}
