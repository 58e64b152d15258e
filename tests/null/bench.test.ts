// Promises: the bench counts FLOP as the formulas say, notices a wrong result, takes turns, merges and draws what it wrote.
// Leaves real engines in their processes to tests/runtime/bench.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compare, tolerance } from "../../bench/agreement.ts";
import { digest, digests, samplePositions, sampleSize } from "../../bench/engines/digest.ts";
import type { EngineHandle } from "../../bench/engines/child.ts";
import { measure, median } from "../../bench/measure.ts";
import { readOptions } from "../../bench/options.ts";
import { frozenTables, openAtEachStep, stepTime } from "../../bench/report/frozen.ts";
import { type BenchResults, merge, readResults, writeResults } from "../../bench/report/results.ts";
import { familyTables, faults, operationTables } from "../../bench/report/tables.ts";
import { bytesOf, flopsOf, layerFlops, stepFlops } from "../../bench/work/flops.ts";
import { headsInside, transposed, values } from "../../bench/work/inputs.ts";
import { operations, pickOperations } from "../../bench/work/registry.ts";
import type { EncoderShape, LayerShape, Operation } from "../../bench/work/work.ts";
import { renderMarkdown, renderText } from "../../repro/render/mod.ts";
import { join, remove, temporaryFolder, writeAtomic } from "../../repro/runtime.ts";

const test = suite("bench");

// Numbers small enough to count every product by hand: 2 examples of 3 tokens, 32 wide, 2 heads, feed-forward 64.
const layer: LayerShape = { batch: 2, tokens: 3, hidden: 32, heads: 2, feedForward: 64 };
const encoder: EncoderShape = { ...layer, layers: 3, vocabulary: 50 };

test("FLOP of the parts, counted by hand", () => {
  assert.is(flopsOf({ kind: "matmul", layout: "NN", batch: 1, m: 2, n: 3, k: 4 }), 48);
  assert.is(flopsOf({ kind: "matmul", layout: "TN", batch: 5, m: 2, n: 3, k: 4 }), 240);
  // 2 examples, 2 heads: scores 3×3×16 and values 3×16×3, 2 per multiply-add.
  const attention = { kind: "attention", batch: 2, heads: 2, tokens: 3, headSize: 16 } as const;
  assert.is(flopsOf({ ...attention, gradients: false }), 2 * 2 * 2 * (2 * 3 * 3 * 16));
  // Backward: gradients of weights and values, then of queries and keys.
  assert.is(flopsOf({ ...attention, gradients: true }), 3 * 2304);
  assert.is(bytesOf({ kind: "layer-norm-gelu", rows: 3, cols: 5 }), 120);
  assert.is(bytesOf({ kind: "adamw", tensors: 2, size: 10 }), 20 * 4 * 8);
  assert.is(flopsOf({ kind: "adamw", tensors: 2, size: 10 }), null);
});

test("FLOP of a layer in its modes, counted by hand", () => {
  // Six rows: four products 32×32, two of 32×64.
  const dense = 6 * 2 * (4 * 32 * 32 + 2 * 32 * 64), attention = 2304;
  assert.is(layerFlops(layer, "forward"), dense + attention);
  assert.is(layerFlops(layer, "all"), 3 * (dense + attention));
  // LoRA: two pairs 32×8 and 8×32, each forward, input gradient, weight gradient.
  const lora = 2 * 2 * (6 * 2 * 32 * 8);
  assert.is(layerFlops(layer, "lora"), 2 * dense + 3 * attention + 3 * lora);
  // MAD-X: language 32 → 16 → 32 without weight gradients, task 32 → 2 → 32 with them.
  const language = 2 * (6 * 2 * 32 * 16), task = 2 * (6 * 2 * 32 * 2);
  assert.is(layerFlops(layer, "mad-x"), 2 * dense + 3 * attention + 2 * language + 3 * task);
});

