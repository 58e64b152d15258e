// Trains for 200 steps what make_trajectories.py trained with PyTorch, with the engine's own optimizer, schedules, tr(F) and draws,
// and compares the order of unfreezing, losses and every trained parameter at the end. It leaves the backend, and which runs, to
// the tests that call it.

import { readFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import {
  AdamW,
  type Backend,
  createModel,
  createUnfreezer,
  encoderConfig,
  fisherTrace,
  learningRateAt,
  type Model,
  openSafetensors,
  type State,
  streamKey,
  type Task,
  traceByLayer,
  TrainingStep,
} from "../../core/mod.ts";
import type { AdapterOptions } from "../../core/adapters/adapters.ts";
import type { Batch } from "../../core/models/batch.ts";
import { digest, formulaWeights, numbers } from "./formula.ts";

/** Agreement that is asked for at step 200. */
export const TOLERANCE = 2e-3;

export interface Trajectory {
  encoder: "bert" | "xlmr" | "deberta";
  objective: "classification" | "span" | "mlm";
  adapter: "madx" | "lora" | "none" | "language";
  method: string;
  fidelity: "paper" | "authors-code";
  schedule: [number, number[]][];
}

interface Stored {
  steps: number;
  interval: number;
  lpftInterval: number;
  learningRate: number;
  seed: number;
  examples: number;
  tokens: number;
  batches: number;
  configs: Record<string, Record<string, unknown>>;
  names: Record<string, string[]>;
  runs: Trajectory[];
}

const folder = new URL("./fixtures/", import.meta.url);
const stored = JSON.parse(await readFile(new URL("trajectories.json", folder), "utf8")) as Stored;
const file = await openSafetensors(
  new Uint8Array(await readFile(new URL("trajectories.safetensors", folder))),
  "trajectories",
);

export const trajectories: readonly Trajectory[] = stored.runs;
export const labelOf = ({ encoder, objective, adapter, method, fidelity }: Trajectory): string =>
  [encoder, objective, adapter, method, fidelity].join("-");

const languages = { en: { nonLinearity: "relu" }, de: { nonLinearity: "gelu" } };
const adapterSets: Readonly<Record<Trajectory["adapter"], AdapterOptions>> = {
  madx: { languages, task: { kind: "bottleneck", reduction: 16, nonLinearity: "relu" } },
  lora: { languages, task: { kind: "lora", rank: 4, alpha: 8 } },
  language: { languages },
  none: {},
};
const tasks: Readonly<Record<Trajectory["objective"], Task>> = {
  classification: { kind: "classification", labels: 3 },
  span: { kind: "span" },
  mlm: { kind: "masked-lm" },
};

function batchOf({ objective }: Trajectory, model: Model, number: number): Batch {
  const { examples, tokens } = stored;
  const { vocabularySize, padTokenId } = model.config;
  const ids = numbers(2000 + number, vocabularySize - 5, examples * tokens).map((each) => 5 + each);
  const mask = new Int32Array(examples * tokens).fill(1);
  for (let row = 1; row < examples; row++) {
    const less = (row + number) % 3;
    for (let i = (row + 1) * tokens - less; i < (row + 1) * tokens; i++) [ids[i], mask[i]] = [padTokenId, 0];
  }
  const batch = { examples, tokens, inputIds: Int32Array.from(ids), attentionMask: mask };
  const each = (of: (row: readonly number[]) => number) =>
    Int32Array.from({ length: examples }, (_, row) => of(ids.slice(row * tokens, (row + 1) * tokens)));
  if (objective === "span") {
    return { ...batch, startPositions: each(([a]) => a % 4), endPositions: each(([a, b]) => a % 4 + b % 2) };
  }
  if (objective === "mlm") {
    const chosen = numbers(3000 + number, 4, examples * tokens);
    return { ...batch, labels: Int32Array.from(ids, (id, i) => chosen[i] === 0 && mask[i] === 1 ? id : -1) };
  }
  return { ...batch, labels: each(([a, b, c]) => (a + b + c) % 3) };
}

function modelOf(backend: Backend, { encoder, objective, adapter }: Trajectory): Model {
  const config = encoderConfig({ ...stored.configs[encoder] });
  const model = createModel(backend, { config, task: tasks[objective], adapters: adapterSets[adapter] });
  const state: State = new Map();
  for (const [name, { shape, size }] of model.parameters) {
    state.set(name, { shape, data: formulaWeights(name, size) });
  }
  model.loadState(state);
  return model;
}

/**
 * Gradients that are nothing by the mathematics: what adds the same to all keys, or to all tokens that a span is chosen among.
 * Adam follows noise there.
 */
const nothing = /(self\.key|key_proj)\.bias$/;
const nothingOfSpans = /^qa_outputs\.bias$|\.layer\.3\.output\.LayerNorm\.bias$/;

export interface Difference {
  loss: number;
  parameter: number;
  worst: string;
}

export async function compareTrajectory(backend: Backend, run: Trajectory): Promise<Difference> {
  const { encoder, objective, adapter, method, fidelity } = run;
  const { steps, interval, lpftInterval, learningRate, seed } = stored;
  const model = modelOf(backend, run);
  const coded = fidelity === "authors-code";
  const optimizer = new AdamW({ variant: coded ? "huggingface" : "torch" });
  // Without a seed nothing is dropped: draws differ between engines.
  const step = new TrainingStep({ model, optimizer, losses: steps });
  const batches = Array.from({ length: stored.batches }, (_, n) => batchOf(run, model, n));
  const layers = model.taskGroups.map(({ layer }) => layer);
  const unfreezer = adapter === "madx" || adapter === "lora"
    ? createUnfreezer({
      ...{ layers: model.config.layers, method, fidelity, seed },
      interval: method === "lpft" ? lpftInterval : interval,
      async trace() {
        model.setTrainable({ layers, head: true });
        const results = await fisherTrace<Batch>({
          batches: [100, 101].map((n) => batchOf(run, model, n)),
          examples: ({ examples }) => examples,
          logits: (batch) => model.logits(batch, { perExample: !coded }),
          groups: model.taskGroups,
          label: coded ? "mode" : "sampled",
          random: (i) => streamKey(seed, "fisher-labels", number, i),
          gradient: coded ? "batch" : "per-example",
        }, () => model.zeroGrad());
        return traceByLayer(results);
      },
    })
    : null;
  const schedule: [number, number[]][] = [];
  let number = 0;
  for (; number < steps; number++) {
    if (unfreezer !== null) {
      const { unfreeze, trace } = await unfreezer.before(number);
      if (unfreeze.length > 0) schedule.push([number, unfreeze]);
      if (unfreeze.length > 0 || trace || number === 0) {
        model.setTrainable({ layers: unfreezer.unfrozen, head: true });
      }
    } else if (number === 0) {
      schedule.push([0, Array.from({ length: model.config.layers }, (_, i) => i)]);
      model.setTrainable(adapter === "none" ? { encoder: true, head: true } : { language: "en" });
    }
    const rate = learningRateAt(number, { schedule: "linear", learningRate, totalSteps: steps });
    step.run(batches[number % stored.batches], { number, learningRate: rate });
  }
  const sorted = (each: [number, number[]][]) =>
    each.map(([at, some]) => [at, some.toSorted((a, b) => a - b)]);
  assert.equal(sorted(schedule), sorted(run.schedule), `${labelOf(run)}: order of unfreezing`);
  const losses = await step.losses();
  const theirs = (await file.read(`${labelOf(run)}/losses`)).data;
  const found: Difference = { loss: 0, parameter: 0, worst: "" };
  [...losses.filter((_, i) => i % 20 === 0), losses.at(-1)!].forEach((loss, i) => {
    found.loss = Math.max(found.loss, Math.abs(loss / theirs[i] - 1));
  });
  const end = (await file.read(`${labelOf(run)}/end`)).data;
  const names = stored.names[`${encoder}-${objective}-${adapter}`];
  for (const [row, name] of names.entries()) {
    if (nothing.test(name) || (objective === "span" && nothingOfSpans.test(name))) continue;
    const parameter = model.parameters.get(name) ??
      assert.unreachable(`${labelOf(run)}: no parameter ${name}`);
    const ours = digest(await parameter!.read());
    // Sums with random signs differ by about the norm of the difference, which is taken relative to the parameter's.
    const norm = end[row * ours.length];
    ours.forEach((value, i) => {
      const difference = Math.abs(value - end[row * ours.length + i]) / norm;
      if (!(difference <= found.parameter)) [found.parameter, found.worst] = [difference, name];
    });
  }
  for (const each of [step, optimizer, model]) each.dispose();
  return found;
}

/** Compares runs one after another and prints them. @throws at the first that differs by more than is allowed */
export async function checkTrajectories(backend: Backend, runs: readonly Trajectory[]): Promise<void> {
  for (const run of runs) {
    const { loss, parameter, worst } = await compareTrajectory(backend, run);
    console.log(
      `  ${labelOf(run)}: loss ${loss.toExponential(1)}, parameters ${parameter.toExponential(1)} (${worst})`,
    );
    assert.ok(parameter <= TOLERANCE, `${labelOf(run)}: ${worst} differs by ${parameter} at the end`);
    assert.ok(loss <= TOLERANCE, `${labelOf(run)}: a loss differs by ${loss}`);
  }
}
