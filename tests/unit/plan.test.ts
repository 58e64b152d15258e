// Promises: a plan counts each run once and says what it costs; a budget of more seeds ends where it should; a fault's power is
// kept and drawn. Leaves training to its own tests: runs here are fakes with invented numbers.
import * as fs from "node:fs/promises";
import * as os from "node:os";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeRuns } from "../../cli/commands/make-runs.ts";
import { setupFor } from "../../cli/commands/setup.ts";
import { requestsOfTargets } from "../../cli/commands/all.ts";
import { targetsOf } from "../../cli/papers.ts";
import {
  fidelityWords,
  type Paper,
  requestsOf,
  type ResultTable,
  type Setup,
  wantedRuns,
} from "../../repro/paper/mod.ts";
import {
  flopsText,
  makePlan,
  parsePlan,
  planLines,
  planText,
  untilDecided,
  type UntilOptions,
  workOf,
} from "../../repro/plan/mod.ts";
import { forwardFlops, stepFlops } from "../../repro/plan/flops.ts";
import { type Metrics, RunStore } from "../../repro/runs/mod.ts";
import { join } from "../../repro/runtime.ts";
import { runId, type RunSpec } from "../../repro/spec/mod.ts";
import { judgeTable } from "../../repro/tables/mod.ts";
import { powerOf, powerView } from "../../repro/tables/power.ts";
import { renderText } from "../../repro/render/mod.ts";
import { paper as moths } from "../fixtures/papers/moths/paper.ts";
import { executeRun } from "../fakes/execute.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("plan");
let store: RunStore;
test.before.each(async () => {
  store = new RunStore(await fs.mkdtemp(join(os.tmpdir(), "repro-plan-")));
});
test.after.each(async () => await fs.rm(store.folder, { recursive: true }));

const targets = (await targetsOf(["all"])).tables.filter(({ table }) => table.kind === "results") as {
  paper: Paper;
  table: ResultTable;
}[];

const two = () => Promise.resolve(2);

async function planAll(scale: string) {
  const [{ paper }] = targets;
  const { setup } = await setupFor(
    { scale, seeds: "4", backend: "wasm" },
    paper,
    requestsOfTargets(targets),
    { provisional: true },
  );
  return await makePlan({
    targets: targets.map(({ paper, table }) => ({ name: table.id, paper, table, setup })),
    store,
    jobs: two,
    probe: null,
  });
}

test("all tables at scale paper: runs that tables share are counted once", async () => {
  const plan = await planAll("paper");
  const of = (name: string) => plan.tables.find((each) => each.name === name)!;
  // 2 encoders × 3 tasks × 4 methods × 4 seeds; SQuAD alone in Table 8, COPA in 9, MNLI in 10.
  assert.is(of("table1").runs, 96);
  assert.is(of("table8").runs + of("table9").runs + of("table10").runs, 96);
  assert.is(of("table1").alone + of("table8").alone + of("table9").alone + of("table10").alone, 0);
  // Table 2 is a part of Table 14, Table 11 of Table 13, and half of Table 12 is in Table 1.
  assert.is(of("table2").alone, 0);
  assert.is(of("table14").runs, 2 * 3 * 3 * 4);
  assert.is(of("table11").alone, 0);
  assert.is(of("table13").runs, 2 * 2 * 3 * 3 * 4);
  assert.is(of("table12").alone, 2 * 2 * 4);
  assert.is(of("table7").runs, 2 * 3 * 4);
  assert.is(of("table16").runs + of("table17").runs + of("table18").runs, 24);
  assert.is(plan.runs.length, 96 + 72 + 144 + 16 + 24 + 24);
  assert.ok(plan.provisional.length > 0);
  // Whoever reads the file gets the same runs, and a changed one is noticed.
  const text = planText(plan);
  assert.is((await parsePlan(text, "p.json")).runs.length, plan.runs.length);
  let message = "";
  await parsePlan(text.replace('"seed": 1,', '"seed": 7,'), "p.json").catch((error) =>
    message = error.message
  );
  assert.match(message, /plan p\.json: run [0-9a-f]{16} has a specification of run/);
});

