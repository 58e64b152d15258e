// Checks what adapter configurations of every age mean, and that what this engine does not have is refused by field and value.
// It leaves weights to tests/golden/adapter_files.test.ts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CoreError } from "../../core/errors.ts";
import { adapterConfigJson, adapterDescription } from "../../core/io/adapter_config.ts";
import { adapterFromFiles, taskConfigOf } from "../../core/io/adapter_files.ts";
import { headTensors } from "../../core/io/head_files.ts";
import { peftDescription } from "../../core/io/peft.ts";

const test = suite("adapter configuration");

const plain = {
  mh_adapter: false,
  output_adapter: true,
  original_ln_before: true,
  reduction_factor: 16,
  non_linearity: "relu",
};
const file = (config: unknown, more: Record<string, unknown> = { version: "adapters.1.3.0" }) => ({
  name: "x",
  config,
  ...more,
});
const methodOf = (json: unknown) => adapterDescription(json, "adapter_config.json").method;

function refused(run: () => unknown, pattern: RegExp): void {
  try {
    run();
  } catch (error) {
    assert.instance(error, CoreError);
    return assert.match((error as Error).message, pattern);
  }
  assert.unreachable(`accepted, wanted ${pattern}`);
}

const bottleneck = (changes: Record<string, unknown> = {}) => ({
  kind: "bottleneck",
  reduction: 16,
  nonLinearity: "relu",
  invertibleReduction: null,
  leaveOut: [],
  ...changes,
});

test("identifiers, identifiers with changes, and hashes name configurations", () => {
  for (const name of ["pfeiffer", "seq_bn", "9076f36a74755ac4"]) {
    assert.equal(methodOf(file(name)), bottleneck());
  }
  for (const name of ["pfeiffer+inv", "seq_bn_inv"]) {
    assert.equal(methodOf(file(name)), bottleneck({ invertibleReduction: 2 }));
  }
  assert.equal(
    methodOf(file("pfeiffer+inv[reduction_factor=2, non_linearity='gelu']")),
    bottleneck({ reduction: 2, nonLinearity: "gelu", invertibleReduction: 2 }),
  );
  assert.equal(methodOf(file("lora[r=4,alpha=16]")), { kind: "lora", rank: 4, alpha: 16 });
  // An identifier means what the library means by it, whatever the file's age.
  assert.equal(methodOf(file("seq_bn[non_linearity=gelu]", {})), bottleneck({ nonLinearity: "gelu" }));
  refused(
    () => methodOf(file("houlsby")),
    /the configuration "houlsby" is not known; this engine has pfeiffer, /,
  );
  refused(() => methodOf(file("0123456789abcdef")), /"0123456789abcdef" is not known/);
});

test("the first format: nested invertible block, and the names that GELU had", () => {
  const nested = {
    ...plain,
    reduction_factor: 2,
    invertible_adapter: { block_type: "nice", reduction_factor: 4, non_linearity: "gelu" },
    non_linearity: "gelu",
  };
  assert.equal(
    methodOf(file(nested, {})),
    bottleneck({ reduction: 2, nonLinearity: "gelu_new", invertibleReduction: 4 }),
  );
  assert.equal(
    methodOf(file({ ...plain, non_linearity: "gelu_orig" }, {})),
    bottleneck({ nonLinearity: "gelu" }),
  );
  assert.equal(
    methodOf(file({ ...plain, non_linearity: "gelu" }, { version: "3.0.0" })),
    bottleneck({ nonLinearity: "gelu" }),
  );
  assert.equal(methodOf(file({ ...plain, invertible_adapter: null }, {})), bottleneck());
  const { method, notes } = adapterDescription(file({ ...nested, non_linearity: "relu" }, {}), "x");
  assert.equal(method, bottleneck({ reduction: 2, invertibleReduction: 4 }));
  assert.match(
    notes.join(),
    /names the non-linearity gelu, the adapter relu; the adapter's is used for both/,
  );
});

test("nothing that decides what the weights mean is filled in by guess", () => {
  const { non_linearity: _, ...withoutNonLinearity } = plain;
  refused(() => methodOf(file(withoutNonLinearity)), /non_linearity is undefined/);
  const { reduction_factor: _factor, ...withoutReduction } = plain;
  refused(() => methodOf(file(withoutReduction)), /reduction_factor is undefined; wanted a positive number/);
  const { mh_adapter: _mh, ...withoutPlace } = plain;
  refused(() => methodOf(file(withoutPlace)), /config has no mh_adapter/);
  // The library's default, which is not ours.
  const { original_ln_before: _before, ...withoutBefore } = plain;
  refused(() => methodOf(file(withoutBefore)), /original_ln_before is false, this engine has true only/);
  refused(
    () => methodOf(file({ ...plain, inv_adapter: "nice" })),
    /inv_adapter_reduction_factor is undefined/,
  );
  refused(() => methodOf(file(null)), /config is null; wanted an object/);
  refused(() => methodOf({ config: plain }), /the adapter has no name/);
  refused(() => methodOf([]), /no JSON object/);
});

