// Replays the stored 50-step trainings and the stored tr(F) on one backend and compares every step with PyTorch.
// It leaves the choice of backend and of methods to the tests that call it.

import * as assert from "uvu/assert";
import {
  type Backend,
  crossEntropy,
  scale,
  scope,
  sum,
  sumSquares,
  Tape,
  type Tensor,
  tensor,
} from "../../core/mod.ts";
import type { Batch } from "../../core/models/batch.ts";
import type { Model, Task } from "../../core/models/model.ts";
import { AdamW } from "../../core/optim/adamw.ts";
import { learningRateAt } from "../../core/optim/schedule.ts";
import { createUnfreezer } from "../../core/unfreezing/unfreezer.ts";
import type { State } from "../../core/nn/parameters.ts";
import { batchOf, buildModel, type Encoder, readGolden, readJson, relativeDifference } from "./fixtures.ts";

export const methods = ["standard", "gu", "lpft", "fun"] as const;
export const fidelities = ["paper", "authors-code"] as const;
export const TOLERANCE = 1e-3;
export const FISHER_TOLERANCE = 1e-4;

type Fidelity = (typeof fidelities)[number];

interface Stored {
  task: Task;
  stored: any;
  batches: Batch[];
  fisherBatches: Batch[];
  /** Uniform numbers [selection][batch][row] that labels were drawn with. */
  uniforms: number[][][];
  model: Model;
}

async function open(backend: Backend, encoder: Encoder): Promise<Stored> {
  const golden = await readGolden(`${encoder}-training`);
  const stored = await readJson(`${encoder}-training`);
  const task: Task = stored.task === "span" ? { kind: "span" } : { kind: "classification", labels: 3 };
  const { shape, data } = golden.outputs.get("uniforms")!;
  const [selections, count, rows] = shape;
  const uniforms = Array.from(
    { length: selections },
    (_, s) =>
      Array.from({ length: count }, (_, b) => {
        const start = (s * count + b) * rows;
        return Array.from(data.subarray(start, start + rows));
      }),
  );
  return {
    task,
    stored,
    batches: unstack(golden.inputs, ""),
    fisherBatches: unstack(golden.inputs, "fisher_"),
    uniforms,
    model: await buildModel(backend, encoder, task, "bottleneck", golden),
  };
}

/** The batches that the script stacked along a new first axis. */
function unstack(inputs: State, prefix: string): Batch[] {
  const own = [...inputs].filter(([name]) => name.startsWith("fisher_") === (prefix !== ""));
  const count = own[0][1].shape[0];
  return Array.from({ length: count }, (_, i) =>
    batchOf(
      new Map(own.map(([name, { shape, data }]) => {
        const size = data.length / count;
        return [name.slice(prefix.length), {
          shape: shape.slice(1),
          data: data.slice(i * size, (i + 1) * size),
        }];
      })),
    ));
}

/** argmax, or with uniform numbers the first class whose cumulative probability exceeds the number. */
function labelsOf(logits: ArrayLike<number>, rows: number, uniforms?: readonly number[]): number[] {
  const width = logits.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const values = Array.from({ length: width }, (_, i) => logits[row * width + i]);
    const largest = Math.max(...values);
    if (uniforms === undefined) return values.indexOf(largest);
    const weights = values.map((value) => Math.exp(value - largest));
    const wanted = uniforms[row] * weights.reduce((total, each) => total + each, 0);
    let cumulative = 0;
    const found = weights.findIndex((each) => (cumulative += each) > wanted);
    return found < 0 ? width - 1 : found;
  });
}

interface Squares {
  labels: number[];
  /** Per layer, squared gradient of the batch mean. */
  batch: number[];
  /** Per example and layer, squared gradient of the example's own loss. */
  examples: number[][];
}

/** What one batch contributes to tr(F), both ways. All task adapters are switched on; the caller restores what it needs. */
async function squares(model: Model, batch: Batch, uniforms?: readonly number[]): Promise<Squares> {
  const { examples } = batch;
  model.setTrainable({ layers: model.taskGroups.map(({ layer }) => layer) });
  const plain = scope(() => model.logits(batch));
  const [rows] = plain.shape;
  const labels = labelsOf(await plain.read(), rows, uniforms);
  plain.dispose();
  const out: Squares = { labels, batch: [], examples: Array.from({ length: examples }, () => []) };

  // An example's loss is the mean over its rows (start and end for spans).
  const run = (perExample: boolean) => {
    const tape = new Tape();
    scope(() => {
      const loss = tape.run(() => {
        const losses = crossEntropy(
          model.logits({ ...batch, keepPadding: perExample }),
          tensor(model.backend, Int32Array.from(labels)),
        );
        return scale(sum(losses), perExample ? examples / rows : 1 / rows);
      });
      tape.backward(loss, perExample ? { examples } : {});
    });
  };
  run(false);
  for (const { parameters } of model.taskGroups) {
    out.batch.push(await total(parameters.map((each) => sumSquares(each.grad!))));
  }
  model.zeroGrad();
  run(true);
  for (const { parameters } of model.taskGroups) {
    const values = await Promise.all(parameters.map((each) => each.grad!.read()));
    for (let example = 0; example < examples; example++) {
      let square = 0;
      for (const each of values) {
        const size = each.length / examples;
        for (let i = example * size; i < (example + 1) * size; i++) square += each[i] ** 2;
      }
      out.examples[example].push(square);
    }
  }
  model.zeroGrad();
  return out;
}

async function total(parts: Tensor[]): Promise<number> {
  let result = 0;
  for (const each of parts) {
    result += await each.item();
    each.dispose();
  }
  return result;
}

