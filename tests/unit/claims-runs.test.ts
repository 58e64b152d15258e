// Claims on runs: whatever the claims ask for is found in a store by its specification, in tables and beside them, with logs and
// schedules; what is not there stays undecided.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { paper } from "../../papers/fun-with-fisher/paper.ts";
import { judgeClaims } from "../../repro/claims/mod.ts";
import type { Setup } from "../../repro/paper/mod.ts";
import type { FinishedRun } from "../../repro/runs/mod.ts";
import { runId, type RunSpec } from "../../repro/spec/mod.ts";
import { storeEvidence, storeEvidenceName } from "../../repro/tables/mod.ts";

const test = suite("claims on runs");
const setup: Setup = {
  scale: "tiny",
  seeds: [1, 2, 3, 4],
  backend: "wasm",
  fidelity: "authors-code",
  data: "tiny",
  models: { mbert: { model: "mbert", revision: "m" }, xlmr: { model: "xlmr", revision: "x" } },
  dataRevisions: { squad: "s", xnli: "n", copa: "c" },
};

/** Points above standard training. */
const gains: Record<string, number> = { standard: 0, rand: 1, gu: 6, fun: 6, lpft: 3, rev: -9 };
const order = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

async function run(spec: RunSpec): Promise<FinishedRun> {
  const scheduled = /^schedule-(\d)$/.exec(spec.method);
  const gain = scheduled ? Number(scheduled[1]) : gains[spec.method];
  const metrics: Record<string, number> = {};
  for (const [dataset, languages] of Object.entries(spec.evaluate)) {
    languages.forEach((language, index) => {
      for (const metric of spec.task === "squad" ? ["f1", "em"] : ["accuracy"]) {
        // Seeds differ by a tenth of a point; English is the same for all methods.
        const moved = language === "en" ? 0 : gain;
        metrics[`${dataset}/${language}/${metric}`] = 60 - index + moved + spec.seed / 10;
      }
    });
  }
  return {
    id: await runId(spec),
    spec,
    metrics,
    schedule: order.map((layer, m) => ({ step: m * 10, layers: [layer] })),
    provenance: {},
  } as unknown as FinishedRun;
}

const isFinished = ({ method }: RunSpec) => method in gains || /^schedule-/.test(method);
const evidenceOf = (is: (spec: RunSpec) => boolean) =>
  storeEvidence(paper, setup, paper.claims!, {
    finished: async (spec) => is(spec) ? await run(spec) : null,
    // Only runs that were asked to be tracked have a curve. A hill under GU, the higher the later the schedule; a fall under standard training.
    trace: ({ spec }) => {
      const height = 9 + Number(/\d$/.exec(spec.method)?.[0] ?? 0);
      if (spec.hyperparameters.trackFisherEvery === 0) return Promise.resolve([]);
      const values = spec.method === "standard" ? [4, 3, 2, 1, 1, 1] : [2.5, 5, height, 6, 3, 2];
      return Promise.resolve(
        values.map((average, i) => ({ step: 100 * i, kind: "tracking", average })),
      );
    },
  });
const evidence = await evidenceOf(isFinished);
const withoutCopa = await evidenceOf((spec) => isFinished(spec) && spec.task !== "copa");
const judged = judgeClaims(paper.claims!, { all: evidence, part: withoutCopa });
const outcome = (id: string, of: "all" | "part" = "all") =>
  judged.find((each) => each.id === id)!.outcomes[of];

test("cells of tables are those of their runs, over seeds", () => {
  const found = evidence.cell({ table: "table1", row: "mbert/gu", column: "xnli/average/accuracy" })!;
  // 59 … 49 in eleven languages, plus 6, plus the seeds' mean.
  assert.is(found.mean.toFixed(4), (54 + 6 + 0.25).toFixed(4));
  assert.is(found.sd!.toFixed(4), "0.1291");
  assert.is(found.n, 4);
  assert.is(withoutCopa.cell({ table: "table1", row: "mbert/gu", column: "xcopa/en/accuracy" }), undefined);
  assert.is(evidence.cell({ table: "table10", row: "xlmr/fun", column: "xnli/ar/accuracy" })!.mean, 65.25);
});

