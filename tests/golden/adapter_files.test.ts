// Checks that adapters saved by Python's `adapters` and `peft` (make_adapter_files.py) give here the logits that they gave there, and that
// what is saved here is read back; wrong files are refused in words. It leaves the other direction to make_adapter_files.py --check.

import { readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import {
  type Batch,
  createModel,
  languageConfigOf,
  type Model,
  scope,
  type Task,
  taskConfigOf,
  taskTensors,
} from "../../core/mod.ts";
import { join, pathOf, remove } from "../../repro/runtime.ts";
import { openAdapter, saveAdapter } from "../../repro/training/adapter-files.ts";
import { temporaryFolder } from "../fakes/encoders.ts";
import { configOf, formulaState, relativeDifference } from "./fixtures.ts";

const test = suite("adapter files");

const encoders = ["bert", "xlmr", "deberta", "distilbert"] as const;
type Encoder = (typeof encoders)[number];

const folder = pathOf(new URL("./fixtures/adapters/", import.meta.url));
const expected: {
  inputs: Record<Encoder, Record<string, number[][]>>;
  logits: Record<string, number[]>;
} = JSON.parse(await readFile(join(folder, "expected.json"), "utf8"));

const classification: Task = { kind: "classification", labels: 3 };

function batchOf(encoder: Encoder): Batch {
  const inputs = expected.inputs[encoder];
  const flat = (name: string) => inputs[name] && Int32Array.from(inputs[name].flat());
  return {
    examples: inputs.input_ids.length,
    tokens: inputs.input_ids[0].length,
    inputIds: flat("input_ids")!,
    attentionMask: flat("attention_mask")!,
    tokenTypeIds: flat("token_type_ids"),
  };
}

/** The encoder by formula with the given adapters, opened from files and told apart by what they are for. */
async function modelWith(
  encoder: Encoder,
  task: Task,
  files: { language?: string; task?: string },
): Promise<Model> {
  const config = await configOf(encoder);
  const language = files.language && await openAdapter(join(folder, files.language), config, "xx");
  const own = files.task && await openAdapter(join(folder, files.task), config, "own");
  const model = createModel(createReferenceBackend(), {
    config,
    task,
    adapters: {
      languages: language ? { xx: languageConfigOf(language.description) } : {},
      task: own ? { ...taskConfigOf(own.description), name: "own" } : undefined,
    },
  });
  model.loadState(formulaState(model.parameters));
  if (language) model.loadAdapter("xx", language.state);
  if (own) model.loadAdapter("own", taskTensors(own.state));
  // A file of PEFT holds the last layer of the head only.
  const head = own && await own.head();
  if (head) model.loadHead(new Map([...formulaState(model.parameters), ...head]));
  return model;
}

async function logitsOf(model: Model, batch: Batch): Promise<ArrayLike<number>> {
  const logits = scope(() => model.logits(batch));
  const values = await logits.read();
  logits.dispose();
  return values;
}

async function check(name: string, encoder: Encoder, task: Task, files: Parameters<typeof modelWith>[2]) {
  const model = await modelWith(encoder, task, files);
  const difference = relativeDifference(await logitsOf(model, batchOf(encoder)), expected.logits[name]);
  console.log(`${name}: largest relative difference of the logits ${difference.toExponential(1)}`);
  assert.ok(difference <= 1e-5, `${name}: ${difference}`);
  model.dispose();
}

for (const encoder of encoders) {
  test(`${encoder}: a MAD-X stack with its head, the language adapter in an archive`, async () => {
    await check(`${encoder}-mad-x`, encoder, classification, {
      language: `${encoder}-mad-x/xx.zip`,
      task: `${encoder}-mad-x/nli`,
    });
  });

  test(`${encoder}: LoRA with a flexible head, scaling 2`, async () => {
    await check(`${encoder}-flexible`, encoder, { kind: "span" }, { task: `${encoder}-flexible` });
  });

  test(`${encoder}: LoRA of PEFT with its head, scaling 3`, async () => {
    await check(`${encoder}-peft`, encoder, classification, { task: `${encoder}-peft` });
  });
}

test("bert: the first format, with its names, its nested invertible block and its GELU", async () => {
  await check("bert-legacy", "bert", classification, { language: "bert-legacy.zip" });
  const { description } = await openAdapter(join(folder, "bert-legacy.zip"), await configOf("bert"), "xx");
  assert.equal(description.method, {
    kind: "bottleneck",
    reduction: 4,
    nonLinearity: "gelu_new",
    invertibleReduction: 2,
    leaveOut: [],
  });
  assert.match(
    description.notes.join(),
    /invertible block names the non-linearity relu, the adapter gelu; the adapter's is used/,
  );
});

test("what is saved here is read back to the same values", async () => {
  const config = await configOf("xlmr");
  for (const name of ["xlmr-mad-x/nli", "xlmr-flexible", "xlmr-mad-x/xx.zip"]) {
    const opened = await openAdapter(join(folder, name), config, "mine");
    const out = join(await temporaryFolder(), "saved");
    await saveAdapter(out, {
      description: { ...opened.description, name: "mine" },
      state: opened.state,
      head: await opened.head(),
      task: name.includes("flexible") ? { kind: "span" } : classification,
    });
    const again = await openAdapter(out, config, "mine");
    assert.equal(again.description.method, opened.description.method);
    assert.equal([...again.state], [...opened.state]);
    assert.equal([...await again.head() ?? []], [...await opened.head() ?? []]);
    await remove(out);
  }
});

test("adapters of another encoder and folders that are none are refused", async () => {
  const refused = async (path: string, encoder: Encoder, pattern: RegExp, size = 32) => {
    const target = { ...await configOf(encoder), hiddenSize: size };
    const error = await openAdapter(join(folder, path), target, "x").then(() => null, (thrown) => thrown);
    assert.match(error?.message ?? "accepted", pattern);
  };
  await refused("bert-mad-x/nli", "xlmr", /made for a model of type "bert", the encoder is "xlm-roberta"/);
  await refused("bert-mad-x/nli", "bert", /made for hidden size 32, the encoder has 64/, 64);
  await refused("bert-peft", "bert", /lora_A is \[2,32\], but rank 2 makes it \[2,64\]/, 64);
  await refused(".", "bert", /no weights; it holds bert-flexible, /);
});

test.run();
