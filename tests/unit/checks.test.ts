// Promises: verdicts follow from the numbers as the rule says, in every direction. Leaves the rule's constants to reference.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  holds,
  holm,
  judge,
  judgeAll,
  level,
  parseReference,
  type PublishedReference,
  referenceCells,
  settingsKey,
  standardDeviation,
  type StoredReference,
  studentT,
  welchHalfWidth,
} from "../../repro/checks/mod.ts";
import { rngFor } from "../../repro/tinyworld/rng.ts";
import { compare } from "../../repro/checks/published.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("checks");
const values = (of: Record<number, number>) =>
  new Map(Object.entries(of).map(([seed, v]) => [Number(seed), v]));
const close = (a: number | undefined, b: number, within = 1e-3) =>
  assert.ok(Math.abs(a! - b) <= within, `${a} is not ${b}`);

test("statistics agree with printed tables", () => {
  close(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9]), 2.1381);
  assert.is(standardDeviation([5]), undefined);
  // Two-sided 95 % of Student's t.
  close(studentT(0.95, 3), 3.182);
  close(studentT(0.95, 6), 2.447);
  // Equal spreads and sizes: Welch is the pooled test with 2(n − 1) degrees of freedom.
  close(welchHalfWidth(0.95, { sd: 0.56, n: 4 }, { sd: 0.56, n: 4 }), 2.447 * 0.56 * Math.sqrt(0.5), 1e-2);
});

const stored: StoredReference = {
  kind: "stored",
  mean: 50,
  sd: 1,
  n: 4,
  seeds: { 1: 49, 2: 50, 3: 50.5, 4: 50.5 },
  tolerance: { seed: 0.5, floor: 0.1, spread: 1, quantile: 3, margin: 10, reason: "" },
};

test("no run is missing, no reference is not comparable, and both say so", () => {
  assert.is(judge(new Map(), stored).verdict, "missing");
  assert.equal(judge(values({ 1: 5 }), "the data differ"), {
    verdict: "not comparable",
    why: "the data differ",
  });
  assert.not(holds("missing"));
  assert.ok(holds("not comparable"));
});

test("the same seeds are compared one by one, more tightly the more there are", () => {
  assert.is(judge(values({ 1: 49.5 }), stored).verdict, "consistent");
  assert.is(judge(values({ 1: 49.51 }), stored).verdict, "inconsistent");
  // A mean difference of 0.3 is within one seed's tolerance and beyond that of four.
  const all = { 1: 49.3, 2: 50.3, 3: 50.8, 4: 50.8 };
  const { verdict, tolerance, difference } = judge(values(all), stored);
  assert.is(verdict, "inconsistent");
  close(tolerance, 0.25);
  close(difference, 0.3);
  assert.is(judge(values({ ...all, 4: 50.5 }), stored).verdict, "consistent");
});

test("one seed far off is noticed although the means of all are near", () => {
  // Seed 1's value would be no surprise from another seed; from seed 1 it is.
  assert.is(judge(values({ 1: 50.5 }), stored).verdict, "inconsistent");
  assert.is(judge(values({ 9: 50.5 }), stored).verdict, "consistent");
});

test("a difference that rounds to nothing is told without a sign", () => {
  assert.is(judge(values({ 1: 48.999 }), stored).why, "with seed 1: |0.00| ≤ 0.50");
  assert.is(judge(values({ 1: 48.99 }), stored).why, "with seed 1: |-0.01| ≤ 0.50");
  assert.match(judge(values({ 9: 49.999 }), stored).why, /^with other seeds: \|0\.00\| ≤ /);
});

test("other seeds are compared with the spread", () => {
  const { verdict, tolerance } = judge(values({ 9: 53.3 }), stored);
  assert.is(verdict, "consistent");
  close(tolerance, 3 * Math.sqrt(1 + 1 / 4));
  assert.is(judge(values({ 9: 53.4 }), stored).verdict, "inconsistent");
  assert.is(judge(values({ 9: 53, 10: 53 }), stored).verdict, "inconsistent");
});

test("a tolerance that could not see a large difference is underpowered, with the runs that would do", () => {
  const wide = { ...stored, tolerance: { ...stored.tolerance, spread: 4 } };
  const { verdict, runsNeeded, why } = judge(values({ 9: 51 }), wide);
  assert.is(verdict, "underpowered");
  // 1 + 12 × √(1/n + 1/4) must not exceed 10.
  assert.is(runsNeeded, 4);
  assert.match(why, /3 more runs would/);
  assert.is(judge(values({ 9: 70 }), wide).verdict, "inconsistent");
});

