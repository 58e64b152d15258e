// Promises Table 1: its rows, columns and layout, which runs it needs, and its cells as a pure function of finished runs.
// Leaves executing runs to launch/, verdicts to checks/ and drawing to render/.
import type { FinishedRun } from "../../../repro/runs/mod.ts";
import {
  type BackendName,
  type DatasetName,
  type Fidelity,
  numericsVersion,
  type RunSpec,
  type Scale,
  type TaskName,
} from "../../../repro/spec/mod.ts";
import { type Encoder, hyperparameters } from "../hyperparameters.ts";
import printed from "../numbers/table1.json" with { type: "json" };

export const encoders: readonly Encoder[] = ["mbert", "xlmr"];
export const methods = ["standard", "rand", "gu", "fun"] as const;
/** Data sets in the order of the printed table, with their metrics. */
export const datasets: { id: DatasetName; title: string; task: TaskName; metrics: readonly string[] }[] = [
  { id: "mlqa", title: "MLQA", task: "squad", metrics: ["f1", "em"] },
  { id: "xquad", title: "XQuAD", task: "squad", metrics: ["f1", "em"] },
  { id: "xcopa", title: "XCOPA", task: "copa", metrics: ["accuracy"] },
  { id: "xnli", title: "XNLI", task: "xnli", metrics: ["accuracy"] },
];
export const kinds = ["en", "lowest", "average"] as const;

/** Languages that the paper evaluates on, English first (Tables 8 to 10). */
export const languages: Record<DatasetName, readonly string[]> = {
  mlqa: "en ar de es hi vi zh".split(" "),
  xquad: "en ar de el es hi ru th tr vi zh".split(" "),
  xcopa: "en et ht it id qu sw zh ta th tr vi".split(" "),
  xnli: "en ar de el es hi ru sw th tr vi zh".split(" "),
};

export const rows: readonly string[] = encoders.flatMap((encoder) =>
  methods.map((method) => `${encoder}/${method}`)
);
export const columns: readonly string[] = datasets.flatMap(({ id, metrics }) =>
  kinds.flatMap((kind) => metrics.map((metric) => `${id}/${kind}/${metric}`))
);

/** One language for each encoder and data set: that of the "lowest" columns. */
export type Lowest = Record<Encoder, Partial<Record<DatasetName, string>>>;
export const printedLowest = printed.lowest as Lowest;

export interface PrintedCell {
  mean: number;
  sd?: number;
  n: number;
  read: string;
}

/** What the paper prints in a cell. */
export function printedCell(row: string, column: string): PrintedCell {
  const cell = printed.cells.find((cell) => cell.row === row && cell.column === column);
  if (!cell) throw new Error(`Table 1: it has no cell ${row} ${column}`);
  const { mean, n, read } = cell;
  return "sd" in cell ? { mean, sd: cell.sd as number, n, read } : { mean, n, read };
}

const taskOf = (column: string): TaskName => datasets.find(({ id }) => column.startsWith(`${id}/`))!.task;
const parts = (id: string) => id.split("/") as [string, string, string];

export interface Plan {
  scale: Scale;
  seeds: readonly number[];
  rows: readonly string[];
  columns: readonly string[];
  backend: BackendName;
  fidelity: Fidelity;
  /** "tiny" or the folder of a data root. */
  data: string;
  /** Training examples at scale low-data. */
  trainingSize?: number;
  /** What stands for each encoder, and the hashes of what its runs read. */
  model(encoder: Encoder): string;
  modelRevision(encoder: Encoder): string;
  dataRevision(task: TaskName): string;
  /** A deliberate fault, for testing that the checks notice it. */
  mutant?: string;
}

/** Data sets that a task's runs are evaluated on: all of them, whatever is shown, so that a run serves every table. */
export function evaluations(task: TaskName): RunSpec["evaluate"] {
  return Object.fromEntries(
    datasets.filter((dataset) => dataset.task === task).map(({ id }) => [id, [...languages[id]]]),
  );
}

