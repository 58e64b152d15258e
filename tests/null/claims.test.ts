// Claims: the usual predicates in every direction, curves and orders, and the paper's claims on its own printed numbers.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { claims } from "../../papers/fun-with-fisher/claims.ts";
import { selections } from "../../papers/fun-with-fisher/claims/settings.ts";
import { paper } from "../../papers/fun-with-fisher/paper.ts";
import {
  above,
  alike,
  areaAgainstTransfer,
  type CellValue,
  claimsMarkdown,
  claimsText,
  counted,
  type CurvePoint,
  type Evidence,
  higherAtFirst,
  hills,
  judgeClaims,
  orderCorrelation,
  publishedEvidence,
  rankCorrelation,
  statedMean,
  topDown,
} from "../../repro/claims/mod.ts";
import { storedEvidence } from "../../repro/tables/mod.ts";
import { paperLines } from "../fixtures/data/real.ts";

const test = suite("claims");
const paperEvidence = publishedEvidence(paper.printed);

const name = (row: string) => ({ table: "t", row, column: "c" });
const pair = (left: string, right: string) => ({
  label: `${left} − ${right}`,
  left: name(left),
  right: name(right),
});
const evidence = (source: "paper" | "runs", cells: Record<string, CellValue>): Evidence => ({
  source,
  cell: ({ row }) => cells[row],
});
const value = (mean: number, sd?: number, n = 4): CellValue => ({ mean, sd, n });

test("above: at face value on the paper, beyond noise on runs", () => {
  const cells = { a: value(61, 1), b: value(60, 1), c: value(50, 1) };
  const verdict = (source: "paper" | "runs", ...list: [string, string][]) =>
    above(list.map(([left, right]) => pair(left, right)))(evidence(source, cells)).verdict;
  assert.is(verdict("paper", ["a", "b"]), "holds");
  assert.is(verdict("paper", ["a", "b"], ["c", "a"]), "partly");
  assert.is(verdict("paper", ["b", "a"]), "fails");
  assert.is(verdict("paper", ["a", "x"]), "undecided");
  // One point with sd 1 over four runs lies within 1.73.
  assert.is(verdict("runs", ["a", "b"]), "undecided");
  // Of a claim about every pair one that is shown and one within noise are no proof, nor is one that is shown and one not there.
  assert.is(verdict("runs", ["a", "b"], ["a", "c"]), "undecided");
  assert.is(verdict("runs", ["a", "c"], ["b", "c"]), "holds");
  assert.is(verdict("runs", ["a", "c"], ["x", "c"]), "undecided");
  assert.is(verdict("paper", ["a", "b"], ["x", "b"]), "undecided");
  // One pair against it is enough.
  assert.is(verdict("runs", ["a", "b"], ["c", "a"]), "fails");
  assert.is(verdict("paper", ["b", "a"], ["x", "b"]), "fails");
  assert.is(verdict("runs", ["c", "a"]), "fails");
  const clearly = above([pair("a", "b")], { clearly: true })(evidence("paper", cells));
  assert.is(clearly.verdict, "fails");
  assert.match(clearly.cases[0].arithmetic, "61.00 − 60.00 = +1.00 ± 1.73");
  // One run has no spread of its own.
  assert.is(
    above([pair("a", "c")])(evidence("runs", { a: value(61, undefined, 1), c: value(50) })).verdict,
    "undecided",
  );
});

test("above in some cases: one is enough, and none only where all are there", () => {
  const cells = { a: value(61, 1), b: value(60, 1), c: value(50, 1) };
  const verdict = (source: "paper" | "runs", ...list: [string, string][]) =>
    above(list.map(([left, right]) => pair(left, right)), { of: "some" })(evidence(source, cells)).verdict;
  assert.is(verdict("paper", ["a", "b"], ["c", "a"], ["x", "a"]), "holds");
  assert.is(verdict("paper", ["b", "a"], ["c", "a"]), "fails");
  assert.is(verdict("paper", ["b", "a"], ["x", "a"]), "undecided");
  assert.is(verdict("runs", ["c", "a"], ["a", "b"]), "undecided");
  assert.is(verdict("runs", ["a", "c"], ["a", "b"]), "holds");
  const { why } = above([pair("a", "c"), pair("a", "b"), pair("x", "a")])(evidence("runs", cells));
  assert.match(
    why,
    "1 of 2 cases hold, 1 lies within noise, 1 of 2 differences exceed their 95 % half-width; 1 wanted value is not there",
  );
});

