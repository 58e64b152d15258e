// Promises more seeds for a table whose cells are underpowered, round by round, until every cell is decided or a budget ends.
// Leaves making runs to the caller and the rule of a verdict to checks/.
import type { ReferenceFile } from "../checks/mod.ts";
import {
  type Choice,
  type Paper,
  requestKey,
  requestOf,
  type ResultTable,
  type Setup,
  specify,
} from "../paper/mod.ts";
import type { RunStore } from "../runs/mod.ts";
import { runId, type RunSpec } from "../spec/mod.ts";
import { type JudgedTable, judgeTable, type RunOfTable } from "../tables/mod.ts";

export interface Budget {
  /** New runs, at most. */
  runs: number;
  hours: number;
}

export interface UntilOptions {
  paper: Paper;
  table: ResultTable;
  setup: Setup;
  choice: Choice;
  file: ReferenceFile | null;
  store: RunStore;
  budget: Budget;
  /** Runs to start from, finished or not. */
  runs: readonly RunOfTable[];
  make(specs: RunSpec[]): Promise<{ interrupted: boolean; failed: number }>;
  /** Told before each round. */
  onRound?(round: { open: number; adding: number }): void;
  /** Milliseconds; for tests. */
  now?(): number;
}

export interface Decided {
  runs: RunOfTable[];
  judged: JudgedTable;
  /** New runs that were asked for. */
  added: number;
  failed: number;
  interrupted: boolean;
  /** Why it ended. */
  ended:
    | "decided"
    | "no number of runs would decide"
    | "budget of runs"
    | "budget of hours"
    | "failure"
    | "interrupted";
}

export async function untilDecided(options: UntilOptions): Promise<Decided> {
  const { paper, table, setup, choice, file, store, budget } = options;
  const now = options.now ?? (() => performance.now());
  const started = now();
  let runs = [...options.runs];
  let added = 0, failed = 0;
  for (;;) {
    const judged = await judgeTable({ paper, table, setup, choice, runs, file });
    const end = (ended: Decided["ended"]) => ({
      runs,
      judged,
      added,
      failed,
      interrupted: ended === "interrupted",
      ended,
    });
    const open = judged.cells.filter(({ verdict }) => verdict === "underpowered");
    if (open.length === 0) return end("decided");
    const wanted = nextRuns(options, judged, runs);
    if (wanted.length === 0) return end("no number of runs would decide");
    const hoursLeft = budget.hours - (now() - started) / 3_600_000;
    if (hoursLeft <= 0) return end("budget of hours");
    const affordable = wanted.slice(0, Math.min(budget.runs - added, runsIn(hoursLeft, runs)));
    if (affordable.length === 0) return end(budget.runs <= added ? "budget of runs" : "budget of hours");
    options.onRound?.({ open: open.length, adding: affordable.length });
    const made = await options.make(affordable.map(({ spec }) => spec));
    added += affordable.length;
    failed += made.failed;
    const finished = await Promise.all(
      affordable.map(async (each) => ({ ...each, run: await store.finished(await runId(each.spec)) })),
    );
    runs = [...runs, ...finished];
    if (made.interrupted) return { ...end("interrupted"), judged: await judgeTable({ ...options, runs }) };
    if (finished.every(({ run }) => run === null)) return end("failure");
  }
}

/** How many runs fit into some hours, by the time that finished ones took; all of them where none is finished. */
function runsIn(hours: number, runs: readonly RunOfTable[]): number {
  const seconds = runs.flatMap(({ run }) => run?.provenance.seconds ?? []).filter((each) => each > 0);
  if (seconds.length === 0) return Infinity;
  return Math.floor((hours * 3600) / (seconds.reduce((sum, each) => sum + each, 0) / seconds.length));
}

/** New seeds for the requests behind undecided cells: as many as would decide, but never more than there are already. */
function nextRuns(
  { paper, table, setup }: UntilOptions,
  judged: JudgedTable,
  runs: readonly RunOfTable[],
): Omit<RunOfTable, "run">[] {
  const needed = new Map<string, { request: RunOfTable["request"]; more: number }>();
  for (const { row, column, n, verdict, runsNeeded } of judged.cells) {
    if (verdict !== "underpowered" || runsNeeded === undefined) continue;
    const request = requestOf(
      paper,
      table.rows.find(({ id }) => id === row)!,
      table.columns.find(({ id }) => id === column)!,
    );
    const key = requestKey(request);
    needed.set(key, { request, more: Math.max(needed.get(key)?.more ?? 0, runsNeeded - n) });
  }
  // Seed by seed over all requests, so that a budget that ends cuts every cell alike.
  const lists = [...needed].map(([key, { request, more }]) => {
    const seeds = runs.filter((each) => requestKey(each.request) === key).map(({ spec }) => spec.seed);
    const first = Math.max(0, ...seeds) + 1;
    return Array.from({ length: Math.min(more, Math.max(1, seeds.length)) }, (_, i) => ({
      request,
      spec: specify(paper, setup, request, first + i),
    }));
  });
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}
