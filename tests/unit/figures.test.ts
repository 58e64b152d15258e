// Promises: what each figure shows follows from runs and printed numbers as computed by hand here, and what is missing is a gap
// that is named. Leaves the pictures themselves to picture.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createModel } from "../../core/mod.ts";
import {
  blocksOf,
  drawFigure,
  groupedByResult,
  type KernelCall,
  meanCurve,
  normalised,
  openArchitecture,
  traceArchitecture,
  traceSchedule,
  tracing,
} from "../../repro/figures/mod.ts";
import type { Figure, RunOfFigure } from "../../repro/paper/mod.ts";
import type { BarsPanel, CurvesPanel, DiagramPanel, Picture, SpansPanel } from "../../repro/render/mod.ts";
import { openBackend } from "../../repro/training/backend.ts";
import { openEncoder } from "../../repro/training/world.ts";
import { paper } from "../../papers/fun-with-fisher/paper.ts";
import { allLanguages, type Left, runsFor, setup } from "../fakes/figure-runs.ts";

const test = suite("figures");
const figure = (id: string): Figure => paper.figures!.find((each) => each.id === id)!;

async function drawn(
  id: string,
  left: Parameters<typeof runsFor>[3],
  changes: Parameters<typeof setup>[0] = {},
): Promise<{ picture: Picture; records: readonly Record<string, unknown>[]; missing: string[] }> {
  const of = setup(changes);
  return await drawFigure(paper, figure(id), of, runsFor(paper, figure(id), of, left));
}

const none = () => null;
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

test("runs are grouped as footnote 10 says: the largest that is left and all within one point of it", () => {
  const groups = groupedByResult([50, 52, 51.5, 51, 50.9, 48.9, 49.1], (value) => value, 1);
  assert.equal(groups, [[52, 51.5, 51], [50.9, 50], [49.1, 48.9]]);
  // 0.1 + 0.2 style sums: one point apart is within one point.
  assert.equal(groupedByResult([1.1, 0.1], (value) => value, 1), [[1.1, 0.1]]);
});

test("curves: means where all runs have a value, and one scale from 0 to 1", () => {
  const a = [{ step: 0, value: 2 }, { step: 5, value: 4 }, { step: 10, value: 6 }];
  const b = [{ step: 0, value: 4 }, { step: 5, value: 4 }];
  assert.equal(meanCurve([a, b]), [{ x: 0, y: 3, low: 2, high: 4 }, { x: 5, y: 4 }]);
  assert.equal(meanCurve([]), []);
  assert.equal(normalised([a, b]).map((curve) => curve.map(({ value }) => value)), [[0, 0.5, 1], [0.5, 0.5]]);
  assert.equal(normalised([[{ step: 0, value: 3 }]]), [[{ step: 0, value: 0 }]]);
});

test("figure 1: as coded GU's second layer comes at 2k, on paper at k; FUN follows the logged tr(F)", async () => {
  // tr(F) is largest in layer 3, then 4, then from the top down.
  const measured = (layer: number) => layer === 3 ? 50 : layer === 4 ? 40 : layer;
  const layers = Array.from({ length: 12 }, (_, layer) => measured(layer));
  const selections = Array.from({ length: 12 }, (_, m) => ({ step: 12 * (m + 1) - 1, layers }));
  const { picture, records, missing } = await drawn("figure1", () => ({ selections }));
  const opens = (method: string) =>
    records.filter((each) => each.method === method).map((each) => each.opens_before_update);
  // Rows are layers 11, 10, … 0; k is 12 at scale tiny.
  assert.equal(opens("standard"), Array(12).fill(0));
  assert.equal(opens("gu"), [0, 23, 35, 47, 59, 71, 83, 95, 107, 119, 131, 143]);
  assert.equal(opens("fun"), [0, 35, 47, 59, 71, 83, 95, 23, 11, 107, 119, 131]);
  assert.equal(missing, []);
  const [, gu] = picture.panels as SpansPanel[];
  assert.equal(gu.rows[1], { label: "layer 10", from: 23 / 12, mark: "23" });

  const onPaper = await drawn("figure1", none, { fidelity: "paper" });
  assert.equal(
    onPaper.records.filter(({ method }) => method === "gu").map((each) => each.opens_before_update),
    [0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120, 132],
  );
  assert.is(onPaper.picture.panels[2].gap, "no finished run");
  assert.equal(onPaper.missing, ["missing: mbert xnli fun (seed 1)"]);
});

