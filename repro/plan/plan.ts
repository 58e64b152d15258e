// Promises the minimal set of distinct runs behind some tables: what is done, what each missing run computes and unlocks, and how
// long all of it would take. Starts nothing. Leaves the file of a plan to file.ts and drawing to view.ts.
import {
  adapterSteps,
  type Download,
  type EncoderShape,
  fidelityWords,
  type Figure,
  gapOf,
  missingAdapters,
  modelOf,
  type Paper,
  requestsOf,
  requestWords,
  type ResultTable,
  type RunRequest,
  type Setup,
  type TaskSize,
  type Wanted,
  wantedByFigure,
  wantedRuns,
} from "../paper/mod.ts";
import type { RunStore } from "../runs/mod.ts";
import { runId, runName, type RunSpec } from "../spec/mod.ts";
import { tinyShape, tinySizes } from "../tinyworld/sizes.ts";
import type { Probe } from "./probe.ts";
import { type RunWork, workOf } from "./work.ts";

export interface PlanTarget {
  /** As it was typed: "table8". */
  name: string;
  paper: Paper;
  table: ResultTable | Figure;
  setup: Setup;
}

const wantedBy = ({ paper, table, setup }: PlanTarget): Wanted[] =>
  table.kind === "figure" ? wantedByFigure(paper, table, setup) : wantedRuns(paper, table, setup);

const askedBy = ({ paper, table }: PlanTarget): readonly RunRequest[] =>
  table.kind === "figure" ? table.requests : requestsOf(paper, table);

export interface PlannedRun {
  id: string;
  name: string;
  /** All but the seed, in words: "mbert squad gu lora". */
  kind: string;
  spec: RunSpec;
  /** Of the store: finished runs are not made again. */
  state: string;
  /** Which of the plan's tables show it. */
  unlocks: string[];
  work: RunWork;
  /** On one process of this device; absent without a probe. */
  seconds?: number;
}

export interface PlannedTable {
  name: string;
  /** 0 for a figure. */
  cells: number;
  runs: number;
  finished: number;
  /** Runs that no other table of the plan shows. */
  alone: number;
  gaps: string[];
}

export interface Plan {
  format: 1;
  targets: string[];
  scale: string;
  fidelity: string;
  seeds: number[];
  backend: string;
  made: string;
  /** What must be had before the runs can be made; their ids are not final. */
  provisional: string[];
  tables: PlannedTable[];
  probes: Probe[];
  jobs: number;
  downloads: Download[];
  runs: PlannedRun[];
}

/** Sizes of a task where a setup's runs read their data. */
export function sizeOf(paper: Paper, setup: Setup, request: RunRequest): TaskSize {
  const size = setup.data === "tiny"
    ? tinySizes[request.task as keyof typeof tinySizes]
    : paper.sizes[request.task];
  if (size === undefined) throw new Error(`plan: ${paper.id} does not say how large ${request.task} is`);
  return size;
}

/** Widths of the encoder that a setup's runs use. */
export function shapeOf(paper: Paper, setup: Setup, { model }: RunRequest): EncoderShape {
  const { tiny, shape } = modelOf(paper, model);
  return setup.scale === "tiny" ? tinyShape(tiny ?? "") : shape;
}

export interface PlanOptions {
  targets: readonly PlanTarget[];
  store: RunStore;
  /** How many of the missing runs are made side by side. */
  jobs(missing: readonly RunSpec[]): Promise<number>;
  /** Times a few updates of an encoder of this width as one of `processes` has it; null: hours are not estimated. */
  probe: ((shape: EncoderShape, tokens: number, processes: number) => Promise<Probe>) | null;
}

