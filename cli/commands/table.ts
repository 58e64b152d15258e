// Promises `repro tableN` for any table of any paper: makes the runs it needs, draws it with a verdict in every cell, and says by
// its exit code whether all verdicts hold. Leaves the table to the paper's folder, judging and drawing to repro/.
import { holds } from "../../repro/checks/mod.ts";
import {
  type Choice,
  type FactTable,
  fidelityWords,
  gapOf,
  judgedRuns,
  type Paper,
  requestKey,
  requestsOf,
  type ResultTable,
  type Setup,
  type Table,
  wantedRuns,
} from "../../repro/paper/mod.ts";
import { type Drawn, formatNames, render } from "../../repro/render/mod.ts";
import { terminalColumns } from "../../repro/launch/process.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { outputIsTerminal, resolve, warn, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { runId, scales } from "../../repro/spec/mod.ts";
import {
  factHolds,
  factsView,
  type JudgedTable,
  judgeFacts,
  judgeTable,
  judgingRules,
  loadReference,
  referencePath,
  type RunOfTable,
  tableView,
} from "../../repro/tables/mod.ts";
import { openData } from "../../repro/training/world.ts";
import { readFidelity } from "../ui/fidelity.ts";
import { dataPlace } from "../ui/places.ts";
import type { OptionSpec, Values } from "../ui/arguments.ts";
import { formatOf } from "../ui/formats.ts";
import { oneOf } from "../ui/usage.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { setupForTable, setupOptions, warnOfGaps, withoutRuns } from "./setup.ts";
import { budgetOf, moreSeeds } from "./until.ts";

export const outputOptions: readonly OptionSpec[] = [
  { flag: "--format <format>", help: formatNames.join(", "), default: "text" },
  { flag: "--json", help: "the same as --format json: one JSON object on standard output" },
  { flag: "--markdown", help: "the same as --format markdown" },
  {
    flag: "--out <file>",
    help: "also write it to a file, in the format of its ending (.svg, .md, .tex, .json, .csv)",
  },
];

export function commandOf(name: string, paper: Paper, table: Table): Command {
  if (table.kind === "facts") return factCommand(name, paper, table);
  return {
    name,
    summary: `${table.title}: every row and column, with a verdict for each number`,
    options: [
      ...setupOptions([paper]),
      { flag: "--draw", help: "make no runs: draw what the store holds, with gaps" },
      {
        flag: "--until-decided",
        help: "make the runs, then add seeds until no cell is underpowered, within the budget",
      },
      { flag: "--max-runs <n>", help: "budget of --until-decided: runs to make, those of --seeds included" },
      {
        flag: "--max-hours <n>",
        help: "budget of --until-decided: hours; runs on their way then keep a checkpoint",
      },
      ...outputOptions,
    ],
    async run(values) {
      const format = formatOf(name, values);
      const budget = budgetOf(values);
      const prepared = await setupForTable(values, paper, table);
      const made = await drawnTable(paper, table, values, prepared, budget);
      await output(made.drawn, values, format);
      if (made.interrupted) return 130;
      if (made.failed > 0) {
        warn(`${made.failed} runs failed: their cells are missing; the same command tries them again`);
      }
      return made.judged.cells.every(({ verdict }) => holds(verdict)) ? 0 : 1;
    },
  };
}

/** Writes a drawn table to standard output, and to a file where one is asked for. */
export async function output(drawn: Drawn, values: Values, format: string): Promise<void> {
  const screen = { width: Math.max(100, terminalColumns()), colour: outputIsTerminal() };
  writeOutput(render(drawn, format, screen));
  if (values.out === undefined) return;
  const path = resolve(String(values.out));
  await writeAtomic(
    path,
    render(drawn, formatOf("--out", { out: path }, format), { width: 100, colour: false }),
  );
}

interface Made {
  drawn: Drawn;
  judged: JudgedTable;
  runs: RunOfTable[];
  interrupted: boolean;
  failed: number;
}

/** The runs that chosen cells of a table are judged by, with those that are finished. */
export async function runsOfTable(
  store: RunStore,
  paper: Paper,
  table: ResultTable,
  setup: Setup,
  choice: Choice,
): Promise<RunOfTable[]> {
  return await Promise.all(
    judgedRuns(paper, table, setup, choice).map(async (wanted) => ({
      ...wanted,
      run: await store.finished(await runId(wanted.spec)),
    })),
  );
}

