// Promises everything that a report shows of a paper, from whatever runs a store holds: tables with the paper's numbers, figures, claims,
// audit, and each finished run once. Leaves facts that need data to the caller, the page to html.ts; trains nothing.
import { audit, auditedPaper } from "../audit/mod.ts";
import { type Evidence, judgeClaims, publishedEvidence } from "../claims/mod.ts";
import { drawFigure, runsOfFigure } from "../figures/mod.ts";
import {
  capital,
  columnTitle,
  fidelityWords,
  type Figure,
  metricTitle,
  type Paper,
  type ResultTable,
  runTitle,
  scaleWords,
  type Setup,
  wantedRuns,
} from "../paper/mod.ts";
import { plain } from "../render/mod.ts";
import { renderPicture } from "../render/picture-svg.ts";
import type { FinishedRun, LogLine, RunStore } from "../runs/mod.ts";
import { runId, runName } from "../spec/mod.ts";
import {
  explainCells,
  type Explanation,
  factsView,
  type JudgedCell,
  type JudgedFact,
  judgeTable,
  loadReference,
  type Lowest,
  named,
  printedLowest,
  referencePath,
  type RunOfTable,
  storedEvidence,
  storeEvidence,
  storeEvidenceName,
  tableView,
} from "../tables/mod.ts";
import type { FactTable } from "../paper/mod.ts";
import { loadPower, powerPath, powerView } from "../tables/power.ts";
import { layerTraces, logged, thinned } from "./curves.ts";
import type {
  ReportCell,
  ReportData,
  ReportFigure,
  ReportPaper,
  ReportRun,
  ReportSurface,
  ReportTable,
} from "./data.ts";
import { surfaceOf } from "./surface/surface.ts";

export interface ReportInputs {
  paper: Paper;
  setup: Setup;
  store: RunStore;
  /** Why this backend. */
  reason: string;
  /** Judged facts of a table, with lines on where they come from. */
  facts(table: FactTable): Promise<{ facts: JudgedFact[]; heading: readonly string[] }>;
}

const number = (value: number) => value.toFixed(2);
const spread = (sd: number | null | undefined, n: number) =>
  `${sd === null || sd === undefined ? "" : `± ${number(sd)} `}× ${n}`;

/** "--seeds 3," of one missing run becomes all that are missing. */
function commandOf({ seeds }: Explanation): string | undefined {
  const missing = seeds.filter(({ made }) => made === undefined);
  return missing[0]?.command.replace(
    /--seeds \S+$/,
    () => `--seeds ${missing.map(({ seed }) => `${seed},`).join("").replace(/(?<=,\d+),$/, "")}`,
  );
}

/** A column of the lowest language names it, as papers do; which one that is may differ between the paper and us. */
function languagesOf(
  table: ResultTable,
  { row, column, mean, paper }: JudgedCell,
  { ours, printed }: { ours: Lowest; printed: Lowest },
): Pick<ReportCell, "language" | "paperLanguage"> {
  const { pick, dataset } = table.columns.find(({ id }) => id === column)!;
  if (pick !== "lowest") return {};
  const [mine, theirs] = [ours, printed].map((each) => each[row]?.[dataset]);
  return {
    ...(mine === undefined || mean === null ? {} : { language: mine }),
    ...(theirs === undefined || paper === null ? {} : { paperLanguage: theirs }),
  };
}

function resultCell(
  paper: Paper,
  table: ResultTable,
  cell: JudgedCell,
  explanation: Explanation,
  lowest: { ours: Lowest; printed: Lowest },
): ReportCell {
  const { row, column, mean, sd, n, paper: printed, reference, legible, verdict, why } = cell;
  const declared = table.columns.find(({ id }) => id === column)!;
  const command = commandOf(explanation);
  return {
    ...{ row, column, verdict, why, rule: `mean over seeds of ${explanation.rule}` },
    ...languagesOf(table, cell, lowest),
    title: columnTitle(paper, declared),
    metric: metricTitle(declared.metric),
    ours: mean === null ? null : number(mean),
    ...(mean === null ? {} : { spread: spread(sd, n) }),
    ...(reference === null || reference.from === "paper"
      ? {}
      : { reference: `${number(reference.mean)} ${spread(reference.sd, reference.n)}` }),
    paper: printed === null
      ? legible ? null : "not legible"
      : `${number(printed.mean)}${printed.sd === undefined ? "" : ` ± ${number(printed.sd)}`}`,
    ...(printed === null ? {} : {
      read: `${printed.read}${
        printed.line === undefined ? "" : `, line ${printed.line} of its text`
      }; ${printed.n} runs`,
    }),
    seeds: explanation.seeds.flatMap(({ seed, run, value, made }) =>
      made === undefined ? [] : [[seed, run, value] as [number, string, number | null]]
    ),
    ...(command === undefined ? {} : { command }),
  };
}

