// Promises one training run step by step: scheduled unfreezing, dropout streams, AdamW, best checkpoint by validation, and a
// state that resumes to the same numbers. Leaves arithmetic to core/, data to data.ts and files to execute.ts.
import {
  AdamW,
  type AdamWState,
  type ByteReader,
  createUnfreezer,
  learningRateAt,
  LossScale,
  type LossScaleState,
  type Model,
  safetensorsParts,
  type State,
  TrainingStep,
  type Unfreezer,
} from "../../core/mod.ts";
import type { ScheduleEntry } from "../runs/mod.ts";
import { type RunSpec, sideOf } from "../spec/mod.ts";
import { batches, epochOrder } from "../tasks/order.ts";
import type { Items } from "../tasks/task-data.ts";
import { ignoresPadding, modelBatch } from "./data.ts";
import { tracesByLayer, trackedTrace } from "./fisher.ts";
import type { Mutant } from "./mutants.ts";
import { type Parts, partsOf } from "./parts.ts";
import { readStateFile } from "./state-file.ts";

export interface TrainerOptions {
  model: Model;
  data: Items;
  spec: RunSpec;
  mutant?: Mutant;
  /** Examples on the device at a time; default the whole batch. It changes no number but by rounding. */
  microBatch?: number;
  /** Score on the validation set; higher is better. Called every `evaluateEvery` steps. */
  validate(): Promise<number>;
  /** One line for each step, in order; read from the device in small groups. */
  onLoss(line: { step: number; loss: number; learningRate: number; open: number }): void;
  /** tr(F) whenever it was computed: per layer for a selection, or the tracked average. */
  onTrace(line: { step: number; kind: "selection" | "tracking"; layers?: number[]; average?: number }): void;
  /** What `validate` gave after the update of this step. */
  onValidation?(line: { step: number; score: number }): void;
}

/** Everything beside tensors that a resumed run must know. */
interface Saved {
  step: number;
  open: number[];
  schedule: ScheduleEntry[];
  unfreezer: ReturnType<Unfreezer["state"]>;
  globalStep: number;
  stepCounts: Record<string, number>;
  best: { step: number; score: number } | null;
  lossScale?: LossScaleState;
}

/** Losses are read from the device this many steps at a time. */
const readLossesEvery = 20;

/** Number of updates in the whole run. */
export function totalSteps(spec: RunSpec, items: number): number {
  const { steps, epochs, batchSize } = spec.hyperparameters;
  return steps ?? Math.ceil(epochs! * Math.ceil(items / batchSize));
}

export class Trainer {
  readonly steps: number;
  readonly #options: TrainerOptions;
  readonly #optimizer: AdamW;
  readonly #unfreezer: Unfreezer;
  readonly #open = new Set<number>();
  readonly #schedule: ScheduleEntry[] = [];
  #step = 0;
  readonly #update: TrainingStep;
  readonly #parts: Parts;
  /** With half precision only. */
  readonly #lossScale: LossScale | undefined;
  /** Lines of the losses that wait on the device. */
  #pending: { step: number; learningRate: number; open: number }[] = [];
  #best: { step: number; score: number; state: State } | null = null;
  #epoch: { number: number; batches: Int32Array[] } | null = null;