test("a log of tr(F) that is of another run is refused", async () => {
  const spec = {
    method: "fun",
    fidelity: "authors-code",
    seed: 1,
    hyperparameters: { interval: 4 },
  } as const;
  try {
    await traceSchedule(spec, 3, 20, [{ step: 5, layers: [1, 2, 3] }]);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, "fun selects before step 3, but no tr(F) was logged there");
  }
});

test("figure 2: printed differences from Tables 7, 8 and 10, gaps where they cannot be read, ours from runs", async () => {
  const base: Record<string, number> = { mlqa: 40, xquad: 60, xcopa: 50, xnli: 70 };
  const { picture, records, missing } = await drawn("figure2", ({ request, seed }): Left | null => {
    if (request.model === "xlmr") return null;
    const gain = request.adapter === "full" ? 5 : { standard: 0, lpft: 2, gu: 6 }[request.method]!;
    // Seeds 1 and 2 lie one point apart, both ways for full fine-tuning and the others.
    return { metrics: allLanguages(paper, (set) => base[set] + gain + (seed === 1 ? 0.5 : -0.5)) };
  });
  const panel = (n: number) => (picture.panels[n] as BarsPanel).groups.map(({ bars }) => bars);
  // mBERT, XQuAD: 60.63 and 63.48 beside 63.33; LPFT is in no table.
  const [mlqa, xquad, , xnli] = panel(0);
  near(xquad[0].value!, 60.63 - 63.33);
  near(xquad[2].value!, 63.48 - 63.33);
  assert.equal([xquad[1].value, xquad[1].why], [null, "not printed"]);
  near(xnli[0].value!, 57.78 - 63.6);
  assert.equal(mlqa.map(({ why }) => why), ["not legible", "not printed", "not legible"]);
  near(panel(1)[1][2].value!, 73.04 - 71.98);
  // Ours: −5, −3, +1; both spreads are √0.5, so the difference's is 1.
  for (const bars of panel(2)) {
    assert.equal(bars.map(({ value }) => Math.round(value! * 1e9) / 1e9), [-5, -3, 1]);
    for (const { spread } of bars) near(spread!, 1);
  }
  assert.is(picture.panels[3].gap, "no finished run");
  // Printed: both have four runs; ours: two seeds each.
  assert.equal([xquad[0].count, panel(2)[0][0].count], ["n = 4", "n = 2"]);
  assert.is(missing.length, 12);
  assert.ok(missing.includes("missing: xlmr copa lpft (seeds 1 2)"));
  assert.is(records.length, 48);
  const fewer = await drawn(
    "figure2",
    ({ request, seed }) =>
      request.method === "lpft" && seed === 2 ? null : { metrics: allLanguages(paper, () => 50) },
  );
  const [ada, lpft] = (fewer.picture.panels[2] as BarsPanel).groups[0].bars;
  assert.equal([ada.count, lpft.count, lpft.spread], ["n = 2", "n = 1, 2", undefined]);
  const alone = await drawn(
    "figure2",
    ({ request }) => request.adapter === "full" ? null : { metrics: allLanguages(paper, () => 50) },
  );
  assert.is(alone.picture.panels[2].gap, "no run of full fine-tuning");
});

test("figure 3: a moving average of the logged tr(F), per run and method", async () => {
  const { picture, records, missing } = await drawn("figure3", ({ request }) => {
    if (request.task === "copa") return null;
    const height = request.method === "gu" ? 10 : 1;
    return { trace: [0, 5, 0, 10, 0].map((value, i) => ({ step: 5 * i, value: value * height })) };
  });
  // Centred over 5, shorter at the ends: (0+5+0)/3, (0+5+0+10)/4, 15/5, (5+0+10+0)/4, (0+10+0)/3.
  const [standard, gu] = (picture.panels[0] as CurvesPanel).curves;
  [5 / 3, 15 / 4, 3, 15 / 4, 10 / 3].forEach((value, i) => {
    near(standard.points[i].y, value);
    near(gu.points[i].y, 10 * value);
  });
  assert.equal(standard.points.map(({ x }) => x), [0, 5, 10, 15, 20]);
  assert.equal(picture.panels.map(({ gap }) => gap), [
    ...[undefined, undefined, "no finished run"],
    ...[undefined, undefined, "no finished run"],
  ]);
  assert.is(picture.notes.at(-1), "Each curve is one run.");
  // One seed is enough for this figure.
  assert.equal(missing[0], "missing: mbert copa standard, tr(F) tracked (seed 1)");
  assert.is(records.length, 2 * 2 * 2 * 5);
});

