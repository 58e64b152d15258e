// Promises: the report's page has every table, figure and number of a paper, says its gaps, lets no text become HTML, asks nothing of a
// network, stays small, and its colours can be read. Leaves what a reader can do with it to tests/runtime/report.test.ts.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { layerTraces, thinned } from "../../repro/report/curves.ts";
import { dark, light, pairs, renderReport } from "../../repro/report/mod.ts";
import { css } from "../../repro/report/style.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { paper } from "../../papers/fun-with-fisher/paper.ts";
import type { Claim } from "../../repro/claims/mod.ts";
import { columnTitle, runTitle } from "../../repro/paper/mod.ts";
import { paper as moths } from "../fixtures/papers/moths/paper.ts";
import { makeRuns, reportOn } from "../fakes/report.ts";

const test = suite("report");
let store: RunStore;
test.before(async () => {
  store = new RunStore(await mkdtemp(join(tmpdir(), "repro-report-")));
});
test.after(async () => await rm(store.folder, { recursive: true }));

const times = (text: string, part: string) => text.split(part).length - 1;
const embedded = (page: string) =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)![1]);

test("without a run: every table, row and figure is there, and every gap is said", async () => {
  const page = await renderReport(await reportOn(store));
  for (const each of [...moths.tables, ...moths.figures!]) {
    assert.match(page, `<section id="moths-${each.id}"`);
  }
  for (
    const word of ["Lamp all", "Lamp all+Up", "Sun all", "XNLI, Lamp", "the sun does not fit", "not legible"]
  ) {
    assert.match(page, word);
  }
  // Six cells of the lamp have no run; the three of the sun cannot have any.
  assert.is(times(page, 'data-verdict="missing"'), 6);
  assert.is(times(page, 'data-verdict="not comparable"'), 3);
  assert.match(page, "missing: lamp xnli rev (seeds 1 2)");
  assert.match(page, "paper 70.00 ± 0.50");
  assert.match(page, "No finished run here has logged it.");
  const { tables, runs, surfaces } = embedded(page);
  assert.equal(runs, {});
  assert.equal(surfaces, {});
  assert.match(
    tables["moths-table1"].cells[0].command,
    /--rows lamp\/all --columns xnli\/en\/accuracy --seeds 1,2$/,
  );
});

test("with runs: each number leads to its seeds and runs, and missing ones to their command", async () => {
  await makeRuns(store, "rev");
  const data = await reportOn(store);
  const [english] = data.papers[0].tables[0].cells;
  const values = english.seeds!.map(([seed, run, value]) => {
    assert.is(value, data.runs[run].metrics["xnli/en/accuracy"]);
    assert.is(data.runs[run].spec.seed, seed);
    return value!;
  });
  assert.is(values.length, 2);
  assert.is(english.ours, ((values[0] + values[1]) / 2).toFixed(2));
  assert.is(english.command, undefined);
  assert.match(data.papers[0].tables[0].cells[3].command!, /--rows lamp\/upwards .* --seeds 1,2$/);
  const lowest = data.papers[0].tables[0].cells[1];
  const meanIn = (language: string) =>
    english.seeds!.reduce((sum, [, run]) => sum + data.runs[run].metrics[`xnli/${language}/accuracy`], 0) / 2;
  assert.is(lowest.language, meanIn("ar") <= meanIn("sw") ? "ar" : "sw");
  assert.is(english.language, undefined);
  const run = data.runs[english.seeds![0][1]];
  assert.equal(run.layers, { steps: [2, 4], values: [[0.5, 1, 2], [4, 2, null]] });
  assert.equal(run.trace, { each: 1, steps: [], values: [] });
  assert.equal(data.runs[english.seeds![1][1]].trace, { each: 1, steps: [4], values: [3] });
  assert.is(run.losses.values.length, 20);
  assert.equal(run.log.filter((line) => line.startsWith("step")), [
    "step 0: layer 11 opened",
    "step 0: loss 1.000",
    "step 19: loss 0.05000",
  ]);
  assert.equal(Object.keys(data.runs), english.seeds!.map(([, id]) => id));
  // tr(F) of the runs that differ in their seed alone, as one map that needs no script.
  const [group, ...others] = data.papers[0].surfaces;
  assert.is(others.length, 0);
  assert.equal([group.title, group.model], ["Lamp all, XNLI; mean of seeds 1 2", "lamp"]);
  assert.equal(group.runs, english.seeds!.map(([, id]) => id));
  assert.equal(group.surface, {
    steps: [2, 4],
    values: [[0.5, 1, 2], [4, 2, null]],
    opened: [[null, null, null], [null, null, null]],
  });
  const page = await renderReport(data);
  assert.is(times(page, '<svg class="map" viewBox="0 0 138 '), 1);
  assert.match(page, "<title>before update 4, layer: tr(F)\n2: not finite\n1: 2\n0: 4</title>");
  assert.equal(embedded(page).surfaces[group.id].surface, group.surface);
  assert.match(page, `>${english.ours}</span>`);
  // The lowest language stands in the cell, and is said.
  const capital = { ar: "Ar", sw: "Sw" }[lowest.language!];
  assert.match(page, `>${lowest.ours}<span class="small"> (${capital})</span>`);
  assert.match(page, `aria-label="${lowest.ours} (${capital}), the paper: not legible`);
  assert.is(Object.keys(embedded(page).runs).length, 2);
});

