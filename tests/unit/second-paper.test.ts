// Promises: a second paper is a folder and nothing else. The invented one under tests/fixtures/papers has its runs planned, made,
// judged, drawn in every format and kept as a reference, by the toolkit that the first paper uses.
import { readdir, readFile } from "node:fs/promises";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { drawFigure, runsOfFigure } from "../../repro/figures/mod.ts";
import { launch } from "../../repro/launch/mod.ts";
import { type Setup, wantedRuns } from "../../repro/paper/mod.ts";
import { makePlan, parsePlan, planLines, planText } from "../../repro/plan/mod.ts";
import { type Drawn, formatNames, render } from "../../repro/render/mod.ts";
import { renderPicture } from "../../repro/render/picture-svg.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { join } from "../../repro/runtime.ts";
import { runId } from "../../repro/spec/mod.ts";
import {
  factsView,
  judgeFacts,
  judgeTable,
  makeReference,
  type RunOfTable,
  tableView,
} from "../../repro/tables/mod.ts";
import { paper } from "../fixtures/papers/moths/paper.ts";

const test = suite("second paper");
const root = fileURLToPath(new URL("../../", import.meta.url));
const execution = new URL("../fakes/execute.ts", import.meta.url);
const [table, facts] = paper.tables;
if (table.kind !== "results" || facts.kind !== "facts") throw new Error("the fixture has changed");
const choice = {};

const setup = (changes: Partial<Setup> = {}): Setup => ({
  scale: "tiny",
  seeds: [1, 2, 3],
  backend: "wasm",
  fidelity: "paper",
  data: "tiny",
  models: { lamp: { model: "lamp", revision: "l1" } },
  dataRevisions: { xnli: "d1" },
  ...changes,
});

let store: RunStore;
test.before(async () => {
  store = new RunStore(await fs.mkdtemp(join(os.tmpdir(), "repro-second-")));
});
test.after(async () => await fs.rm(store.folder, { recursive: true }));

async function runsOf(of: Setup): Promise<RunOfTable[]> {
  return await Promise.all(
    wantedRuns(paper, table as typeof table & { kind: "results" }, of).map(async (wanted) => ({
      ...wanted,
      run: await store.finished(await runId(wanted.spec)),
    })),
  );
}

test("its runs are planned: distinct, with work, and the plan survives a file", async () => {
  const plan = await makePlan({
    targets: [{ name: "table1", paper, table, setup: setup() }, {
      name: "again",
      paper,
      table,
      setup: setup(),
    }],
    store,
    // The runs that are missing say how many go side by side, and that says what is timed.
    jobs: (missing) => Promise.resolve(missing.length - 3),
    probe: (shape, tokens, processes) =>
      Promise.resolve({
        flopsPerSecond: 1e9,
        device: "a fake",
        what: `${shape.hidden} wide, ${tokens} tokens, one of ${processes}`,
      }),
  });
  assert.is(plan.runs.length, 6);
  assert.is(plan.jobs, 3);
  assert.match(plan.probes[0].what, /one of 3$/);
  assert.ok(plan.runs.every(({ state, unlocks }) => state === "absent" && unlocks.join() === "table1,again"));
  assert.equal(plan.tables[0].gaps, ["the sun does not fit"]);
  const run = plan.runs[0];
  assert.is(run.work.steps, 20);
  assert.ok(Math.abs(run.seconds! - run.work.total / 1e9) < 1e-12);
  assert.equal(
    (await parsePlan(planText(plan), "p.json")).runs.map(({ id }) => id),
    plan.runs.map(({ id }) => id),
  );
  assert.match(
    planLines(plan).join("\n"),
    /6 distinct runs \(the targets ask for 12\), 0 finished, 6 to make/,
  );
});

test("its table is drawn with gaps, then filled; a cell follows as the paper says", async () => {
  const empty = await judgeTable({
    paper,
    table,
    setup: setup(),
    choice,
    runs: await runsOf(setup()),
    file: null,
  });
  assert.equal(new Set(empty.cells.map(({ verdict }) => verdict)), new Set(["missing", "not comparable"]));
  const specs = wantedRuns(paper, table, setup()).map(({ spec }) => spec);
  assert.equal((await launch({ specs, store, execution, jobs: 2 })).failed, []);
  const runs = await runsOf(setup());
  const { cells, lowest } = await judgeTable({ paper, table, setup: setup(), choice, runs, file: null });
  const cell = (row: string, column: string) =>
    cells.find((each) => each.row === row && each.column === column)!;
  const language = lowest["lamp/all"].xnli!;
  const all = runs.filter(({ spec }) => spec.method === "standard").map(({ run }) => run!.metrics);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const gap = mean(all.map((metrics) => metrics["xnli/en/accuracy"] - metrics[`xnli/${language}/accuracy`]));
  assert.ok(Math.abs(cell("lamp/all", "xnli/gap/accuracy").mean! - gap) < 1e-9);
  assert.is(cell("lamp/all", "xnli/en/accuracy").n, 3);
  assert.is(cell("sun/all", "xnli/en/accuracy").why, "the sun does not fit");
});