/** The runs behind the chosen rows and columns: encoders × tasks × methods × seeds, seed by seed. */
export function table1Runs(plan: Plan): RunSpec[] {
  const tasks = [...new Set(plan.columns.map(taskOf))];
  return plan.seeds.flatMap((seed) =>
    tasks.flatMap((task) =>
      plan.rows.map((row): RunSpec => {
        const [encoder, method] = row.split("/") as [Encoder, string];
        const { scale, fidelity, trainingSize } = plan;
        return {
          format: 1,
          scale,
          model: plan.model(encoder),
          modelRevision: plan.modelRevision(encoder),
          task,
          data: plan.data,
          dataRevision: plan.dataRevision(task),
          method,
          adapter: "mad-x",
          seed,
          fidelity,
          backend: plan.backend,
          numericsVersion,
          hyperparameters: hyperparameters({
            scale,
            task,
            encoder,
            method,
            fidelity,
            trainingSize,
            realData: plan.data !== "tiny",
          }),
          evaluate: evaluations(task),
          ...(plan.mutant ? { mutant: plan.mutant } : {}),
        };
      })
    )
  );
}

/** A cell's values by seed; a seed without a run is absent. */
export type CellValues = Map<number, number>;

/** The value of one run in a column; undefined where the run has not got it. */
function valueOf(run: FinishedRun, column: string, lowest: string | undefined): number | undefined {
  const [dataset, kind, metric] = parts(column) as [DatasetName, string, string];
  const of = (language: string): number | undefined => run.metrics[`${dataset}/${language}/${metric}`];
  if (kind === "en") return of("en");
  if (kind === "lowest") return lowest === undefined ? undefined : of(lowest);
  // Without English, as the caption says.
  const values = languages[dataset].filter((language) => language !== "en").map(of);
  if (values.some((value) => value === undefined)) return undefined;
  return (values as number[]).reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The target language with the lowest mean under standard training, by each data set's first metric; of equal ones the first
 * in the table's order. Without standard runs of an encoder there is none.
 */
export function lowestLanguages(
  runs: Iterable<[RunSpec, FinishedRun]>,
  encoderOf: (spec: RunSpec) => Encoder,
): Lowest {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const [spec, run] of runs) {
    if (spec.method !== "standard") continue;
    for (const [key, value] of Object.entries(run.metrics)) {
      const total = sums.get(`${encoderOf(spec)} ${key}`) ?? { sum: 0, count: 0 };
      sums.set(`${encoderOf(spec)} ${key}`, { sum: total.sum + value, count: total.count + 1 });
    }
  }
  const lowest: Lowest = { mbert: {}, xlmr: {} };
  for (const encoder of encoders) {
    for (const { id, metrics } of datasets) {
      let least = Infinity;
      for (const language of languages[id].slice(1)) {
        const total = sums.get(`${encoder} ${id}/${language}/${metrics[0]}`);
        if (total && total.sum / total.count < least) {
          least = total.sum / total.count;
          lowest[encoder][id] = language;
        }
      }
    }
  }
  return lowest;
}

/** Values of every chosen cell, row by row; cells without a run are empty, so the table can be drawn at any moment. */
export function table1Cells(
  runs: Iterable<[RunSpec, FinishedRun]>,
  plan: Pick<Plan, "rows" | "columns"> & { lowest: Lowest; encoderOf(spec: RunSpec): Encoder },
): { row: string; column: string; values: CellValues }[] {
  const found = [...runs];
  return plan.rows.flatMap((row) => {
    const [encoder, method] = row.split("/") as [Encoder, string];
    const ofRow = found.filter(([spec]) => spec.method === method && plan.encoderOf(spec) === encoder);
    return plan.columns.map((column) => {
      const values: CellValues = new Map();
      const dataset = parts(column)[0] as DatasetName;
      for (const [spec, run] of ofRow) {
        if (spec.task !== taskOf(column)) continue;
        const value = valueOf(run, column, plan.lowest[encoder][dataset]);
        if (value !== undefined) values.set(spec.seed, value);
      }
      return { row, column, values };
    });
  });
}