test("FLOP of training steps, counted by hand", () => {
  const dense = 6 * 2 * (4 * 32 * 32 + 2 * 32 * 64), attention = 2304;
  const language = 2 * (6 * 2 * 32 * 16), task = 2 * (6 * 2 * 32 * 2);
  const head = 6 * 2 * 32 * 2;
  // Two nets 16 → 8 → 16 of the invertible block.
  const invertible = 2 * 2 * (6 * 2 * 16 * 8);
  const forward = 3 * (dense + attention + language + task) + invertible + head;
  assert.is(flopsOf({ kind: "evaluation", shape: encoder }), forward);
  assert.is(stepFlops(encoder, 0), forward + head, "the head's weights alone");
  // One open adapter: both weight gradients and one input gradient of its two products; the head passes a gradient on.
  assert.is(stepFlops(encoder, 1), forward + 2 * head + 1.5 * task);
  const through = dense + 2 * attention + language + 2 * task;
  assert.is(stepFlops(encoder, 3), forward + 2 * head + 2 * through + 1.5 * task);
  assert.is(stepFlops(encoder, "all"), 3 * 3 * (dense + attention) + 3 * head);
  assert.is(flopsOf({ kind: "trace", shape: encoder, gradient: "per-example" }), stepFlops(encoder, 3));
});

test("every operation has a name of its own and an amount of work", () => {
  const names = operations.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const { name, work } of operations) {
    assert.ok((flopsOf(work) ?? bytesOf(work) ?? 0) > 0, name);
    assert.match(name, /^[a-z]+\/[a-z0-9-]+$/);
  }
});

test("operations are picked by name, beginning or family, the slow ones only when named", () => {
  assert.ok(pickOperations([], false).every(({ slow }) => !slow));
  assert.ok(pickOperations([], true).some(({ slow }) => slow));
  assert.equal(pickOperations(["layer/all"], false).map(({ name }) => name), ["layer/all"]);
  assert.is(pickOperations(["layer"], false).length, 4);
  assert.ok(pickOperations(["matmul/768"], false).every(({ name }) => name.startsWith("matmul/768-")));
  assert.ok(pickOperations(["step/base"], false).every(({ slow }) => slow));
  assert.throws(
    () => pickOperations(["matmul/76"], false),
    /no operation is called "matmul\/76"; the families/,
  );
});

test("inputs are the generator's, and layouts turn back and forth", () => {
  // 1664525·1 + 1013904223 = 1015568748; the next state by hand too.
  const second = (1664525n * 1015568748n + 1013904223n) % 4294967296n;
  const expected = [1015568748, Number(second)].map((state) =>
    Math.fround((state / 4294967296 * 2 - 1) * 0.5)
  );
  assert.equal([...values(2, 1, 0.5)], expected);
  const x = values(2 * 3 * 4 * 5, 1);
  assert.equal(headsInside(headsInside(x, 2, 3, 4, 5), 2, 4, 3, 5), x);
  assert.equal([...transposed([1, 2, 3, 4, 5, 6], 2, 3)], [1, 4, 2, 5, 3, 6]);
});

test("a result that is wrong in any way disagrees", () => {
  const right = values(5000, 3);
  const ours = digests({ y: right });
  const verdict = (y: ArrayLike<number>) => compare(ours, digests({ y }));
  assert.ok(verdict(right).agrees);
  assert.ok(verdict(right.map((value) => value * (1 + 1e-6))).agrees, "rounding");
  assert.not(verdict(right.map((value) => value * 1.01)).agrees, "scaled");
  assert.not(verdict(right.toReversed()).agrees, "the same sums in another order");
  assert.not(verdict(new Float32Array(5000)).agrees, "zeros");
  const inSample = Float32Array.from(right), outside = Float32Array.from(right);
  inSample[samplePositions(5000)[77]] += 0.05;
  assert.not(verdict(inSample).agrees, "one element of the sample");
  outside[samplePositions(5000)[77] + 1] += 50;
  assert.not(verdict(outside).agrees, "one element outside, by the sums");
  const broken = JSON.parse(JSON.stringify(digests({ y: right.map((value, i) => i === 0 ? NaN : value) })));
  assert.not(compare(ours, broken).agrees, "a NaN, as JSON carries it");
  assert.not(compare(ours, digests({ y: right.subarray(1) })).agrees, "too short");
  assert.match(compare(ours, {}).where, "absent");
  assert.ok(compare(ours, digests({ y: right, z: right })).agrees, "more than we have is no fault");
  assert.is(new Set(samplePositions(100_000)).size, sampleSize);
  assert.is(digest([1, 2, 2]).norm, 3);
});

/** An engine in this process that notes when it was asked to compute. */
function fake(id: string, log: string[], msOf: () => number, y = values(300, 3)): EngineHandle {
  return {
    id,
    prepare: () => Promise.resolve(digests({ y })),
    time(calls) {
      log.push(id);
      return Promise.resolve({ ms: msOf() * calls });
    },
    release: () => Promise.resolve(),
  };
}

