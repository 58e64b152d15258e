// Promises: a finished run is reused, an interrupted one goes on, a damaged one is made anew, two processes never share a
// run, and nothing of this touches another finished run. Leaves the real execution to its own tests.
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LockedError, type Metrics, RunStore } from "../../repro/runs/mod.ts";
import { appendText, exists, join, list, readText } from "../../repro/runtime.ts";
import { runId, type RunSpec } from "../../repro/spec/mod.ts";
import { executeRun } from "../fakes/execute.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("run store");
let store: RunStore;

test.before.each(async () => {
  store = new RunStore(await fs.mkdtemp(join(os.tmpdir(), "repro-store-")));
});
test.after.each(async () => {
  await fs.rm(store.folder, { recursive: true });
});

/** Executes; with `stopAt` it is interrupted once so many steps are done. Returns the steps that were executed. */
async function execute(of: RunSpec, stopAt?: number): Promise<number[]> {
  const stop = new AbortController();
  const done: number[] = [];
  await executeRun(of, {
    store,
    signal: stop.signal,
    onProgress({ step }) {
      done.push(step);
      if (step === stopAt) stop.abort(new Error("stopped"));
    },
  });
  return done;
}

const path = async (of: RunSpec, ...names: string[]) => join(store.runFolder(await runId(of)), ...names);
const state = async (of: RunSpec) => (await store.inspect(await runId(of))).state;

/** Runs `body` and gives what was written to standard error. */
async function quiet(body: () => Promise<unknown>): Promise<string> {
  const before = process.stderr.write;
  let text = "";
  process.stderr.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof process.stderr.write;
  try {
    await body();
  } finally {
    process.stderr.write = before;
  }
  return text;
}

test("a run is stored whole, verified when read, and not made twice", async () => {
  assert.is(await state(spec()), "absent");
  assert.is((await execute(spec())).length, 20);
  assert.is(await state(spec()), "finished");
  const run = (await store.finished(await runId(spec())))!;
  assert.equal(Object.keys(run.metrics), ["xnli/en/accuracy", "xnli/ar/accuracy", "xnli/sw/accuracy"]);
  assert.equal(run.spec, spec());
  assert.is(run.provenance.device, "fake");
  assert.ok(run.provenance.peakMemoryBytes > 1e6);
  assert.ok(await exists(await path(spec(), "predictions", "xnli.sw.json")));
  assert.not(await exists(await path(spec(), "checkpoint")));
  assert.equal(await execute(spec()), [], "a finished run is not executed again");
});

test("an interrupted run goes on from its checkpoint with logs that fit", async () => {
  await execute(spec(), 7).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /stopped/),
  );
  assert.is(await state(spec()), "unfinished");
  assert.is(await store.finished(await runId(spec())), null);
  assert.equal((await execute(spec()))[0], 8);
  const losses = (await readText(await path(spec(), "losses.jsonl"))).trim().split("\n");
  assert.equal(losses.map((line) => JSON.parse(line).step), [...Array(20).keys()]);
});

test("lines logged after the checkpoint, and a line cut short, are dropped on resume", async () => {
  await execute(spec(), 7).catch(() => {});
  await appendText(await path(spec(), "losses.jsonl"), '{"step":7,"loss":9}\n{"step":8,"lo');
  await execute(spec());
  const losses = (await readText(await path(spec(), "losses.jsonl"))).trim().split("\n");
  assert.is(losses.length, 20);
  assert.is(JSON.parse(losses[7]).loss, 1 / 8);
});

test("a damaged checkpoint is reported and the run starts at step 0", async () => {
  await execute(spec(), 7).catch(() => {});
  await fs.writeFile(await path(spec(), "checkpoint", "step-7.bin"), "something else");
  let done: number[] = [];
  const said = await quiet(async () => done = await execute(spec()));
  assert.is(done[0], 1);
  assert.match(said, /checkpoint .*current\.json is not usable .*starting at step 0/);
});

for (const file of ["metrics.json", "spec.json", "status.json", "schedule.json", "provenance.json"]) {
  for (const fault of ["cut short", "changed", "removed"]) {
    if (file === "status.json" && fault === "removed") continue;
    test(`${file} ${fault}: named, put aside, made anew; the neighbour stays as it was`, async () => {
      const neighbour = spec({ seed: 2 });
      await execute(neighbour);
      const before = await fs.readFile(await path(neighbour, "status.json"), "utf8");
      await execute(spec());
      const target = await path(spec(), file);
      const text = await readText(target);
      if (fault === "removed") await fs.rm(target);
      else await fs.writeFile(target, fault === "cut short" ? text.slice(0, -8) : text.replace(/\d/, "x"));
      const entry = await store.inspect(await runId(spec()));
      assert.is(entry.state, "damaged");
      assert.match(entry.problem ?? "", file);
      const said = await quiet(async () => {
        assert.is((await execute(spec())).length, 20);
      });
      assert.match(said, /was damaged: moved to .*\.damaged/);
      assert.is((await list(join(store.folder, ".damaged"))).length, 1);
      assert.is(await state(spec()), "finished");
      assert.is(await fs.readFile(await path(neighbour, "status.json"), "utf8"), before);
    });
  }
}

