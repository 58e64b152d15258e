// Checks that one encoder, written in every format and under every name that checkpoints use, loads to the same values, that nothing
// is read but what is needed, and that broken folders are refused in words. It leaves the formats themselves to their own tests.

import { truncate, writeFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import {
  createModel,
  encoderConfig,
  type Model,
  type State,
  writeSafetensors,
  writeTorch,
} from "../../core/mod.ts";
import { partLength } from "../../core/io/stored.ts";
import { FileError, fileReader, fileSha256, join, remove } from "../../repro/runtime.ts";
import { openWeights } from "../../repro/training/weights.ts";
import { temporaryFolder } from "../fakes/encoders.ts";

const test = suite("weights");

const config = encoderConfig({
  model_type: "xlm-roberta",
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  vocab_size: 20,
  max_position_embeddings: 12,
  type_vocab_size: 1,
});
const backend = createReferenceBackend();
const make = (initialEncoder: "random" | "empty" = "empty", seed = 9) =>
  createModel(backend, { config, task: { kind: "choice" }, seed, initialEncoder });
const source = make("random", 4);
const original = await source.state((name) => name.startsWith("roberta."));
const pooler = "roberta.pooler.dense.weight";

const floats = (state: State) =>
  new Map([...state].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
const renamed = (state: State, rename: (name: string) => string): State =>
  new Map([...state].map(([name, value]) => [rename(name), value]));

async function folderOf(files: Record<string, Uint8Array | string>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, data] of Object.entries(files)) await writeFile(join(folder, name), data);
  return folder;
}

async function streamed(files: Record<string, Uint8Array | string>, model: Model = make()) {
  const folder = await folderOf(files);
  const report = await model.streamEncoder((await openWeights(folder)).tensors);
  const state = await model.state((name) => name.startsWith("roberta."));
  model.dispose();
  await remove(folder);
  return { report, state };
}

async function same(files: Record<string, Uint8Array | string>) {
  const { report, state } = await streamed(files);
  for (const [name, { data }] of original) {
    assert.equal(state.get(name)!.data, Float64Array.from(data, Math.fround), name);
  }
  assert.equal(report.missing, []);
  return report;
}

const halves = (state: State) =>
  [...floats(state)].reduce<[State, State]>((parts, entry, i) => {
    parts[i % 2].set(...entry);
    return parts;
  }, [new Map(), new Map()]);
const index = (parts: readonly State[], ending: string) =>
  JSON.stringify({
    weight_map: Object.fromEntries(
      parts.flatMap((part, i) => [...part.keys()].map((name) => [name, `part-${i}.${ending}`])),
    ),
  });

test("safetensors and PyTorch, one file and shards, give the same encoder", async () => {
  await same({ "model.safetensors": writeSafetensors(floats(original)) });
  await same({ "pytorch_model.bin": writeTorch(original) });
  const parts = halves(original);
  await same({
    "model.safetensors.index.json": index(parts, "safetensors"),
    "part-0.safetensors": writeSafetensors(floats(parts[0])),
    "part-1.safetensors": writeSafetensors(floats(parts[1])),
  });
  await same({
    "pytorch_model.bin.index.json": index(parts, "bin"),
    "part-0.bin": writeTorch(parts[0]),
    "part-1.bin": writeTorch(parts[1]),
  });
});

test("prefixes and old names of LayerNorm are understood", async () => {
  for (const prefix of ["", "bert.", "model.roberta."]) {
    await same({
      "pytorch_model.bin": writeTorch(renamed(original, (name) => name.replace(/^roberta\./, prefix))),
    });
  }
  await same({
    "pytorch_model.bin": writeTorch(
      renamed(
        original,
        (name) =>
          name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta"),
      ),
    ),
  });
});

