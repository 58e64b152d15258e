// Padding that nothing reads: leaving it out changes neither logits nor gradients, dropout included, on any backend, and what
// follows on the last attention is computed of first tokens only. The judge is the float64 reference on padded rows.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../core/backends/backend.ts";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { AdamW, createModel, encoderConfig, type Model, scope, Tape, type Task } from "../../core/mod.ts";
import type { Batch } from "../../core/models/batch.ts";
import { packed } from "../../core/models/packing.ts";
import { TrainingStep } from "../../core/training/step.ts";
import { openBackends } from "./backends.ts";

const test = suite("padding");

/** What DeBERTa and DistilBERT have of their own, or call otherwise; each reads its own names. */
const others = {
  ...{ relative_attention: true, position_biased_input: false, share_att_key: true, pos_att_type: "p2c|c2p" },
  ...{ position_buckets: 6, norm_rel_ebd: "layer_norm", pooler_dropout: 0.2 },
  ...{
    dim: 16,
    n_layers: 3,
    n_heads: 2,
    hidden_dim: 20,
    dropout: 0.2,
    attention_dropout: 0.2,
    qa_dropout: 0.2,
  },
};

const config = (modelType: string) =>
  encoderConfig({
    ...others,
    model_type: modelType,
    hidden_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    intermediate_size: 20,
    vocab_size: 30,
    max_position_embeddings: 20,
    type_vocab_size: { bert: 2, "xlm-roberta": 1 }[modelType] ?? 0,
    initializer_range: 0.2,
    hidden_dropout_prob: 0.2,
    attention_probs_dropout_prob: 0.2,
  });

const lengths = [9, 4, 12, 5, 12, 7, 3, 10];
const tokens = 12;
const inputIds = new Int32Array(lengths.length * tokens).fill(1);
const attentionMask = new Int32Array(inputIds.length);
lengths.forEach((length, row) => {
  for (let t = 0; t < length; t++) {
    inputIds[row * tokens + t] = 2 + (row * 7 + t * 5) % 28;
    attentionMask[row * tokens + t] = 1;
  }
});
const grid = { tokens, inputIds, attentionMask };

const tasks: { task: Task; batch: Batch }[] = [
  {
    task: { kind: "classification", labels: 3 },
    batch: { ...grid, examples: 8, labels: Int32Array.of(0, 1, 2, 0, 2, 1, 0, 1) },
  },
  {
    task: { kind: "choice" },
    batch: { ...grid, examples: 4, choices: 2, labels: Int32Array.of(0, 1, 1, 0) },
  },
  {
    task: { kind: "span" },
    batch: {
      ...grid,
      examples: 8,
      startPositions: Int32Array.of(1, 0, 9, 2, 3, 4, 1, 6),
      endPositions: Int32Array.of(4, 0, 11, 3, 3, 6, 2, 9),
      ignorePadding: true,
    },
  },
];

function make(backend: Backend, modelType: string, task: Task): Model {
  const model = createModel(backend, {
    config: config(modelType),
    task,
    seed: 4,
    adapters: { languages: { en: {} }, task: { kind: "bottleneck", reduction: 4, nonLinearity: "relu" } },
  });
  model.setLanguage("en");
  model.setTrainable({ layers: [0, 1, 2], head: true });
  return model;
}

/** Logits without dropout, then the loss and every gradient with it. `perExample` keeps padding. */
async function outcome(
  model: Model,
  batch: Batch,
  perExample = false,
): Promise<Map<string, ArrayLike<number>>> {
  const out = new Map<string, ArrayLike<number>>();
  const logits = scope(() => model.logits(batch, { perExample }));
  out.set("logits", await logits.read());
  const tape = new Tape();
  const loss = tape.run(() => model.loss(batch, { perExample, dropout: { seed: 3, step: 5 } }));
  tape.backward(loss);
  out.set("loss", await loss.read());
  for (const each of model.trainableParameters) out.set(each.name!, await each.grad!.read());
  model.zeroGrad();
  logits.dispose();
  loss.dispose();
  return out;
}