test("figure 3 of several seeds says how many runs its curves are the mean of", async () => {
  const of = setup();
  const several: Figure = { ...figure("figure3"), seeds: undefined };
  const runs = runsFor(
    paper,
    several,
    of,
    ({ request, seed }) =>
      request.task === "copa" && seed === 2 ? null : { trace: [{ step: 0, value: seed }] },
  );
  const { picture } = await drawFigure(paper, several, of, runs);
  assert.is(
    picture.notes.at(-1),
    "Each curve is the mean of 1 to 2 runs with different seeds; band: least to largest of them.",
  );
});

test("figure 4: schedules in groups by transfer, tr(F) on one scale, validation from 0 to 1", async () => {
  const { picture } = await drawn("figure4", ({ request, number }): Left | null => {
    if (request.model === "mbert") return null;
    if (request.method === "schedule-9") return null;
    // Nine runs: MLQA 40 + n, XQuAD 60 + n, so their average is 50 + n: 58 with 57, 56 with 55, …
    const level = number === 8 ? 4 : number === 0 ? 2 : 1;
    return {
      metrics: allLanguages(paper, (set) => (set === "mlqa" ? 40 : 60) + number),
      trace: Array.from({ length: 6 }, (_, i) => ({ step: i, value: level })),
      validation: [{ step: 9, value: 20 + number }, { step: 19, value: 60 + number }],
    };
  });
  const panel = picture.panels[0] as CurvesPanel;
  assert.equal(panel.legend!.map(({ label }) => label), [
    "57.50 (2 runs)",
    "55.50 (2 runs)",
    "53.50 (2 runs)",
    "51.50 (2 runs)",
    "50.00 (1 run)",
  ]);
  // Levels 1, 2 and 4 are 0, 1/3 and 1 on the panel's scale; the best group has 4 and 1.
  const traces = panel.curves.filter(({ second }) => !second);
  near(traces[0].points[0].y, 0.5);
  near(traces[1].points[0].y, 0);
  near(traces[4].points[0].y, 1 / 3);
  const validations = panel.curves.filter(({ second }) => second);
  assert.equal(validations[0].points.map(({ x }) => x), [9, 19]);
  near(validations[0].points[0].y, 0.275);
  near(validations[4].points[1].y, 0.6);
  assert.is(picture.panels[1].gap, "no finished run");
});

test("figure 5: the layer that opens first, second, … averaged over tasks and seeds", async () => {
  const topDown = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
  const { picture, records } = await drawn("figure5", ({ request, seed }) => {
    if (request.model === "xlmr") return null;
    const order = [...topDown];
    // One of FUN's six runs exchanges the third and the fourth.
    if (request.method === "fun" && request.task === "copa" && seed === 2) [order[2], order[3]] = [8, 9];
    return { schedule: order.map((layer, i) => ({ step: 12 * i, layers: [layer] })) };
  });
  const [gu, fun] = (picture.panels[0] as CurvesPanel).curves;
  assert.equal(gu.points, topDown.map((y, i) => ({ x: i + 1, y })));
  near(fun.points[2].y, (5 * 9 + 8) / 6);
  // Five values 9 and one 8: variance (5·(1/6)² + (5/6)²) / 5 = 1/6.
  near(fun.points[2].high! - fun.points[2].y, Math.sqrt(1 / 6));
  // Where all agree the band is as narrow as its line; a curve of which every place is so has none.
  assert.equal([fun.points[4].low, fun.points[4].high], [7, 7]);
  assert.is(gu.points[4].low, undefined);
  assert.equal(records.at(-1), { model: "mbert", method: "fun", position: 12, layer: 0, sd: 0, runs: 6 });
  assert.is(picture.panels[1].gap, "no finished run");
});

test("layers that open at one moment are in order from the top down", async () => {
  const { picture } = await drawn(
    "figure5",
    ({ request }) => request.method === "gu" ? { schedule: [{ step: 0, layers: [10, 11] }] } : null,
  );
  assert.equal((picture.panels[0] as CurvesPanel).curves[0].points, [{ x: 1, y: 11 }, { x: 2, y: 10 }]);
});

