// Promises `repro plan`: which runs some tables and figures need, what is done, what the rest costs. Starts nothing; --save writes a file
// that `repro run --plan` executes. Leaves counting to repro/plan.
import { makePlan, type Plan, planLines, type PlanTarget, planText, probe } from "../../repro/plan/mod.ts";
import type { Paper, Setup } from "../../repro/paper/mod.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { machine, resolve, warn, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import type { RunSpec } from "../../repro/spec/mod.ts";
import type { Backend } from "../../core/mod.ts";
import { openBackend, threadsOfEach } from "../../repro/training/backend.ts";
import { memoryAdvice } from "../../repro/training/run-memory.ts";
import { type FigureTarget, figureTargets, papers, type Target, targets, targetsOf } from "../papers.ts";
import type { Values } from "../ui/arguments.ts";
import { UsageError, wholeNumber } from "../ui/usage.ts";
import { requestsOfTargets } from "./all.ts";
import type { Command } from "./command.ts";
import { runOptions, setupFor } from "./setup.ts";

const known = await papers();

export const command: Command = {
  name: "plan",
  summary:
    "what tables and figures need: distinct runs, done and missing, FLOPs, hours, downloads; starts nothing",
  positions: ["[targets]"],
  options: [
    ...runOptions(known, "jobs"),
    { flag: "--no-probe", help: "do not time this device: no estimate of hours" },
    { flag: "--save <file>", help: "write the plan; `repro run --plan FILE` executes it" },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values, [words]) {
    if (words === undefined) throw new UsageError("plan: which tables? all, or table1,table8");
    const targets = await targetsOf(words.split(","));
    refuseWithoutRuns(words, targets);
    const plan = await planOf(targets, values);
    writeOutput(values.json ? planText(plan) : planLines(plan).join("\n") + "\n");
    if (values.save !== undefined) {
      const path = resolve(String(values.save));
      await writeAtomic(path, planText(plan));
      if (!values.json) writeOutput(`\n${savedWords(plan, String(values.save))}\n`);
    }
    return 0;
  },
};

/** Tables of settings and drawings of nothing but the paper have no runs to be planned. */
function refuseWithoutRuns(
  words: string,
  { tables, figures }: { tables: readonly Target[]; figures: readonly FigureTarget[] },
): void {
  const hasRuns = tables.some(({ table }) => table.kind === "results") ||
    figures.some(({ figure }) => figure.requests.length > 0 || figure.models !== undefined);
  if (hasRuns) return;
  const from = tables.flatMap(({ table }) =>
    table.kind === "facts" ? [`${table.id} from ${table.needs}`] : []
  );
  throw new UsageError(
    `plan ${words}: no run is needed${from.length > 0 ? `: ${from.join(", ")}` : ""}; draw it: repro ${
      words.split(",")[0]
    }`,
  );
}

/** What to do with a saved plan: one that is provisional has ids that change with what is fetched, and is not executed. */
const savedWords = ({ provisional }: Plan, path: string): string =>
  provisional.length === 0
    ? `saved; to make the runs: repro run --plan ${path}`
    : `saved as provisional: repro run --plan refuses it. Fetch what is named under "before it can be run", then make the plan again`;

async function planOf(
  { tables, figures }: { tables: readonly Target[]; figures: readonly FigureTarget[] },
  values: Values,
): Promise<Plan> {
  const names = [...await targets(), ...await figureTargets()];
  const nameOf = (paper: Paper, id: string) =>
    names.find(([name, each]) => each.paper === paper && (name === id || name.endsWith(`/${id}`)))![0];
  const planned: PlanTarget[] = [];
  let backendName: Setup["backend"] = "wasm";
  for (const paper of new Set([...tables, ...figures].map((each) => each.paper))) {
    const [mine, pictures] = [tables, figures].map((list) => list.filter((each) => each.paper === paper)) as [
      Target[],
      FigureTarget[],
    ];
    const requests = requestsOfTargets(mine, pictures);
    const { setup } = await setupFor(values, paper, requests, { provisional: true });
    backendName = setup.backend;
    for (const { table } of mine) {
      if (table.kind === "results") planned.push({ name: nameOf(paper, table.id), paper, table, setup });
    }
    for (const { figure } of pictures) {
      if (figure.requests.length > 0 || figure.models !== undefined) {
        planned.push({ name: nameOf(paper, figure.id), paper, table: figure, setup });
      }
    }
  }
  const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
  const asked = values.jobs === undefined ? undefined : wholeNumber("jobs", values.jobs, 1);
  // As the runs themselves would be started; processes that share a core or a GPU are no faster.
  const most = backendName === "webgpu" ? 1 : machine().cpus;
  const jobs = async (missing: readonly RunSpec[]) => {
    const advice = await memoryAdvice(missing, { jobs: asked });
    for (const note of advice.notes) warn(note);
    return Math.min(advice.jobs, most);
  };
  if (values["no-probe"]) return await makePlan({ targets: planned, store, jobs, probe: null });
  let backend: Backend | undefined;
  try {
    return await makePlan({
      targets: planned,
      store,
      jobs,
      async probe(shape, tokens, processes) {
        backend ??= await openBackend(backendName, { threads: threadsOfEach(processes) });
        return await probe(backend, shape, tokens);
      },
    });
  } finally {
    backend?.dispose();
  }
}