function differenceOf(wanted: Map<string, ArrayLike<number>>, got: Map<string, ArrayLike<number>>): number {
  assert.equal([...got.keys()], [...wanted.keys()]);
  let worst = 0;
  for (const [name, values] of wanted) {
    const other = got.get(name)!;
    assert.is(other.length, values.length, name);
    // A head's bias that shifts all scores alike has a gradient of 0 but for rounding.
    let magnitude = 1e-3;
    for (const value of Array.from(values)) {
      if (value > -1e29) magnitude = Math.max(magnitude, Math.abs(value));
    }
    for (let i = 0; i < values.length; i++) {
      assert.is(other[i] < -1e29, values[i] < -1e29, `${name}[${i}]: ${other[i]}, wanted ${values[i]}`);
      if (values[i] > -1e29) worst = Math.max(worst, Math.abs(other[i] - values[i]) / magnitude);
    }
  }
  return worst;
}

const { backends, notes } = await openBackends();
notes.forEach((note) => console.log(note));
const reference = createReferenceBackend();

for (const modelType of ["bert", "xlm-roberta", "deberta-v2", "distilbert"]) {
  for (const { task, batch } of tasks) {
    test(`${modelType}, ${task.kind}: the same numbers without padding`, async () => {
      const judge = make(reference, modelType, task);
      const wanted = await outcome(judge, batch, true);
      const host = packed(judge.prepare(batch, true));
      assert.is(host.ids.length, lengths.reduce((sum, each) => sum + each), "tokens that are computed");
      assert.ok(differenceOf(wanted, await outcome(judge, batch)) < 1e-12, "reference, packed");
      for (const { label, backend } of backends) {
        // DistilBERT has no kernel of its own.
        if (modelType === "distilbert" && label !== "wasm") continue;
        const model = make(backend, modelType, task);
        const difference = differenceOf(wanted, await outcome(model, batch));
        assert.ok(difference < 1e-4, `${label}: ${difference.toExponential(1)}`);
        model.dispose();
      }
    });
  }
}

test("span scores of padding count unless they are to be ignored", async () => {
  const { task, batch } = tasks[2];
  const model = make(reference, "bert", task);
  const scored = await outcome(model, { ...batch, ignorePadding: false });
  const ignored = await outcome(model, batch);
  assert.ok(
    scored.get("loss")![0] > ignored.get("loss")![0] + 0.01,
    "more positions, less probability for each",
  );
  const logits = Array.from(scored.get("logits")!);
  assert.ok(logits.every((value) => value > -1e3));
  Array.from(ignored.get("logits")!).forEach((value, i) => {
    if (attentionMask[i % attentionMask.length] === 0) assert.is(value, -1e30);
    else assert.ok(Math.abs(value - logits[i]) < 1e-12);
  });
});

test("a mask with holes, and a row of nothing but padding, are computed as they are", async () => {
  const { task, batch } = tasks[0];
  const model = make(reference, "bert", task);
  for (const at of [2, 12]) {
    const mask = attentionMask.slice();
    mask.fill(0, at, at === 12 ? 24 : at + 1);
    const host = model.prepare({ ...batch, attentionMask: mask }, true);
    assert.is(packed(host), host);
  }
});

test("pieces of a batch without padding train as the whole batch does", async () => {
  const { task, batch } = tasks[2];
  const after = async (microBatch?: number) => {
    const model = make(reference, "bert", task);
    const parameters = model.trainableParameters;
    const optimizer = new AdamW();
    const step = new TrainingStep({ model, optimizer, losses: 3, dropoutSeed: 1, microBatch });
    for (let number = 0; number < 3; number++) step.run(batch, { number, learningRate: 1e-2 });
    const values = new Map<string, ArrayLike<number>>([["losses", await step.losses()]]);
    for (const each of parameters) values.set(each.name!, await each.read());
    step.dispose();
    optimizer.dispose();
    model.dispose();
    return values;
  };
  const difference = differenceOf(await after(), await after(2));
  assert.ok(difference < 1e-7, `${difference}`);
});

test.after(() => backends.forEach(({ backend }) => backend.dispose()));
test.run();