test("a plan names every language adapter that is not at hand, once for each model, with the steps; those left out are not asked for", async () => {
  const before = process.env.REPRO_CACHE;
  process.env.REPRO_CACHE = store.folder;
  try {
    const { provisional } = await planAll("paper");
    const of = (model: string) =>
      provisional.filter((each) => each.startsWith(`language adapters of ${model} `));
    const [mbert, xlmr, mdeberta] = ["mbert", "xlmr", "mdeberta"].map(of);
    assert.equal([mbert.length, xlmr.length, mdeberta.length], [1, 1, 1]);
    assert.match(
      mbert[0],
      /: repro fetch mbert-adapters \(en, .*\); nobody publishes th, it, ta; train each XX of them: /,
    );
    assert.match(
      mbert[0],
      `repro export RUN ${store.folder}/data/adapters/bert-base-multilingual-cased/default/XX`,
    );
    assert.not.match(xlmr[0], /nobody/);
    assert.match(mdeberta[0], /: nobody publishes en, .* --model mdeberta --task mlm --language XX/);
    const [{ paper }] = targets;
    const few = await setupFor(
      { scale: "paper", seeds: "1", backend: "wasm", languages: "en,de" },
      paper,
      requestsOfTargets(targets),
      { provisional: true },
    );
    const plan = await makePlan({
      targets: targets.map(({ paper, table }) => ({ name: table.id, paper, table, setup: few.setup })),
      ...{ store, jobs: two, probe: null },
    });
    assert.match(
      plan.provisional.join("\n"),
      /language adapters of mbert are not at hand for en, de: repro fetch/,
    );
    assert.equal(plan.runs.find(({ spec }) => spec.task === "xnli")!.spec.evaluate, { xnli: ["en", "de"] });
  } finally {
    if (before === undefined) delete process.env.REPRO_CACHE;
    else process.env.REPRO_CACHE = before;
  }
});

test("a figure of a model's structure makes no run, and its plan tells what the model costs to fetch", async () => {
  const [{ paper, figure }] = (await targetsOf(["figure6"])).figures;
  const { setup } = await setupFor({ scale: "paper", seeds: "1", backend: "wasm" }, paper, [], {
    provisional: true,
  });
  const plan = await makePlan({
    targets: [{ name: figure.id, paper, table: figure, setup }],
    store,
    jobs: two,
    probe: null,
  });
  assert.equal(plan.runs, []);
  // No source states the sizes of weights: 119,547 × 768 + 12 · (4 · 768² + 2 · 768 · 3,072) parameters of 4 bytes; and for each of 15
  // languages 12 · 2 · 768 · 384 + 4 · 384 · 192.
  const [model, adapters] = plan.downloads;
  assert.equal([model.what, model.estimated, model.unknown], ["mbert", 4 * 176_746_752, 2]);
  assert.equal(adapters, { what: "mbert-adapters", bytes: null, estimated: 15 * 4 * 7_372_800, unknown: 0 });
  const lines = planLines(plan).join("\n");
  assert.match(lines, "to fetch: mbert-adapters: about 421.9 MiB (estimate)\n");
  assert.match(lines, /to fetch in all: 2\.8 MiB, about 1\.1 GiB \(estimate\), 2 files of unknown size\n/);
  assert.match(lines, "4 bytes for each parameter");
  assert.ok(
    plan.provisional.every((each) => /^model mbert is not at hand/.test(each)),
    plan.provisional.join(),
  );
});

test("at scale tiny no table has a gap, and the encoder with relative positions costs more", async () => {
  const plan = await planAll("tiny");
  for (const { name, runs, gaps } of plan.tables) {
    assert.ok(runs > 0, name);
    assert.equal(gaps, []);
  }
  const training = (model: string) =>
    plan.runs.find(({ spec: { model: of, task, method } }) =>
      of === model && task === "xnli" && method === "gu"
    )!
      .work.training;
  assert.is(training("mbert"), training("xlmr"));
  const ratio = training("mdeberta") / training("xlmr");
  assert.ok(ratio > 1.05 && ratio < 2, String(ratio));
  assert.equal(plan.provisional, []);
  assert.equal(plan.downloads, []);
});

