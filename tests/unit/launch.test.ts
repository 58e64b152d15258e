// Promises: many runs are brought to their end in several processes, whatever happens to one of them.
// Leaves what a run does to the fake execution.
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launch, type LaunchProgress } from "../../repro/launch/mod.ts";
import { RunStore } from "../../repro/runs/mod.ts";
import { join, machine, readText } from "../../repro/runtime.ts";
import { runId } from "../../repro/spec/mod.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("launch");
const execution = new URL("../fakes/execute.ts", import.meta.url);
let store: RunStore;

test.before.each(async () => {
  store = new RunStore(await fs.mkdtemp(join(os.tmpdir(), "repro-launch-")));
});
test.after.each(async () => {
  for (const name of ["REPRO_FAKE_STEP_MS", "REPRO_FAKE_FAIL", "REPRO_FAKE_DIE"]) delete process.env[name];
  await fs.rm(store.folder, { recursive: true });
});

const seeds = (n: number) => Array.from({ length: n }, (_, seed) => spec({ seed }));

test("every run is finished, with progress up to the whole, and a second launch has nothing to do", async () => {
  const seen: LaunchProgress[] = [];
  const first = await launch({
    specs: seeds(5),
    store,
    execution,
    jobs: 2,
    onProgress: (progress) => seen.push(progress),
  });
  assert.equal(first, { finished: 5, failed: [], interrupted: false });
  assert.is(seen[0].fraction, 0);
  const last = seen.at(-1)!;
  assert.is(last.finished, 5);
  assert.ok(Math.abs(last.fraction - 1) < 1e-9);
  assert.equal(last.running, []);
  const again = await launch({ specs: seeds(5), store, execution: new URL("file:///absent.ts"), jobs: 2 });
  assert.equal(again, { finished: 5, failed: [], interrupted: false });
});

test("each process has its share of the cores as threads; on a GPU there is one process unless more are asked for", async () => {
  const { cpus } = machine();
  const provenances = async (backend: "wasm" | "webgpu", jobs?: number) => {
    const specs = [1, 2].map((seed) => spec({ seed, backend, method: `schedule-${jobs ?? 0}` }));
    await launch({ specs, store, execution, ...(jobs === undefined ? {} : { jobs }) });
    return await Promise.all(
      specs.map(async (each) => (await store.finished(await runId(each)))!.provenance),
    );
  };
  const alone = await provenances("wasm", 1);
  assert.equal(alone.map(({ threads }) => threads), [String(cpus), String(cpus)]);
  const two = await provenances("wasm", 2);
  assert.equal(new Set(two.map(({ threads }) => threads)), new Set([String(Math.max(1, cpus >> 1))]));
  const gpu = await provenances("webgpu");
  assert.is(new Set(gpu.map(({ process }) => process)).size, 1);
  process.env.REPRO_THREADS = "3";
  const asked = await provenances("wasm");
  delete process.env.REPRO_THREADS;
  assert.equal(asked.map(({ threads }) => threads), ["3", "3"]);
});

test("one failing run is named and the others are finished", async () => {
  process.env.REPRO_FAKE_FAIL = "seed 1";
  const { finished, failed } = await launch({ specs: seeds(3), store, execution, jobs: 2 });
  assert.is(finished, 2);
  assert.is(failed.length, 1);
  assert.is(failed[0].spec.seed, 1);
  assert.match(failed[0].message, /a deliberate failure/);
});

test("a worker that dies is replaced; the run that killed it twice is named with a remedy", async () => {
  process.env.REPRO_FAKE_DIE = "seed 0";
  const { finished, failed } = await launch({ specs: seeds(3), store, execution, jobs: 1 });
  assert.is(finished, 2);
  assert.is(failed.length, 1);
  assert.match(failed[0].message, /its process ended twice \(SIGKILL\).*--jobs 1/);
});

test("an interruption leaves checkpoints and the next launch goes on from them", async () => {
  process.env.REPRO_FAKE_STEP_MS = "60";
  const stop = new AbortController();
  const { interrupted, finished } = await launch({
    specs: seeds(2),
    store,
    execution,
    jobs: 2,
    signal: stop.signal,
    onProgress({ running }) {
      // That of which the store is asked below; the other may not have begun.
      if (running.some((run) => run.step >= 3 && run.name.endsWith("seed 0"))) stop.abort();
    },
  });
  assert.ok(interrupted);
  assert.is(finished, 0);
  const id = await runId(spec({ seed: 0 }));
  const entry = await store.inspect(id);
  assert.is(entry.state, "unfinished");
  assert.ok(entry.status!.step > 0 && entry.status!.step < 20, `stopped at step ${entry.status!.step}`);
  process.env.REPRO_FAKE_STEP_MS = "0";
  const second = await launch({ specs: seeds(2), store, execution, jobs: 2 });
  assert.is(second.finished, 2);
  const losses = (await readText(join(store.runFolder(id), "losses.jsonl"))).trim().split("\n");
  assert.equal(losses.map((line) => JSON.parse(line).step), [...Array(20).keys()]);
});

test("two launches at once share the work and neither fails", async () => {
  process.env.REPRO_FAKE_STEP_MS = "10";
  const both = await Promise.all([1, 2].map(() => launch({ specs: seeds(3), store, execution, jobs: 1 })));
  for (const { finished, failed } of both) {
    assert.equal(failed, []);
    assert.is(finished, 3);
  }
});

test("an execution that cannot be loaded is an error that names it, not a hang", async () => {
  const options = { specs: seeds(3), store, execution: new URL("file:///absent.ts"), jobs: 2 };
  let message = "";
  await launch(options).catch((error) => message = error.message);
  assert.match(message, /runs cannot be executed: .*absent\.ts/);
});

test.run();