export async function makePlan({ targets, store, jobs, probe }: PlanOptions): Promise<Plan> {
  const runs = new Map<string, PlannedRun>();
  const missing: { run: PlannedRun; shape: EncoderShape; tokens: number }[] = [];
  const tables: PlannedTable[] = [];
  for (const target of targets) {
    const { name, paper, table, setup } = target;
    const ids = new Set<string>();
    for (const { request, spec } of wantedBy(target)) {
      const id = await runId(spec);
      ids.add(id);
      const known = runs.get(id);
      if (known !== undefined) {
        known.unlocks.push(name);
        continue;
      }
      const [shape, size] = [shapeOf(paper, setup, request), sizeOf(paper, setup, request)];
      const work = await workOf(spec, shape, size);
      const { state } = await store.inspect(id);
      const run: PlannedRun = {
        id,
        name: runName(spec),
        kind: requestWords(request),
        spec,
        state,
        unlocks: [name],
        work,
      };
      if (state !== "finished") missing.push({ run, shape, tokens: Math.min(size.trainTokens, 384) });
      runs.set(id, run);
    }
    tables.push({
      name,
      cells: table.kind === "figure" ? 0 : table.rows.length * table.columns.length,
      runs: ids.size,
      finished: [...ids].filter((id) => runs.get(id)!.state === "finished").length,
      alone: 0,
      gaps: [...new Set(askedBy(target).flatMap((each) => gapOf(paper, setup, each) ?? []))],
    });
  }
  for (const { unlocks } of runs.values()) {
    if (unlocks.length === 1) tables.find(({ name }) => name === unlocks[0])!.alone++;
  }
  const processes = await jobs(missing.map(({ run }) => run.spec));
  const probes = new Map<string, Probe>();
  if (probe !== null) {
    for (const { run, shape, tokens } of missing) {
      const key = `${shape.hidden} ${tokens}`;
      if (!probes.has(key)) probes.set(key, await probe(shape, tokens, processes));
      run.seconds = run.work.total / probes.get(key)!.flopsPerSecond;
    }
  }
  const [first] = targets;
  const all = [...runs.values()];
  return {
    format: 1,
    targets: targets.map(({ name }) => name),
    scale: first?.setup.scale ?? "",
    fidelity: first === undefined ? "" : fidelityWords(first.setup),
    seeds: [...first?.setup.seeds ?? []],
    backend: first?.setup.backend ?? "",
    made: new Date().toISOString(),
    provisional: missingThings(targets),
    tables,
    probes: [...probes.values()],
    jobs: processes,
    downloads: downloadsOf(targets),
    // What unlocks most comes first.
    runs: all.sort((a, b) => b.unlocks.length - a.unlocks.length),
  };
}

const provisionalWord = "provisional";

/** Models and data whose hashes are not known yet. */
function missingThings(targets: readonly PlanTarget[]): string[] {
  const found = new Set<string>();
  const names = targets.map(({ name }) => name);
  for (const target of targets) {
    const { paper, setup } = target;
    for (const [id, { revision }] of Object.entries(setup.models)) {
      if (revision.startsWith(provisionalWord)) {
        found.add(`model ${id} is not at hand: repro fetch ${id} (or --${id} FOLDER)`);
      }
    }
    const revisions = Object.values(setup.dataRevisions);
    if (askedBy(target).length > 0 && revisions.some((each) => each?.startsWith(provisionalWord))) {
      found.add(
        `data of ${paper.shortTitle} are not at hand: repro fetch ${names.join(" ")} (or --data-root FOLDER)`,
      );
    }
  }
  return [...found, ...missingLanguages(targets)];
}

/** One sentence for each model, whatever tables need it. */
function missingLanguages(targets: readonly PlanTarget[]): string[] {
  const found = new Map<string, { target: PlanTarget; codes: Set<string> }>();
  for (const target of targets) {
    for (const request of askedBy(target)) {
      const key = `${target.paper.id} ${request.model}`;
      const codes = found.get(key)?.codes ?? new Set();
      for (const code of missingAdapters(target.paper, target.setup, request)) codes.add(code);
      if (codes.size > 0) found.set(key, { target, codes });
    }
  }
  return [...found].map(([key, { target: { paper, setup }, codes }]) => {
    const id = key.split(" ")[1];
    const { model, adaptersFolder } = setup.models[id];
    const steps = adapterSteps(paper, model, [...codes], adaptersFolder!).join("; ");
    return `language adapters of ${id} are not at hand for ${
      [...codes].join(", ")
    }: ${steps} (--languages leaves some out)`;
  });
}

function downloadsOf(targets: readonly PlanTarget[]): Download[] {
  const found = new Map<string, Download>();
  for (const paper of new Set(targets.map((each) => each.paper))) {
    const mine = targets.filter((each) => each.paper === paper && each.setup.scale !== "tiny");
    if (mine.length === 0 || paper.downloads === undefined) continue;
    const requests = mine.flatMap(askedBy);
    const asked = {
      models: [
        ...new Set([
          ...requests.map(({ model }) => model),
          ...mine.flatMap(({ table }) => table.kind === "figure" ? table.models ?? [] : []),
        ]),
      ],
      tasks: [...new Set(requests.map(({ task }) => task))],
    };
    for (const each of paper.downloads(asked)) found.set(each.what, each);
  }
  return [...found.values()];
}
