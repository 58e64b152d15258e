// What a run is expected to take: how many processes that allows, which runs want their batch in pieces, and the remedy when memory has
// run out all the same. That the estimate is near what is measured is memory.test.ts's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { OutOfMemoryError } from "../../core/mod.ts";
import { hyperparameters } from "../../papers/fun-with-fisher/hyperparameters.ts";
import { availableMemory, machine } from "../../repro/runtime.ts";
import type { RunSpec } from "../../repro/spec/mod.ts";
import { memoryAdvice, type Room, runMemory, withRemedy } from "../../repro/training/run-memory.ts";
import { temporaryFolder } from "../fakes/encoders.ts";
import { spec } from "../fakes/specs.ts";

const test = suite("memory of runs");
const gibi = 2 ** 30;

/** mBERT by its configuration alone: more is not read. */
const folder = await temporaryFolder();
await writeFile(
  join(folder, "config.json"),
  JSON.stringify({
    ...{ model_type: "bert", hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12 },
    ...{ intermediate_size: 3072, vocab_size: 119_547, max_position_embeddings: 512, type_vocab_size: 2 },
  }),
);

const real = (task: "squad" | "copa" | "mlm", changes: Partial<RunSpec> = {}): RunSpec => {
  const { adapter = "mad-x", method = "standard" } = changes;
  const setting = { scale: "paper", task, encoder: "mbert", method, fidelity: "paper", adapter } as const;
  return spec({
    ...{ model: folder, data: "fetched", scale: "paper", task, method, evaluate: {} },
    ...(task === "mlm" ? { language: "it" } : {}),
    hyperparameters: hyperparameters(setting),
    ...changes,
  });
};

const wasm: Room = { device: 4 * gibi, longest: Infinity, host: Infinity };
const room = () => Promise.resolve(wasm);

test("runs of the tiny world take what the machine has of cores, without a word", async () => {
  const specs = Array.from({ length: 40 }, (_, seed) => spec({ seed }));
  assert.equal(await memoryAdvice(specs, { cpus: 16, free: 16 * gibi }), { jobs: 16, notes: [] });
  assert.equal(await memoryAdvice(specs, { cpus: 16, free: 16 * gibi, jobs: 9 }), { jobs: 9, notes: [] });
  const gpu = specs.map((each) => ({ ...each, backend: "webgpu" as const }));
  assert.equal(await memoryAdvice(gpu, { cpus: 16, free: 16 * gibi }), { jobs: 1, notes: [] });
  const { memoryBytes } = machine();
  assert.ok(availableMemory() > 2 ** 20 && availableMemory() <= memoryBytes);
});

test("encoders of real size: as many processes as memory holds, with what each takes", async () => {
  const specs = [1, 2, 3, 4].map((seed) => real("copa", { seed }));
  const { total, process } = await runMemory(specs[0]);
  // 64 examples of two choices; with a run of 32 × 384 tokens it would be told of.
  assert.ok(total > gibi && total < 6 * gibi, `${total}`);
  const free = 2.6 * (total + process), large = () => Promise.resolve({ ...wasm, device: 8 * gibi });
  const { jobs, notes } = await memoryAdvice(specs, { cpus: 16, free, room: large });
  assert.is(jobs, 2);
  assert.is(notes.length, 1);
  assert.match(
    notes[0],
    /^2 processes at a time on 16 cores: \S+ copa standard seed \d may take \d\.\d GiB, \d+\.\d GiB are free; --jobs N decides/,
  );
  assert.is((await memoryAdvice(specs, { cpus: 16, free: gibi / 2, room })).jobs, 1);
  // Whoever asks for more gets it, and is told.
  const asked = await memoryAdvice(specs, { cpus: 16, free, room: large, jobs: 3 });
  assert.is(asked.jobs, 3);
  assert.match(
    asked.notes.join(),
    /^3 processes at a time, as asked, may not fit into memory: \S+ copa standard seed \d may take \d\.\d GiB, \d+\.\d GiB are/,
  );
  assert.equal((await memoryAdvice(specs, { cpus: 16, free, room: large, jobs: 2 })).notes, []);
  assert.equal((await memoryAdvice(specs.slice(0, 1), { cpus: 16, free, room: large, jobs: 9 })).notes, []);
  // An encoder that is not there is the run's to tell of.
  const absent = specs.map((each) => ({ ...each, model: "/nowhere" }));
  assert.equal((await memoryAdvice(absent, { cpus: 1, free, room })).notes, []);
});

