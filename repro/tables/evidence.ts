// Promises runs as evidence for a paper's claims: the stored reference runs, or those of a store, found by what the claims ask for.
// Leaves the claims to the paper and making runs to launch/.
import { mean, standardDeviation } from "../checks/mod.ts";
import {
  type CellName,
  type CellValue,
  type Claim,
  type CurvePoint,
  type Evidence,
  referenceEvidence,
} from "../claims/mod.ts";
import {
  countedLanguages,
  gapOf,
  type Paper,
  requestKey,
  requestsOf,
  type ResultColumn,
  type ResultTable,
  type RunRequest,
  type Setup,
  specify,
} from "../paper/mod.ts";
import type { FinishedRun, LogLine } from "../runs/mod.ts";
import type { RunSpec, TaskName } from "../spec/mod.ts";
import { chooseLowest, type RunOfTable, tableCells, valueOf } from "./cells.ts";
import { gatherPartial, partialOf } from "./partial.ts";
import { loadReference, referencePath } from "./reference.ts";

/** All reference runs that are stored beside a paper. */
export async function storedEvidence(paper: Paper): Promise<Evidence> {
  const files = await Promise.all(
    resultTables(paper).map(({ id }) => loadReference(referencePath(paper, id))),
  );
  return referenceEvidence(files.filter((file) => file !== null));
}

export interface StoreOfRuns {
  finished(spec: RunSpec): Promise<FinishedRun | null>;
  /** The tr(F) log of a finished run; empty where nothing was logged. */
  trace(run: FinishedRun): Promise<readonly LogLine[]>;
}

const resultTables = (paper: Paper) =>
  paper.tables.filter((table): table is ResultTable => table.kind === "results");

/** What the claims look at, found by letting them look at nothing. */
function asked(claims: readonly Claim[]): { cells: CellName[]; rows: { row: string; task: string }[] } {
  const cells: CellName[] = [];
  const rows: { row: string; task: string }[] = [];
  const look = (row: string, task: string) => {
    rows.push({ row, task });
    return [];
  };
  const nothing: Evidence = {
    source: "runs",
    cell(name) {
      cells.push(name);
      return undefined;
    },
    curves: look,
    schedules: look,
  };
  for (const { about, evaluate } of claims) if (about !== "settings") evaluate(nothing);
  return { cells, rows };
}

/** "model/method" of a row that no table declares. */
function requestOfRow(row: string, task: TaskName): RunRequest {
  const [model, method] = row.split("/");
  return { model, method, task, adapter: "mad-x" };
}

function columnOf(id: string): ResultColumn {
  const [dataset, pick, metric, size] = id.split("/");
  return {
    id,
    dataset: dataset as ResultColumn["dataset"],
    pick,
    metric,
    ...(size === undefined ? {} : { trainingSize: Number(size) }),
  };
}

const valueOfNumbers = (values: readonly number[]): CellValue | undefined =>
  values.length === 0 ? undefined : { mean: mean(values), sd: standardDeviation(values), n: values.length };

/**
 * The finished runs of a setup. Cells of declared tables are those that the tables show; a cell of anything else ("figure2") is
 * found by its row "model/method" and its column.
 */