test("alike: within the margin; on runs the interval must lie inside or outside of it", () => {
  const near = { a: value(61, 0.2), b: value(60.5, 0.2) };
  const far = { a: value(63, 0.2), b: value(60, 0.2) };
  const wide = { a: value(61, 2), b: value(60.5, 2) };
  const ask = alike([pair("a", "b")], 1);
  assert.is(ask(evidence("paper", wide)).verdict, "holds");
  assert.is(ask(evidence("paper", far)).verdict, "fails");
  assert.is(ask(evidence("runs", near)).verdict, "holds");
  assert.is(ask(evidence("runs", far)).verdict, "fails");
  assert.is(ask(evidence("runs", wide)).verdict, "undecided");
});

test("a stated mean follows but for rounding; on runs it is shown to be met or missed, or noise leaves it open", () => {
  const asked = (stated: number, relation: "equal" | "at least", source: "paper" | "runs", sd: number) =>
    statedMean([{
      ...{ label: "x", pairs: [pair("a", "b")], stated, decimals: 2 },
      relation: relation === "equal" ? { within: 1 } : relation,
    }])(evidence(source, { a: value(62.03, sd), b: value(60, sd) }));
  const ask = (
    stated: number,
    relation: "equal" | "at least",
    source: "paper" | "runs" = "paper",
    sd = 0.5,
  ) => asked(stated, relation, source, sd).verdict;
  assert.is(ask(2.03, "equal"), "holds");
  assert.is(ask(2.06, "equal"), "fails");
  assert.is(ask(2.04, "at least"), "holds");
  assert.is(ask(2.05, "at least"), "fails");
  // ± 0.87
  assert.is(ask(2, "equal", "runs"), "holds");
  assert.is(ask(2.8, "equal", "runs"), "undecided");
  assert.is(ask(3.1, "equal", "runs"), "undecided");
  assert.is(ask(4, "equal", "runs"), "fails");
  // The noisier the runs, the less they show: ± 17.3.
  assert.is(ask(2, "equal", "runs", 10), "undecided");
  assert.is(ask(9, "equal", "runs", 10), "undecided");
  const { cases: [one], why } = asked(4, "equal", "runs", 0.5);
  assert.is(one.arithmetic, "62.03 − 60.00 = +2.03 ± 0.87; stated 4.00, to be met within 1.00");
  assert.is(why, "x +2.03 ± 0.87");
  assert.is(ask(1, "at least", "runs"), "holds");
  assert.is(ask(1.5, "at least", "runs"), "undecided");
  assert.is(ask(3.1, "at least", "runs"), "fails");
});

test("a count is exact on the paper; on runs noise may leave it open", () => {
  const cells = { a: value(65, 1), b: value(60, 1), c: value(60.5, 1) };
  const ask = (wanted: number, source: "paper" | "runs") =>
    counted([pair("a", "b"), pair("c", "b")], wanted, "x")(evidence(source, cells)).verdict;
  assert.is(ask(2, "paper"), "holds");
  assert.is(ask(1, "paper"), "fails");
  assert.is(ask(1, "runs"), "holds");
  assert.is(ask(2, "runs"), "undecided");
  assert.is(ask(3, "runs"), "fails");
});

const curve = (values: number[]): CurvePoint[] => values.map((value, i) => ({ step: 100 * i, value }));
const bump = [1, 1, 2, 5, 9, 9, 5, 2, 1, 1];
const fall = [9, 8, 7, 6, 5, 4, 3, 2, 1, 1];
const logs = (curves: Record<string, number[][]>): Evidence => ({
  source: "runs",
  cell: () => undefined,
  curves: (row) => (curves[row] ?? []).map(curve),
});
const setting = { label: "x", row: "m/gu", task: "t" };

