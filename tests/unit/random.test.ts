// Checks core/random.ts: published Philox vectors, stable streams, distributions, permutations.
// It leaves dropout masks to tests/backend/kernels.test.ts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import {
  choice,
  dropThreshold,
  integerBelow,
  normal,
  permutation,
  philox,
  philoxHalves,
  philoxWord,
  philoxWords,
  streamKey,
  uniform,
} from "../../core/random.ts";

const test = suite("random");

// Known answers published with Random123 (philox4x32, 10 rounds): counter, key, result.
const knownAnswers: [number[], number[], number[]][] = [
  [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

for (const [counter, key, wanted] of knownAnswers) {
  test(`philox of counter ${counter[0].toString(16)}… matches the published words`, () => {
    const words = philox(
      counter as [number, number, number, number],
      key as [number, number],
    );
    assert.equal([...words], wanted);
  });
}

test("word i is element i & 3 of block i >>> 2, wherever reading starts", () => {
  const stream = streamKey(7, "test", 3, 5);
  const all = philoxWords(stream, 41);
  for (let i = 0; i < 41; i++) assert.is(philoxWord(i, stream), all[i]);
  for (const start of [0, 1, 2, 3, 17]) {
    assert.equal([...philoxWords(stream, 9, start)], [...all.slice(start, start + 9)]);
  }
  const block = philox([2, stream.c1 as number, stream.c2, stream.c3], [stream.k0, stream.k1]);
  assert.is(all[9], block[1]);
});

test("dropout's bits are the low, then the high half of each word, wherever reading starts", () => {
  const stream = streamKey(7, "test", 3, 5);
  const words = philoxWords(stream, 20);
  const all = philoxHalves(stream, 40);
  words.forEach((word, i) => assert.equal([all[2 * i], all[2 * i + 1]], [word & 0xffff, word >>> 16]));
  for (const start of [0, 1, 7, 8, 13]) {
    assert.equal([...philoxHalves(stream, 9, start)], [...all.slice(start, start + 9)]);
  }
  assert.equal([...philoxHalves({ ...stream, c0: 2 }, 24)], [...all.slice(16)]);
  assert.equal([0, 0.1, 0.5, 1 - 2 ** -20].map(dropThreshold), [0, 6554, 32768, 65535]);
});

test("streams are fixed for ever: these values may not change without a new numerics version", () => {
  assert.equal(streamKey(1, "dropout", 2, 3), { k0: 1, k1: 0, c1: 2, c2: 3, c3: 1135909658 });
  const stream = streamKey(42, "initialisation");
  assert.equal([...normal(stream, 4)], [
    -0.48602622747421265,
    0.11099565774202347,
    1.176093578338623,
    0.8052128553390503,
  ]);
  assert.equal(permutation(streamKey(42, "data-order", 1), 10), [0, 9, 3, 5, 8, 6, 2, 1, 7, 4]);
});

test("seed, purpose, step and sub each change the stream", () => {
  const base = philoxWord(0, streamKey(1, "a", 0, 0));
  for (
    const other of [
      streamKey(2, "a", 0, 0),
      streamKey(1 + 2 ** 32, "a", 0, 0),
      streamKey(1, "b", 0, 0),
      streamKey(1, "a", 1, 0),
      streamKey(1, "a", 0, 1),
      streamKey(1, "a", 0, "layer"),
    ]
  ) assert.is.not(philoxWord(0, other), base);
});

test("a seed, step or sub that is no count is refused", () => {
  assert.throws(() => streamKey(-1, "a"), /seed is -1/);
  assert.throws(() => streamKey(1, "a", 1.5), /step is 1.5/);
  assert.throws(() => streamKey(1, "a", 0, 2 ** 32), /sub is 4294967296/);
});

test("uniform: mean, variance, bounds", () => {
  const n = 100_000;
  const values = uniform(streamKey(3, "test"), n);
  let mean = 0;
  let square = 0;
  for (const value of values) {
    assert.ok(value >= 0 && value < 1);
    mean += value / n;
    square += value * value / n;
  }
  assert.ok(Math.abs(mean - 0.5) < 0.004, `mean ${mean}`);
  assert.ok(Math.abs(square - mean * mean - 1 / 12) < 0.002);
});

test("normal: moments, and the built-in functions agree", () => {
  const n = 100_000;
  const stream = streamKey(4, "test");
  const values = normal(stream, n);
  const moments = [0, 0, 0, 0, 0];
  for (const value of values) for (let p = 1; p <= 4; p++) moments[p] += value ** p / n;
  assert.ok(Math.abs(moments[1]) < 0.013);
  assert.ok(Math.abs(moments[2] - 1) < 0.02);
  assert.ok(Math.abs(moments[3]) < 0.05);
  assert.ok(Math.abs(moments[4] - 3) < 0.15);
  const words = philoxWords(stream, n);
  for (let i = 0; i < 2000; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((words[i] + 0.5) / 2 ** 32));
    const angle = 2 * Math.PI * words[i + 1] / 2 ** 32;
    assert.ok(Math.abs(values[i] - radius * Math.cos(angle)) < 1e-6);
    assert.ok(Math.abs(values[i + 1] - radius * Math.sin(angle)) < 1e-6);
  }
  assert.equal([...normal(stream, 7)], [...values.slice(0, 7)], "a shorter draw is a prefix of a longer one");
  const shifted = normal(stream, 3, 10, 0.5);
  assert.ok(Math.abs(shifted[1] - (10 + 0.5 * values[1])) < 1e-5);
});

test("permutation holds every number once, and reaches all orders of three", () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(), (n, seed) => {
      const order = permutation(streamKey(seed, "p"), n);
      assert.equal([...order].sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
    }),
    { seed: 1, numRuns: 100 },
  );
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const key = permutation(streamKey(seed, "p"), 3).join("");
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  assert.is(seen.size, 6);
  for (const count of seen.values()) assert.ok(Math.abs(count - 1000) < 130, `${count} of 6000`);
});

test("choice and integerBelow stay in range and refuse the empty", () => {
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 5000; i++) counts[choice(streamKey(9, "c"), [0, 1, 2, 3, 4], i)]++;
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 130);
  assert.throws(() => choice(streamKey(9, "c"), []), /empty/);
  assert.throws(() => integerBelow(streamKey(9, "c"), 0), /n is 0/);
});

test.run();
