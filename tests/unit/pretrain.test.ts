// Pretraining of the tiny encoders: a deeper encoder starts where the shallower one ended, and an interrupted pretraining goes on
// to the same bytes.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createModel, encoderConfig, normal, streamKey } from "../../core/mod.ts";
import { createWasmBackend } from "../../core/backends/wasm/backend.ts";
import { readStateFile } from "../../repro/training/state-file.ts";
import { loadTokenizer } from "../../repro/tokenizers/tokenizer.ts";
import { assetsFolder } from "../../repro/tinyworld/mod.ts";
import { encoderNames, kinds, widths } from "../../repro/tinyworld/encoders.ts";
import { Feed } from "../../repro/tinyworld/feed.ts";
import { twiceAsDeep } from "../../repro/tinyworld/grow.ts";
import { initialise } from "../../repro/tinyworld/initial.ts";
import { pretrain } from "../../repro/tinyworld/pretrain.ts";

const test = suite("pretraining");

test("an encoder of twice the layers gives nearly the same hidden states", async () => {
  const backend = await createWasmBackend();
  const config = (layers: number) =>
    encoderConfig({
      model_type: "bert",
      hidden_size: 32,
      num_hidden_layers: layers,
      num_attention_heads: 4,
      intermediate_size: 64,
      vocab_size: 50,
      max_position_embeddings: 16,
      type_vocab_size: 2,
    });
  const task = { kind: "masked-lm" } as const;
  const shallow = createModel(backend, { config: config(2), task, seed: 3 });
  // Gains and biases as after training: neither ones nor zeros, weights that matter.
  for (const [i, parameter] of [...shallow.parameters.values()].entries()) {
    const isGain = parameter.name!.endsWith("LayerNorm.weight");
    const deviation = parameter.shape.length === 1 ? 0.15 : 0.1;
    parameter.write(normal(streamKey(7, "test", i), parameter.size, isGain ? 1 : 0, deviation));
  }
  const state = await shallow.state();
  const deep = createModel(backend, { config: config(4), task, seed: 4 });
  deep.loadState(twiceAsDeep(state, shallow.config));
  const batch = {
    examples: 2,
    tokens: 8,
    inputIds: Int32Array.from({ length: 16 }, (_, i) => 1 + (i * 7) % 49),
    attentionMask: new Int32Array(16).fill(1),
    tokenTypeIds: new Int32Array(16),
  };
  const before = await shallow.hidden(batch).read();
  const after = await deep.hidden(batch).read();
  let difference = 0, size = 0;
  for (let i = 0; i < before.length; i++) {
    difference += (before[i] - after[i]) ** 2;
    size += before[i] ** 2;
  }
  const relative = Math.sqrt(difference / size);
  assert.ok(relative < 0.2, `hidden states moved by ${relative}`);
  assert.ok(relative > 1e-3, "the new layers do something, or nothing could be learned in them");
  backend.dispose();
});

test("where positions are relative, half of the heads begin by attending to what is near, in both parts of the score", async () => {
  const backend = await createWasmBackend();
  const config = encoderConfig({
    ...widths,
    ...kinds.mdeberta.fields,
    vocab_size: 50,
    max_position_embeddings: 96,
  });
  const model = createModel(backend, { config, task: { kind: "masked-lm" }, seed: 1 });
  initialise(model, 1);
  const state = await model.state();
  const of = (name: string) => state.get(`deberta.encoder.${name}`)!.data as Float32Array;
  const { hiddenSize: width, heads } = config;
  const table = normalised(of("rel_embeddings.weight"), width);
  const middle = table.length / 2, size = width / heads;
  for (const [bias, weight] of [["query", "key"], ["key", "query"]]) {
    const part = (which: string, kind: string) => of(`layer.5.attention.self.${which}_proj.${kind}`);
    /** What a head adds to the score of a key at a distance, whatever the words. */
    const scores = (head: number) =>
      table.map((row) => {
        let sum = 0;
        for (let i = head * size; i < (head + 1) * size; i++) {
          for (let j = 0; j < width; j++) {
            sum += part(bias, "bias")[i] * part(weight, "weight")[i * width + j] * row[j];
          }
        }
        return sum / Math.sqrt(3 * size);
      });
    for (let head = 0; head < heads / 2; head++) {
      const near = scores(head);
      assert.is(near.indexOf(Math.max(...near)), middle, `head ${head} looks at distance 0 first`);
      assert.ok(near[middle] > 1.8 && near[middle] < 2.2, String(near[middle]));
      for (const distance of [1, 2]) assert.ok(near[middle - distance] > near[middle - 2 * distance - 4]);
      const far = near.filter((_, row) => Math.abs(row - middle) > 20);
      assert.ok(Math.max(...far) < 0.6 * near[middle], String(Math.max(...far)));
    }
    // The others look for equal words: where those stand is nothing to them.
    for (let head = heads / 2; head < heads; head++) assert.ok(scores(head).every((score) => score === 0));
  }
  backend.dispose();
});