test("the work of a run, by hand", async () => {
  const widths = { layers: 2, hidden: 8, feedForward: 16, heads: 2, vocabulary: 50 };
  const size = { train: 100, validation: 10, trainTokens: 4, scoreTokens: 3, test: { xnli: 20 }, read: "" };
  const step = { ...widths, batch: 8, tokens: 4 };
  const standard = await workOf(spec({ method: "standard" }), widths, size);
  assert.is(standard.steps, 20);
  assert.is(standard.training, 20 * stepFlops(step, 2));
  assert.is(standard.fisher, 0);
  // Two validations (every 10 steps) of 10, and three languages of 20.
  assert.is(standard.evaluation, forwardFlops({ ...widths, batch: 2 * 10 + 3 * 20, tokens: 3 }));
  assert.is(standard.total, standard.training + standard.evaluation);
  // Paper's gradual unfreezing, k = 2: one layer for two updates, both from then on.
  const gradual = await workOf(spec({ fidelity: "paper" }), widths, size);
  assert.is(gradual.training, 2 * stepFlops(step, 1) + 18 * stepFlops(step, 2));
  // As coded the second layer comes at 2k − 1.
  const coded = await workOf(spec(), widths, size);
  assert.is(coded.training, 3 * stepFlops(step, 1) + 17 * stepFlops(step, 2));
  const fun = await workOf(spec({ method: "fun" }), widths, size);
  assert.is(fun.fisher, 2 * 5 * stepFlops(step, 2));
  const full = await workOf(spec({ method: "standard", adapter: "full" }), widths, size);
  assert.is(full.training, 20 * stepFlops(step, "all"));
  assert.ok(full.bytes > standard.bytes);
  const epochs = { ...spec().hyperparameters, steps: undefined, epochs: 3, trainingSize: 30 };
  assert.is((await workOf(spec({ hyperparameters: epochs }), widths, size)).steps, 3 * 4);
  // Disentangled attention: queries and keys against 6 positions, for 8 × 4 tokens of width 8, and the positions' projections.
  const disentangled = { ...step, relativePositions: 6 };
  const more = 2 * (2 * 2 * (8 * 4) * 6 * 8 + 2 * 2 * 6 * 8 * 8);
  assert.is(forwardFlops(disentangled) - forwardFlops(step), more);
  assert.is(flopsText(53.3e18), "53.3 EFLOP");
  assert.is(flopsText(0), "0.00 FLOP");
});

const table = moths.tables[0] as ResultTable;
const atPaper: Setup = {
  scale: "paper",
  seeds: [1, 2],
  backend: "wasm",
  fidelity: "paper",
  data: "tiny",
  models: { lamp: { model: "lamp", revision: "l1" } },
  dataRevisions: { xnli: "d1" },
};
const choice = { rows: ["lamp/all"], columns: ["xnli/en/accuracy"] };

/** Finished runs whose English lies around a mean, seed by seed with some spread; everything else is 60. */
async function untilWith(
  mean: number,
  spread: number,
  { bare = false, fails, ...changes }: Partial<UntilOptions> & {
    /** None of the table's own runs is there yet. */
    bare?: boolean;
    fails?(spec: RunSpec): boolean;
  } = {},
) {
  const made: number[] = [];
  const finish = async (of: RunSpec) => {
    const writer = await store.begin(of);
    if (writer === null) return;
    const wave = [-1, 1, 0.4, -0.4, 0.9, -0.9][of.seed % 6];
    const metrics: Metrics = { "xnli/ar/accuracy": 60, "xnli/sw/accuracy": 61 };
    metrics["xnli/en/accuracy"] = mean + spread * wave;
    await writer.finish({ metrics, schedule: [], steps: 1, provenance: { backend: "wasm", device: "fake" } });
  };
  const start = wantedRuns(moths, table, atPaper, changes.choice ?? choice);
  if (!bare) { for (const each of start) await finish(each.spec); }
  const runs = await Promise.all(
    start.map(async (each) => ({ ...each, run: await store.finished(await runId(each.spec)) })),
  );
  const result = await untilDecided({
    ...{ paper: moths, table, setup: atPaper, choice, file: null, store, runs },
    budget: { runs: 60, hours: 1 },
    async make(specs) {
      for (const each of specs) {
        made.push(each.seed);
        if (!fails?.(each)) await finish(each);
      }
      return { interrupted: false, failed: specs.filter((each) => fails?.(each)).length };
    },
    ...changes,
  });
  return { ...result, made, verdict: result.judged.cells[0].verdict };
}