test("other architectures are refused by field and value", () => {
  for (
    const [change, pattern] of [
      [{ mh_adapter: true }, /mh_adapter is true, this engine has false only/],
      [{ ln_after: true }, /ln_after is true/],
      [{ scaling: "learned" }, /scaling is "learned"/],
      [{ is_parallel: true }, /is_parallel is true/],
      [{ phm_layer: true }, /phm_layer is true/],
      [{ residual_before_ln: "post_add" }, /residual_before_ln is "post_add"/],
      [
        { inv_adapter: "glow", inv_adapter_reduction_factor: 2 },
        /inv_adapter is "glow"; this engine has "nice"/,
      ],
      [{ reduction_factor: { "0": 2, default: 16 } }, /differs from layer to layer/],
      [{ reduction_factor: -1 }, /reduction_factor is -1/],
      [{ leave_out: ["a"] }, /leave_out is/],
      [{ architecture: "prefix_tuning" }, /architecture "prefix_tuning"/],
    ] as const
  ) refused(() => methodOf(file({ ...plain, ...change })), pattern);
  assert.equal(methodOf(file({ ...plain, reduction_factor: { default: 8 } })), bottleneck({ reduction: 8 }));
  const partial = adapterDescription(file({ ...plain, leave_out: [11] }), "x");
  assert.equal(partial.method, bottleneck({ leaveOut: [11] }));
  refused(() => taskConfigOf(partial), /leave_out is \[11\]; a task adapter here is in every layer/);
});

test("LoRA: what is scaled how, and which of them are another method", () => {
  const lora = { architecture: "lora", r: 8, alpha: 16, attn_matrices: ["v", "q"] };
  assert.equal(methodOf(file(lora)), { kind: "lora", rank: 8, alpha: 16 });
  // Adapters of before 1.1 were trained without their scaling.
  assert.equal(methodOf(file(lora, { version: "adapters.1.0.1" })), { kind: "lora", rank: 8, alpha: 8 });
  assert.equal(methodOf(file(lora, { version: "3.2.1" })), { kind: "lora", rank: 8, alpha: 16 });
  for (
    const [change, pattern] of [
      [{ attn_matrices: ["q"] }, /attn_matrices is \["q"\]/],
      [{ intermediate_lora: true }, /intermediate_lora is true/],
      [{ composition_mode: "scale" }, /composition_mode is "scale"/],
      [{ use_dora: true }, /use_dora is true/],
      [{ vera_d: 0.1 }, /vera_d is set/],
      [{ leave_out: [0] }, /leave_out is \[0\]/],
      [{ r: 0 }, /r is 0/],
    ] as const
  ) refused(() => methodOf(file({ ...lora, ...change })), pattern);
});

test("PEFT: LoRA on query and value, and nothing else", () => {
  const json = {
    peft_type: "LORA",
    r: 4,
    lora_alpha: 8,
    target_modules: ["value", "query"],
    bias: "none",
    rank_pattern: {},
  };
  assert.equal(peftDescription(json, "x"), { kind: "lora", rank: 4, alpha: 8 });
  assert.equal(peftDescription({ ...json, use_rslora: true }, "x"), { kind: "lora", rank: 4, alpha: 16 });
  for (
    const [change, pattern] of [
      [{ peft_type: "IA3" }, /peft_type is "IA3"; this engine has LORA/],
      [{ target_modules: ["query"] }, /target_modules is \["query"\]/],
      [{ target_modules: ".*query" }, /target_modules is "\.\*query"/],
      [{ bias: "all" }, /bias is "all"/],
      [{ use_dora: true }, /use_dora is true/],
      [{ rank_pattern: { query: 2 } }, /rank_pattern is \{"query":2\}/],
      [{ layers_to_transform: [1] }, /layers_to_transform is \[1\]/],
      [{ r: "4" }, /r is "4"/],
    ] as const
  ) refused(() => peftDescription({ ...json, ...change }, "x"), pattern);
});

const target = { modelType: "bert", hiddenSize: 8 };
const shaped = (names: Record<string, number[]>) =>
  new Map(Object.entries(names).map(([name, shape]) => [name, { shape }]));
const down = ".x.adapter_down.0.weight";