const operation: Operation = {
  name: "matmul/test",
  summary: "a test",
  work: { kind: "matmul", layout: "NN", batch: 1, m: 2, n: 3, k: 4 },
};

test("engines take turns, and the first one's result is the measure of the others'", async () => {
  const log: string[] = [];
  const wrong = values(300, 3).map((value) => value * 1.1);
  const engines = [fake("a", log, () => 30), fake("b", log, () => 40), fake("c", log, () => 50, wrong)];
  const { results } = await measure(operation, engines, { rounds: 4 });
  assert.equal(log.slice(-12), ["a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c"]);
  const states = results.map((each) => each.state === "measured" && [each.samples, each.agreement?.agrees]);
  assert.equal(states, [[[30, 30, 30, 30], undefined], [[40, 40, 40, 40], true], [[50, 50, 50, 50], false]]);
});

test("short work is done often enough to be timed, and long work has fewer rounds", async () => {
  const results = (await measure(operation, [
    fake("short", [], () => 0.01),
    fake("long", [], () => 5000),
    fake("very long", [], () => 7000),
  ], { rounds: 9 })).results;
  const [short, long, veryLong] = results.map((each) => each.state === "measured" ? each : null);
  assert.ok(short!.calls * 0.01 >= 25, `${short!.calls} calls`);
  assert.is(short!.samples.length, 9);
  assert.is(long!.samples.length, 3);
  assert.equal(veryLong!.samples, [7000]);
});

test("a sample of several calls follows one call that is not timed", async () => {
  const asked: number[] = [];
  // The first call after another engine is slow, as on a core that slept.
  let awake = false;
  const sleepy: EngineHandle = {
    ...fake("a", [], () => 0),
    time(calls) {
      asked.push(calls);
      const ms = awake ? calls * 10 : calls * 10 + 8;
      awake = true;
      return Promise.resolve({ ms });
    },
  };
  const other = fake("b", [], () => {
    awake = false;
    return 10;
  });
  const [result] = (await measure(operation, [sleepy, other], { rounds: 3 })).results;
  assert.equal(result.state === "measured" && [result.calls, result.samples], [3, [10, 10, 10]]);
  assert.equal(asked.slice(-6), [1, 3, 1, 3, 1, 3]);
});

test("an engine of less precision may deviate by more", async () => {
  const rounded: EngineHandle = {
    ...fake("half", [], () => 30),
    prepare: async (work) => {
      const [[name, digest]] = Object.entries((await fake("a", [], () => 30).prepare(work))!);
      return { [name]: { ...digest, norm: digest.norm * 1.01 } };
    },
  };
  const agrees = async (tolerance?: number) => {
    const options = { rounds: 1, tolerance: (id: string) => id === "half" ? tolerance : undefined };
    const { results } = await measure(operation, [fake("a", [], () => 30), rounded], options);
    return results[1].state === "measured" && results[1].agreement!.agrees;
  };
  assert.equal([await agrees(), await agrees(0.05)], [false, true]);
});

test("an engine that fails in the midst is marked and the others go on", async () => {
  let asked = 0;
  const dying = fake("dying", [], () => {
    if (++asked > 3) throw new Error("gone");
    return 30;
  });
  const { results } = await measure(operation, [fake("a", [], () => 30), dying], { rounds: 5 });
  assert.is(results[0].state === "measured" && results[0].samples.length, 5);
  assert.equal(results[1], { engine: "dying", state: "failed", message: "gone" });
});

const measured = (engine: string, samples: number[], agrees: boolean | null) => ({
  engine,
  state: "measured" as const,
  samples,
  calls: 1,
  agreement: agrees === null ? null : { agrees, deviation: agrees ? 1e-6 : 0.5, where: "y, norm" },
});

function results(names: readonly string[], part: Partial<BenchResults> = {}): BenchResults {
  return {
    format: 1,
    date: "2026-01-02T03:04:05.678Z",
    commit: "abc",
    machine: { cpu: "a processor", cores: 2, memoryBytes: 2 ** 33, system: "Linux" },
    backend: "wasm",
    threads: 2,
    rounds: 3,
    tolerance,
    engines: ["repro", "fast", "wrong"].map((id) => ({ id, title: id, version: "1", description: "here" })),
    absent: [{ id: "gone", title: "Gone", reason: "gone not installed; npm install it" }],
    operations: names.map((name) => ({
      name,
      summary: "words",
      flops: 2e9,
      bytes: null,
      tokens: 100,
      results: [
        measured("repro", [100, 90, 300], null),
        measured("fast", [50, 50, 50], true),
        measured("wrong", [10, 10, 10], false),
      ],
    })),
    ...part,
  };
}

