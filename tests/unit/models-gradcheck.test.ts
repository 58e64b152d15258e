// The gradient of a whole encoder with adapters, dropout and head equals float64 finite differences, parameter by parameter.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { type Backend, scope, Tape, type Tensor } from "../../core/mod.ts";
import type { AdapterOptions } from "../../core/adapters/adapters.ts";
import type { Batch } from "../../core/models/batch.ts";
import { type EncoderConfig, encoderConfig, type ModelType } from "../../core/models/config.ts";
import { createModel, type Model, type Task } from "../../core/models/model.ts";
import { integerBelow, normal, streamKey } from "../../core/random.ts";

const test = suite("models: gradients by finite differences");
const STEP = 1e-5;
const TOLERANCE = 1e-5;

const config = (modelType: ModelType, layers: number): EncoderConfig =>
  encoderConfig({
    ...modelType === "deberta-v2" ? relative : {},
    model_type: modelType,
    hidden_size: 8,
    num_hidden_layers: layers,
    num_attention_heads: 2,
    intermediate_size: 12,
    vocab_size: 23,
    max_position_embeddings: 16,
    type_vocab_size: modelType === "bert" ? 2 : modelType === "deberta-v2" ? 0 : 1,
    layer_norm_eps: 1e-5,
  });

/** Distances beyond 2 share rows. */
const relative = {
  relative_attention: true,
  position_biased_input: false,
  share_att_key: true,
  pos_att_type: "p2c|c2p",
  position_buckets: 4,
  norm_rel_ebd: "layer_norm",
  pooler_dropout: 0.1,
};

/** Larger than the usual initial values, so that every path carries a gradient well above rounding. */
async function enlarge(model: Model): Promise<void> {
  for (const [name, value] of model.parameters) {
    const draws = normal(streamKey(3, "test", 0, name), value.size, 0, 0.3);
    if (/LayerNorm.weight|layer_norm.weight/.test(name)) draws.forEach((draw, i) => draws[i] = 1 + draw / 3);
    value.write(draws);
  }
  await model.backend.synchronize();
}

function makeBatch(task: Task, rowsOfExample = 1): Batch {
  const examples = 2, tokens = 5, rows = examples * rowsOfExample;
  const draw = (i: number, below: number) => integerBelow(streamKey(4, "test"), below, i);
  const inputIds = Int32Array.from({ length: rows * tokens }, (_, i) => 2 + draw(i, 21));
  const attentionMask = new Int32Array(rows * tokens).fill(1);
  attentionMask[2 * tokens - 1] = 0;
  const base = { examples, tokens, choices: rowsOfExample, inputIds, attentionMask };
  if (task.kind === "span") {
    return { ...base, startPositions: Int32Array.of(1, 2), endPositions: Int32Array.of(3, 9) };
  }
  if (task.kind !== "masked-lm") return { ...base, labels: Int32Array.of(1, 0) };
  const labels = new Int32Array(rows * tokens).fill(-100);
  labels[1] = 7;
  labels[3] = 2;
  labels[6] = 22;
  return { ...base, labels, nextSentenceLabels: Int32Array.of(1, 0) };
}

const lossAt = async (model: Model, batch: Batch): Promise<number> => {
  const loss = scope(() => model.loss(batch, { dropout: { seed: 8, step: 2 } }));
  const value = await loss.item();
  loss.dispose();
  return value;
};

/** Slope of the loss along a random direction of one parameter, by central differences. */
async function slope(
  model: Model,
  batch: Batch,
  parameter: Tensor,
  direction: Float32Array,
): Promise<number> {
  const values = (await parameter.read()).slice();
  const shifted = (sign: number) => values.map((value, i) => value + sign * STEP * direction[i]);
  parameter.write(shifted(1));
  const above = await lossAt(model, batch);
  parameter.write(shifted(-1));
  const below = await lossAt(model, batch);
  parameter.write(values);
  return (above - below) / (2 * STEP);
}

async function check(
  backend: Backend,
  modelType: ModelType,
  task: Task,
  adapters: AdapterOptions,
  rowsOfExample = 1,
  layers = 12,
): Promise<void> {
  const model = createModel(backend, { config: config(modelType, layers), task, adapters });
  await enlarge(model);
  const batch = makeBatch(task, rowsOfExample);
  const open = model.taskGroups.map((group) => group.layer);
  model.setTrainable({ encoder: true, head: true, layers: open, language: model.language ?? undefined });
  const tape = new Tape();
  scope(() => tape.backward(tape.run(() => model.loss(batch, { dropout: { seed: 8, step: 2 } }))));

  let largest = 0;
  const found: { name: string; ours: number; expected: number }[] = [];
  for (const parameter of model.trainableParameters) {
    const name = parameter.name!;
    const direction = normal(streamKey(6, "test", 0, name), parameter.size);
    const gradient = await parameter.grad!.read();
    const ours = direction.reduce((sum, each, i) => sum + each * gradient[i], 0);
    found.push({ name, ours, expected: await slope(model, batch, parameter, direction) });
    largest = Math.max(largest, Math.abs(ours));
  }
  assert.ok(found.length > 16 * layers, `${found.length} parameters were checked`);
  let worst = 0;
  for (const { name, ours, expected } of found) {
    // Central differences of float64 losses carry about 1e-10 of noise.
    const difference = Math.abs(ours - expected) / (Math.abs(expected) + 1e-4 * largest);
    worst = Math.max(worst, difference);
    assert.ok(difference <= TOLERANCE, `${name}: gradient ${ours}, finite differences ${expected}`);
  }
  console.log(
    `${modelType} ${task.kind}: ${found.length} parameters, largest difference ${worst.toExponential(1)}`,
  );
  model.zeroGrad();
  model.dispose();
  assert.is(backend.memory().liveBuffers, 0, "buffers left over");
}

const smooth = { reduction: 2, nonLinearity: "gelu" };
const madx: AdapterOptions = { languages: { en: smooth }, task: { kind: "bottleneck", ...smooth } };

test("BERT with the MAD-X stack and the span head", () =>
  check(createReferenceBackend(), "bert", { kind: "span" }, madx));

test("XLM-R with LoRA under a language adapter and the classification head", () =>
  check(
    createReferenceBackend(),
    "xlm-roberta",
    { kind: "classification", labels: 3 },
    { languages: { en: smooth }, task: { kind: "lora", rank: 3, alpha: 6 } },
  ));

test("XLM-R with the MAD-X stack and multiple choice", () =>
  check(createReferenceBackend(), "xlm-roberta", { kind: "choice" }, madx, 2));

test("DeBERTa with the MAD-X stack and the span head", () =>
  check(createReferenceBackend(), "deberta-v2", { kind: "span" }, madx, 1, 3));

test("DeBERTa with LoRA under a language adapter and multiple choice", () =>
  check(
    createReferenceBackend(),
    "deberta-v2",
    { kind: "choice" },
    { languages: { en: smooth }, task: { kind: "lora", rank: 3, alpha: 6 } },
    2,
    3,
  ));

test("BERT with a language adapter, masked-LM head and next sentences", () =>
  check(createReferenceBackend(), "bert", { kind: "masked-lm", nextSentence: true }, {
    languages: { en: smooth },
  }));

test.run();
