// Runs every stored single-pass case on one backend and reports the largest relative differences to PyTorch.
// It leaves the choice of the backend to the test that calls it.

import * as assert from "uvu/assert";
import { type Backend, scope, Tape } from "../../core/mod.ts";
import type { Task, Trainable } from "../../core/models/model.ts";
import {
  adapterSets,
  batchOf,
  buildModel,
  type Encoder,
  readGolden,
  relativeDifference,
} from "./fixtures.ts";

export const TOLERANCE = 1e-4;

export interface Case {
  name: string;
  task: Task;
  adapters: keyof typeof adapterSets;
  trainable: Trainable;
  language?: string;
}

const everyLayer = Array.from({ length: 12 }, (_, i) => i);
const fineTuning: Trainable = { layers: everyLayer, head: true };

export const casesOf = (encoder: Encoder): Case[] => [
  { name: "span", task: { kind: "span" }, adapters: "bottleneck", trainable: fineTuning },
  {
    name: "classification",
    task: { kind: "classification", labels: 3 },
    adapters: "bottleneck",
    trainable: fineTuning,
  },
  { name: "choice", task: { kind: "choice" }, adapters: "bottleneck", trainable: fineTuning },
  { name: "lora", task: { kind: "classification", labels: 3 }, adapters: "lora", trainable: fineTuning },
  { name: "mlm", task: { kind: "masked-lm" }, adapters: "language", trainable: { language: "en" } },
  {
    name: "pretrain",
    task: { kind: "masked-lm", nextSentence: encoder === "bert" },
    adapters: "none",
    trainable: { encoder: true, head: true },
  },
];

/** Gradients that are zero by the mathematics (a bias before a softmax) are rounding noise on both sides. */
const NOISE = 1e-10;

export interface Differences {
  logits: number;
  loss: number;
  gradient: number;
  worstGradient: string;
}

/**
 * @param floor differences of a gradient are taken relative to its largest value, but to no less than this share of the largest
 * value in any gradient of the case: a gradient of two examples that cancel holds float32 rounding of the parts, not of the rest
 */
export async function comparePass(
  backend: Backend,
  encoder: Encoder,
  each: Case,
  floor: number,
): Promise<Differences> {
  const golden = await readGolden(`${encoder}-${each.name}`);
  const model = await buildModel(backend, encoder, each.task, each.adapters, golden);
  const before = backend.memory().liveBuffers;
  const batch = batchOf(golden.inputs);
  model.setTrainable(each.trainable);

  const tape = new Tape();
  const results = scope(() => {
    const { outputs, loss } = tape.run(() => {
      const outputs = model.outputs(batch);
      return { outputs, loss: model.lossOf(outputs, batch) };
    });
    tape.backward(loss);
    return { outputs, loss };
  });
  const loss = await results.loss.item();
  const logits = await Promise.all(results.outputs.map((output) => output.read()));
  [results.loss, ...results.outputs].forEach((value) => value.dispose());

  const theirs = goldenLogits(golden.outputs, batch.labels, each.task);
  assert.is(logits.length, theirs.length, "sets of logits");
  const out: Differences = { logits: 0, loss: 0, gradient: 0, worstGradient: "" };
  logits.forEach((ours, i) => out.logits = Math.max(out.logits, relativeDifference(ours, theirs[i])));
  out.loss = relativeDifference([loss], golden.outputs.get("loss")!.data);

  const trained = model.trainableParameters;
  assert.equal(
    trained.map((p) => p.name!).sort(),
    [...golden.gradients.keys()].sort(),
    "names of trained parameters",
  );
  const largest = Math.max(...[...golden.gradients.values()].map(({ data }) => norm(data)));
  const smallest = floor * Math.max(...[...golden.gradients.values()].map(({ data }) => maximum(data)));
  for (const parameter of trained) {
    const reference = golden.gradients.get(parameter.name!)!;
    assert.equal(parameter.grad!.shape, reference.shape, parameter.name);
    const ours = await parameter.grad!.read();
    const difference = norm(reference.data) < NOISE
      ? norm(ours) / largest
      : relativeDifference(ours, reference.data, Math.max(smallest, 1e-12));
    if (!(difference <= out.gradient)) {
      out.gradient = difference;
      out.worstGradient = parameter.name!;
    }
  }

  // The same task adapter under the other language, swapped in.
  if (golden.outputs.has("de_logits") || golden.outputs.has("de_start_logits")) {
    model.setLanguage("de");
    const swapped = scope(() => model.logits(batch));
    const expected = goldenLogits(golden.outputs, batch.labels, each.task, "de_")[0];
    out.logits = Math.max(out.logits, relativeDifference(await swapped.read(), expected));
    swapped.dispose();
  }
  model.zeroGrad();
  assert.is(backend.memory().liveBuffers, before, "buffers left over");
  model.dispose();
  return out;
}

/** PyTorch's logits in our order of rows. */
function goldenLogits(
  outputs: Map<string, any>,
  labels: Int32Array | undefined,
  task: Task,
  prefix = "",
): number[][] {
  const values = (name: string) => Array.from(outputs.get(prefix + name).data as Float32Array);
  if (task.kind === "span") return [[...values("start_logits"), ...values("end_logits")]];
  if (task.kind !== "masked-lm") return [values("logits")];
  const width = outputs.get("logits").shape[2];
  const all = values("logits");
  const predicted = [...labels!.keys()].filter((i) => labels![i] >= 0);
  const rows = predicted.flatMap((i) => all.slice(i * width, (i + 1) * width));
  return task.nextSentence ? [rows, values("seq_relationship_logits")] : [rows];
}

function maximum(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

export function checkDifferences(found: Differences, label: string): void {
  console.log(
    `${label}: logits ${found.logits.toExponential(1)}, loss ${found.loss.toExponential(1)}, ` +
      `gradients ${found.gradient.toExponential(1)} (${found.worstGradient})`,
  );
  for (const key of ["logits", "loss", "gradient"] as const) {
    assert.ok(found[key] <= TOLERANCE, `${label}: ${key} differs by ${found[key]}, allowed ${TOLERANCE}`);
  }
}
