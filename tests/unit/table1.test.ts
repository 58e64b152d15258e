// Table 1 at tiny scale: its stored reference belongs to the settings, data and encoders as they are, meets what the tiny world
// promises, and is judged and drawn as it should.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setupForTable } from "../../cli/commands/setup.ts";
import { resultTarget } from "../../cli/papers.ts";
import { misplacedAnswers } from "../../repro/data/squad.ts";
import { type Choice, judgedRuns, type Setup, wantedRuns } from "../../repro/paper/mod.ts";
import { renderMarkdown, renderText } from "../../repro/render/mod.ts";
import type { FinishedRun } from "../../repro/runs/mod.ts";
import type { RunSpec } from "../../repro/spec/mod.ts";
import {
  gatherPartial,
  judgeTable,
  loadReference,
  referencePath,
  type RunOfTable,
  settingsOf,
  tableView,
} from "../../repro/tables/mod.ts";

const test = suite("table 1");
const { paper, table } = await resultTarget("table1");
const { datasets } = paper;
const { setup, choice } = await setupForTable(
  { scale: "tiny", seeds: "4", backend: "wasm", fidelity: "authors-code" },
  paper,
  table,
);
const wanted = wantedRuns(paper, table, setup);
const specs = wanted.map(({ spec }) => spec);
const file = (await loadReference(referencePath(paper, "table1")))!;
const reference = file;
const stored = (row: string, column: string) =>
  reference.cells.find((cell) => cell.row === row && cell.column === column)!;
const judge = (runs: RunOfTable[]) => judgeTable({ paper, table, setup, choice, runs, file });
const runsWith = (result: (spec: RunSpec) => FinishedRun | null): RunOfTable[] =>
  wanted.map((each) => ({ ...each, run: result(each.spec) }));

/** A run whose cells are those of the reference, moved by `shift` points. */
function runLike(spec: RunSpec, shift = 0): FinishedRun {
  const encoder = spec.model;
  const metrics: Record<string, number> = {};
  for (const { id, metrics: names, task, languages } of datasets) {
    if (task !== spec.task) continue;
    const targets = languages.slice(1);
    const lowest = reference.lowest[encoder][id];
    for (const name of names) {
      const value = (kind: string) =>
        stored(`${encoder}/${spec.method}`, `${id}/${kind}/${name}`).seeds[spec.seed] + shift;
      metrics[`${id}/en/${name}`] = value("en");
      // All but the lowest language share what brings the average to its value.
      const rest = (value("average") * targets.length - value("lowest")) / (targets.length - 1);
      for (const target of targets) {
        metrics[`${id}/${target}/${name}`] = target === lowest ? value("lowest") : rest;
      }
    }
  }
  return { metrics, provenance: {} } as unknown as FinishedRun;
}

test("96 runs; the stored reference has the settings, data and weights of today", async () => {
  assert.is(specs.length, 96);
  assert.is(reference.cells.length, 144);
  assert.equal(await settingsOf(table, wanted), reference.settings, "make it anew: repro reference table1");
});

test("the tiny world keeps its promises: learnable in English, transfer above chance and below English", () => {
  const chance: Record<string, number> = { mlqa: 10, xquad: 10, xcopa: 50, xnli: 100 / 3 };
  const atLeast: Record<string, number> = { mlqa: 75, xquad: 75, xcopa: 85, xnli: 85 };
  for (const encoder of ["mbert", "xlmr"]) {
    for (const { id, metrics: [metric] } of datasets) {
      const english = stored(`${encoder}/standard`, `${id}/en/${metric}`).mean;
      const average = stored(`${encoder}/standard`, `${id}/average/${metric}`).mean;
      assert.ok(english >= atLeast[id], `${encoder} ${id}: ${english}`);
      assert.ok(average < english, `${encoder} ${id}: ${average} is not below ${english}`);
      assert.ok(average > chance[id] + 25, `${encoder} ${id}: ${average}`);
    }
  }
});

test("runs like the reference are consistent in every cell; a fault of ten points is seen in every cell", async () => {
  const same = await judge(runsWith((spec) => runLike(spec)));
  assert.is(same.cells.length, 144);
  for (const { row, column, verdict, why, n } of same.cells) {
    assert.is(verdict, "consistent", `${row} ${column}: ${why}`);
    assert.is(n, 4);
  }
  const off = await judge(runsWith((spec) => runLike(spec, -10)));
  assert.ok(off.cells.every(({ verdict }) => verdict === "inconsistent"));
});

test("how numbers are judged beside the stored runs is told with the table", async () => {
  const runs = runsWith((spec) => runLike(spec));
  const judged = await judge(runs);
  const view = tableView(paper, table, judged, { setup, device: "none", reason: "asked", runs, partial: [] });
  for (const drawn of [renderText(view, { width: 2000, colour: false }), renderMarkdown(view)]) {
    assert.match(
      drawn,
      "judged beside the stored runs. Same seeds: the difference of the means may be 0.5 of the spread",
    );
    assert.match(drawn, "at 0.95 for the whole table");
  }
});