test("a hill peaks inside and falls on both sides, in most seeds", () => {
  const ask = hills([setting], 1.5);
  assert.is(ask(logs({ "m/gu": [bump, bump, fall] })).verdict, "holds");
  assert.is(ask(logs({ "m/gu": [bump, fall] })).verdict, "fails");
  assert.is(ask(logs({ "m/gu": [[1, 1, 1.1, 1.2, 1.2, 1.1, 1, 1]] })).verdict, "fails");
  assert.is(ask(logs({})).verdict, "undecided");
});

test("one curve above another at first, whatever comes later", () => {
  const ask = higherAtFirst([{ ...setting, other: "m/standard" }], 0.2);
  const two = (curve: number[]) => [curve, curve.map((each) => each * 1.1)];
  assert.is(ask(logs({ "m/gu": two(fall), "m/standard": two(bump) })).verdict, "holds");
  assert.is(ask(logs({ "m/gu": two(bump), "m/standard": two(fall) })).verdict, "fails");
  // One seed has no noise to go by, and two that differ more than the curves do decide nothing.
  assert.is(ask(logs({ "m/gu": [fall], "m/standard": [bump] })).verdict, "undecided");
  const apart = [fall, fall.map((each) => each / 9)];
  assert.is(ask(logs({ "m/gu": apart, "m/standard": two(bump) })).verdict, "undecided");
  assert.is(ask(logs({ "m/gu": [bump] })).verdict, "undecided");
});

test("orders of layers and ranks", () => {
  assert.is(orderCorrelation([3, 2, 1, 0], [3, 2, 1, 0]), 1);
  assert.is(orderCorrelation([0, 1, 2, 3], [3, 2, 1, 0]), -1);
  const schedules = (orders: number[][]): Evidence => ({
    source: "runs",
    cell: () => undefined,
    schedules: () => orders,
  });
  const [down, nearly, up] = [[3, 2, 1, 0], [3, 2, 0, 1], [0, 1, 2, 3]];
  const order = (least: number, orders: number[][]) => topDown([setting], least)(schedules(orders)).verdict;
  assert.is(order(0.9, [down, down]), "holds");
  assert.is(order(0.9, [up, up]), "fails");
  assert.is(order(0.9, [down, nearly]), "undecided");
  assert.is(order(0.9, [down]), "undecided");
  // 0.85 ± 0.16.
  assert.is(order(0.5, [down, nearly, nearly, nearly]), "holds");
  assert.is(order(0.9, [down, nearly, nearly, nearly]), "undecided");
  assert.is(topDown([setting], 0.9)(schedules([])).verdict, "undecided");
  assert.is(rankCorrelation([1, 2, 3, 4], [10, 20, 20, 40])!.toFixed(4), "0.9487");
  assert.is(rankCorrelation([1, 1], [1, 2]), undefined);
});

test("areas under curves against results, from five schedules on", () => {
  const rows = ["a", "b", "c", "d", "e"];
  const given = (sign: number): Evidence => ({
    source: "runs",
    cell: ({ row }) => value(60 + sign * rows.indexOf(row)),
    curves: (row) => [curve([1, 2 + rows.indexOf(row), 1])],
  });
  const ask = (list: string[]) =>
    areaAgainstTransfer([{ label: "x", rows: list, task: "t", table: "f", column: "c" }]);
  assert.is(ask(rows)(given(1)).verdict, "holds");
  assert.is(ask(rows)(given(-1)).verdict, "fails");
  assert.is(ask(rows.slice(1))(given(1)).verdict, "undecided");
  // A correlation of 0.8 over five schedules may be chance: t = 2.31 with three degrees of freedom.
  const weak = {
    ...given(1),
    cell: ({ row }: { row: string }) => value([0, 2, 1, 4, 2.5][rows.indexOf(row)]),
  };
  const { verdict, cases: [found] } = ask(rows)(weak);
  assert.is(found.value.toFixed(2), "0.80");
  assert.is(verdict, "undecided");
});

