// Kinds of encoder: their configurations as published, the names of their checkpoints, DeBERTa's positions, and what a frozen
// layer of each costs. That they compute what PyTorch computes is golden/passes*.test.ts's.

import { readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import { scope, Tape } from "../../core/mod.ts";
import { hostBatch } from "../../core/models/batch.ts";
import { configJson, type EncoderConfig, encoderConfig } from "../../core/models/config.ts";
import { createModel, type Model } from "../../core/models/model.ts";
import { relativeRows } from "../../core/models/relative.ts";
import type { State } from "../../core/nn/parameters.ts";

const test = suite("encoders");
const backend = createReferenceBackend();

/** As the files of microsoft/mdeberta-v3-base, distilbert-base-multilingual-cased and microsoft/Multilingual-MiniLM-L12-H384 say. */
const published = {
  mdeberta: {
    ...{ model_type: "deberta-v2", vocab_size: 251000, hidden_size: 768, num_hidden_layers: 12 },
    ...{ num_attention_heads: 12, intermediate_size: 3072, hidden_act: "gelu", hidden_dropout_prob: 0.1 },
    ...{ attention_probs_dropout_prob: 0.1, max_position_embeddings: 512, relative_attention: true },
    ...{ position_buckets: 256, norm_rel_ebd: "layer_norm", share_att_key: true, pos_att_type: "p2c|c2p" },
    ...{ layer_norm_eps: 1e-7, max_relative_positions: -1, position_biased_input: false, type_vocab_size: 0 },
  },
  distilbert: {
    ...{ model_type: "distilbert", activation: "gelu", attention_dropout: 0.1, dim: 768, dropout: 0.1 },
    ...{ hidden_dim: 3072, max_position_embeddings: 512, n_heads: 12, n_layers: 6, pad_token_id: 0 },
    ...{ qa_dropout: 0.1, seq_classif_dropout: 0.2, sinusoidal_pos_embds: false, vocab_size: 119547 },
  },
  minilm: {
    ...{ model_type: "bert", hidden_size: 384, num_hidden_layers: 12, num_attention_heads: 12 },
    ...{ intermediate_size: 1536, hidden_act: "gelu", max_position_embeddings: 512, type_vocab_size: 2 },
    ...{ vocab_size: 250037, layer_norm_eps: 1e-12, tokenizer_class: "XLMRobertaTokenizer" },
  },
};

const small: Record<string, EncoderConfig> = {
  deberta: encoderConfig({
    ...published.mdeberta,
    ...{
      vocab_size: 30,
      hidden_size: 8,
      num_hidden_layers: 3,
      num_attention_heads: 2,
      intermediate_size: 10,
    },
    position_buckets: 4,
  }),
  distilbert: encoderConfig({
    ...published.distilbert,
    ...{ vocab_size: 30, dim: 8, n_layers: 3, n_heads: 2, hidden_dim: 10, max_position_embeddings: 12 },
  }),
};

const batch = {
  ...{ examples: 2, tokens: 5, startPositions: Int32Array.of(1, 0), endPositions: Int32Array.of(2, 3) },
  inputIds: Int32Array.of(5, 6, 7, 8, 9, 10, 11, 12, 0, 0),
  attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 0),
};

test("published configurations are read, and written so that they are read again", () => {
  const read = Object.fromEntries(
    Object.entries(published).map(([name, json]) => [name, encoderConfig(json)]),
  );
  for (const config of Object.values(read)) assert.equal(encoderConfig(configJson(config)), config);
  const { mdeberta, distilbert, minilm } = read;
  assert.equal(mdeberta.relative, { buckets: 256, maximumDistance: 512, normalised: true });
  assert.is(mdeberta.typeVocabularySize, 0);
  assert.is(mdeberta.classifierDropout, null);
  assert.equal([distilbert.hiddenSize, distilbert.layers, distilbert.typeVocabularySize], [768, 6, 0]);
  assert.equal([distilbert.classifierDropout, distilbert.spanDropout], [0.2, 0.1]);
  assert.is(distilbert.layerNormEpsilon, 1e-12);
  assert.is(minilm.hiddenSize / minilm.heads, 32);
  assert.is(minilm.relative, undefined);
});

