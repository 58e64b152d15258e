// Spells out when each layer opens, for every method and both fidelities with 12 layers and an interval of 5.
// It leaves tr(F) itself to fisher.test.ts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { choice, streamKey } from "../../core/random.ts";
import { namedSchedules } from "../../core/unfreezing/schedules.ts";
import { createUnfreezer, type UnfreezerOptions } from "../../core/unfreezing/unfreezer.ts";

const test = suite("unfreezing");
const L = 12;
const k = 5;

type Schedule = Record<number, number[]>;

/** What opens at which step over `steps` steps. */
async function run(options: Partial<UnfreezerOptions>, steps = 80): Promise<Schedule> {
  const unfreezer = createUnfreezer({
    layers: L,
    interval: k,
    method: "gu",
    fidelity: "paper",
    seed: 1,
    ...options,
  });
  const schedule: Schedule = {};
  for (let step = 0; step < steps; step++) {
    const { unfreeze, head } = await unfreezer.before(step);
    assert.is(head, true);
    if (unfreeze.length) schedule[step] = unfreeze;
  }
  return schedule;
}

const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

const table: [string, "paper" | "authors-code", Schedule][] = [
  ["standard", "paper", { 0: all }],
  ["standard", "authors-code", { 0: all }],
  [
    "gu",
    "paper",
    {
      0: [11],
      5: [10],
      10: [9],
      15: [8],
      20: [7],
      25: [6],
      30: [5],
      35: [4],
      40: [3],
      45: [2],
      50: [1],
      55: [0],
    },
  ],
  [
    "gu",
    "authors-code",
    {
      0: [11],
      9: [10],
      14: [9],
      19: [8],
      24: [7],
      29: [6],
      34: [5],
      39: [4],
      44: [3],
      49: [2],
      54: [1],
      59: [0],
    },
  ],
  [
    "rev",
    "paper",
    {
      0: [0],
      5: [1],
      10: [2],
      15: [3],
      20: [4],
      25: [5],
      30: [6],
      35: [7],
      40: [8],
      45: [9],
      50: [10],
      55: [11],
    },
  ],
  [
    "rev",
    "authors-code",
    {
      0: [11],
      4: [0],
      9: [1],
      14: [2],
      19: [3],
      24: [4],
      29: [5],
      34: [6],
      39: [7],
      44: [8],
      49: [9],
      54: [10],
    },
  ],
  ["lpft", "paper", { 5: all }],
  ["lpft", "authors-code", { 4: all }],
  [
    "schedule-7",
    "paper",
    {
      0: [11],
      5: [10],
      10: [1],
      15: [0],
      20: [3],
      25: [9],
      30: [6],
      35: [8],
      40: [2],
      45: [5],
      50: [7],
      55: [4],
    },
  ],
  [
    "schedule-7",
    "authors-code",
    {
      0: [11],
      4: [10],
      9: [1],
      14: [0],
      19: [3],
      24: [9],
      29: [6],
      34: [8],
      39: [2],
      44: [5],
      49: [7],
      54: [4],
    },
  ],
  ["schedule:3,11,0", "paper", { 0: [3], 5: [11], 10: [0] }],
  ["schedule:3,11,0", "authors-code", { 0: [11], 4: [3], 14: [0] }],
  ["schedule:10,4", "paper", { 0: [11], 5: [10], 10: [4] }],
];
for (const [method, fidelity, wanted] of table) {
  test(`${method}, ${fidelity}`, async () => assert.equal(await run({ method, fidelity }), wanted));
}

test("schedule-0 opens layer 10 one interval before the coded GU does; schedule-rev is rev", async () => {
  const coded = { fidelity: "authors-code" } as const;
  assert.equal(
    Object.keys(await run({ method: "schedule-0", ...coded })).map(Number),
    [0, 4, 9, 14, 19, 24, 29, 34, 39, 44, 49, 54],
  );
  assert.equal(await run({ method: "schedule-rev", ...coded }), await run({ method: "rev", ...coded }));
});

test("named schedules are permutations of the layers below the top, starting at 10 or 9 (rev: 0)", () => {
  assert.is(Object.keys(namedSchedules).length, 11);
  for (const [name, list] of Object.entries(namedSchedules)) {
    assert.equal(list.toSorted((a, b) => a - b), all.slice(0, 11), name);
    assert.ok(name === "schedule-rev" ? list[0] === 0 : list[0] >= 9, name);
  }
});

test("rand, authors-code: the top from the start, then one frozen layer at each t + 1 = m·k, from the seed alone", async () => {
  const schedule = await run({ method: "rand", fidelity: "authors-code", seed: 3 });
  assert.equal(Object.keys(schedule).map(Number), [0, 4, 9, 14, 19, 24, 29, 34, 39, 44, 49, 54]);
  assert.equal(schedule[0], [11]);
  assert.equal(Object.values(schedule).flat().sort((a, b) => a - b), all);
  assert.equal(await run({ method: "rand", fidelity: "authors-code", seed: 3 }), schedule);
  assert.not.equal(await run({ method: "rand", fidelity: "authors-code", seed: 4 }), schedule);
  assert.is(schedule[4][0], choice(streamKey(3, "rand-schedule", 4), all.slice(0, 11)));
});

test("rand, paper: a random layer at every i = m·k from i = 0 on", async () => {
  const schedule = await run({ method: "rand", seed: 3 });
  assert.equal(Object.keys(schedule).map(Number), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]);
  assert.equal(Object.values(schedule).flat().sort((a, b) => a - b), all);
});