test("a run that will hardly fit is told of before it starts, with pieces that would", async () => {
  const squad = real("squad");
  const whole = await runMemory(squad);
  assert.ok(whole.total > wasm.device, "32 rows of 384 tokens through twelve layers");
  const { notes } = await memoryAdvice([squad], { cpus: 2, free: 64 * gibi, room });
  const [, needed, examples, pieces] =
    /training may need (\S+) GiB on the device, which holds 4\.0 GiB; --micro-batch (\d+) needs (\S+) GiB and is the same run$/
      .exec(notes[0])!;
  assert.ok(Number(needed) > 4 && Number(pieces) <= 4 && Number(examples) < 32, notes[0]);
  assert.equal(
    (await memoryAdvice([squad], { cpus: 2, free: 64 * gibi, room, microBatch: Number(examples) })).notes,
    [],
  );
  const hopeless = await memoryAdvice([squad], {
    ...{ cpus: 2, free: gibi },
    room: () => Promise.resolve({ ...wasm, host: gibi / 2 }),
  });
  assert.match(
    hopeless.notes[0],
    /on the device, which holds 4\.0 GiB, and with --micro-batch 1 \S+ GiB in all, 0\.5 GiB are free; another device/,
  );
  // A whole encoder in the smallest pieces: the process keeps the best checkpoint, and saves a copy, beside the device.
  const beside = await memoryAdvice([real("squad", { adapter: "full" })], {
    ...{ cpus: 2, free: 5 * gibi, microBatch: 1 },
    room: (_, host) => Promise.resolve({ ...wasm, host }),
  });
  assert.match(
    beside.notes[0],
    /training may need \S+ GiB in all, 5\.0 GiB are free, and with --micro-batch 1/,
  );
});

test("a language adapter's logits are one buffer: 2.2 GiB for mBERT at 64 × 512", async () => {
  const it = real("mlm", { backend: "webgpu" });
  const { longest } = await runMemory(it);
  const { batchSize, maxLength, maskedShare } = it.hyperparameters;
  assert.equal([batchSize, maxLength], [64, 512]);
  assert.is(longest, 4 * 119_547 * Math.ceil(maskedShare! * 64 * 512));
  const { notes } = await memoryAdvice([it], {
    ...{ cpus: 2, free: 64 * gibi },
    room: () => Promise.resolve({ device: Infinity, longest: 2 * gibi, host: Infinity }),
  });
  assert.match(notes[0], /may need a buffer of 2\.2 GiB, this GPU allows 2\.0 GiB; --micro-batch 32 needs/);
});

test("full fine-tuning: what the device holds and what the host keeps, as measured for mBERT and XLM-R", async () => {
  // See ARCHITECTURE.md: peaks of 3.54 and 3.45 GiB, moments of 2.07 GiB with XLM-R's host.
  const mbert = await runMemory(real("copa", { adapter: "full" }), 1);
  assert.is(mbert.onHost, 0);
  assert.ok(Math.abs(mbert.total / (3.5 * gibi) - 1) < 0.15, `${mbert.total / gibi}`);
});

test("where memory has run out the message ends with the option that helps", async () => {
  const backend = await createWasmBackend({ maximumBytes: 2 ** 20 });
  let thrown: unknown;
  try {
    backend.allocate(2 ** 20, "f32");
  } catch (error) {
    thrown = error;
  }
  backend.dispose();
  assert.instance(thrown, OutOfMemoryError);
  const { message } = thrown as Error;
  assert.match(
    message,
    /exceed the limit of 1048576; .*hold fewer examples on the device at a time \(micro-batch\)/,
  );
  // Core knows no command line.
  assert.not.match(message, "--");
  const run = spec({ hyperparameters: { ...spec().hyperparameters, batchSize: 32 } });
  const told = (microBatch?: number) => (withRemedy(thrown, run, microBatch) as Error).message;
  assert.is(told(), `${message}; --micro-batch 16 takes half as many as now and is the same run`);
  assert.match(told(5), /; --micro-batch 2 takes half/);
  assert.match(told(1), /; it was one example at a time; take another device or backend$/);
  const other = new Error("diverged");
  assert.is(withRemedy(other, run), other);
});

test.run();