/** Rows with mean 0 and deviation 1. */
function normalised(values: Float32Array, width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, row) => {
    const own = [...values.subarray(row * width, (row + 1) * width)];
    const mean = own.reduce((sum, each) => sum + each, 0) / width;
    const deviation = Math.sqrt(own.reduce((sum, each) => sum + (each - mean) ** 2, 0) / width);
    return own.map((each) => (each - mean) / deviation);
  });
}

/** A signal that is found aborted the n-th time anyone looks. */
function abortedAt(n: number): AbortSignal {
  let looked = 0;
  return {
    get aborted() {
      return ++looked >= n;
    },
    throwIfAborted() {
      throw new Error("interrupted");
    },
  } as unknown as AbortSignal;
}

async function contents(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    if (name.endsWith(".safetensors") || name === "tokenizer.json" || name === "config.json") {
      files.set(name, (await readFile(join(folder, name))).toString("base64"));
    }
  }
  return files;
}

for (const encoder of ["xlmr", "mdeberta"] as const) {
  test(`${encoder}, interrupted in every stage, goes on to the same weights`, () => interrupted(encoder));
}

async function interrupted(encoder: "xlmr" | "mdeberta"): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "repro-pretrain-"));
  try {
    const plan = { encoder, steps: 9, adapterSteps: 2, languages: ["en", "th"] } as const;
    const whole = join(folder, "whole"), broken = join(folder, "broken");
    await pretrain({ ...plan, out: whole });
    let interruptions = 0;
    for (const at of [2, 4, 2, 5, 2, 3]) {
      try {
        await pretrain({ ...plan, out: broken, signal: abortedAt(at) });
      } catch (error) {
        assert.match(String(error), /interrupted/);
        interruptions++;
      }
    }
    await pretrain({ ...plan, out: broken });
    assert.ok(interruptions >= 5, `${interruptions} interruptions`);
    const expected = await contents(whole);
    assert.ok(expected.has("model.safetensors") && expected.has("adapters/th.safetensors"));
    assert.equal([...(await contents(broken)).keys()], [...expected.keys()]);
    for (const [name, bytes] of await contents(broken)) assert.ok(bytes === expected.get(name), name);
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const encoder of encoderNames) {
  test(`the corpus is still the one that ${encoder} was pretrained on`, async () => {
    const folder = join(assetsFolder, encoder);
    const read = (name: string) => readFile(join(folder, name), "utf8");
    const { seed, recipe } = JSON.parse(await read("pretraining.json"));
    const line = JSON.parse((await read("losses.jsonl")).split("\n")[0]);
    const tokenizer = loadTokenizer(await read("tokenizer.json"), encoder);
    const feed = new Feed({ tokenizer, seed, rowsEach: recipe.rowsEach }, recipe.diet);
    let tokens = 0;
    for (let step = 0; step < line.step; step++) {
      tokens += (await feed.batch(step)).attentionMask.reduce((sum, each) => sum + each, 0);
    }
    assert.is(tokens, line.tokens, "changing the corpus asks for a new pretraining: repro pretrain");
  });

  test(`${encoder} as shipped predicts documents that it was not pretrained on nearly as well as its last ones`, async () => {
    const folder = join(assetsFolder, encoder);
    const read = (name: string) => readFile(join(folder, name), "utf8");
    const { seed, recipe } = JSON.parse(await read("pretraining.json"));
    const lines = (await read("losses.jsonl")).trim().split("\n").map((line) => JSON.parse(line));
    const last = lines.filter(({ stage }) => stage === "encoder of 12 layers").at(-1).loss;
    const tokenizer = loadTokenizer(await read("tokenizer.json"), encoder);
    const feed = new Feed({ tokenizer, seed: seed + 1, rowsEach: recipe.rowsEach }, recipe.diet);
    const backend = await createWasmBackend();
    const config = encoderConfig(JSON.parse(await read("config.json")));
    const task = { kind: "masked-lm", nextSentence: encoder === "mbert" } as const;
    const model = createModel(backend, { config, task, seed });
    const path = join(folder, "model.safetensors");
    model.loadState((await readStateFile(await readFile(path), path)).state);
    const batches = 16;
    let loss = 0;
    for (let i = 0; i < batches; i++) loss += await model.loss(await feed.batch(i)).item() / batches;
    assert.ok(loss > 0.7 * last && loss < 1.3 * last, `loss ${loss}, in the end of pretraining ${last}`);
    backend.dispose();
  });
}

test.run();
