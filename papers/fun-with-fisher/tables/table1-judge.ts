// Promises Table 1 with a verdict for every cell, and a new stored reference from runs. Leaves the rule of a verdict to checks/
// and drawing to table1-view.ts.
import {
  judge,
  type Judgement,
  mean,
  parseReference,
  type PublishedReference,
  type Reference,
  referenceCells,
  type ReferenceFile,
  settingsKey,
  standardDeviation,
  storedReference,
  toleranceReason,
} from "../../../repro/checks/mod.ts";
import type { FinishedRun } from "../../../repro/runs/mod.ts";
import { exists, readText } from "../../../repro/runtime.ts";
import type { DatasetName, RunSpec, Scale, TaskName } from "../../../repro/spec/mod.ts";
import type { Encoder } from "../hyperparameters.ts";
import {
  columns as allColumns,
  datasets,
  languages,
  type Lowest,
  lowestLanguages,
  type Plan,
  type PrintedCell,
  printedCell,
  printedLowest,
  rows as allRows,
  table1Cells,
} from "./table1.ts";

/** Points that a check of the paper's numbers must be able to see: the average gain the paper claims for FUN (section 5.3). */
const claimedEffect = 2;

export interface JudgedCell {
  row: string;
  column: string;
  mean: number | null;
  sd: number | null;
  n: number;
  seeds: Record<string, number>;
  reference:
    | { mean: number; sd?: number; n: number; tolerance?: number; from: "stored runs" | "paper" }
    | null;
  paper: PrintedCell;
  verdict: Judgement["verdict"];
  why: string;
}

export interface JudgedTable {
  cells: JudgedCell[];
  lowest: Lowest;
  reference: ReferenceFile | null;
}

/** Where the project's own reference of a scale is stored. */
export const referenceUrl = (scale: Scale): URL =>
  new URL(`../reference/${scale}-table1.json`, import.meta.url);

export async function loadReference(path: string): Promise<ReferenceFile | null> {
  return (await exists(path)) ? parseReference(await readText(path), path) : null;
}

const taskOf = (column: string): TaskName => datasets.find(({ id }) => column.startsWith(`${id}/`))!.task;
const settingsName = (row: string, task: TaskName) => `${row}/${task}`;
const encoderFrom = (plan: Pick<Plan, "model">) => (spec: RunSpec): Encoder =>
  spec.model === plan.model("mbert") ? "mbert" : "xlmr";

/** Fingerprints of the settings behind each row and task of the specifications. */
export async function settingsOf(
  specs: readonly RunSpec[],
  plan: Pick<Plan, "model">,
): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const spec of specs) {
    const name = settingsName(`${encoderFrom(plan)(spec)}/${spec.method}`, spec.task);
    settings[name] ??= await settingsKey(spec);
  }
  return settings;
}

/** The reference of one cell, or a sentence that says why there is none. */
function referenceOf(
  plan: Plan,
  file: ReferenceFile | null,
  settings: Record<string, string>,
  row: string,
  column: string,
): Reference | string {
  if (plan.scale !== "tiny") {
    if (plan.scale !== "paper") return `the paper prints no Table 1 at scale ${plan.scale}`;
    const { mean, sd, n } = printedCell(row, column);
    return { kind: "published", mean, sd, n, margin: claimedEffect } satisfies PublishedReference;
  }
  if (plan.data !== "tiny") return "these data have no stored reference runs";
  if (file === null) return "no stored reference runs; make them with: repro reference table1";
  if (file.fidelity !== plan.fidelity) return `the stored reference runs have fidelity ${file.fidelity}`;
  const name = settingsName(row, taskOf(column));
  if (file.settings[name] !== settings[name]) {
    return "the stored reference runs had other settings, data or weights; make them anew: repro reference table1";
  }
  return storedReference(file, row, column) ?? "the stored reference runs lack this cell";
}

/** The language of each "lowest" column: that of the reference where there is one, else the one found here. */
export function chooseLowest(
  plan: Plan,
  file: ReferenceFile | null,
  runs: readonly [RunSpec, FinishedRun][],
): Lowest {
  if (plan.scale === "paper") return printedLowest;
  if (plan.data === "tiny" && file !== null) return file.lowest as Lowest;
  return lowestLanguages(runs, encoderFrom(plan));
}

/** Judges every chosen cell; a pure function of the runs found, at any moment. */
export async function judgeTable1(
  plan: Plan,
  specs: readonly RunSpec[],
  runs: readonly [RunSpec, FinishedRun][],
  file: ReferenceFile | null,
): Promise<JudgedTable> {
  const lowest = chooseLowest(plan, file, runs);
  const settings = await settingsOf(specs, plan);
  const found = table1Cells(runs, { ...plan, lowest, encoderOf: encoderFrom(plan) });
  const cells = found.map(({ row, column, values }): JudgedCell => {
    const reference = referenceOf(plan, file, settings, row, column);
    const { verdict, why, tolerance } = judge(values, reference);
    const numbers = [...values.values()];
    return {
      row,
      column,
      mean: numbers.length > 0 ? mean(numbers) : null,
      sd: standardDeviation(numbers) ?? null,
      n: numbers.length,
      seeds: Object.fromEntries(values),
      reference: typeof reference === "string" ? null : {
        mean: reference.mean,
        sd: reference.sd,
        n: reference.n,
        tolerance,
        from: reference.kind === "stored" ? "stored runs" : "paper",
      },
      paper: printedCell(row, column),
      verdict,
      why,
    };
  });
  return { cells, lowest, reference: file };
}

/** A stored reference made of the plan's runs, all of which must be there. `items`: examples in each test set. */
export async function makeReference(
  plan: Plan,
  specs: readonly RunSpec[],
  runs: readonly [RunSpec, FinishedRun][],
  items: (dataset: DatasetName, language: string) => number,
  command: string,
): Promise<ReferenceFile> {
  const lowest = lowestLanguages(runs, encoderFrom(plan));
  const whole = { ...plan, rows: allRows, columns: allColumns, lowest, encoderOf: encoderFrom(plan) };
  const cells = table1Cells(runs, whole).map(({ row, column, values }) => {
    const [dataset, kind] = column.split("/") as [DatasetName, string];
    const encoder = row.split("/")[0] as Encoder;
    const counted = kind === "average"
      ? languages[dataset].slice(1)
      : [kind === "en" ? "en" : lowest[encoder][dataset]!];
    const examples = counted.reduce((sum, language) => sum + items(dataset, language), 0);
    return { row, column, values, item: 100 / examples, group: `${encoder} ${column}` };
  });
  const { provenance } = runs[0][1];
  return {
    format: 1,
    table: "table1",
    scale: plan.scale,
    fidelity: plan.fidelity,
    command,
    made: {
      date: new Date().toISOString().slice(0, 10),
      backend: provenance.backend,
      device: provenance.device,
      runtime: provenance.runtime,
      platform: provenance.platform,
      numericsVersion: specs[0].numericsVersion,
    },
    reason: toleranceReason,
    lowest,
    settings: await settingsOf(specs, plan),
    cells: referenceCells(cells),
  };
}