/** One table with its runs; those that are finished go into `runs`. */
async function resultTable(
  { paper, setup, store, reason }: ReportInputs,
  table: ResultTable,
  runs: Map<string, FinishedRun>,
): Promise<ReportTable> {
  const wanted = await Promise.all(
    wantedRuns(paper, table, setup).map(async (each): Promise<RunOfTable> => {
      const id = await runId(each.spec);
      const run = runs.get(id) ?? await store.finished(id);
      return { ...each, run };
    }),
  );
  // In the order of the table, whichever was read first: the page is the same each time.
  for (const { run } of wanted) if (run !== null) runs.set(run.id, run);
  const file = await loadReference(referencePath(paper, table.id));
  const power = await loadPower(powerPath(paper, table.id));
  const inputs = { paper, table, setup, choice: {}, runs: wanted, file };
  const [judged, explained] = await Promise.all([judgeTable(inputs), explainCells(inputs, [])]);
  const finished = wanted.flatMap(({ run }) => run ?? []);
  const view = tableView(paper, table, judged, {
    ...{ setup, reason, runs: wanted },
    device: [...new Set(finished.map(({ provenance }) => provenance.device))].join("; ") || "none used",
    partial: [...new Set(finished.flatMap(({ provenance }) => provenance.partial ?? []))],
  });
  const lowest = { ours: judged.lowest, printed: printedLowest(table) };
  return {
    ...head(paper, table),
    heading: view.heading,
    notes: view.notes.map(plain),
    rows: Object.fromEntries(table.rows.map(({ id, title, model }) => [id, { title, model }])),
    ...(power === null ? {} : { power: powerView(paper, table, power) }),
    cells: judged.cells.map((cell, index) => resultCell(paper, table, cell, explained[index], lowest)),
  };
}

const head = (paper: Paper, table: ResultTable | FactTable) => ({
  id: `${paper.id}-${table.id}`,
  name: named(table.id),
  title: table.title,
  caption: table.published.caption,
  layout: [...table.layout],
});

async function factTable({ paper, facts }: ReportInputs, table: FactTable): Promise<ReportTable> {
  const found = await facts(table);
  const view = factsView(paper, table, found.facts, found.heading);
  const models = new Set(paper.models.map(({ id }) => id));
  const titles = new Map(
    table.layout.flatMap(({ groups }) => groups).flatMap((group) =>
      group.columns.flatMap(({ title, cells }) =>
        cells.map((id) => [id, [group.title, title].filter(Boolean).join(", ")] as const)
      )
    ),
  );
  return {
    ...head(paper, table),
    heading: view.heading,
    notes: view.notes.map(plain),
    rows: Object.fromEntries(table.published.rows.map(({ id, label, model }) => [
      id,
      { title: label, ...(model !== undefined && models.has(model) ? { model } : {}) },
    ])),
    cells: found.facts.map(({ row, column, ours, tiny, printed, verdict, why, from, read, line }) => ({
      ...{ row, column, ours, verdict, why, rule: from, paper: printed },
      title: titles.get(column) ?? column,
      ...(tiny === undefined ? {} : { spread: `tiny world: ${tiny}` }),
      ...(read === null ? {} : { read: `${read}${line === undefined ? "" : `, line ${line} of its text`}` }),
    })),
  };
}

async function figureOf(
  { paper, setup, store }: ReportInputs,
  figure: Figure,
  runs: Map<string, FinishedRun>,
): Promise<ReportFigure> {
  const wanted = await runsOfFigure(store, paper, figure, setup);
  for (const { run } of wanted) if (run !== null) runs.set(run.id, run);
  const { picture, records, missing } = await drawFigure(paper, figure, setup, wanted);
  return {
    id: `${paper.id}-${figure.id}`,
    name: named(figure.id),
    title: figure.title,
    svg: renderPicture(picture),
    notes: [...picture.notes],
    missing,
    runs: wanted.flatMap(({ run }) => run?.id ?? []),
    records,
  };
}

/** What a run did and when, from its schedule, logs and provenance. */
function events(run: FinishedRun, losses: readonly LogLine[], validation: readonly LogLine[]): string[] {
  const { schedule, provenance } = run;
  const at = [
    ...schedule.map(({ step, layers }) => ({
      step,
      text: `layer${layers.length === 1 ? "" : "s"} ${layers.join(" ")} opened`,
    })),
    ...logged(losses, "loss").filter((_, i, all) => i === 0 || i === all.length - 1).map((
      { step, value },
    ) => ({
      step,
      text: `loss ${value.toPrecision(4)}`,
    })),
    ...logged(validation, "score").map(({ step, value }) => ({
      step,
      text: `validation score ${number(value)}`,
    })),
  ].sort((a, b) => a.step - b.step);
  return [
    ...(provenance.started ? [`started ${provenance.started}`] : []),
    ...at.map(({ step, text }) => `step ${step}: ${text}`),
    ...(provenance.finished ? [`finished ${provenance.finished} after ${provenance.seconds} s`] : []),
  ];
}