test("the paper's claims on its own numbers", () => {
  const verdicts = Object.fromEntries(
    claims.map(({ id, evaluate }) => [id, evaluate(paperEvidence).verdict]),
  );
  assert.equal(verdicts, {
    "gain-average": "partly",
    "gain-mbert-xnli": "holds",
    "gain-mbert-average": "holds",
    "fun-at-least-rand": "holds",
    "fun-well-above-rand": "partly",
    "fun-above-standard": "partly",
    "gu-fun-comparable": "holds",
    "fun-english": "partly",
    "lowest-fun-mbert": "holds",
    "lowest-fun-xlmr": "holds",
    "lowest-across-the-board": "partly",
    "lowest-language-really": "partly",
    "gu-xquad-lowest": "holds",
    "thai": "holds",
    "gap-to-full": "undecided",
    "gu-exceeds-full": "holds",
    "gu-better-than-lpft": "undecided",
    "low-data-gu": "partly",
    "low-data-fun": "holds",
    "reversed-worse": "holds",
    "reversed-english": "holds",
    "lora-above-standard": "holds",
    "lora-mbert": "holds",
    "lora-comparable": "holds",
    "lora-copa": "partly",
    "mdeberta-gap": "undecided",
    "hill": "undecided",
    "gu-curve-higher": "undecided",
    "fun-recovers-order": "undecided",
    "fun-largely-top-down": "undecided",
    "larger-trace-transfers-better": "undecided",
    "training-sizes": "holds",
    "lora-same-settings": "holds",
    "schedule-finishes-early": "partly",
    "selection-count": "fails",
  });
});

test("quotes are the paper's words", async () => {
  const lines = await paperLines("claims", 1);
  if (!lines) return;
  // Pages, hyphens and formulas break the text; letters and digits in order are what can be compared.
  const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\d]/gu, "");
  const text = plain(lines.join("").replaceAll("\\ll", "≪").replaceAll("$^{Ada}$", ""));
  for (const { id, about, quote } of claims) {
    if (about === "settings" && id !== "training-sizes" && id !== "lora-same-settings") continue;
    let from = 0;
    for (const part of quote.split("…").map(plain)) {
      const at = text.indexOf(part, from);
      assert.ok(at >= 0, `${id}: "${part}" is not in the text`);
      from = at;
    }
  }
});

test("Algorithm 1's loop, counted", () => {
  assert.is(selections(1000, 50, 12), 13);
  assert.is(selections(100, 50, 12), 3);
});

test("the stored tiny runs can be asked too; claims about settings are not asked of runs", async () => {
  const judged = judgeClaims(claims, { paper: paperEvidence, runs: await storedEvidence(paper) });
  const of = (id: string) => judged.find((each) => each.id === id)!.outcomes;
  assert.is(of("gu-fun-comparable").runs.cases.length, 8);
  assert.equal(Object.keys(of("selection-count")), ["paper"]);
  const text = claimsText(judged, { cases: true });
  for (const { id } of claims) assert.match(text, id);
  assert.match(text, "becomes 63.33 − 63.48 = −0.15, closed by +2.85");
  assert.not.match(text, /(^|[ (])-\d/m, "a negative number with a hyphen");
  assert.match(
    text,
    "+ mBERT: (57.33 − 55.40 + 63.25 − 60.63 + 53.98 − 53.99 + 61.36 − 57.78) / 4 = +2.03 ± ",
  );
  // Of eight cases one is shown and seven lie within noise: no claim about all of them.
  assert.is(of("fun-at-least-rand").runs.verdict, "undecided");
  const { cases } = of("fun-at-least-rand").runs;
  assert.equal([true, null].map((each) => cases.filter(({ holds }) => holds === each).length), [1, 7]);
  assert.is(claimsMarkdown(judged, ["paper", "runs"]).trim().split("\n").length, claims.length + 2);
});

test.run();