test("without runs of the baseline the lowest language is not known, and the cell says so", async () => {
  const of = { rows: ["lamp/upwards"], columns: ["xnli/en/accuracy", "xnli/lowest/accuracy"] };
  const runs = (await runsOf(setup())).filter(({ request }) => request.method === "rev");
  const { cells } = await judgeTable({ paper, table, setup: setup(), choice: of, runs, file: null });
  assert.equal(cells.map(({ verdict }) => verdict), ["not comparable", "missing"]);
  assert.match(cells[1].why, /which language is the lowest follows from finished runs of standard training/);
});

test("beside its printed numbers it is judged by its own margin, and what is not legible is said to be", async () => {
  const at = setup({ scale: "paper" });
  const specs = wantedRuns(paper, table, at).map(({ spec }) => spec);
  await launch({ specs, store, execution, jobs: 2 });
  const { cells } = await judgeTable({ paper, table, setup: at, choice, runs: await runsOf(at), file: null });
  const english = cells.find(({ row, column }) => row === "lamp/all" && column === "xnli/en/accuracy")!;
  assert.is(english.reference!.from, "paper");
  assert.is(english.reference!.tolerance, 3);
  assert.is(english.paper!.line, 12);
  const verdict = cells.find(({ column }) => column === "xnli/lowest/accuracy")!.verdict;
  assert.is(verdict, "not legible");
  assert.is(cells.find(({ row }) => row === "lamp/upwards")!.verdict, "not comparable");
});

test("every format shows every row, and a format that is text alone has no mark-up of another", async () => {
  const runs = await runsOf(setup());
  const judged = await judgeTable({ paper, table, setup: setup(), choice, runs, file: null });
  const view = tableView(paper, table, judged, {
    setup: setup(),
    device: "fake",
    reason: "asked",
    runs,
    partial: [],
  });
  const drawn: Drawn = {
    view,
    summary: { cells: judged.cells },
    records: judged.cells.map(({ row, column, mean, why }) => ({ row, column, mean, why })),
  };
  for (const format of formatNames) {
    const text = render(drawn, format, { width: 100, colour: false });
    for (const row of ["lamp/upwards", "Lamp all+Up"]) {
      if (text.includes(row)) break;
      if (row === "Lamp all+Up") assert.unreachable(`${format} lacks the row:\n${text}`);
    }
  }
  const latex = render(drawn, "latex", { width: 100, colour: false });
  for (const word of ["\\toprule", "\\bottomrule", "\\cmidrule(lr){2-4}", "$\\pm$"]) {
    assert.ok(latex.includes(word), word);
  }
  // One row has as many cells as the head promises.
  for (
    const line of latex.split("\n").filter((each) => each.endsWith("\\\\") && !each.includes("multicolumn"))
  ) {
    assert.is(line.split(/(?<!\\)&/).length, 4, line);
  }
  const csv = render(drawn, "csv", { width: 100, colour: false }).trimEnd().split("\r\n");
  assert.is(csv.length, 1 + judged.cells.length);
  assert.is(csv[0], "row,column,mean,why");
});

test("its figure is drawn from its runs, and with a gap without them", async () => {
  const [figure] = paper.figures!;
  const draw = async (of: Setup) =>
    await drawFigure(paper, figure, of, await runsOfFigure(store, paper, figure, of));
  const { records, missing, picture } = await draw(setup());
  const moths = (await runsOf(setup())).filter(({ spec }) => spec.method === "rev").map(({ run, spec }) => ({
    seed: spec.seed,
    moths: run!.metrics["xnli/en/accuracy"],
  }));
  assert.equal([records, missing], [moths, []]);
  assert.match(renderPicture(picture), "moths by seed");
  const empty = await draw(setup({ seeds: [8, 9] }));
  assert.equal(empty.missing, ["missing: lamp xnli rev (seeds 8 9)"]);
  assert.match(renderPicture(empty.picture, empty.missing), /gap: dark[^]*missing: lamp xnli rev/);
});

test("its reference is made from its runs, and the same runs are then consistent with it", async () => {
  const at = setup();
  const runs = (await runsOf(at)).filter(({ request }) => request.model === "lamp");
  const file = await makeReference(paper, table, at, runs, () => 200, "repro reference table1");
  assert.is(file.cells.length, 6);
  const { cells } = await judgeTable({ paper, table, setup: at, choice, runs, file });
  for (const { row, verdict, why } of cells) {
    assert.is(verdict, row.startsWith("lamp") ? "consistent" : "not comparable", why);
  }
});

test("its facts are judged: one agrees, one does not", async () => {
  const found = await judgeFacts(facts, { paper, fidelity: "paper", source: null });
  assert.equal(found.map(({ verdict }) => verdict), ["consistent", "inconsistent"]);
  assert.match(
    render({ view: factsView(paper, facts, found, []), summary: {}, records: [] }, "text", {
      width: 80,
      colour: false,
    }),
    /settings: 0\.0005; the paper: 5e-3/,
  );
});

test("the toolkit and its commands name no paper's folder", async () => {
  for (const folder of ["core", "repro", "cli"]) {
    for (const path of await readdir(join(root, folder), { recursive: true })) {
      if (!path.endsWith(".ts") || path.includes("node_modules")) continue;
      const text = await readFile(join(root, folder, path), "utf8");
      assert.not.match(text, /fun-with-fisher/, `${folder}/${path}`);
    }
  }
});

test.run();