async function reportRun(store: RunStore, run: FinishedRun): Promise<ReportRun> {
  const [losses, trf, validation] = await Promise.all(
    (["losses", "trf", "validation"] as const).map((name) => store.log(run.id, name)),
  );
  return {
    id: run.id,
    name: runName(run.spec),
    spec: run.spec as unknown as Record<string, unknown>,
    provenance: run.provenance,
    metrics: run.metrics,
    schedule: run.schedule,
    losses: thinned(logged(losses, "loss")),
    trace: thinned(logged(trf.filter(({ kind }) => kind === "tracking"), "average")),
    validation: thinned(logged(validation, "score")),
    layers: layerTraces(trf),
    log: events(run, losses, validation),
  };
}

/** Of all runs that logged tr(F) of each layer; runs that differ in their seed alone are averaged. */
function surfacesOf(
  { paper, setup }: ReportInputs,
  finished: Iterable<FinishedRun>,
  runs: ReportData["runs"],
): ReportSurface[] {
  const groups = new Map<string, FinishedRun[]>();
  for (const run of finished) {
    if (runs[run.id].layers === null) continue;
    const key = JSON.stringify({ ...run.spec, seed: 0 });
    groups.set(key, [...groups.get(key) ?? [], run]);
  }
  return [...groups.values()].flatMap((group) => {
    const surface = surfaceOf(group.map(({ id }) => runs[id]));
    if (surface === null) return [];
    const { spec } = group[0];
    const model = paper.models.find(({ id }) => setup.models[id]?.model === spec.model);
    const words = [
      model === undefined
        ? [spec.model, spec.task, spec.method, spec.adapter].join(" ")
        : runTitle(paper, model, spec),
      ...(spec.hyperparameters.trainingSize === undefined
        ? []
        : [`${spec.hyperparameters.trainingSize} examples`]),
    ].join(", ");
    const seeds = group.map((run) => run.spec.seed).join(" ");
    return [{
      id: group[0].id,
      title: `${words}; ${group.length === 1 ? `seed ${seeds}` : `mean of seeds ${seeds}`}`,
      model: model?.id ?? "",
      runs: group.map(({ id }) => id),
      surface,
    }];
  });
}

async function claimsOf({ paper, setup, store }: ReportInputs) {
  const claims = paper.claims ?? [];
  if (claims.length === 0) return [];
  const ofStore = await storeEvidence(paper, setup, claims, {
    finished: async (spec) => await store.finished(await runId(spec)),
    trace: (run) => store.log(run.id, "trf"),
  });
  const evidence: Record<string, Evidence> = {
    "the paper's own numbers": publishedEvidence(paper.printed),
    "stored tiny runs": await storedEvidence(paper),
    [storeEvidenceName(setup, ofStore)]: ofStore,
  };
  return judgeClaims(claims, evidence);
}

export async function gatherReport(all: readonly ReportInputs[]): Promise<ReportData> {
  const papers: ReportPaper[] = [];
  const runs: Record<string, ReportRun> = {};
  for (const inputs of all) {
    const { paper, setup, store } = inputs;
    const finished = new Map<string, FinishedRun>();
    const tables: ReportTable[] = [];
    for (const table of paper.tables) {
      tables.push(
        table.kind === "facts" ? await factTable(inputs, table) : await resultTable(inputs, table, finished),
      );
    }
    const figures: ReportFigure[] = [];
    for (const figure of paper.figures ?? []) figures.push(await figureOf(inputs, figure, finished));
    for (const run of finished.values()) runs[run.id] = await reportRun(store, run);
    const { id, title, shortTitle, authors, venue, code } = paper;
    papers.push({
      ...{ id, title, shortTitle, authors, venue, code, tables, figures },
      surfaces: surfacesOf(inputs, finished.values(), runs),
      setup: `scale ${setup.scale} · fidelity ${fidelityWords(setup)} · backend ${setup.backend} · seeds ${
        setup.seeds.join(" ")
      }`,
      ...(setup.scale === "tiny" ? { note: capital(scaleWords(paper, setup)) } : {}),
      models: paper.models.map((model) => ({ id: model.id, title: model.title })),
      claims: await claimsOf(inputs),
      audit: audit(auditedPaper(paper)),
    });
  }
  return { format: 1, papers, runs };
}