test("what a checkpoint has too much or too little is told, and only a pooler may be missing", async () => {
  const more: State = new Map([
    ...original,
    ["roberta.embeddings.position_ids", { shape: [1, 12], data: new Float32Array(12) }],
    ["lm_head.dense.weight", { shape: [8, 8], data: new Float32Array(64) }],
    ["lm_head.decoder.weight", { shape: [20, 8], data: new Float32Array(160) }],
  ]);
  for (const name of [...more.keys()]) if (name.includes("pooler")) more.delete(name);
  const drawn = make();
  const before = (await drawn.state()).get(pooler)!.data;
  const { report, state } = await streamed({ "model.safetensors": writeSafetensors(floats(more)) }, drawn);
  assert.equal(report.missing, [pooler, "roberta.pooler.dense.bias"]);
  assert.equal(report.extra, ["lm_head.dense.weight"]);
  assert.equal(state.get(pooler)!.data, before, "a missing pooler keeps its random values");

  const without = new Map(original);
  without.delete("roberta.encoder.layer.1.output.dense.bias");
  const error = await streamed({ "pytorch_model.bin": writeTorch(without) }).then(
    () => null,
    (thrown) => thrown,
  );
  assert.match(error.message, /missing roberta\.encoder\.layer\.1\.output\.dense\.bias/);
});

test("folders without weights and damaged indexes are refused in words", async () => {
  const refused = async (files: Record<string, Uint8Array | string>, pattern: RegExp) => {
    const folder = await folderOf(files);
    const error = await openWeights(folder).then(() => null, (thrown) => thrown);
    assert.match(error?.message ?? "accepted", pattern);
    await remove(folder);
  };
  await refused({}, /no weights; wanted one of model\.safetensors, /);
  await refused({ "model.safetensors.index.json": "{" }, /index\.json: no JSON/);
  await refused({ "model.safetensors.index.json": "{}" }, /no weight_map/);
  await refused(
    { "model.safetensors.index.json": '{"weight_map":{"a":"../../etc/passwd"}}' },
    /"a" lies in "\.\.\/\.\.\/etc\/passwd", which is no name of a file beside it/,
  );
  await refused(
    { "pytorch_model.bin.index.json": '{"weight_map":{"a":"part-0.bin"}}' },
    /the shard part-0\.bin is absent/,
  );
  const part = writeTorch(new Map([["b", { shape: [1], data: Float32Array.of(1) }]]));
  await refused(
    { "pytorch_model.bin.index.json": '{"weight_map":{"a":"part-0.bin"}}', "part-0.bin": part },
    /tensor "a" is not in part-0\.bin/,
  );
  await refused({ "pytorch_model.bin": "<!DOCTYPE html>" }, /pytorch_model\.bin: /);
});

test("a tensor longer than a part arrives whole; values of 16 bits are widened on the way", async () => {
  const length = partLength + 3;
  const values = Float32Array.from({ length }, (_, i) => i % 2048);
  const folder = await folderOf({
    "model.safetensors": writeSafetensors({ x: { shape: [length], data: values, dtype: "F16" } }),
  });
  const parts: number[] = [];
  const out = new Float32Array(length);
  await (await openWeights(folder)).tensors.get("x")!.stream((part, offset) => {
    parts.push(part.length);
    out.set(part, offset);
  });
  assert.equal(parts, [partLength, 3]);
  assert.equal(out, values);
  await remove(folder);
});

test("files beyond 4 GiB are read where asked, and a file that changes is noticed", async () => {
  const folder = await folderOf({ big: "", small: "abc" });
  const path = join(folder, "big"), at = 5 * 2 ** 30;
  await truncate(path, at);
  await writeFile(path, "end", { flag: "a" });
  const reader = await fileReader(path);
  assert.is(reader.size, at + 3);
  assert.is(new TextDecoder().decode(await reader.read(at, 10)), "end");
  assert.equal(await reader.read(at - 2, 3), Uint8Array.of(0, 0, 101));
  await writeFile(path, "more", { flag: "a" });
  const error = await reader.read(0, 1).then(() => null, (thrown) => thrown);
  assert.instance(error, FileError);
  assert.match(error.message, /changed while it was read/);
  assert.is(
    await fileSha256(join(folder, "small")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  await remove(folder);
});

test.run();
