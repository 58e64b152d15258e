// What a person types for one run: reduced data are the runs of the paper's tables, names of encoders, and scores printed as they come.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { specFrom } from "../../cli/commands/run-spec.ts";
import { modelPlace } from "../../cli/ui/places.ts";
import { scorePrinter, type Scores } from "../../cli/ui/scores.ts";
import { paper } from "../../papers/fun-with-fisher/paper.ts";
import { specify } from "../../repro/paper/mod.ts";
import type { Scale, TaskName } from "../../repro/spec/mod.ts";
import { temporaryFolder } from "../fakes/encoders.ts";

const test = suite("one run from flags");
const common = { fidelity: "authors-code", model: "mbert", backend: "wasm" };

test("--training-size 1000 is the run of the table for it, at every scale", async () => {
  for (const scale of ["tiny", "low-data", "paper"] as const) {
    for (const [task, method] of [["squad", "gu"], ["xnli", "fun"], ["copa", "standard"]] as const) {
      const typed = await specFrom({ ...common, scale, task, method, "training-size": "1000" }, {
        hashed: false,
      });
      const wanted = specify(
        paper,
        {
          ...{ scale: scale as Scale, seeds: [1], backend: "wasm", fidelity: "authors-code" },
          data: typed.data,
          models: { mbert: { model: typed.model, revision: "x" } },
          dataRevisions: { [task]: "x" },
        },
        { model: "mbert", task: task as TaskName, method, adapter: "mad-x", trainingSize: 1000 },
        1,
      );
      const { modelRevision: _, dataRevision: _d, ...own } = typed;
      const { modelRevision: _m, dataRevision: _r, ...table } = wanted;
      // COPA has no table of reduced data: there the size is all that differs.
      const size = table.hyperparameters.trainingSize ?? 1000;
      assert.equal(
        own,
        { ...table, hyperparameters: { ...table.hyperparameters, trainingSize: size } },
        `${scale} ${task}`,
      );
    }
  }
  const paperRun = await specFrom(
    { ...common, scale: "paper", task: "squad", method: "gu", "training-size": "5000" },
    { hashed: false },
  );
  assert.is(paperRun.scale, "low-data");
  const tiny = await specFrom(
    { ...common, scale: "tiny", task: "squad", method: "gu", "training-size": "20" },
    { hashed: false },
  );
  assert.is(tiny.hyperparameters.trainingSize, 20);
});

test("an encoder is a folder, a Hub id, or a name of repro fetch, which stands for the pinned revision", async () => {
  const folder = await temporaryFolder();
  assert.is(modelPlace(folder, paper), folder);
  assert.is(modelPlace("org/name@v1#nd", paper), "org/name@v1#nd");
  for (const { id, hub } of paper.models) {
    assert.is(modelPlace(id, paper), hub);
    assert.is(modelPlace(`${id}#nd`, paper), `${hub}#nd`);
  }
  assert.match(
    modelPlace("distilmbert", paper),
    /^distilbert\/distilbert-base-multilingual-cased@[0-9a-f]{40}$/,
  );
  for (const wrong of ["distilbert", "mbert#nd#wd", "squad", "mbert-adapters"]) {
    assert.throws(
      () => modelPlace(wrong, paper),
      /no such encoder: .*; give a folder that is there, .*mbert/,
      wrong,
    );
  }
});

test("scores are printed one by one, a mean after each data set", () => {
  const printed: string[] = [];
  const { add, end } = scorePrinter({ "xquad/de/f1": 9.5 }, (text) => printed.push(text));
  const of = (dataset: string, language: string, f1: number): Scores => ({
    ...{ dataset, language, examples: 7, metrics: { f1 } },
    conventions: { mlqa: { f1: f1 + 1 } },
  });
  add(of("xquad", "en", 50));
  assert.match(printed.join(""), /^\nxquad +examples +F1 +MLQA F1 +stored F1\nen +7 +50\.00 +51\.00 +–\n$/);
  add(of("xquad", "de", 10));
  add(of("xquad", "sw", 20));
  assert.match(printed.at(-1)!, /^sw +7 +20\.00 +21\.00 +–\n$/);
  add(of("mlqa", "de", 1));
  assert.match(
    printed.join(""),
    /\nde +7 +10\.00 +11\.00 +9\.50\nsw .*\nwithout en +15\.00 +16\.00 +–\n\nmlqa /,
  );
  end();
  assert.match(printed.at(-1)!, /^de +7 +1\.00/, "one language has no mean");
});

test.run();