/** Makes the runs of a table (unless --draw), judges and draws it. */
export async function drawnTable(
  paper: Paper,
  table: ResultTable,
  values: Values,
  { setup, reason, choice }: { setup: Setup; reason: string; choice: Required<Choice> },
  budget?: { runs: number; hours: number },
): Promise<Made> {
  const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
  const file = await loadReference(referencePath(paper, table.id));
  const look = async () => {
    const runs = await runsOfTable(store, paper, table, setup, choice);
    return { runs, judged: await judgeTable({ paper, table, setup, choice, runs, file }) };
  };
  let interrupted = false, failed = 0;
  if (!values.draw) warnOfGaps(paper, setup, requestsOf(paper, table, choice));
  // With a budget the table's own runs are made within it, and before any further seed.
  if (!values.draw && budget === undefined) {
    const specs = wantedRuns(paper, table, setup, choice).map(({ spec }) => spec);
    ({ interrupted, failed } = await makeRuns(specs, values));
  }
  let { runs, judged } = await look();
  if (budget !== undefined && !values.draw) {
    const more = await moreSeeds({ paper, table, setup, choice, file, store, budget, runs, values });
    interrupted = more.interrupted;
    failed += more.failed;
    ({ runs, judged } = more);
  }
  const chosen = new Set(requestsOf(paper, table, choice).map(requestKey));
  runs = runs.filter(({ request }) => chosen.has(requestKey(request)));
  const finished = runs.flatMap(({ run }) => run ?? []);
  const device = [...new Set(finished.map(({ provenance }) => provenance.device))].join("; ") || "none used";
  const partial = [...new Set(finished.flatMap(({ provenance }) => provenance.partial ?? []))];
  const seeds = [...new Set(runs.map(({ spec }) => spec.seed))].sort((a, b) => a - b);
  const shown = seeds.length > 0 ? { ...setup, seeds } : setup;
  const gaps = [
    ...new Set(requestsOf(paper, table, choice).flatMap((each) => gapOf(paper, setup, each) ?? [])),
  ];
  return {
    judged,
    runs,
    interrupted,
    failed,
    drawn: {
      view: tableView(paper, table, judged, { setup: shown, device, reason, runs, partial }),
      summary: {
        table: table.id,
        scale: setup.scale,
        backend: setup.backend,
        device,
        fidelity: fidelityWords(setup),
        seeds: shown.seeds,
        runs: { finished: finished.length, needed: runs.length },
        partial,
        ...(gaps.length > 0 ? { gaps } : {}),
        judged: judgingRules(table, judged.cells, judged.reference),
        cells: judged.cells,
      },
      records: judged.cells.map((
        { row, column, mean, sd, n, reference, paper, verdict, why, runsNeeded },
      ) => ({
        row,
        column,
        mean,
        sd,
        n,
        reference: reference?.mean ?? null,
        reference_sd: reference?.sd ?? null,
        reference_n: reference?.n ?? null,
        tolerance: reference?.tolerance ?? null,
        paper: paper?.mean ?? null,
        paper_sd: paper?.sd ?? null,
        verdict,
        why,
        runs_needed: runsNeeded ?? null,
      })),
    },
  };
}

function factCommand(name: string, paper: Paper, table: FactTable): Command {
  return {
    name,
    summary: `${table.title}: from ${table.needs}, checked against the paper`,
    options: [
      ...setupOptions([paper]).filter(({ flag }) => /^--(scale|fidelity|data-root)/.test(flag)),
      ...withoutRuns,
      ...outputOptions,
    ],
    async run(values) {
      const format = formatOf(name, values);
      oneOf("scale", values.scale, scales);
      const { drawn, holds } = await drawnFacts(paper, table, values);
      await output(drawn, values, format);
      return holds ? 0 : 1;
    },
  };
}

/** Finds, judges and draws a table of facts. */
export async function drawnFacts(paper: Paper, table: FactTable, values: Values) {
  const words = String(values.fidelity ?? "authors-code");
  const { fidelity, settingItems: items } = readFidelity(words, paper.settingItems);
  const root = values["data-root"];
  const source = openData(dataPlace(root ?? "fetched", "paper"));
  const facts = await judgeFacts(table, { paper, fidelity, items, source });
  const heading = [`fidelity ${words} · data from ${source.name}`];
  const drawn: Drawn = {
    view: factsView(paper, table, facts, heading),
    summary: { table: table.id, fidelity: words, cells: facts },
    records: facts.map(({ row, column, ours, tiny, printed, verdict, why, from }) => ({
      row,
      column,
      ours,
      tiny: tiny ?? null,
      paper: printed,
      verdict,
      why: why ?? "",
      from,
    })),
  };
  return { drawn, facts, holds: facts.every(factHolds) };
}