for (
  const [fidelity, steps, first] of [
    ["paper", [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55], []],
    ["authors-code", [4, 9, 14, 19, 24, 29, 34, 39, 44, 49, 54], [11]],
  ] as const
) {
  test(`fun, ${fidelity}: the frozen layer with the largest tr(F), asked for only when a selection is due`, async () => {
    let now = 0;
    const asked: number[] = [];
    // The favourite changes with time: the largest value of an open layer must never win.
    const values = (step: number) => all.map((layer) => ((layer * 7 + step) % 12) + 1);
    const unfreezer = createUnfreezer({
      layers: L,
      interval: k,
      method: "fun",
      fidelity,
      seed: 1,
      trace: async (frozen) => {
        asked.push(now);
        assert.equal(frozen, unfreezer.frozen);
        return values(now);
      },
    });
    const open = new Set<number>(first);
    for (; now < 80; now++) {
      const decision = await unfreezer.before(now);
      const due = (steps as readonly number[]).includes(now);
      if (!due) {
        assert.equal(decision.unfreeze, now === 0 ? [...first] : []);
        assert.is(decision.trace, undefined);
        continue;
      }
      const candidates = all.filter((layer) => !open.has(layer));
      const best = candidates.reduce((a, b) => values(now)[b] > values(now)[a] ? b : a);
      assert.equal(decision.unfreeze, [best], `step ${now}`);
      assert.equal(decision.trace, values(now));
      open.add(best);
    }
    assert.equal(asked, [...steps]);
    assert.is(open.size, L);
  });
}

test("the coded FUN opens its second layer one interval before the coded GU", async () => {
  const fun = await run({ method: "fun", fidelity: "authors-code", trace: async () => all });
  const gu = await run({ method: "gu", fidelity: "authors-code" });
  assert.is(Number(Object.keys(fun)[1]) + k, Number(Object.keys(gu)[1]));
});

test("interval 1 and a single layer", async () => {
  assert.equal(await run({ interval: 1, layers: 3 }), { 0: [2], 1: [1], 2: [0] });
  assert.equal(await run({ interval: 1, layers: 3, fidelity: "authors-code" }), { 0: [2], 1: [1], 2: [0] });
  assert.equal(
    await run({ interval: 1, layers: 3, method: "schedule:1,0", fidelity: "authors-code" }),
    { 0: [2, 1], 1: [0] },
  );
  assert.equal(await run({ layers: 1, fidelity: "authors-code" }), { 0: [0] });
  assert.equal(await run({ layers: 1, method: "lpft" }), { 5: [0] });
});

for (const method of ["gu", "rand", "fun", "lpft", "schedule-3"]) {
  test(`${method} stopped anywhere and resumed from JSON continues as if nothing had happened`, async () => {
    for (const fidelity of ["paper", "authors-code"] as const) {
      const trace = async () => all.map((layer) => (layer * 5) % 12);
      const options = { layers: L, interval: 3, method, fidelity, seed: 9, trace };
      const whole = await run(options, 45);
      for (const stop of [0, 1, 2, 3, 6, 17, 40]) {
        const first = createUnfreezer(options);
        const schedule: Schedule = {};
        const note = (step: number, layers: number[]) => {
          if (layers.length) schedule[step] = layers;
        };
        for (let step = 0; step < stop; step++) note(step, (await first.before(step)).unfreeze);
        const second = createUnfreezer(options);
        second.restore(JSON.parse(JSON.stringify(first.state())));
        assert.equal(second.unfrozen, first.unfrozen);
        for (let step = stop; step < 45; step++) note(step, (await second.before(step)).unfreeze);
        assert.equal(schedule, whole, `stopped before step ${stop}`);
      }
    }
  });
}

test("what makes no sense is refused with the next step", async () => {
  const base = { layers: L, interval: k, method: "gu", fidelity: "paper", seed: 1 } as const;
  assert.throws(() => createUnfreezer({ ...base, method: "gus" }), /no method gus; choose standard, gu/);
  assert.throws(() => createUnfreezer({ ...base, method: "schedule:1,1" }), /layer 1 is named twice/);
  assert.throws(() => createUnfreezer({ ...base, method: "schedule:12" }), /12 is no layer/);
  assert.throws(() => createUnfreezer({ ...base, method: "schedule:" }), /NaN is no layer/);
  assert.throws(() => createUnfreezer({ ...base, layers: 6, method: "schedule-1" }), /10 is no layer/);
  assert.throws(() => createUnfreezer({ ...base, interval: 0 }), /interval is 0/);
  assert.throws(
    () => createUnfreezer(base).restore({ nextStep: 3, unfrozen: [12] }),
    /does not fit 12 layers/,
  );
  const rejects = (promise: Promise<unknown>, pattern: RegExp) =>
    promise.then(() => assert.unreachable("accepted"), (error) => assert.match(error.message, pattern));
  await rejects(createUnfreezer(base).before(3), /asked about step 3, expected 0/);
  await rejects(createUnfreezer({ ...base, method: "fun" }).before(0), /needs tr\(F\)/);
  await rejects(
    createUnfreezer({ ...base, method: "fun", trace: async () => [1] }).before(0),
    /1 layers; wanted one value for each of 12/,
  );
  await rejects(
    createUnfreezer({ ...base, method: "fun", trace: async () => new Array(12).fill(NaN) }).before(0),
    /layer 11 is NaN; training has diverged/,
  );
});

test.run();