test("of many underpowered cells the smallest and the largest number of runs are told, and where all are", async () => {
  const doubtful = (await judge(runsWith((spec) => runLike(spec)))).cells.slice(0, 4).map((cell, index) => ({
    ...cell,
    verdict: "underpowered" as const,
    why: `because ${index}`,
    ...(index === 3 ? {} : { runsNeeded: [30, 7, 12][index] }),
  }));
  const text = (cells: typeof doubtful) => {
    const view = tableView(paper, table, { cells, lowest: {}, reference: null }, {
      ...{ setup, device: "none", reason: "asked", runs: [], partial: [] },
    });
    return renderText(view, { width: 2000, colour: false });
  };
  const { row, column } = doubtful[0];
  assert.match(text(doubtful), `? for example ${row} ${column}: because 0`);
  assert.match(
    text(doubtful),
    `? of 4 underpowered cells 3 would be decided by 7 to 30 runs of ours at their present means and spreads (most: ${row} ${column}), ` +
      "1 would be decided by no number of runs; each cell's number: runs_needed of --format csv",
  );
  assert.match(text(doubtful.slice(3)), "because 3");
  assert.not.match(text(doubtful.slice(3)), "runs_needed");
  assert.match(
    text([doubtful[3], doubtful[3]]),
    "? of 2 underpowered cells 2 would be decided by no number of runs; each",
  );
});

test("without runs every cell is missing, and the table can be drawn", async () => {
  const runs = runsWith(() => null);
  const empty = await judge(runs);
  assert.ok(empty.cells.every(({ verdict, mean }) => verdict === "missing" && mean === null));
  const view = tableView(paper, table, empty, {
    setup,
    device: "none used",
    reason: "as asked",
    runs,
    partial: [],
  });
  for (const drawn of [renderText(view, { width: 120, colour: false }), renderMarkdown(view)]) {
    for (
      const wanted of [
        "mBERT Ada+FUN",
        "XLM-R Ada+GU",
        "XQuAD",
        "144 missing",
        "nothing here confirms",
        "96 runs would fill",
      ]
    ) {
      assert.match(drawn, wanted);
    }
  }
});

/** Every number of a whole table is 70, over four seeds at scale paper; `partial` says what was partial about a run. */
async function atPaper(
  partial: (spec: RunSpec) => string[] | undefined,
  data = "fetched",
  choice: Choice = {},
) {
  const models = Object.fromEntries(paper.models.map(({ id, hub }) => [id, { model: hub, revision: "r" }]));
  const whole: Setup = { ...setup, scale: "paper", data, models };
  const runs = wantedRuns(paper, table, whole).map(({ request, spec }): RunOfTable => {
    const languages = datasets.filter(({ task }) => task === spec.task);
    const metrics = Object.fromEntries(
      languages.flatMap(({ id, languages, metrics }) =>
        languages.flatMap((language) =>
          metrics.map((metric) => [`${id}/${language}/${metric}`, 70 + spec.seed / 10])
        )
      ),
    );
    const run = { metrics, provenance: { partial: partial(spec) } } as unknown as FinishedRun;
    return { request, spec, run };
  });
  const judged = await judgeTable({ paper, table, setup: whole, choice, runs, file: null });
  const sentences = [...new Set(runs.flatMap(({ run }) => run!.provenance.partial ?? []))];
  const context = { setup: whole, device: "none", reason: "asked", runs, partial: sentences };
  const refused = judged.cells.filter(({ verdict }) => verdict === "not comparable");
  const view = tableView(paper, table, judged, context);
  return { cells: judged.cells, refused, text: renderText(view, { width: 200, colour: false }) };
}