  constructor(options: TrainerOptions) {
    this.#options = options;
    const { model, data, spec, mutant, microBatch } = options;
    const { interval, weightDecay, maxGradientNorm, optimizer: variant } = spec.hyperparameters;
    this.#parts = partsOf(model, spec);
    this.#lossScale = spec.precision === "f16" ? new LossScale() : undefined;
    this.steps = totalSteps(spec, data.size);
    this.#optimizer = new AdamW({
      ...(variant === undefined ? {} : { variant }),
      weightDecay,
      maximumGradientNorm: maxGradientNorm,
      stepCount: mutant === "global-step-count" ? "global" : "per-parameter",
    });
    this.#optimizer.adopt(this.#parts.trained);
    this.#update = new TrainingStep({
      model,
      optimizer: this.#optimizer,
      losses: readLossesEvery,
      dropoutSeed: spec.seed,
      ...(microBatch === undefined ? {} : { microBatch }),
      ...(this.#lossScale === undefined ? {} : { lossScale: this.#lossScale }),
    });
    this.#unfreezer = createUnfreezer({
      layers: model.config.layers,
      interval,
      method: spec.method,
      fidelity: sideOf(spec, "schedule"),
      seed: spec.seed,
      trace: () => tracesByLayer(this.#traceContext()),
    });
  }

  /** Updates made so far. */
  get step(): number {
    return this.#step;
  }
  /** Which layers opened before which update. */
  get schedule(): readonly ScheduleEntry[] {
    return this.#schedule;
  }
  get best(): { step: number; score: number } | null {
    return this.#best && { step: this.#best.step, score: this.#best.score };
  }

  /** Updates that were skipped because half precision overflowed, and the loss's factor now; undefined in single precision. */
  get lossScale(): LossScaleState | undefined {
    return this.#lossScale?.state();
  }

  /** Bytes of AdamW's moments that the host keeps because the device has no room for them. */
  get momentsOnHost(): number {
    return this.#optimizer.hostBytes;
  }

  /** One update. */
  async advance(): Promise<void> {
    const { hyperparameters: hp } = this.#options.spec;
    await this.#unfreeze();
    if (hp.trackFisherEvery > 0 && this.#step % hp.trackFisherEvery === 0) await this.#track();
    const learningRate = learningRateAt(this.#step, {
      schedule: hp.learningRateSchedule,
      learningRate: hp.learningRate,
      totalSteps: this.steps,
    });
    const moment = { number: this.#step, learningRate };
    const batch = modelBatch(this.#batch(), ignoresPadding(this.#options.spec));
    if (this.#lossScale === undefined) this.#update.run(batch, moment);
    else await this.#update.runScaled(batch, moment);
    this.#pending.push({ step: this.#step, learningRate, open: this.#open.size });
    this.#step++;
    if (this.#pending.length >= readLossesEvery || this.#step === this.steps) await this.readLosses();
    if (hp.evaluateEvery > 0 && this.#step % hp.evaluateEvery === 0) await this.#validate();
  }

  /** Reports the losses that are still on the device. Throws when training has diverged. */
  async readLosses(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    const losses = await this.#update.losses();
    for (const [i, line] of pending.entries()) {
      const loss = losses[i];
      if (!Number.isFinite(loss)) {
        throw new Error(
          `train: the loss of step ${line.step} is ${loss}; training has diverged, lower the learning rate ` +
            `(${this.#options.spec.hyperparameters.learningRate})`,
        );
      }
      this.#options.onLoss({ ...line, loss });
    }
  }

  /** Puts back the parameters that scored best on the validation set, where there was a validation. */
  restoreBest(): void {
    if (this.#best !== null) this.#load(this.#best.state);
  }

  /** All that is trained, as it is now: task adapters and head, or a language adapter, or the whole model. */
  async adapterState(): Promise<State> {
    const names = new Set(this.#parts.trained.map((each) => each.name));
    return await this.#options.model.state((name) => names.has(name));
  }

  /** Everything that `restore` needs to go on to the same numbers, as parts of a file. */
  async save(): Promise<Uint8Array[]> {
    await this.readLosses();
    const optimizer = await this.#optimizer.state();
    const saved: Saved = {
      step: this.#step,
      open: [...this.#open],
      schedule: this.#schedule,
      unfreezer: this.#unfreezer.state(),
      globalStep: optimizer.globalStep,
      stepCounts: optimizer.stepCounts,
      best: this.best,
      ...(this.#lossScale === undefined ? {} : { lossScale: this.#lossScale.state() }),
    };
    const tensors = new Map([
      ...prefixed("parameter", await this.adapterState()),
      ...prefixed("moment", optimizer.moments),
      ...prefixed("best", this.#best?.state ?? new Map()),
    ]);
    return safetensorsParts(tensors as Map<string, { shape: number[]; data: Float32Array }>, {
      training: JSON.stringify(saved),
    });
  }

  /** Continues from what `save` gave. Throws when it belongs to another run. */
  async restore(content: ByteReader): Promise<void> {
    const part = async (prefix: string) => {
      const start = `${prefix}:`;
      const read = await readStateFile(content, "checkpoint", (name) => name.startsWith(start));
      const state: State = new Map([...read.state].map(([name, value]) => [name.slice(start.length), value]));
      return { state, training: read.metadata.training };
    };
    // One after another: of a whole model each is gigabytes.
    const { state: parameters, training } = await part("parameter");
    const saved = JSON.parse(training) as Saved;
    this.#load(parameters);
    const { state: moments } = await part("moment");
    this.#optimizer.restore(
      { globalStep: saved.globalStep, stepCounts: saved.stepCounts, moments } as AdamWState,
      this.#parts.trained,
    );
    if (saved.lossScale !== undefined) this.#lossScale?.restore(saved.lossScale);
    this.#unfreezer.restore(saved.unfreezer);
    this.#schedule.push(...saved.schedule);
    for (const layer of saved.open) this.#open.add(layer);
    if (saved.best !== null) this.#best = { ...saved.best, state: (await part("best")).state };
    this.#step = saved.step;
    this.#applyOpen();
  }

  dispose(): void {
    this.#pending = [];
    this.#update.dispose();
    this.#optimizer.dispose();
  }

  async #unfreeze(): Promise<void> {
    const { model, mutant } = this.#options;
    const { unfreeze, trace } = await this.#unfreezer.before(this.#step);
    if (trace) this.#options.onTrace({ step: this.#step, kind: "selection", layers: trace });
    const layers = mutant === "lower-layers-frozen"
      ? unfreeze.filter((layer) => layer >= model.config.layers / 2)
      : unfreeze;
    if (layers.length > 0) this.#schedule.push({ step: this.#step, layers });
    for (const layer of layers) this.#open.add(layer);
    if (layers.length > 0 || this.#step === 0 || trace) this.#applyOpen();
  }

  #applyOpen(): void {
    this.#parts.open(this.#open);
  }

  #traceContext() {
    const lossScale = this.#lossScale?.value;
    return { ...this.#options, step: this.#step, ...(lossScale === undefined ? {} : { lossScale }) };
  }

  async #track(): Promise<void> {
    const average = await trackedTrace({ ...this.#traceContext(), open: [...this.#open] });
    this.#applyOpen();
    this.#options.onTrace({ step: this.#step, kind: "tracking", average });
  }

  #batch() {
    const { data, spec } = this.#options;
    const { batchSize } = spec.hyperparameters;
    const perEpoch = Math.ceil(data.size / batchSize);
    const number = Math.floor(this.#step / perEpoch);
    if (this.#epoch?.number !== number) {
      this.#epoch = { number, batches: batches(epochOrder(spec.seed, number, data.size), batchSize) };
    }
    return data.collate(this.#epoch.batches[this.#step % perEpoch], this.#step);
  }

  async #validate(): Promise<void> {
    const score = await this.#options.validate();
    this.#options.onValidation?.({ step: this.#step - 1, score });
    // Of equal scores the earlier stays, as in the authors' trainer.
    if (this.#best !== null && score <= this.#best.score) return;
    this.#best = { step: this.#step, score, state: await this.adapterState() };
  }

  #load(state: State): void {
    const { parameters } = this.#options.model;
    for (const [name, value] of state) {
      const parameter = parameters.get(name);
      if (parameter === undefined) {
        throw new Error(`checkpoint: there is no parameter ${name}; it belongs to another model`);
      }
      parameter.write(value.data);
    }
  }
}

function prefixed<T>(prefix: string, state: ReadonlyMap<string, T>): [string, T][] {
  return [...state].map(([name, value]) => [`${prefix}:${name}`, value]);
}