test("figure 6: an input goes through three LayerNorms around two adapters, and everything that passes by is there", async () => {
  const { picture, records } = await drawn("figure6", none);
  const [{ boxes, skips }] = picture.panels as DiagramPanel[];
  assert.equal(records.map(({ kind }) => kind), [
    ...["embeddings", "invertible", "attention", "norm", "feed-forward", "norm"],
    ...["adapter", "sum", "norm", "adapter", "sum", "norm", "head"],
  ]);
  assert.equal(boxes[6].lines, ["language adapter en", "down, relu, up: 64 → 32 → 64"]);
  assert.equal(boxes[9].lines, ["task adapter", "down, relu, up: 64 → 4 → 64"]);
  assert.equal(boxes.map(({ style }, i) => style === "trained" ? i : -1).filter((i) => i >= 0), [9, 12]);
  assert.equal(boxes[2].frame, "layer, 12 of 12 alike");
  // The layer's input into attention's norm; attention's output (a) into each of the three output norms; x past the language
  // adapter, y1 past the task adapter.
  assert.equal(skips.map(({ from, to }) => `${from} ${to}`).sort(), [
    ...["1 3", "3 11", "3 5", "3 8", "4 7", "7 10"],
  ]);
  assert.equal(
    (await drawn("figure6", none, { models: {} })).missing,
    ["gap: no mBERT encoder was given"],
  );
});

test("a trace tells another model apart: without the later LayerNorms, and without an adapter", async () => {
  const bundle = await openEncoder("mbert", "tiny");
  const kinds = async (adapters: boolean) => {
    const calls: KernelCall[] = [];
    const backend = tracing(await openBackend("wasm"), (call) => calls.push(call));
    const model = createModel(backend, {
      config: { ...bundle.config, layers: 1 },
      task: { kind: "span" },
      layerNormPasses: "first",
      ...(adapters
        ? {
          adapters: {
            languages: { en: {} },
            task: { kind: "bottleneck" as const, reduction: 16, nonLinearity: "relu" },
          },
        }
        : {}),
    });
    const found = blocksOf(traceArchitecture({ model, calls })).map(({ kind }) => kind);
    backend.dispose();
    return found;
  };
  assert.equal((await kinds(true)).filter((kind) => kind === "norm").length, 2);
  assert.equal(await kinds(false), ["embeddings", "attention", "norm", "feed-forward", "norm", "head"]);
  const whole = await openArchitecture("xlmr", "tiny", { reductionFactor: 8 });
  assert.equal(whole.parameters["roberta.encoder.layer.3.output.adapters.task.adapter_up.weight"].shape, [
    64,
    8,
  ]);
});

test("every figure says in the picture what its scale can tell", async () => {
  const tiny =
    "Scale tiny: a small world made by this project, with encoders of its own; nothing here confirms or refutes the paper.";
  for (const { id } of paper.figures!) {
    assert.is((await drawn(id, none)).picture.notes[0], tiny, id);
    // Without an encoder at hand, which figure 6 would open.
    const { picture } = await drawn(id, none, { scale: "paper", data: "fetched", models: {} });
    assert.is(picture.notes[0], "Scale paper: the paper's settings; its own models; data as published.", id);
  }
});

test("every figure is drawn without any run, and names what would fill it", async () => {
  for (const { id, requests } of paper.figures!) {
    const { picture, missing } = await drawn(id, none);
    assert.ok(picture.panels.length > 0, id);
    assert.is(missing.length, requests.length, id);
  }
  const without: RunOfFigure[] = [];
  assert.ok((await figure("figure3").draw({
    ...{ paper, setup: setup(), runs: without },
    architecture: () => assert.unreachable() as never,
  })).picture.panels.every(({ gap }) => gap !== undefined));
});

test("tracked runs are logged often at scale tiny, and are those of the tables elsewhere", () => {
  const asked = { model: "mbert", task: "copa", method: "gu", adapter: "mad-x" } as const;
  const of = (scale: "tiny" | "paper", tracked: boolean) =>
    paper.settings({ ...asked, scale, tracked, fidelity: "authors-code", realData: false });
  assert.equal([of("tiny", false).trackFisherEvery, of("tiny", true).trackFisherEvery], [0, 5]);
  assert.equal(of("paper", true), of("paper", false));
  assert.is(of("paper", true).trackFisherEvery, 50);
});

test.run();