test("what rests on partial data is not compared with the paper, and nothing else is kept from it", async () => {
  const full = await atPaper(() => undefined);
  assert.equal(full.refused, []);
  assert.match(full.text.replaceAll(/\s+/g, " "), "judged beside the paper, with a tolerance of ±2 points: ");
  assert.match(
    full.text,
    "scale paper: the paper's settings; its own models; data as published; reference: the paper.",
  );
  assert.match(
    (await atPaper(() => undefined, "/some/folder")).text,
    "its own models; data from /some/folder;",
  );

  // A fault that the published file has itself makes nothing partial.
  const fault = misplacedAnswers(
    [{ id: "q", context: "a b", question: "?", answers: [{ text: "b", start: 0, isElsewhere: true }] }],
    "mlqa/test.json",
  );
  const faulty = await atPaper(() => fault);
  assert.equal(faulty.refused, []);
  assert.match(faulty.text, "data as published; reference");
  assert.match(faulty.text, /^ *data: mlqa\/test\.json: 1 of 1 answers/m);

  // Of one run in four, and of one language: its average and, where it is the lowest, that.
  const one = await atPaper(({ model, method, task, seed }) =>
    model.includes("xlm") && method === "gu" && task === "xnli" && seed === 3
      ? ["xnli sw: 60 of 5,010 examples", "xnli de: 60 of 5,010 examples"]
      : undefined
  );
  assert.equal(
    new Set(one.refused.map(({ row, column }) => `${row} ${column}`)),
    new Set(["xlmr/gu xnli/average/accuracy", "xlmr/gu xnli/lowest/accuracy"]),
  );
  assert.is(
    one.refused.find(({ column }) => column.includes("average"))!.why,
    "partial data: xnli sw, de: 60 of 5,010 examples",
  );
  assert.match(one.text, "data as published, in part (see below); reference");
  assert.match(one.text, "· 2 cells rest on partial data and cannot be compared");
  assert.match(one.text, "partial data: xnli sw, de: 60 of 5,010 examples");

  // Of training data: everything that those runs were tried on.
  const training = await atPaper(({ task }) =>
    task === "squad" ? ["SQuAD train: first 3 of 87,599 questions"] : undefined
  );
  assert.ok(
    training.cells.every(({ column, verdict }) =>
      /^(xquad|mlqa)/.test(column) === (verdict === "not comparable")
    ),
  );
});

test("a chosen cell has the verdict that it has in the whole table", async () => {
  const whole = await atPaper(() => undefined);
  const some = { rows: ["xlmr/gu"], columns: ["xnli/average/accuracy", "mlqa/en/f1"] };
  const few = await atPaper(() => undefined, "fetched", some);
  assert.is(few.cells.length, 2);
  for (const cell of few.cells) {
    assert.equal(cell, whole.cells.find(({ row, column }) => row === cell.row && column === cell.column));
    assert.match(cell.why, /Holm's correction for 1\d\d cells/);
  }
});

test("beside chosen cells the whole table is looked at, and nothing is missed that is not at hand", async () => {
  const values = { rows: "mbert/gu", columns: "xquad", seeds: "4", backend: "wasm" };
  const { setup: all, choice } = await setupForTable(values, paper, table);
  assert.equal(all, setup);
  assert.is(wantedRuns(paper, table, all, choice).length, 4);
  const judged = judgedRuns(paper, table, all, choice).map(({ spec }) => spec);
  assert.equal(judged.slice(0, 4), wantedRuns(paper, table, all, choice).map(({ spec }) => spec));
  assert.equal(
    new Set(judged.map((each) => JSON.stringify(each))),
    new Set(specs.map((each) => JSON.stringify(each))),
  );
  // A data root that holds what the chosen cells need, and no more.
  const root = await mkdtemp(join(tmpdir(), "repro-table1-"));
  try {
    const write = async (path: string, text: string) => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    };
    const squad = JSON.stringify({
      data: [{
        title: "t",
        paragraphs: [{
          context: "a b",
          qas: [{ id: "1", question: "what?", answers: [{ text: "a", answer_start: 0 }] }],
        }],
      }],
    });
    await write("vocab/bert-base-multilingual-cased/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n");
    for (const path of ["train-v1.1", "dev-v1.1"]) await write(`squad/${path}.json`, squad);
    for (const { id, languages } of datasets.filter(({ task }) => task === "squad")) {
      for (const language of languages) {
        const test = id === "mlqa" ? `test-context-${language}-question-${language}` : `xquad.${language}`;
        await write(`${id}/${test}.json`, squad);
      }
    }
    const real = { ...values, "data-root": root };
    const { setup: part } = await setupForTable(real, paper, table);
    assert.match(part.dataRevisions.squad!, /^[0-9a-f]{64}$/);
    assert.match(part.dataRevisions.copa!, "not at hand");
    let message = "";
    await setupForTable({ ...real, columns: "xquad,xcopa" }, paper, table).catch((error) =>
      message = error.message
    );
    assert.match(message, /no COPA training data|copa/);
  } finally {
    await rm(root, { recursive: true });
  }
});

test("sentences about partial data that differ in the language alone become one", () => {
  assert.equal(
    gatherPartial([
      "mlqa de: dev instead of test",
      "mlqa hi: dev instead of test",
      "SQuAD train: first 3 of 87,599 questions",
      "xquad ar: 20 of 1,190 examples",
      "xquad de: 20 of 1,190 examples",
      "xnli en: 60 of 2,490 examples",
      "xnli de: 60 of 5,010 examples",
      "squad validation: 20 of 10,570 examples",
    ]),
    [
      "mlqa de, hi: dev instead of test",
      "SQuAD train: first 3 of 87,599 questions",
      "xquad ar, de: 20 of 1,190 examples",
      "xnli en: 60 of 2,490 examples",
      "xnli de: 60 of 5,010 examples",
      "squad validation: 20 of 10,570 examples",
    ],
  );
});

test.run();
