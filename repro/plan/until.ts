// Promises a table's runs and then more seeds for cells that are underpowered, round by round, until every cell is decided or a budget
// ends, which all of these runs share. Leaves making runs to the caller and the rule of a verdict to checks/.
import type { ReferenceFile, Verdict } from "../checks/mod.ts";
import {
  type Choice,
  type Paper,
  requestKey,
  requestOf,
  requestsOf,
  type ResultTable,
  type Setup,
  specify,
} from "../paper/mod.ts";
import type { RunStore } from "../runs/mod.ts";
import { runId, type RunSpec } from "../spec/mod.ts";
import { type JudgedTable, judgeTable, type RunOfTable } from "../tables/mod.ts";

export interface Budget {
  /** Runs to be made, at most. */
  runs: number;
  /** From the start on; what is being made then saves a checkpoint. */
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
  /** Runs of the whole table to start from; those of chosen cells that are not finished are made first. */
  runs: readonly RunOfTable[];
  /** `signal` is aborted when the hours are over: each run saves a checkpoint, and the result says "interrupted". */
  make(specs: RunSpec[], signal: AbortSignal): Promise<{ interrupted: boolean; failed: number }>;
  /** Told before each round: cells that are underpowered or missing, and runs to be made. */
  onRound?(round: { open: number; adding: number }): void;
  /** Milliseconds; for tests. */
  now?(): number;
}

export interface Decided {
  runs: RunOfTable[];
  judged: JudgedTable;
  /** Runs that were to be made. */
  added: number;
  failed: number;
  interrupted: boolean;
  /** Why it ended. */
  ended:
    | "decided"
    | "cells are missing"
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
  const chosen = new Set(requestsOf(paper, table, choice).map(requestKey));
  const tried = new Set<string>();
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
    const isOpen = (of: Verdict) => judged.cells.filter(({ verdict }) => verdict === of).length;
    const [underpowered, missing] = [isOpen("underpowered"), isOpen("missing")];
    // The table's own runs, each tried once, come before any further seed.
    const absent: RunOfTable[] = [];
    for (const each of runs) {
      if (each.run === null && chosen.has(requestKey(each.request)) && !tried.has(await runId(each.spec))) {
        absent.push(each);
      }
    }
    if (absent.length + underpowered === 0) return end(missing > 0 ? "cells are missing" : "decided");
    const wanted = absent.length > 0 ? absent : nextRuns(options, judged, runs);
    if (wanted.length === 0) return end("no number of runs would decide");
    const hoursLeft = budget.hours - (now() - started) / 3_600_000;
    if (hoursLeft <= 0) return end("budget of hours");
    const affordable = wanted.slice(0, Math.min(budget.runs - added, runsIn(hoursLeft, runs)));
    if (affordable.length === 0) return end(budget.runs <= added ? "budget of runs" : "budget of hours");
    options.onRound?.({ open: underpowered + missing, adding: affordable.length });
    const late = afterHours(hoursLeft);
    const made = await options.make(affordable.map(({ spec }) => spec), late.signal).finally(late.clear);
    added += affordable.length;
    failed += made.failed;
    const finished = new Map<string, RunOfTable>();
    for (const { request, spec } of affordable) {
      const id = await runId(spec);
      tried.add(id);
      finished.set(id, { request, spec, run: await store.finished(id) });
    }
    const ids = await Promise.all(runs.map(({ spec }) => runId(spec)));
    runs = [
      ...runs.map((each, index) => finished.get(ids[index]) ?? each),
      ...[...finished].filter(([id]) => !ids.includes(id)).map(([, each]) => each),
    ];
    if (made.interrupted) {
      const ended = late.signal.aborted ? "budget of hours" : "interrupted";
      return { ...end(ended), judged: await judgeTable({ ...options, runs }) };
    }
    if ([...finished.values()].every(({ run }) => run === null)) {
      return { ...end("failure"), judged: await judgeTable({ ...options, runs }) };
    }
  }
}

/** The longest that a timer can wait, in milliseconds: 24 days. */
const longestWait = 2 ** 31 - 1;

/** A signal that is aborted after some hours, unless it is cleared before. */
function afterHours(hours: number): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const wait = hours * 3_600_000;
  const timer = wait > longestWait
    ? undefined
    : setTimeout(() => controller.abort(new Error("the budget of hours is over")), wait);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
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