test("claims are judged on what is there, and say what is not", () => {
  for (const id of ["fun-at-least-rand", "gu-fun-comparable", "reversed-worse", "reversed-english"]) {
    assert.is(outcome(id).verdict, "holds", id);
  }
  assert.is(outcome("fun-at-least-rand").cases.length, 8);
  // A row that stands for runs of another kind: full fine-tuning, here as good as standard training.
  assert.is(outcome("gap-to-full").verdict, "holds");
  // Without COPA's runs nothing speaks against a claim about every data set, and it is not shown either.
  const { verdict, cases, missing, why } = outcome("fun-at-least-rand", "part");
  assert.equal([verdict, cases.length, missing.length], ["undecided", 6, 4]);
  assert.match(
    why,
    "6 of 6 cases hold, 6 of 6 differences exceed their 95 % half-width; 4 wanted values are not there",
  );
  assert.is(outcome("gap-to-full", "part").verdict, "undecided");
  // Both encoders, GU and LPFT, four data sets.
  assert.is(outcome("gap-to-full").cases.length, 16);
  assert.ok(outcome("gap-to-full").cases.some(({ label }) => label === "XLM-R XNLI, LPFT"));
  // XCOPA's full fine-tuning, standard training, GU and LPFT, of both encoders.
  assert.is(outcome("gap-to-full", "part").missing.length, 8);
  assert.is(outcome("reversed-worse", "part").verdict, "holds");
  assert.is(outcome("gu-exceeds-full", "part").verdict, "holds");
  assert.is(outcome("lora-copa", "part").verdict, "undecided");
});

test("rows that no table has are found too", () => {
  assert.is(outcome("gu-better-than-lpft").verdict, "holds");
  assert.is(
    evidence.cell({ table: "figure2", row: "mbert/lpft", column: "xnli/average/accuracy" })!.mean,
    57.25,
  );
});

test("runs on partial data are named so, wherever their claims are shown", async () => {
  const name = (partial: string[]) =>
    storeEvidence(paper, setup, paper.claims!, {
      finished: async (spec) => {
        if (!isFinished(spec)) return null;
        const finished = await run(spec);
        return { ...finished, provenance: { ...finished.provenance, partial } } as FinishedRun;
      },
      trace: () => Promise.resolve([]),
    }).then((each) => storeEvidenceName(setup, each));
  assert.is(await name([]), `runs of the store, scale ${setup.scale}`);
  assert.match(
    await name(["xnli de: 60 of 5,010 examples", "xnli xx: 60 of 5,010 examples"]),
    /, on partial data \(xnli de: 60 of 5,010 examples\)$/,
    "a language that no table counts concerns no claim",
  );
  assert.match(await name(["trained on a part"]), /, on partial data \(trained on a part\)$/);
});

test("logs and schedules reach the claims about training", () => {
  assert.is(outcome("hill").verdict, "holds");
  assert.is(outcome("gu-curve-higher").verdict, "holds");
  assert.is(outcome("fun-recovers-order").verdict, "holds");
  assert.is(outcome("larger-trace-transfers-better").verdict, "holds");
  assert.match(outcome("larger-trace-transfers-better").cases[0].arithmetic, "1.00 over 10 schedules");
});

test("an empty store leaves every claim about runs undecided", async () => {
  const none = await storeEvidence(paper, setup, paper.claims!, {
    finished: () => Promise.resolve(null),
    trace: () => Promise.resolve([]),
  });
  for (const { about, id, outcomes } of judgeClaims(paper.claims!, { runs: none })) {
    if (about !== "settings") assert.is(outcomes.runs.verdict, "undecided", id);
  }
});

test.run();