const published: PublishedReference = { kind: "published", mean: 60, sd: 0.5, n: 4, margin: 2 };

test("published numbers: within the tolerance by two one-sided tests, different by Welch, or neither", () => {
  const close4 = judge(values({ 1: 60.2, 2: 59.9, 3: 60.6, 4: 60.4 }), published);
  assert.is(close4.verdict, "consistent");
  // By hand: sd 0.2986, so the error is √(0.2986²/4 + 0.5²/4) = 0.2912 with 4.9 degrees of freedom; t(0.95) = 2.02.
  close(close4.difference, 0.275);
  close(close4.halfWidth, 0.587, 5e-3);
  const far = judge(values({ 1: 62.2, 2: 61.9, 3: 62.6, 4: 62.4 }), published);
  assert.is(far.verdict, "inconsistent");
  assert.ok(far.p! < 0.001 && far.p! > 1e-6, String(far.p));
  const noisy = judge(values({ 1: 58, 2: 62, 3: 63, 4: 59 }), published);
  assert.is(noisy.verdict, "underpowered");
  assert.ok(noisy.runsNeeded! > 4 && noisy.runsNeeded! < 30, String(noisy.runsNeeded));
  const blind = judge(values({ 1: 60 }), { ...published, sd: undefined });
  assert.is(blind.verdict, "underpowered");
  assert.is(blind.runsNeeded, 2);
});

const bare: PublishedReference = { ...published, sd: undefined };

test("without a printed spread ours stands for both sides, with no more degrees of freedom than our runs have", () => {
  const four = judge(values({ 1: 60.2, 2: 59.9, 3: 60.6, 4: 60.4 }), bare);
  // By hand: sd 0.2986, error 0.2986 · √(1/4 + 1/4) = 0.2112, three degrees of freedom: t(0.95) = 2.353.
  close(four.halfWidth, 2.353 * 0.2112);
  close(four.p, 2 * (1 - 0.8582), 2e-3); // t = 0.275 / 0.2112 = 1.302
  assert.match(four.why, "the paper prints no spread, ours stands for both sides");
  assert.not.match(judge(values({ 1: 60.2, 2: 59.9 }), published).why, "stands for both");
  assert.match(
    judge(values({ 1: 60.2 }), published).why,
    "one run has no spread, the paper's stands for both",
  );
  // More of ours make our spread better known as well: what four of theirs leave is 1.96 · sd · √(1/4) and not 3.18 times.
  const noisy = judge(values({ 1: 58.3, 2: 61.7, 3: 62, 4: 58.4 }), bare);
  assert.is(noisy.verdict, "underpowered");
  assert.ok(noisy.runsNeeded! < 100, String(noisy.runsNeeded));
  // Runs that agree to the last digit are no proof that there is no spread.
  const equal = judge(values({ 1: 63, 2: 63 }), bare);
  assert.is(equal.verdict, "underpowered");
  assert.is(equal.runsNeeded, 3);
});

test("without a printed spread false alarms and false equivalences come as often as is said: once in twenty", () => {
  const rng = rngFor("level of the tests without a printed spread");
  const normal = () => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  const times = 1500;
  // Of 1,500 draws 75 are expected, give or take 8. By Welch with six degrees of freedom they would be 138 and 111.
  const few = (count: number) => assert.ok(count > 50 && count < 100, String(count));
  const trial = (shift: number) => {
    const mean = 60 + normal() / 2;
    return { ours: [1, 2, 3, 4].map(() => 60 + shift + normal()), reference: { ...bare, mean, margin: 20 } };
  };
  const count = (shift: number, of: (each: ReturnType<typeof trial>) => boolean) =>
    Array.from({ length: times }, () => trial(shift)).filter(of).length;
  few(count(0, ({ ours, reference }) => compare(ours, reference)!.p <= level));
  few(count(20, ({ ours, reference }) => judge(new Map(ours.entries()), reference).verdict === "consistent"));
});

test("a probability is told with what was done to it, and never as nothing", () => {
  const cell = {
    values: values({ 1: 61, 2: 60.2, 3: 60.9, 4: 61.5 }),
    reference: { ...published, mean: 63.5 },
  };
  const alone = judgeAll([cell])[0];
  assert.match(alone.why, new RegExp(`\\(p = ${alone.p!.toPrecision(2)}\\)`));
  const equal = { values: values({ 1: 60.1, 2: 59.7, 3: 60.4, 4: 59.9 }), reference: published };
  const among = judgeAll([cell, ...Array(5).fill(equal)])[0];
  assert.is(among.p, alone.p);
  assert.match(
    among.why,
    `(p = ${alone.p!.toPrecision(2)}, still shown after Holm's correction for 6 cells)`,
  );
  const certain = values(Object.fromEntries(Array.from({ length: 40 }, (_, seed) => [seed, seed % 2])));
  assert.match(judge(certain, { ...published, n: 40 }).why, "p < 1e-12");
  assert.match(judge(values({ 1: 58, 2: 62, 3: 63, 4: 59 }), published).why, "at this mean and spread");
});

