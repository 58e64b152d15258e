// Models: what is trainable, what is kept for backward, what loads and what is refused, and the ablation that tests need.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { scope, Tape, type Tensor } from "../../core/mod.ts";
import { type Batch, positionIds } from "../../core/models/batch.ts";
import { configJson, type EncoderConfig, encoderConfig } from "../../core/models/config.ts";
import { createModel, type Model, type ModelOptions } from "../../core/models/model.ts";
import type { State } from "../../core/nn/parameters.ts";

const test = suite("models");
const backend = createReferenceBackend();

const json = (modelType: string) => ({
  model_type: modelType,
  hidden_size: 16,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  intermediate_size: 20,
  vocab_size: 30,
  max_position_embeddings: 12,
  type_vocab_size: modelType === "bert" ? 2 : 1,
  layer_norm_eps: 1e-5,
});
const bert = encoderConfig(json("bert"));
const xlmr = encoderConfig(json("xlm-roberta"));

const batch: Batch = {
  examples: 2,
  tokens: 4,
  inputIds: Int32Array.of(5, 6, 7, 8, 9, 10, 11, 1),
  attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 0),
  labels: Int32Array.of(1, 0),
  startPositions: Int32Array.of(1, 0),
  endPositions: Int32Array.of(2, 9),
};

const adapters = {
  languages: { en: {}, sw: {} },
  task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" },
} as const;

const make = (config: EncoderConfig, task: ModelOptions["task"], more: Partial<ModelOptions> = {}) =>
  createModel(backend, { config, task, adapters, ...more });

async function logits(model: Model, of = batch): Promise<number[]> {
  const made = scope(() => model.logits(of));
  const values = Array.from(await made.read());
  made.dispose();
  return values;
}

/** Number of recorded operations of one loss. */
function recorded(model: Model): number {
  const tape = new Tape();
  scope(() => void tape.run(() => model.loss(batch)));
  const { length } = tape;
  tape.dispose();
  return length;
}

const namesOf = (tensors: readonly Tensor[]) => tensors.map((each) => each.name);

test("config.json is read, checked and written back", () => {
  assert.equal(encoderConfig(configJson(xlmr)), xlmr);
  assert.is(bert.padTokenId, 0);
  assert.is(xlmr.padTokenId, 1);
  assert.throws(() => encoderConfig({ ...json("bert"), model_type: "gpt2" }), /model_type is "gpt2"/);
  assert.throws(() => encoderConfig({ ...json("bert"), vocab_size: undefined }), /vocab_size is missing/);
  assert.throws(
    () => encoderConfig({ ...json("bert"), num_attention_heads: 3 }),
    /16 is not divisible by heads 3/,
  );
  assert.throws(() => encoderConfig({ ...json("bert"), num_hidden_layers: 0 }), /layers is 0/);
});

test("positions: BERT from 0, XLM-R after the padding index and over tokens only", () => {
  const ids = Int32Array.of(5, 6, 1, 1, 1, 7, 8, 1);
  assert.equal([...positionIds(bert, ids, 2, 4)], [0, 1, 2, 3, 0, 1, 2, 3]);
  assert.equal([...positionIds(xlmr, ids, 2, 4)], [2, 3, 1, 1, 1, 2, 3, 1]);
});

test("heads: what trains is outside the encoder; poolers are frozen", () => {
  const heads: [EncoderConfig, ModelOptions["task"], string[], boolean][] = [
    [bert, { kind: "span" }, ["qa_outputs.weight", "qa_outputs.bias"], false],
    [xlmr, { kind: "span" }, ["qa_outputs.weight", "qa_outputs.bias"], false],
    [bert, { kind: "classification", labels: 3 }, ["classifier.weight", "classifier.bias"], true],
    [xlmr, { kind: "classification", labels: 3 }, [
      "classifier.dense.weight",
      "classifier.dense.bias",
      "classifier.out_proj.weight",
      "classifier.out_proj.bias",
    ], false],
    [bert, { kind: "choice" }, ["classifier.weight", "classifier.bias"], true],
    [xlmr, { kind: "choice" }, ["classifier.weight", "classifier.bias"], true],
  ];
  for (const [config, task, names, pooled] of heads) {
    const model = make(config, task);
    assert.equal(namesOf(model.headParameters), names);
    assert.is([...model.parameters.keys()].some((name) => name.includes(".pooler.")), pooled);
    model.setTrainable({ head: true, layers: [2] });
    assert.equal(
      namesOf(model.trainableParameters).sort(),
      [
        ...names,
        ...["adapter_down.0.bias", "adapter_down.0.weight", "adapter_up.bias", "adapter_up.weight"].map((
          part,
        ) => `${config === bert ? "bert" : "roberta"}.encoder.layer.2.output.adapters.task.${part}`),
      ].sort(),
    );
    model.dispose();
  }
});

