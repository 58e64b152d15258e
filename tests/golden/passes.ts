// Single passes against PyTorch: logits, loss, every gradient and tr(F), for each encoder, adapter and objective that
// make_passes.py stored. It leaves the choice of the backend, and the tolerance, to the tests that call it.

import { readFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { type Backend, fisherTrace, scope, Tape, traceByLayer } from "../../core/mod.ts";
import type { AdapterOptions } from "../../core/adapters/adapters.ts";
import { openSafetensors } from "../../core/io/safetensors.ts";
import type { Batch } from "../../core/models/batch.ts";
import { createModel, type Model, type Task } from "../../core/models/model.ts";
import type { HostTensor, State } from "../../core/nn/parameters.ts";
import { batchOf, configOf, formulaState, type PassEncoder, relativeDifference } from "./fixtures.ts";
import { digest } from "./formula.ts";

/** Agreement that is asked for. */
export const TOLERANCE = 1e-4;

/** One case: an objective under an adapter ("none" trains the whole encoder), with its parts by name. */
export interface Pass {
  objective: "span" | "classification" | "choice" | "mlm" | "pretrain";
  adapter: "madx" | "lora" | "language" | "none";
  parts: ReadonlyMap<string, State>;
}

const folder = new URL("./fixtures/", import.meta.url);

export async function readPasses(encoder: PassEncoder): Promise<Pass[]> {
  const file = await openSafetensors(
    new Uint8Array(await readFile(new URL(`passes-${encoder}.safetensors`, folder))),
    encoder,
  );
  const passes = new Map<string, Map<string, State>>();
  for (const key of file.entries.keys()) {
    const [name, part, ...rest] = key.split("/");
    if (!passes.has(name)) passes.set(name, new Map());
    const parts = passes.get(name)!;
    if (!parts.has(part)) parts.set(part, new Map());
    parts.get(part)!.set(rest.join("/"), await file.read(key));
  }
  return [...passes].map(([name, parts]) => {
    const [objective, adapter] = name.split("-") as [Pass["objective"], Pass["adapter"]];
    return { objective, adapter, parts };
  });
}

/** The adapters that the script built: "de" has another non-linearity. */
const languages = { en: { nonLinearity: "relu" }, de: { nonLinearity: "gelu" } };
const adapterSets: Readonly<Record<Pass["adapter"], AdapterOptions>> = {
  madx: { languages, task: { kind: "bottleneck", reduction: 16, nonLinearity: "relu" } },
  lora: { languages, task: { kind: "lora", rank: 4, alpha: 8 } },
  language: { languages },
  none: {},
};

const taskOf = ({ objective }: Pass): Task =>
  objective === "span" || objective === "choice"
    ? { kind: objective }
    : objective === "classification"
    ? { kind: objective, labels: 3 }
    : { kind: "masked-lm", nextSentence: objective === "pretrain" };

async function open(backend: Backend, encoder: PassEncoder, pass: Pass): Promise<Model> {
  const model = createModel(backend, {
    config: await configOf(encoder),
    task: taskOf(pass),
    adapters: adapterSets[pass.adapter],
  });
  model.loadState(formulaState(model.parameters));
  return model;
}

function train(model: Model, { adapter }: Pass): void {
  const layers = model.taskGroups.map(({ layer }) => layer);
  if (adapter === "none") model.setTrainable({ encoder: true, head: true });
  else model.setTrainable(adapter === "language" ? { language: "en" } : { layers, head: true });
}

/** Largest relative differences of a pass to PyTorch; `trace` is null where tr(F) is not defined. */
export interface Differences {
  logits: number;
  loss: number;
  gradient: number;
  worstGradient: string;
  trace: number | null;
}

/**
 * @param floor differences of a gradient are taken relative to its largest value, but to no less than this share of the largest
 * value in any gradient of the case: one in which examples cancel holds float32 rounding of the parts, not of the rest
 */
export async function comparePass(
  backend: Backend,
  encoder: PassEncoder,
  pass: Pass,
  floor: number,
): Promise<Differences> {
  const model = await open(backend, encoder, pass);
  const before = backend.memory().liveBuffers;
  const batch = batchOf(pass.parts.get("inputs")!);
  const outputs = pass.parts.get("outputs")!;
  train(model, pass);

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
  const theirs = storedLogits(outputs, batch, pass);
  assert.is(logits.length, theirs.length, "sets of logits");
  const found: Differences = {
    logits: Math.max(...logits.map((ours, i) => relativeDifference(ours, theirs[i]))),
    loss: relativeDifference([loss], outputs.get("loss")!.data),
    ...await compareGradients(model, pass, floor),
    trace: null,
  };
  // The same task adapter under the other language, swapped in.
  if (pass.adapter === "madx") {
    model.setLanguage("de");
    const swapped = scope(() => model.logits(batch));
    const expected = storedLogits(outputs, batch, pass, "de_")[0];
    found.logits = Math.max(found.logits, relativeDifference(await swapped.read(), expected));
    swapped.dispose();
    model.setLanguage("en");
  }
  model.zeroGrad();
  if (pass.parts.has("fisher")) found.trace = await compareTrace(model, batch, pass.parts.get("fisher")!);
  assert.is(backend.memory().liveBuffers, before, "buffers left over");
  model.dispose();
  return found;
}

/** Gradients that are zero by the mathematics (a bias before a softmax) are rounding noise on both sides. */
const NOISE = 1e-10;

async function compareGradients(model: Model, pass: Pass, floor: number) {
  const whole = pass.parts.get("gradients"), digests = pass.parts.get("digests");
  const stored = whole ?? digests!;
  const trained = model.trainableParameters;
  assert.equal(trained.map(({ name }) => name!).sort(), [...stored.keys()].sort(), "trained parameters");
  const sizeOf = ({ data }: HostTensor) => digests ? data[0] : norm(data);
  const largest = Math.max(...[...stored.values()].map(sizeOf));
  const highest = Math.max(...[...stored.values()].map(({ data }) => digests ? data[1] : maximum(data)));
  let gradient = 0, worstGradient = "";
  for (const parameter of trained) {
    const reference = stored.get(parameter.name!)!;
    if (whole) assert.equal(parameter.grad!.shape, reference.shape, parameter.name);
    const ours = await parameter.grad!.read();
    let difference: number;
    if (sizeOf(reference) < NOISE * largest) difference = norm(ours) / largest;
    else if (whole) difference = relativeDifference(ours, reference.data, Math.max(floor * highest, 1e-12));
    else {
      // Norm and signed sums, relative to the norm: what a difference anywhere in the gradient would change.
      const theirs = reference.data, own = digest(ours);
      const size = Math.max(theirs[0], floor * largest);
      difference = Math.max(...[0, 2, 3, 4, 5, 6, 7].map((i) => Math.abs(own[i] - theirs[i]) / size));
    }
    if (!(difference <= gradient)) {
      gradient = difference;
      worstGradient = parameter.name!;
    }
  }
  return { gradient, worstGradient };
}

/** tr(F) by layer: mode labels with the batch's gradient as the authors coded it, sampled labels with each example's (Eq. 1). */
async function compareTrace(model: Model, batch: Batch, fisher: State): Promise<number> {
  const logits = scope(() => model.logits(batch));
  const [rows, classes] = logits.shape;
  const values = await logits.read();
  logits.dispose();
  const uniforms = fisher.get("uniforms")!.data;
  const sampled = Int32Array.from(
    { length: rows },
    (_, row) => sampleOf(Array.from(values.subarray(row * classes, (row + 1) * classes)), uniforms[row]),
  );
  assert.equal([...sampled], [...fisher.get("sampled")!.data], "sampled labels");
  let worst = 0;
  for (const fidelity of ["authors-code", "paper"] as const) {
    const asCoded = fidelity === "authors-code";
    const results = await fisherTrace({
      batches: [batch],
      examples: ({ examples }) => examples,
      logits: (each) => model.logits(each, { perExample: !asCoded }),
      groups: model.taskGroups,
      label: asCoded ? "mode" : "data",
      labels: () => sampled,
      gradient: asCoded ? "batch" : "per-example",
    }, () => model.zeroGrad());
    const theirs = fisher.get(fidelity)!.data;
    traceByLayer(results).forEach((ours, layer) =>
      worst = Math.max(worst, relativeDifference([ours], [theirs[layer]]))
    );
  }
  return worst;
}

/** The first class whose cumulative probability exceeds the number. */
function sampleOf(logits: number[], uniform: number): number {
  const top = Math.max(...logits);
  const weights = logits.map((value) => Math.exp(value - top));
  const wanted = uniform * weights.reduce((total, each) => total + each, 0);
  let cumulative = 0;
  const found = weights.findIndex((each) => (cumulative += each) > wanted);
  return found < 0 ? logits.length - 1 : found;
}

/** PyTorch's logits in our order of rows. */
function storedLogits(outputs: State, batch: Batch, { objective }: Pass, prefix = ""): number[][] {
  const values = (name: string) => Array.from(outputs.get(prefix + name)!.data);
  if (objective === "span") return [[...values("start_logits"), ...values("end_logits")]];
  if (objective === "classification" || objective === "choice") return [values("logits")];
  const all = values("logits");
  const width = outputs.get("logits")!.shape[2];
  const { labels } = batch;
  const predicted = [...labels!.keys()].filter((i) => labels![i] >= 0);
  const rows = predicted.flatMap((i) => all.slice(i * width, (i + 1) * width));
  return objective === "pretrain" ? [rows, values("seq_relationship_logits")] : [rows];
}

const maximum = (values: ArrayLike<number>) => {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
};

const norm = (values: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
};

/** Largest differences by case, as a table. */
export class PassTable {
  readonly #rows: string[] = [];

  check(label: string, found: Differences): void {
    const cells = [found.logits, found.loss, found.gradient, found.trace].map((each) =>
      (each?.toExponential(1) ?? "–").padStart(9)
    );
    this.#rows.push(`${label.padEnd(42)} ${cells.join(" ")}  ${found.worstGradient}`);
    for (const key of ["logits", "loss", "gradient", "trace"] as const) {
      assert.ok(
        (found[key] ?? 0) <= TOLERANCE,
        `${label}: ${key} differs by ${found[key]}, allowed ${TOLERANCE}`,
      );
    }
  }

  print(): void {
    console.log(`${"".padEnd(42)}    logits      loss gradients     tr(F)  worst gradient`);
    for (const row of this.#rows) console.log(row);
  }
}