export async function storeEvidence(
  paper: Paper,
  setup: Setup,
  claims: readonly Claim[],
  store: StoreOfRuns,
): Promise<Evidence> {
  const wanted = asked(claims);
  const tables = resultTables(paper);
  const others = wanted.cells.filter(({ table }) => !tables.some(({ id }) => id === table));
  const taskOf = (dataset: string) => paper.datasets.find(({ id }) => id === dataset)?.task;
  const requests = new Map<string, RunRequest>();
  const want = (request: RunRequest) => requests.set(requestKey(request), request);
  for (const table of tables) requestsOf(paper, table).forEach(want);
  for (const { row, task } of wanted.rows) {
    const request = requestOfRow(row, task as TaskName);
    want(request);
    want({ ...request, tracked: true });
  }
  for (const { row, column } of others) {
    const task = taskOf(columnOf(column).dataset);
    if (task !== undefined) want(requestOfRow(row, task));
  }
  const runs = new Map<string, RunOfTable[]>();
  for (const [key, request] of requests) {
    runs.set(key, await runsOf(paper, setup, request, store));
  }
  const finishedOf = (row: string, task: string, tracked: boolean) => {
    const request = requestOfRow(row, task as TaskName);
    const key = requestKey(tracked ? { ...request, tracked } : request);
    return (runs.get(key) ?? []).flatMap(({ run }) => run ?? []);
  };
  /** Runs as tables have them; where there are none, those that were made for their curves. */
  const anyOf = (row: string, task: string) => {
    const plain = finishedOf(row, task, false);
    return plain.length > 0 ? plain : finishedOf(row, task, true);
  };
  const cells = new Map<string, CellValue | undefined>();
  const partial = new Set<string>();
  const all = [...runs.values()].flat();
  for (const table of tables) {
    const lowest = chooseLowest(
      paper,
      table,
      setup,
      await loadReference(referencePath(paper, table.id)),
      all,
    );
    for (const cell of tableCells(paper, table, {}, all, lowest)) {
      cells.set(`${table.id} ${cell.row} ${cell.column}`, valueOfNumbers([...cell.values.values()]));
      cell.partial.forEach((sentence) => partial.add(sentence));
    }
  }
  for (const { table, row, column } of others) {
    const of = columnOf(column);
    const task = taskOf(of.dataset);
    const found = task === undefined ? [] : anyOf(row, task);
    const values = found.flatMap((run) => valueOf(paper, run.metrics, of, undefined) ?? []);
    cells.set(`${table} ${row} ${column}`, valueOfNumbers(values));
    partialOf(found, of.dataset, countedLanguages(paper, of, undefined)).forEach((sentence) =>
      partial.add(sentence)
    );
  }
  const curves = await curvesOf(wanted.rows.flatMap(({ row, task }) => finishedOf(row, task, true)), store);
  return {
    source: "runs",
    partial: gatherPartial([...partial]),
    cell: ({ table, row, column }) => cells.get(`${table} ${row} ${column}`),
    curves: (row, task) => finishedOf(row, task, true).map(({ id }) => curves.get(id)!),
    schedules: (row, task) =>
      anyOf(row, task).map(({ schedule }) => schedule.flatMap(({ layers }) => layers)),
  };
}

/** What claims on the runs of a store are told to rest on. */
export const storeEvidenceName = ({ scale }: Setup, { partial = [] }: Evidence): string =>
  `runs of the store, scale ${scale}${
    partial.length === 0 ? "" : `, on partial data (${partial.join("; ")})`
  }`;

/** One request's runs, seed by seed; none where it cannot become a run in this setup. */
async function runsOf(
  paper: Paper,
  setup: Setup,
  request: RunRequest,
  store: StoreOfRuns,
): Promise<RunOfTable[]> {
  // A method that a claim names may be one without runs ("full"), or without settings.
  if (!paper.models.some(({ id }) => id === request.model) || gapOf(paper, setup, request)) return [];
  const found: RunOfTable[] = [];
  for (const seed of setup.seeds) {
    let spec: RunSpec;
    try {
      spec = specify(paper, setup, request, seed);
    } catch {
      return [];
    }
    found.push({ request, spec, run: await store.finished(spec) });
  }
  return found;
}

/** What was tracked of each run, by its id. */
async function curvesOf(
  runs: readonly FinishedRun[],
  store: StoreOfRuns,
): Promise<Map<string, CurvePoint[]>> {
  const curves = new Map<string, CurvePoint[]>();
  for (const run of runs) {
    if (curves.has(run.id)) continue;
    const lines = await store.trace(run);
    curves.set(
      run.id,
      lines.flatMap(({ step, kind, average }) =>
        kind === "tracking" && typeof average === "number" ? [{ step, value: average }] : []
      ),
    );
  }
  return curves;
}