test("nothing is recorded below the lowest unfrozen adapter", () => {
  const model = make(bert, { kind: "span" });
  const lengths = [2, 1, 0].map((layer) => {
    model.setTrainable({ layers: [layer], head: true });
    return recorded(model);
  });
  model.setTrainable({ head: true });
  const headOnly = recorded(model);
  model.setTrainable({});
  assert.is(recorded(model), 0);
  assert.ok(headOnly < 10, `${headOnly} operations for the head`);
  assert.ok(headOnly < lengths[0] && lengths[0] < lengths[1] && lengths[1] < lengths[2], `${lengths}`);
  assert.is(lengths[2] - lengths[1], lengths[1] - lengths[0], "each layer adds the same");
  model.dispose();
});

test("only the active language has an effect, and freezing drops gradients", async () => {
  const model = make(xlmr, { kind: "classification", labels: 3 });
  for (const name of ["en", "sw"]) {
    for (const each of model.adapters.languageParameters(name)) {
      each.write(new Float32Array(each.size).map((_, i) => (name === "en" ? 1 : -1) * ((i % 7) - 3) / 10));
    }
  }
  const english = await logits(model);
  model.setLanguage("sw");
  const swahili = await logits(model);
  model.setLanguage(null);
  const none = await logits(model);
  assert.not.equal(english, swahili);
  assert.not.equal(english, none);
  model.setLanguage("en");
  assert.equal(await logits(model), english);

  model.setTrainable({ language: "en", layers: [0, 1, 2] });
  const tape = new Tape();
  scope(() => tape.backward(tape.run(() => model.loss(batch))));
  assert.ok(model.taskGroups[1].parameters[0].grad);
  assert.ok(model.adapters.languageParameters("en").every((each) => each.grad !== null));
  model.setTrainable({ layers: [0] });
  assert.is(model.taskGroups[1].parameters[0].grad, null);
  assert.ok(model.taskGroups[0].parameters[0].grad);
  assert.throws(() => model.setTrainable({ layers: [3] }), /layer 3 has no task adapter; there are 3/);
  model.dispose();
});

test("dropout changes with the step and repeats with the key", async () => {
  const model = make(xlmr, { kind: "classification", labels: 3 });
  const at = async (step: number, firstRow?: number) => {
    const made = scope(() => model.logits(batch, { dropout: { seed: 1, step, firstRow } }));
    const values = Array.from(await made.read());
    made.dispose();
    return values;
  };
  const first = await at(0);
  assert.equal(await at(0), first);
  assert.not.equal(await at(1), first);
  assert.not.equal(await at(0, 4), first);
  assert.equal(await logits(model), await logits(model));
  model.dispose();
});

test("the span loss ignores positions outside the window and averages the rest", async () => {
  const model = make(bert, { kind: "span" });
  const rows = await logits(model);
  const entropy = (row: number, target: number) => {
    const values = rows.slice(row * 4, row * 4 + 4);
    return Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0)) - values[target];
  };
  const loss = scope(() => model.loss(batch));
  const expected = ((entropy(0, 1) + entropy(1, 0)) / 2 + entropy(2, 2)) / 2;
  assert.ok(Math.abs(await loss.item() - expected) < 1e-9);
  loss.dispose();
  model.dispose();
});

test("a masked-LM batch without a predicted token has loss 0", async () => {
  const model = make(bert, { kind: "masked-lm" });
  const loss = scope(() => model.loss({ ...batch, labels: new Int32Array(8).fill(-100) }));
  assert.is(await loss.item(), 0);
  loss.dispose();
  model.dispose();
});

test("the ablation of the later LayerNorms changes the logits", async () => {
  const full = make(bert, { kind: "span" }),
    ablated = make(bert, { kind: "span" }, { layerNormPasses: "first" });
  assert.equal(namesOf([...full.parameters.values()]), namesOf([...ablated.parameters.values()]));
  // With initial weights the sublayers add next to nothing, and a second LayerNorm changes next to nothing.
  for (const model of [full, ablated]) {
    for (const [name, value] of model.parameters) {
      if (/output\.dense\.weight$/.test(name)) {
        value.write(new Float32Array(value.size).map((_, i) => (i % 5) - 2));
      }
    }
  }
  const a = await logits(full), b = await logits(ablated);
  const size = Math.max(...a.map(Math.abs));
  assert.ok(a.some((value, i) => Math.abs(value - b[i]) > 0.05 * size));
  full.dispose();
  ablated.dispose();
});