test("seeds are added until the cell is decided, each once", async () => {
  // Printed: 70 ± 0.5 over 3 runs, margin 3. Two seeds with this spread decide nothing.
  const { verdict, ended, made, added } = await untilWith(70.5, 2.5);
  assert.is(verdict, "consistent");
  assert.is(ended, "decided");
  assert.is(added, made.length);
  assert.equal(made, Array.from({ length: made.length }, (_, i) => i + 3));
  assert.ok(made.length >= 1 && made.length < 30, String(made.length));
});

test("a difference is shown with more seeds too", async () => {
  const { verdict, ended, made } = await untilWith(76, 6);
  assert.is(verdict, "inconsistent");
  assert.is(ended, "decided");
  assert.ok(made.length > 0);
});

test("a decided cell adds nothing", async () => {
  const { verdict, made } = await untilWith(70.1, 0.1);
  assert.is(verdict, "consistent");
  assert.equal(made, []);
});

test("a budget of runs, of hours, a failure and an interruption each end it by name", async () => {
  const few = await untilWith(70.5, 2.5, { budget: { runs: 1, hours: 1 } });
  assert.is(few.ended, "budget of runs");
  assert.equal(few.made, [3]);
  assert.is(few.verdict, "underpowered");
  let time = 0;
  const late = await untilWith(70.5, 2.5, {
    budget: { runs: 60, hours: 0.5 },
    now: () => (time += 3_600_000),
  });
  assert.is(late.ended, "budget of hours");
  const failing = await untilWith(70.5, 2.5, {
    make: () => Promise.resolve({ interrupted: false, failed: 1 }),
  });
  assert.is(failing.ended, "failure");
  const stopped = await untilWith(70.5, 2.5, {
    make: () => Promise.resolve({ interrupted: true, failed: 0 }),
  });
  assert.is(stopped.ended, "interrupted");
  assert.ok(stopped.interrupted);
});

test("the table's own runs are made first and share the budget", async () => {
  const all = await untilWith(70.5, 2.5, { bare: true });
  assert.equal([all.ended, all.verdict], ["decided", "consistent"]);
  assert.equal(all.made, Array.from({ length: all.made.length }, (_, i) => i + 1));
});

test("a budget may end before the table's own runs are made", async () => {
  const one = await untilWith(70.5, 9, { bare: true, budget: { runs: 1, hours: 1 } });
  assert.equal([one.ended, one.made, one.added], ["budget of runs", [1], 1]);
});

test("a run that failed leaves its cell missing, which is no decision", async () => {
  const both = { rows: ["lamp/all", "lamp/upwards"], columns: ["xnli/en/accuracy"] };
  const fails = ({ method }: RunSpec) => method === "rev";
  const { ended, judged, failed, made } = await untilWith(70.1, 0.1, { bare: true, choice: both, fails });
  assert.is(ended, "cells are missing");
  assert.equal(judged.cells.map(({ verdict }) => verdict), ["consistent", "missing"]);
  // Each is tried once.
  assert.equal([failed, made.length], [2, 4]);
});

test("where every run fails that is the end", async () => {
  const { ended, verdict, made } = await untilWith(70.1, 0.1, { bare: true, fails: () => true });
  assert.equal([ended, verdict, made.length], ["failure", "missing", 2]);
});