test("tables say median, rate, ratio and agreement; a wrong result's time is not compared", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
  const text = renderText(operationTables(results(["layer/a"])));
  assert.match(text, /repro +100 +20\.0 +1,000 +– +ours/);
  assert.match(text, /fast +50\.0 +40\.0 +2,000 +2\.00 +yes \(1e-6\)/);
  assert.match(text, /wrong +10\.0 +200 +10,000 +– +NO: y, norm \(5e-1\)/);
  assert.match(text, "absent: Gone: gone not installed; npm install it");
  assert.equal(faults(results(["layer/a"])), ["layer/a: wrong: NO: y, norm (5e-1)"]);
});

test("what was written is read again, drawn as Markdown, and refused when it is something else", async () => {
  const folder = join(temporaryFolder(), `bench-test-${crypto.randomUUID()}`);
  const path = join(folder, "results.json");
  try {
    await writeResults(path, results(["layer/a", "norm/b"]));
    const markdown = renderMarkdown(familyTables(await readResults(path)));
    assert.match(markdown, /\| layer \| repro<br>ms \| repro<br>GFLOP\/s \| fast<br>ms \| wrong<br>ms \|/);
    assert.match(markdown, "| a | 100 | 20.0 | 50.0 (2.00) | differs |");
    assert.match(markdown, "- layer/a: wrong: NO: y, norm (5e-1)");
    await writeAtomic(path, JSON.stringify({ ...results([]), machine: undefined }));
    const error = await readResults(path).then(() => null, (thrown) => thrown as Error);
    assert.match(error!.message, /results\.json: machine: .*no result of this bench/);
  } finally {
    await remove(folder);
  }
});

test("results are added to those of the same commit and machine only", () => {
  const both = merge(
    results(["layer/lora", "layer/all"]),
    results(["layer/all", "adamw/adapters-64", "step/x"]),
  );
  const names = both.operations.map(({ name }) => name);
  assert.equal(names, ["layer/all", "layer/lora", "adamw/adapters-64", "step/x"], "in the order of the list");
  assert.throws(() => merge(results([]), results([], { commit: "def" })), /commit was abc and is def/);
  assert.throws(() => merge(results([]), results([], { threads: 1 })), /threads was 2 and is 1/);
});

test("what gradual unfreezing saves follows from the schedule and the steps' times", async () => {
  const open = await openAtEachStep(30, 2);
  assert.is(open[0], 1);
  assert.is(open[29], 12);
  assert.ok(open.every((count, i) => i === 0 || (count >= open[i - 1] && count <= open[i - 1] + 1)));
  // As coded, the second layer opens at 2k.
  assert.equal(open.slice(0, 6), [1, 1, 1, 2, 2, 3]);
  const stages = [{ open: 1, ms: 10 }, { open: 5, ms: 30 }, { open: 12, ms: 100 }, {
    open: "full" as const,
    ms: 1,
  }];
  assert.is(stepTime(stages, 1), 10);
  assert.is(stepTime(stages, 2), 15);
  assert.is(stepTime(stages, 12), 100);
  assert.throws(() => stepTime(stages, 0), /no measured step/);
});

test("steps by open adapters become a table with the saving of whole runs in one line each", async () => {
  assert.is(await frozenTables(results(["layer/a"])), null);
  const view = await frozenTables(results(["frozen/tiny-open-1", "frozen/tiny-open-12", "frozen/tiny-full"]));
  const text = renderText(view!);
  assert.match(text, /12 adapters open +100 +2\.00 +1\.00 +1\.00 +1\.00/);
  // All stages take the same time here: nothing is saved.
  assert.match(
    text,
    /tiny: gradual unfreezing, one layer every 12 of 200 steps \(tiny SQuAD\), saves 0\.0 %/,
  );
});

test("the command line is read strictly", () => {
  assert.equal(readOptions(["--peers", "torch, tfjs", "--rounds=3"])!.peers, ["torch", "tfjs"]);
  assert.throws(
    () => readOptions(["--backend", "cuda"]),
    /unknown backend "cuda"; choose wasm, webgpu, null/,
  );
  assert.throws(() => readOptions(["--rounds", "03"]), /whole number/);
  assert.throws(() => readOptions(["--pears", "all"]), /unknown option --pears/);
  assert.throws(() => readOptions(["layer"]), /one word too many/);
});

test.run();