test("a reader meets names, not ids: of columns, metrics and runs", () => {
  const titles = (id: string) => {
    const table = paper.tables.find((each) => each.id === id)!;
    return table.kind === "results" ? table.columns.map((column) => columnTitle(paper, column)) : [];
  };
  assert.equal(titles("table1").slice(0, 3), ["MLQA, En, F1", "MLQA, En, EM", "MLQA, lowest, F1"]);
  assert.is(titles("table11").at(-1), "XNLI, average, accuracy, 10000 examples");
  const [mbert] = paper.models;
  const of = (method: string, adapter: "mad-x" | "lora", task: string) =>
    runTitle(paper, mbert, { method, adapter, task });
  assert.is(of("fun", "mad-x", "squad"), "mBERT Ada+FUN, MLQA and XQuAD");
  assert.is(of("gu", "lora", "copa"), "mBERT LoRA+GU, XCOPA");
  // A schedule that stands in no table.
  assert.is(of("schedule-3", "mad-x", "xnli"), "mBERT schedule-3, XNLI");
});

test("the filter takes every word of judgement that occurs, of numbers, claims and the audit", async () => {
  const claim = (id: string, verdict: "holds" | "fails"): Claim => ({
    ...{ id, about: "settings", section: "1", quote: id, asks: id },
    evaluate: () => ({ verdict, why: "", cases: [], missing: [] }),
  });
  const page = await renderReport(
    await reportOn(store, { ...moths, claims: [claim("a", "holds"), claim("b", "fails")] }),
  );
  const select = /<select name="verdict">.*?<\/select>/s.exec(page)![0];
  assert.match(select, '<optgroup label="numbers">');
  assert.match(
    select,
    '<optgroup label="claims"><option value="holds">= holds</option><option value="fails">',
  );
  assert.not.match(select, "undecided");
  assert.match(page, 'data-table="moths-claims" data-model="" data-verdicts="fails"');
});

test("no text of a paper becomes an element, an attribute or the end of a script", async () => {
  const evil = `</script><img src=x onerror="alert(1)">`;
  const [table, ...others] = moths.tables;
  if (table.kind !== "results") throw new Error("the fixture has changed");
  const rows = table.rows.map((row) => ({ ...row, title: evil }));
  const page = await renderReport(
    await reportOn(store, {
      ...moths,
      title: evil,
      shortTitle: evil,
      authors: [evil],
      tables: [{ ...table, rows, title: evil, published: { ...table.published, caption: evil } }, ...others],
    }),
  );
  assert.not.match(page, "<img src=x");
  assert.is(times(page, "</script>"), 2);
  assert.is(embedded(page).tables["moths-table1"].rows["lamp/all"].title, evil);
});

test("nothing is fetched: addresses are anchors, data, and the paper's own as a plain link", async () => {
  const code = "https://example.org/moths";
  const page = await renderReport(await reportOn(store, { ...moths, code }));
  const addresses = [...page.matchAll(/\b(src|href|action|poster|srcset)\s*=\s*"([^"]*)"/g)].map((
    [, name, value],
  ) => ({ name, value }));
  assert.ok(addresses.length > 5);
  for (const { name, value } of addresses) {
    assert.ok(/^(#|data:)/.test(value) || (name === "href" && value === code), `${name}="${value}"`);
  }
  assert.is(times(page, `href="${code}"`), 1);
  assert.not.match(page, /url\(|@import|\bfetch\(|XMLHttpRequest|import\(/);
  // Without its pictures' names of formats there is no other address.
  const others = page.match(/https?:\/\/[^\s"'<)]+/g)!.filter((each) => each !== code);
  assert.equal(others, []);
});

test("the page is small: curves of any length become at most a hundred points, each a mean", async () => {
  const page = await renderReport(await reportOn(store));
  assert.ok(page.length < 120_000, `${page.length}`);
  const long = Array.from({ length: 10_050 }, (_, step) => ({ step, value: step % 2 }));
  const { each, steps, values } = thinned(long);
  assert.is(each, 101);
  assert.is(steps.length, 100);
  assert.is(steps[0], 50);
  assert.ok(values.every((value) => Math.abs(value - 0.5) < 0.01));
  assert.equal(thinned([{ step: 3, value: 2 }]), { each: 1, steps: [3], values: [2] });
  assert.is(layerTraces(long.map(({ step }) => ({ step, layers: [step] })))!.steps.length, 60);
  assert.is(layerTraces([]), null);
});

/** Relative luminance and contrast of two colours (WCAG 2.2). */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

test("every pair of text and ground has a contrast of 4.5 : 1, lines and focus 3 : 1, in light and in dark", () => {
  assert.is(contrast("#000000", "#ffffff"), 21);
  for (const palette of [light, dark]) {
    for (const [text, ground] of pairs) {
      const found = contrast(palette[text], palette[ground]);
      assert.ok(found >= 4.5, `${text} on ${ground}: ${found.toFixed(2)}`);
    }
    for (const mark of ["line", "focus"] as const) {
      assert.ok(contrast(palette[mark], palette.ground) >= 3, mark);
    }
    for (const [name, value] of Object.entries(palette)) assert.match(css, `--${name}:${value}`);
  }
  // No colour but those, and the white that figures are drawn on.
  assert.equal(
    [...new Set(css.match(/#[0-9a-f]{3,6}\b/g))].filter((each) =>
      ![...Object.values(light), ...Object.values(dark)].includes(each)
    ),
    ["#fff"],
  );
});

test("the script in assets is what its TypeScript makes", async () => {
  const { pageScript } = await import(new URL("../../repro/report/build.mjs", import.meta.url).href) as {
    pageScript(): Promise<string>;
  };
  const stored = await readFile(new URL("../../repro/report/assets/page.js", import.meta.url), "utf8");
  assert.is(stored, await pageScript(), "run: node repro/report/build.mjs");
});

test.run();