test("variants of DeBERTa that are not computed are refused by the field's name", () => {
  const refused = (change: Record<string, unknown>, message: RegExp) =>
    assert.throws(() => encoderConfig({ ...published.mdeberta, ...change }), message);
  refused(
    { conv_kernel_size: 3 },
    /conv_kernel_size is 3; .* with 0 \(no convolution beside the first layer\) only/,
  );
  refused({ relative_attention: false }, /relative_attention is false/);
  refused({ position_biased_input: true }, /position_biased_input is true/);
  refused({ share_att_key: false }, /share_att_key is false/);
  refused({ pos_att_type: "c2p" }, /pos_att_type is "c2p"/);
  refused({ embedding_size: 128 }, /embedding_size is 128; .* with hidden_size 768 only/);
  assert.equal(
    encoderConfig({ ...published.mdeberta, pos_att_type: ["p2c", "c2p"] }),
    encoderConfig(published.mdeberta),
  );
});

test("distances have the rows that transformers gives them", async () => {
  const stored = JSON.parse(
    await readFile(new URL("../golden/fixtures/passes-buckets.json", import.meta.url), "utf8"),
  ) as Record<string, number[]>;
  for (const [key, counts] of Object.entries(stored)) {
    const [buckets, maximumDistance] = key.split(",").map(Number);
    const wanted = counts.flatMap((count, bucket) => new Array<number>(count).fill(bucket));
    const tokens = wanted.length;
    const { first, count, rows } = relativeRows({ buckets, maximumDistance, normalised: true }, tokens);
    assert.equal([first, count], [0, 2 * buckets], key);
    wanted.forEach((bucket, distance) => {
      assert.is(
        rows[tokens - 1 + distance],
        Math.min(2 * buckets - 1, buckets + bucket),
        `${key}: ${distance}`,
      );
      assert.is(rows[tokens - 1 - distance], Math.max(0, buckets - bucket), `${key}: −${distance}`);
    });
  }
  // A short input uses the middle of the table; without buckets each distance has its row.
  const { first, count, rows } = relativeRows({ buckets: 0, maximumDistance: 4, normalised: false }, 3);
  assert.equal([first, count, [...rows]], [2, 5, [0, 1, 2, 3, 4]]);
});

/** Values that differ from tensor to tensor. */
const numbered = (model: Model): State =>
  new Map([...model.parameters].map(([name, { shape, size }], n) => [
    name,
    { shape, data: Float32Array.from({ length: size }, (_, i) => n + i / 1000) },
  ]));

test("checkpoints of DeBERTa and DistilBERT load under the names they are published with", async () => {
  const cases: { config: EncoderConfig; prefix: string; spelt(name: string): string; beside: string[] }[] = [
    {
      config: small.deberta,
      prefix: "deberta.",
      spelt: (name) =>
        name.replace("cls.predictions.transform.", "lm_predictions.lm_head.")
          .replace("cls.predictions.bias", "lm_predictions.lm_head.bias"),
      beside: ["deberta.embeddings.position_embeddings.weight", "mask_predictions.dense.weight"],
    },
    {
      config: small.distilbert,
      prefix: "distilbert.",
      spelt: (name) => name,
      beside: ["vocab_projector.weight"],
    },
  ];
  for (const { config, prefix, spelt, beside } of cases) {
    const model = createModel(backend, { config, task: { kind: "masked-lm" } });
    const state = numbered(model);
    const file: State = new Map([...state].map(([name, value]) => [spelt(name), value]));
    for (const name of beside) file.set(name, { shape: [1], data: new Float32Array(1) });
    model.loadState(file);
    for (const [name, { data }] of await model.state()) {
      assert.equal([...data], [...state.get(name)!.data], name);
    }
    // The encoder alone, as AutoModel saves it.
    const bare: State = new Map(
      [...state].filter(([name]) => name.startsWith(prefix)).map((
        [name, value],
      ) => [name.slice(prefix.length), value]),
    );
    const other = createModel(backend, { config, task: { kind: "span" } });
    assert.is(other.loadEncoder(bare).loaded.length, bare.size);
    model.dispose();
    other.dispose();
  }
});