test("a status that was never written leaves an unfinished run, not a damaged one", async () => {
  await execute(spec());
  await fs.rm(await path(spec(), "status.json"));
  assert.is(await state(spec()), "unfinished");
  await execute(spec());
  assert.is(await state(spec()), "finished");
});

test("one run is executed by one process at a time", async () => {
  const writer = (await store.begin(spec()))!;
  assert.is(await state(spec()), "running");
  let error: unknown;
  await store.begin(spec()).catch((thrown) => error = thrown);
  assert.instance(error, LockedError);
  assert.match((error as Error).message, /is being executed by process \d+ on/);
  await writer.release();
  assert.is((await execute(spec())).length, 20);
});

test("the lock of a process that died does not hold", async () => {
  const id = await runId(spec());
  await fs.mkdir(join(store.folder, ".locks"));
  // A process number beyond what the system gives out belongs to nobody.
  const dead = { pid: 2 ** 30, host: os.hostname(), token: "t", since: "then", seen: Date.now() };
  await fs.writeFile(join(store.folder, ".locks", `${id}.json`), JSON.stringify(dead));
  assert.is((await execute(spec())).length, 20);
  assert.equal(await list(join(store.folder, ".locks")), []);
});

test("a lock taken away stops the run that lost it", async () => {
  const writer = (await store.begin(spec()))!;
  await fs.rm(join(store.folder, ".locks"), { recursive: true });
  let message = "";
  await writer.saveCheckpoint(1, 2, new Uint8Array(1)).catch((error) => message = error.message);
  assert.match(message, /another process took it/);
});

test("a failed run says why and is tried again", async () => {
  process.env.REPRO_FAKE_FAIL = "seed 1";
  await execute(spec()).catch(() => {});
  delete process.env.REPRO_FAKE_FAIL;
  const entry = await store.inspect(await runId(spec()));
  assert.is(entry.state, "failed");
  assert.match(entry.problem ?? "", /a deliberate failure; it will be tried again/);
  assert.is((await execute(spec()))[0], 11);
});

test("metrics with a wrong key or value are refused", async () => {
  const writer = (await store.begin(spec()))!;
  const rest = { schedule: [], provenance: { backend: "wasm", device: "x" }, steps: 1 };
  const wrong: Metrics[] = [{ "xnli/en/accuracy": 101 }, { "xnli-en": 5 }, { "xnli/en/accuracy": NaN }];
  for (const metrics of wrong) {
    let message = "";
    await writer.finish({ metrics, ...rest }).catch((error) => message = error.message);
    assert.match(message, /metrics: .* wanted/);
  }
  await writer.release();
});

test("a disk that is full loses no finished run", async () => {
  const other = spec({ seed: 2 });
  await execute(other);
  const writer = (await store.begin(spec()))!;
  // A folder in the place of the file makes the rename fail, as a full disk makes the write fail.
  await fs.mkdir(await path(spec(), "metrics.json", "in-the-way"), { recursive: true });
  let message = "";
  await writer.finish({
    metrics: { "xnli/en/accuracy": 50 },
    schedule: [],
    provenance: { backend: "wasm", device: "x" },
    steps: 1,
  }).catch((error) => message = error.message);
  assert.match(message, /metrics\.json/);
  await writer.fail(new Error(message));
  assert.is(await state(other), "finished");
  assert.is(await state(spec()), "failed");
});

test("a run says what made it: commit, packages, processor, and the hashes of what it read and trained", async () => {
  await execute(spec());
  const { provenance } = (await store.finished(await runId(spec())))!;
  const { dependencies } = JSON.parse(await readText("package.json")) as {
    dependencies: Record<string, string>;
  };
  assert.equal(Object.keys(provenance.packages!), Object.keys(dependencies).sort());
  for (const [name, version] of Object.entries(provenance.packages!)) {
    assert.match(version, /^\d+\.\d+\.\d+/, name);
  }
  if (provenance.git !== undefined) {
    assert.match(provenance.git.commit, /^[0-9a-f]{40}$/);
    assert.type(provenance.git.dirty, "boolean");
  }
  assert.match(provenance.host!, /, \d+ cores, \d+ GiB$/);
  assert.is(provenance.fidelity, "authors-code");
  // SHA-256 of the three bytes that the fake execution calls its adapter.
  assert.equal(provenance.hashes, {
    model: "m1",
    data: "d1",
    adapter: "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81",
  });
});

test("list gives every run", async () => {
  await execute(spec());
  await execute(spec({ seed: 2 }), 3).catch(() => {});
  const states = (await store.list()).map((entry) => entry.state).sort();
  assert.equal(states, ["finished", "unfinished"]);
});

test.run();