test("when the hours are over runs save checkpoints, and the same call goes on from there", async () => {
  const steps: number[] = [];
  const options = {
    ...{ paper: moths, table, setup: { ...atPaper, seeds: [1] }, choice, file: null, store },
    runs: wantedRuns(moths, table, { ...atPaper, seeds: [1] }, choice).map((each) => ({
      ...each,
      run: null,
    })),
    async make(specs: RunSpec[], signal: AbortSignal) {
      try {
        for (const each of specs) {
          await executeRun(each, { store, signal, onProgress: ({ step }) => void steps.push(step) });
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      return { interrupted: signal.aborted, failed: 0 };
    },
  };
  process.env.REPRO_FAKE_STEP_MS = "60";
  try {
    const late = await untilDecided({ ...options, budget: { runs: 1, hours: 0.3 / 3600 } });
    assert.equal([late.ended, late.interrupted], ["budget of hours", false]);
    assert.is(late.judged.cells[0].verdict, "missing");
  } finally {
    delete process.env.REPRO_FAKE_STEP_MS;
  }
  const reached = steps.length;
  assert.ok(reached > 0 && reached < 20, String(reached));
  const again = await untilDecided({ ...options, budget: { runs: 1, hours: 1 } });
  assert.is(again.judged.cells[0].n, 1);
  assert.equal(steps, Array.from({ length: 20 }, (_, i) => i + 1));
});

test("a command's runs stop for the hours as they do for Ctrl-C", async () => {
  const late = AbortSignal.abort(new Error("the budget of hours is over"));
  const { interrupted, failed, runs } = await makeRuns([spec()], { store: store.folder, jobs: "1" }, late);
  assert.equal([interrupted, failed, runs.length], [true, 0, 0]);
});

test("where their own spread hides the margin, no number of runs on our side would decide", async () => {
  // Printed: 70 ± 0.5 over 3 runs. Within 1 point is never shown (1.1 + 2.92 × 0.29), nor that it differs (4.30 × 0.29 > 1.1).
  const { published } = table;
  const strict = { ...table, published: { ...published, margin: { points: 1, why: "strict" } } };
  const { ended, verdict } = await untilWith(71, 0.2, { table: strict });
  assert.is(verdict, "underpowered");
  assert.is(ended, "no number of runs would decide");
});

test("which cells notice a fault is kept and drawn, faults that none notices too", () => {
  const { paper, table } = targets[0];
  const cell = (column: string, verdict: "inconsistent" | "consistent", difference: number) => ({
    ...{
      row: "mbert/standard",
      column,
      mean: 1,
      sd: 0,
      n: 1,
      seeds: {},
      paper: null,
      legible: true,
      why: "",
    },
    reference: { mean: 1, n: 4, tolerance: 2.5, from: "stored runs" as const },
    verdict,
    difference,
  });
  const mutants = [
    powerOf("language-not-swapped", "the English adapter stays in", [
      cell("mlqa/en/f1", "consistent", 0),
      cell("mlqa/average/f1", "inconsistent", -34.219),
    ]),
    powerOf("labels-from-data", "labels are taken from the data", [cell("mlqa/en/f1", "consistent", 0.4)]),
  ];
  const text = renderText(powerView(paper, table, {
    ...{
      format: 1,
      table: "table1",
      scale: "tiny",
      fidelity: "authors-code",
      seeds: [1],
      command: "",
      mutants,
    },
    made: { date: "2000-01-01", device: "fake", numericsVersion: 1 },
  }));
  assert.match(text, /-34\.2≠/);
  assert.match(text, /language-not-swapped \(the English adapter stays in\): 1 of 2 cells notice it/);
  assert.match(text, /labels-from-data \(.*\): 0 of 1 cells notice it/);
});

test("reduced data are the same runs at scales low-data and paper, and are compared with the paper at both", async () => {
  const { paper, table } = targets.find(({ table }) => table.id === "table11")!;
  const models = { mbert: { model: "m", revision: "m1" }, xlmr: { model: "x", revision: "x1" } };
  const at = (scale: Setup["scale"]): Setup => ({
    ...{ scale, seeds: [1], backend: "wasm", fidelity: "paper", data: "d", models },
    dataRevisions: { squad: "s1", xnli: "n1" },
  });
  const [low, whole] = (["low-data", "paper"] as const).map((scale) =>
    wantedRuns(paper, table, at(scale)).map(({ spec }) => spec)
  );
  assert.equal(low, whole);
  assert.is(low.length, 4 * 2 * 3);
  assert.equal(
    new Set(low.map(({ hyperparameters }) => hyperparameters.trainingSize)),
    new Set([1000, 5000, 10000]),
  );
  // Table 4: mBERT's k is 10, 50, 50 on SQuAD and 1, 25, 25 on MNLI.
  const intervals = low.filter(({ model, method }) => model === "m" && method === "gu").map((each) =>
    each.hyperparameters.interval
  );
  assert.equal(intervals, [10, 50, 50, 1, 25, 25]);
  const runs = wantedRuns(paper, table, at("low-data")).map((each) => ({ ...each, run: null }));
  const { cells } = await judgeTable({ paper, table, setup: at("low-data"), choice: {}, runs, file: null });
  assert.ok(cells.every(({ reference, verdict }) => reference?.from === "paper" && verdict === "missing"));
});

test("single items of fidelity reach the runs: those that act in a run, and those that are settings", async () => {
  const { paper, table } = targets.find(({ table }) => table.id === "table14")!;
  const of = async (fidelity: string) => {
    const { setup } = await setupFor(
      { backend: "wasm", fidelity, seeds: "1" },
      paper,
      requestsOf(paper, table),
    );
    return { setup, specs: wantedRuns(paper, table, setup).map(({ spec }) => spec) };
  };
  const whole = await of("authors-code");
  const item = await of("authors-code,fisher-label=paper,adamw-variant=paper");
  assert.is(fidelityWords(item.setup), "authors-code,fisher-label=paper,adamw-variant=paper");
  for (const [i, { items, hyperparameters, ...rest }] of item.specs.entries()) {
    assert.equal(items, { "fisher-label": "paper" });
    const { hyperparameters: plain, ...others } = whole.specs[i];
    assert.equal(rest, others);
    assert.equal(hyperparameters, { ...plain, optimizer: "torch" });
  }
});

test("what the source has lost is named and never compared, whatever the runs say", async () => {
  const { paper, table } = targets.find(({ table }) => table.id === "table7")!;
  const models = { mbert: { model: "m", revision: "m1" }, xlmr: { model: "x", revision: "x1" } };
  const setup: Setup = {
    ...{ scale: "paper", seeds: [1], backend: "wasm", fidelity: "paper", data: "d", models },
    dataRevisions: { squad: "s1", xnli: "n1", copa: "c1" },
  };
  const runs = wantedRuns(paper, table, setup).map((each) => ({ ...each, run: null }));
  assert.ok(runs.every(({ spec }) => spec.adapter === "full" && spec.method === "standard"));
  const { cells } = await judgeTable({ paper, table, setup, choice: {}, runs, file: null });
  const lost = cells.filter(({ verdict }) => verdict === "not legible").map(({ row, column }) =>
    `${row} ${column}`
  );
  assert.equal(lost, [
    ...["mbert/full mlqa/average/f1", "mbert/full xcopa/average/accuracy"],
    ...["xlmr/full mlqa/average/f1", "xlmr/full xcopa/average/accuracy"],
  ]);
  const xquad = cells.find(({ row, column }) => row === "xlmr/full" && column === "xquad/average/f1")!;
  assert.is(xquad.paper!.mean, 71.98);
});

test("requests of a table are distinct", () => {
  for (const { paper, table } of targets) {
    const requests = requestsOf(paper, table).map((each) => JSON.stringify(each));
    assert.is(new Set(requests).size, requests.length, table.id);
  }
});

test.run();