test("state round trip, older names, bare encoders and adapters under another name", async () => {
  const source = make(bert, { kind: "classification", labels: 3 }, { seed: 1 });
  const target = make(bert, { kind: "classification", labels: 3 }, { seed: 2 });
  const wanted = await logits(source);
  assert.not.equal(await logits(target), wanted);
  const state = await source.state();
  const older: State = new Map();
  for (const [name, value] of state) {
    older.set(
      name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
      value,
    );
  }
  older.set("bert.embeddings.position_ids", { shape: [1, 12], data: new Int32Array(12) });
  target.loadState(older);
  assert.equal(await logits(target), wanted);

  const other = make(bert, { kind: "classification", labels: 3 }, { seed: 3 });
  const bare: State = new Map(
    [...state].filter(([name]) => name.startsWith("bert.")).map((
      [name, value],
    ) => [name.slice(5), value]),
  );
  other.loadEncoder(bare);
  other.loadHead(state);
  other.loadAdapter("en", state);
  other.loadAdapter("task", await source.adapterState("task"));
  assert.equal(await logits(other), wanted);
  other.loadAdapter("sw", await source.adapterState("en"));
  other.setLanguage("sw");
  assert.equal(await logits(other), wanted);
  assert.throws(() => other.loadAdapter("xx", state), /the file holds en, sw, task; say which one/);
  assert.throws(() => other.loadHead(new Map()), /missing classifier\.weight/);
  for (const model of [source, target, other]) model.dispose();
});

test("a pooler that a checkpoint lacks stays as initialised", async () => {
  const model = make(xlmr, { kind: "choice" }, { seed: 9 });
  const before = await model.parameters.get("roberta.pooler.dense.weight")!.read();
  const state = await model.state((name) => !name.includes("pooler"));
  model.loadEncoder(state);
  assert.equal(await model.parameters.get("roberta.pooler.dense.weight")!.read(), before);
  state.delete("roberta.embeddings.LayerNorm.bias");
  assert.throws(() => model.loadEncoder(state), /missing roberta\.embeddings\.LayerNorm\.bias/);
  model.dispose();
});

test("bad batches are refused with the remedy", () => {
  const model = make(bert, { kind: "span" });
  const run = (change: Partial<Batch>) => () => scope(() => void model.loss({ ...batch, ...change }));
  assert.throws(
    run({ inputIds: Int32Array.of(5, 6, 7, 8, 9, 10, 11, 30) }),
    /inputIds\[7\] is 30, wanted 0 … 29/,
  );
  assert.throws(run({ tokens: 3 }), /inputIds has 8 values; 2 rows of 3 tokens need 6/);
  assert.throws(run({ tokenTypeIds: new Int32Array(8).fill(2) }), /tokenTypeIds\[0\] is 2/);
  assert.throws(run({ startPositions: undefined }), /the batch has no startPositions/);
  assert.throws(() => {
    const tokens = 13;
    const ids = new Int32Array(26).fill(5);
    scope(() => void model.logits({ examples: 2, tokens, inputIds: ids, attentionMask: ids.map(() => 1) }));
  }, /13 tokens are too many/);
  model.dispose();
  const choice = make(bert, { kind: "choice" });
  assert.throws(() => scope(() => void choice.logits(batch)), /1 choice an example/);
  choice.dispose();
});

test("a hundred steps leave no buffer behind, and memory counts parameters", () => {
  const model = make(bert, { kind: "span" });
  model.setTrainable({ layers: [2], head: true });
  // down 4·16 + 4, up 16·4 + 16, head 2·16 + 2
  assert.is(model.memory().trainableCount, 68 + 80 + 34);
  const step = () => {
    const tape = new Tape();
    scope(() => tape.backward(tape.run(() => model.loss(batch, { dropout: { seed: 0, step: 0 } }))));
    model.zeroGrad();
  };
  step();
  const before = backend.memory().liveBuffers;
  for (let i = 0; i < 100; i++) step();
  assert.is(backend.memory().liveBuffers, before);
  model.dispose();
});

test("all models together free everything", () => {
  assert.is(backend.memory().liveBuffers, 0);
});

test.run();