test("a difference that is shown but shown to be small is consistent", () => {
  const { verdict, p } = judge(values({ 1: 60.9, 2: 61, 3: 61.1, 4: 61 }), { ...published, sd: 0.1 });
  assert.ok(p! < 0.01);
  assert.is(verdict, "consistent");
});

test("as many runs as are said to decide do decide", () => {
  // Runs that go on as the first four did: the same mean and the same spread.
  const sample = (n: number) => {
    const raw = Array.from({ length: n }, (_, i) => (i % 2 === 0 ? -1 : 1) * (1 + (i % 3) / 10));
    const centre = raw.reduce((sum, x) => sum + x, 0) / n;
    const sd = standardDeviation(raw)!;
    return values(Object.fromEntries(raw.map((x, i) => [i + 1, 60.4 + 1.9 * (x - centre) / sd])));
  };
  const four = judge(sample(4), published);
  assert.is(four.verdict, "underpowered");
  assert.is(judge(sample(four.runsNeeded!), published).verdict, "consistent");
  assert.is(judge(sample(four.runsNeeded! - 1), published).verdict, "underpowered");
});

test("many cells: a difference that stands alone may not stand among a hundred, and equal cells give no alarm", () => {
  const cell = { values: values({ 1: 63, 2: 61.4, 3: 62.2, 4: 62 }), reference: published };
  assert.is(judgeAll([cell])[0].verdict, "inconsistent");
  const equal = { values: values({ 1: 60.1, 2: 59.7, 3: 60.4, 4: 59.9 }), reference: published };
  const many = judgeAll([cell, ...Array(199).fill(equal)]);
  assert.is(many[0].verdict, "underpowered");
  assert.ok(many.slice(1).every(({ verdict }) => verdict === "consistent"));
  assert.equal(holm([0.001, 0.04, 0.03, 0.2], 0.05), [true, false, false, false]);
  assert.equal(holm([0.001, 0.013, 0.02, 0.04], 0.05), [true, true, true, true]);
  assert.equal(holm([], 0.05), []);
});

test("what cannot be judged says why", () => {
  const why = "mBERT, MLQA F1: not legible in the source";
  assert.is(judge(values({ 1: 5 }), { kind: "illegible", why }).verdict, "not legible");
  const gap = judgeAll([{ values: new Map(), reference: published, gap: "no such encoder" }])[0];
  assert.equal(gap, { verdict: "not comparable", why: "no such encoder" });
});

test("stored tolerances follow from the spread over seeds", () => {
  const cell = (row: string, of: Record<number, number>) => ({
    row,
    column: "xnli/average/accuracy",
    values: values(of),
    item: 0.05,
    group: "mbert xnli/average",
  });
  const [steady, noisy] = referenceCells([
    cell("mbert/standard", { 1: 50, 2: 50, 3: 50 }),
    cell("mbert/gu", { 1: 50, 2: 52, 3: 54 }),
  ]);
  assert.is(noisy.sd, 2);
  assert.is(noisy.tolerance.spread, 2);
  assert.is(noisy.tolerance.seed, 1);
  // The steady one gets the pooled spread: √((0·2 + 4·2) / 4).
  close(steady.tolerance.spread, Math.SQRT2);
  close(steady.tolerance.quantile, studentT(0.975, 4));
  assert.throws(() => referenceCells([cell("mbert/fun", { 1: 50 })]), /at least two seeds/);
});

test("a reference belongs to settings, whatever the seed, backend and deliberate fault", async () => {
  const key = await settingsKey(spec());
  assert.is(await settingsKey(spec({ seed: 9, backend: "webgpu", mutant: "x", numericsVersion: 7 })), key);
  assert.is.not(await settingsKey(spec({ dataRevision: "other" })), key);
  const faster = { ...spec().hyperparameters, learningRate: 1 };
  assert.is.not(await settingsKey(spec({ hyperparameters: faster })), key);
});

test("a damaged reference file is named", () => {
  assert.throws(() => parseReference("{", "r.json"), /reference r\.json: not valid JSON .*repro reference/);
  assert.throws(() => parseReference("{}", "r.json"), /reference r\.json: .*repro reference/s);
});

test.run();