/** tr(F) of every layer over the given batches; see select_fun in make_goldens.py. */
async function trace(
  model: Model,
  batches: readonly Batch[],
  uniforms: readonly number[][],
  fidelity: Fidelity,
): Promise<number[]> {
  const out = new Array<number>(model.taskGroups.length).fill(0);
  for (const [i, batch] of batches.entries()) {
    const found = await squares(model, batch, fidelity === "paper" ? uniforms[i] : undefined);
    out.forEach((_, layer) => {
      out[layer] += fidelity === "paper"
        ? found.examples.reduce((t, example) => t + example[layer], 0) / (batch.examples * batches.length)
        : found.batch[layer] / batch.examples;
    });
  }
  return out;
}

/** Labels, batch gradients and per-example gradients of tr(F) for the stored batches; returns the largest difference. */
export async function compareFisher(backend: Backend, encoder: Encoder): Promise<number> {
  const { model, stored, fisherBatches, uniforms } = await open(backend, encoder);
  let worst = 0;
  for (const [i, batch] of fisherBatches.entries()) {
    for (const kind of ["mode", "sampled"] as const) {
      const found = await squares(model, batch, kind === "sampled" ? uniforms[0][i] : undefined);
      const wanted = stored.fisher[i][kind];
      assert.equal(found.labels, wanted.labels, `${kind} labels of batch ${i}`);
      found.batch.forEach((value, layer) => {
        worst = Math.max(worst, relativeDifference([value], [wanted.batch[layer]]));
      });
      found.examples.forEach((row, example) =>
        row.forEach((value, layer) => {
          worst = Math.max(worst, relativeDifference([value], [wanted.examples[example][layer]]));
        })
      );
    }
  }
  model.dispose();
  assert.is(backend.memory().liveBuffers, 0, "buffers left over");
  return worst;
}

export interface TrainingDifferences {
  loss: number;
  gradientNorm: number;
  trace: number;
  parameter: number;
}

/** One stored run, step by step. Throws unless the schedule is identical. */
export async function compareTraining(
  backend: Backend,
  encoder: Encoder,
  method: string,
  fidelity: Fidelity,
): Promise<TrainingDifferences> {
  const { model, stored, batches, fisherBatches, uniforms } = await open(backend, encoder);
  const wanted = stored.runs.find((run: any) => run.method === method && run.fidelity === fidelity);
  const out: TrainingDifferences = { loss: 0, gradientNorm: 0, trace: 0, parameter: 0 };
  const note = (key: keyof TrainingDifferences, ours: ArrayLike<number>, theirs: ArrayLike<number>) => {
    const difference = relativeDifference(ours, theirs);
    if (!(difference <= out[key])) out[key] = difference;
  };
  const optimizer = new AdamW();
  let selections = 0;
  const unfreezer = createUnfreezer({
    layers: model.config.layers,
    interval: method === "lpft" ? stored.lpftInterval : stored.interval,
    method,
    fidelity,
    seed: 0,
    trace: async () => {
      const found = await trace(model, fisherBatches, uniforms[selections], fidelity);
      note("trace", found, wanted.selections[selections].trace);
      selections++;
      return found;
    },
  });
  const schedule: [number, number[]][] = [];
  for (let step = 0; step < stored.steps; step++) {
    const { unfreeze } = await unfreezer.before(step);
    if (unfreeze.length > 0) schedule.push([step, [...unfreeze]]);
    model.setTrainable({ layers: unfreezer.unfrozen, head: true });
    const tape = new Tape();
    const loss = scope(() => {
      const loss = tape.run(() => model.loss(batches[step]));
      tape.backward(loss);
      return loss;
    });
    const rate = learningRateAt(step, {
      schedule: "linear",
      learningRate: stored.learningRate,
      totalSteps: stored.steps,
    });
    optimizer.step(model.trainableParameters, rate);
    note("loss", [await loss.item()], [wanted.losses[step]]);
    note("gradientNorm", [await optimizer.gradientNorm()], [wanted.norms[step]]);
    loss.dispose();
    model.zeroGrad();
  }
  assert.equal(schedule, wanted.schedule, "unfreezing schedule");
  assert.is(selections, wanted.selections.length, "number of tr(F) selections");

  for (const [name, digest] of Object.entries<any>(wanted.digest)) {
    // A bias common to all tokens cancels in the softmax over tokens: its gradient is zero, and in float32 Adam follows noise.
    if (name === "qa_outputs.bias" && backend.name !== "reference") continue;
    const values = await model.parameters.get(name)!.read();
    let square = 0, total = 0;
    for (let i = 0; i < values.length; i++) {
      square += values[i] ** 2;
      total += values[i];
    }
    // A sum may cancel: it is measured against the sum of as many values of the parameter's typical size.
    const difference = Math.max(
      Math.abs(Math.sqrt(square) - digest.norm),
      Math.abs(total - digest.sum) / Math.sqrt(values.length),
      ...digest.head.map((value: number, i: number) => Math.abs(values[i] - value)),
    );
    if (!(difference / digest.norm <= out.parameter)) out.parameter = difference / digest.norm;
  }
  optimizer.dispose();
  model.dispose();
  assert.is(backend.memory().liveBuffers, 0, "buffers left over");
  return out;
}

export function checkTraining(found: TrainingDifferences, label: string): void {
  console.log(
    `${label}: ` +
      Object.entries(found).map(([key, value]) => `${key} ${value.toExponential(1)}`).join(", "),
  );
  for (const [key, value] of Object.entries(found)) {
    assert.ok(value <= TOLERANCE, `${label}: ${key} differs by ${value}, allowed ${TOLERANCE}`);
  }
}
