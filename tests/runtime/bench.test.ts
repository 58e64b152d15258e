// Promises: the bench speaks with engines in processes of their own, ours and faulty ones, and a missing peer is one line.
// Leaves what is done with the answers to tests/null/bench.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { catalogue, commandOf, ourId } from "../../bench/engines/catalogue.ts";
import { EngineChild } from "../../bench/engines/child.ts";
import { installCommand, PeerPackages } from "../../bench/engines/packages.ts";
import { measure } from "../../bench/measure.ts";
import { readResults } from "../../bench/report/results.ts";
import type { Operation, Work } from "../../bench/work/work.ts";
import { scriptCommand } from "../../repro/launch/process.ts";
import { join, makeFolder, remove, temporaryFolder } from "../../repro/runtime.ts";
import type { Fault } from "../fakes/bench-engine.ts";

const test = suite("bench in processes");
const folder = join(temporaryFolder(), `bench-test-${crypto.randomUUID()}`);
const running: EngineChild[] = [];

test.before(() => makeFolder(folder));
test.after.each(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
});
test.after(() => remove(folder));

async function ours(backend: "wasm" | "null" = "wasm", id = ourId): Promise<EngineChild> {
  const entry = catalogue(backend, 1, "test").find((each) => each.id === id)!;
  const found = commandOf(entry, new PeerPackages(folder));
  if ("missing" in found) throw new Error(found.missing);
  const { engine, facts } = await EngineChild.start(id, found.command);
  running.push(engine);
  assert.is(facts.version, "test");
  assert.match(
    facts.description,
    backend === "wasm" ? /^(node|deno) \d.*wasm (relaxed|plain)-simd/ : /webgpu /,
  );
  return engine;
}

async function fake(fault: Fault): Promise<EngineChild> {
  const module = new URL("../fakes/bench-engine.ts", import.meta.url);
  const { engine } = await EngineChild.start(fault, [...scriptCommand(module), fault]);
  running.push(engine);
  return engine;
}

const named = (work: Work): Operation => ({ name: "test/it", summary: "", work });
const product: Work = { kind: "matmul", layout: "NN", batch: 1, m: 8, n: 6, k: 5 };
const layer = { batch: 2, tokens: 8, hidden: 32, heads: 2, feedForward: 64 };
const encoder = { ...layer, layers: 2, vocabulary: 40 };
const quick = { rounds: 2, millisecondsSample: 0.1 };

test("our engine does every kind of work", async () => {
  const engine = await ours();
  const works: Work[] = [
    product,
    { kind: "matmul", layout: "TN", batch: 3, m: 8, n: 6, k: 5 },
    { kind: "layer-norm-gelu", rows: 4, cols: 16 },
    { kind: "attention", batch: 1, heads: 2, tokens: 5, headSize: 8, gradients: true },
    { kind: "flat", kernel: "softmax", rows: 4, cols: 16 },
    ...(["forward", "all", "lora", "mad-x"] as const).map((mode): Work => ({
      kind: "layer",
      shape: layer,
      mode,
    })),
    { kind: "step", shape: encoder, open: 0 },
    { kind: "step", shape: encoder, open: 1 },
    { kind: "step", shape: encoder, open: "all" },
    { kind: "trace", shape: encoder, gradient: "per-example" },
    { kind: "evaluation", shape: encoder },
    { kind: "adamw", tensors: 2, size: 10 },
  ];
  for (const work of works) {
    const { results: [result] } = await measure(named(work), [engine], quick);
    assert.is(result.state, "measured", JSON.stringify([work, result]));
    if (result.state !== "measured") continue;
    assert.is(result.samples.length, 2);
    assert.ok(result.samples.every((ms) => ms > 0 && Number.isFinite(ms)));
    if (work.kind === "step") assert.ok(result.memory!.peak > result.memory!.resident);
  }
});

test("on the null device everything is carried out and nothing timed, in half precision too", async () => {
  for (const id of [ourId, "repro-half"]) {
    const engine = await ours("null", id);
    for (
      const work of [
        { kind: "layer", shape: layer, mode: "mad-x" },
        { kind: "step", shape: encoder, open: 2 },
        { kind: "evaluation", shape: encoder },
      ] satisfies Work[]
    ) {
      const { results: [result] } = await measure(named(work), [engine], { ...quick, timed: false });
      assert.is(result.state, "measured", JSON.stringify([id, work, result]));
      assert.equal(result.state === "measured" && result.samples, []);
    }
  }
});

test("a true result agrees, a wrong one is marked, a failure is told, and work that an engine lacks is no fault", async () => {
  const faults: Fault[] = ["none", "one-element", "nan", "throws", "no-work", "dies"];
  const engines = [await ours(), ...await Promise.all(faults.map(fake))];
  const { results } = await measure(named(product), engines, quick);
  const words = results.slice(1).map((each) =>
    each.state === "measured" ? each.agreement!.agrees : each.state === "failed" ? each.message : each.state
  );
  assert.equal(words, [true, false, false, "a deliberate failure", "unsupported", "its process ended (3)"]);
  // Who is alive works on.
  const again = await measure(named(product), engines.slice(0, 2), quick);
  assert.ok(again.results.every(({ state }) => state === "measured"));
});

test("an engine that cannot be started says why", async () => {
  const command = scriptCommand(new URL("../../bench/main.ts", import.meta.url));
  const message = await EngineChild.start("web", [...command, "engine", "onnx", '{"kind":"web"}', folder])
    .then(() => "", (error) => (error as Error).message);
  assert.match(message, "onnxruntime-web");
});

test("a missing peer is one line with the command that installs it; our results are written all the same", async () => {
  const json = join(folder, "results.json");
  const [command, ...words] = [
    ...scriptCommand(new URL("../../bench/main.ts", import.meta.url)),
    ...["--ops", "adamw/adapters-64", "--peers", "onnxruntime,tfjs", "--peers-from", folder],
    ...["--rounds", "1", "--threads", "1", "--json", json],
  ];
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8" });
  assert.is(status, 0, stderr);
  const line = `absent: ONNX Runtime WASM, 1 thread: onnxruntime-web not installed; ${installCommand}`;
  assert.is(stderr.split("\n").filter((each) => each === line).length, 1, stderr);
  assert.match(stdout, /repro +\d/);
  const results = await readResults(json);
  assert.equal(results.absent.map(({ id }) => id), ["onnxruntime-web@1", "tfjs-wasm", "onnxruntime-node@1"]);
  assert.is(results.operations[0].results.length, 1);
});

test.run();