test("every legacy collection becomes ours; names may hold dots", () => {
  for (
    const name of [
      "bert.encoder.layer.0.output.layer_text_lang_adapters",
      "bert.encoder.layer.0.output.layer_text_task_adapters",
      "bert.encoder.layer.0.output.text_task_adapters",
      "bert.encoder.layer.0.output.text_lang_adapters",
      "bert.encoder.layer.0.output.layer_text_task",
      "bert.encoder.layer.0.output.layer_adapters",
      "bert.encoder.layer.0.output.layer_language_adapters",
      "bert.encoder.layer.0.output.adapters",
    ]
  ) {
    const { tensors } = adapterFromFiles(
      file({ ...plain, reduction_factor: 2 }),
      shaped({ [name + down]: [4, 8], [`${name}.other.adapter_up.weight`]: [8, 4] }),
      target,
      "sw",
      "x",
    );
    assert.equal(
      [...tensors.keys()],
      ["bert.encoder.layer.0.output.adapters.sw.adapter_down.0.weight"],
      name,
    );
  }
  const dotted = adapterFromFiles(
    { ...file({ ...plain, reduction_factor: 2 }), name: "en/wiki@1.0" },
    shaped({ "encoder.layer.0.output.adapters.en/wiki@1.0.adapter_down.0.weight": [4, 8] }),
    target,
    "en",
    "x",
  );
  assert.equal([...dotted.tensors.keys()], ["encoder.layer.0.output.adapters.en.adapter_down.0.weight"]);
});

test("configuration and weights must belong together", () => {
  const at = `bert.encoder.layer.0.output.adapters${down}`, block = "bert.invertible_adapters.x.F.0.weight";
  const open = (config: unknown, names: Record<string, number[]>, more?: Record<string, unknown>) =>
    adapterFromFiles(file(config, more), shaped(names), target, "x", "adapter y").description.method;
  const inv = { ...plain, reduction_factor: 2, inv_adapter: "nice", inv_adapter_reduction_factor: 2 };
  refused(
    () => open({ ...plain, reduction_factor: 4 }, { [at]: [4, 8] }),
    /is \[4,8\], but reduction_factor 4 makes it \[2,8\]/,
  );
  refused(() => open(inv, { [at]: [4, 8] }), /has an invertible block, the weights have none/);
  refused(
    () => open(inv, { [at]: [4, 8], [block]: [4, 4] }),
    /inv_adapter_reduction_factor 2 makes it \[2,4\]/,
  );
  refused(
    () => open({ ...plain, reduction_factor: 2 }, { [at]: [4, 8], [block]: [2, 4] }),
    /of which the configuration says nothing/,
  );
  refused(
    () => open(plain, { "bert.encoder.layer.0.output.adapters.z.adapter_up.bias": [8] }),
    /no tensor belongs to the adapter "x"/,
  );
  // Task adapters of the first format name a block that they never had.
  assert.equal(
    open(inv, { [at]: [4, 8] }, { version: "2.0", type: "text_task" }),
    bottleneck({ reduction: 2 }),
  );
});

test("heads: numbered layers become the engine's names; other heads are refused", () => {
  const head = (type: string, layers: number) => ({ name: "t", config: { head_type: type, layers } });
  const tensors = new Map([["heads.t.1.weight", 1], ["heads.t.1.bias", 2], ["heads.t.4.weight", 3], [
    "heads.t.4.bias",
    4,
  ]]);
  assert.equal([...headTensors(head("classification", 2), tensors, "xlm-roberta", "x").keys()], [
    "classifier.dense.weight",
    "classifier.dense.bias",
    "classifier.out_proj.weight",
    "classifier.out_proj.bias",
  ]);
  refused(
    () => headTensors(head("classification", 2), tensors, "bert", "x"),
    /a classification head of 2 layers; that of bert here has 1/,
  );
  for (const [model, dense] of [["deberta-v2", "pooler.dense"], ["distilbert", "pre_classifier"]]) {
    for (const type of ["classification", "multiple_choice"]) {
      assert.equal(
        [...headTensors(head(type, 2), tensors, model, "x").keys()],
        [`${dense}.weight`, `${dense}.bias`, "classifier.weight", "classifier.bias"],
      );
    }
  }
  refused(() => headTensors(head("tagging", 1), tensors, "bert", "x"), /head_type is "tagging"/);
  refused(
    () => headTensors(head("question_answering", 1), tensors, "bert", "x"),
    /heads\.t\.4\.weight is no part/,
  );
  const own = new Map([["qa_outputs.weight", 1]]);
  assert.equal([...headTensors({ config: null }, own, "bert", "x")], [...own]);
});

test("what is written is read to the same description", () => {
  for (
    const method of [bottleneck({ invertibleReduction: 4, nonLinearity: "gelu", leaveOut: [3] }), {
      kind: "lora",
      rank: 8,
      alpha: 32,
    }]
  ) {
    const description = { name: "x", hiddenSize: 8, modelType: "bert", method } as Parameters<
      typeof adapterConfigJson
    >[0];
    const json = JSON.parse(JSON.stringify(adapterConfigJson(description, "BertForQuestionAnswering")));
    assert.equal(adapterDescription(json, "x").method, method);
  }
});

test.run();