for (const [name, config] of Object.entries(small)) {
  for (const kind of ["bottleneck", "lora"] as const) {
    test(`${name}, ${kind}: nothing is recorded below the lowest open adapter`, () => {
      const model = createModel(backend, {
        config,
        task: { kind: "span" },
        adapters: {
          languages: { en: {} },
          task: kind === "lora" ? { kind, rank: 2, alpha: 2 } : { kind, reduction: 4, nonLinearity: "relu" },
        },
      });
      const lengths = [2, 1, 0].map((layer) => {
        model.setTrainable({ layers: [layer], head: true });
        return recorded(model);
      });
      model.setTrainable({});
      assert.is(recorded(model), 0);
      assert.ok(lengths[0] < lengths[1], `${lengths}`);
      assert.is(lengths[2] - lengths[1], lengths[1] - lengths[0], "each layer adds the same");
      model.dispose();
    });
  }
}

test("layers are unfrozen with their own weights, whatever an encoder calls them; embeddings go with the lowest", () => {
  for (const [name, config] of Object.entries(small)) {
    const model = createModel(backend, { config, task: { kind: "span" } });
    const groups = model.encoderGroups.map(({ parameters }) => parameters.map((each) => each.name!));
    assert.is(groups.flat().length, model.encoderParameters.length, name);
    groups.forEach((names, layer) => {
      const own = names.filter((each) => each.includes(`.layer.${layer}.`));
      assert.is(own.length, 16, `${name}, layer ${layer}`);
      assert.is(names.every((each) => own.includes(each)), layer > 0, `${name}, layer ${layer}`);
    });
    model.dispose();
  }
});

/** Number of recorded operations of one loss. */
function recorded(model: Model): number {
  const tape = new Tape();
  scope(() => void tape.run(() => model.loss(batch)));
  const { length } = tape;
  tape.dispose();
  return length;
}

test("gradients per example through positions that all examples share are refused, not wrong", () => {
  const model = createModel(backend, {
    config: small.deberta,
    task: { kind: "span" },
    adapters: { task: { kind: "lora", rank: 2, alpha: 2 } },
  });
  model.setTrainable({ layers: [1] });
  const backward = (perExample: boolean) =>
    scope(() => {
      const tape = new Tape();
      tape.backward(tape.run(() => model.loss(batch, { perExample })), { examples: 2 });
    });
  assert.throws(() => backward(false), /need tables per example; .* \(a model: the option perExample\)/);
  model.zeroGrad();
  backward(true);
  assert.equal(model.taskGroups[1].parameters[0].grad!.shape, [2, 2, 8]);
  model.zeroGrad();
  model.dispose();
});

test("encoders embed what they have: no types or positions where there are none", () => {
  const head = { predicted: undefined, isPaddingUnread: false, targets: [] };
  const deberta = hostBatch(small.deberta, batch, head),
    distilbert = hostBatch(small.distilbert, batch, head);
  assert.equal([deberta.types, deberta.positions, distilbert.types], [undefined, undefined, undefined]);
  assert.equal([...distilbert.positions!], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  assert.equal([...deberta.relative!], [...relativeRows(small.deberta.relative!, 5).rows]);
  assert.is(distilbert.relative, undefined);
});

test.after(() => assert.is(backend.memory().liveBuffers, 0, "buffers left over"));

test.run();
