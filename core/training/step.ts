// One update of a model as one piece of work: inputs in buffers that stay, forward, backward, AdamW, the loss into a ring. On a
// backend that can replay it runs a few times for each shape of batch and set of open parameters, then only on the device.
// It leaves data, schedules, unfreezing and what is done with losses to the training loop.

import { Tape } from "../autograd.ts";
import { type Backend, replay } from "../backends/backend.ts";
import type { Live } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import {
  type Batch,
  type DeviceBatch,
  type HostBatch,
  partsOf,
  shapeOf,
  uploadBatch,
} from "../models/batch.ts";
import type { Model } from "../models/model.ts";
import type { AdamW } from "../optim/adamw.ts";
import { keep, scope, type Tensor, zeros } from "../tensor.ts";

export interface TrainingStepOptions {
  model: Model;
  optimizer: AdamW;
  /** Losses that may wait on the device; `losses` must be called before there are more. */
  losses: number;
  /** Seed of the dropout masks; without it nothing is dropped. */
  dropoutSeed?: number;
  /** false runs every step anew, on every backend: the same numbers, slower. Default true. */
  replay?: boolean;
}

/** Sets of input buffers that are kept, one a shape of batch; the least recently used goes. */
const keptShapes = 24;

let made = 0;

export class TrainingStep {
  readonly #options: TrainingStepOptions;
  readonly #backend: Backend;
  /** Apart from the keys of other steps on the backend. */
  readonly #name = `training step ${made++}`;
  readonly #inputs = new Map<string, DeviceBatch>();
  /** The number that dropout draws from; kernels read it when they run, also in a replay. */
  readonly #number: { value: number } = { value: 0 };
  readonly #loss: Tensor;
  readonly #ring: Tensor;
  #waiting = 0;

  constructor(options: TrainingStepOptions) {
    if (!(Number.isInteger(options.losses) && options.losses > 0)) {
      fail(`training step: losses is ${options.losses}; wanted a positive number of losses to keep`);
    }
    this.#options = options;
    this.#backend = options.model.backend;
    this.#loss = keep(zeros(this.#backend, [1]));
    this.#ring = keep(zeros(this.#backend, [options.losses]));
  }

  /** Losses that wait on the device. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * One update of every trainable parameter. `number` counts the steps of a run: dropout draws by it.
   * @throws when the loss does not depend on a parameter that is trainable
   */
  run(batch: Batch, { number, learningRate }: { number: number; learningRate: number }): void {
    const { model, optimizer, losses } = this.#options;
    if (this.#waiting === losses) {
      fail(
        `training step: ${losses} losses wait on the device, the most that were asked for; read them first`,
      );
    }
    const host = model.prepare(batch, true);
    const shape = shapeOf(host);
    const inputs = this.#upload(host, shape);
    this.#number.value = number;
    const trainable = model.trainableParameters;
    optimizer.begin(trainable, learningRate);
    const work = () => this.#work(inputs);
    if (this.#options.replay ?? true) {
      const open = trainable.map(({ name }) => name).join();
      replay(this.#backend, `${this.#name} ${shape} ${model.language} ${open}`, work);
    } else work();
    this.#backend.kernels.copy({
      x: this.#loss.buffer,
      out: this.#ring.buffer,
      length: 1,
      xOffset: 0,
      outOffset: this.#waiting,
    });
    this.#waiting++;
  }

  #work(inputs: DeviceBatch): void {
    const { model, optimizer, dropoutSeed: seed } = this.#options;
    const step: Live = this.#number;
    scope(() => {
      const tape = new Tape();
      const loss = tape.run(() => model.loss(inputs, seed === undefined ? {} : { dropout: { seed, step } }));
      tape.backward(loss);
      const copied = { length: 1, xOffset: 0, outOffset: 0 };
      this.#backend.kernels.copy({ x: loss.buffer, out: this.#loss.buffer, ...copied });
    });
    optimizer.apply();
    model.zeroGrad();
  }

  /** The losses of the steps since the last call, in order. Waits for the device, once. */
  async losses(): Promise<number[]> {
    const count = this.#waiting;
    this.#waiting = 0;
    return count === 0 ? [] : [...(await this.#ring.read()).subarray(0, count)];
  }

  /** Writes a batch into the buffers of its shape. */
  #upload(host: HostBatch, shape: string): DeviceBatch {
    const known = this.#inputs.get(shape);
    if (known !== undefined) {
      this.#inputs.delete(shape);
      this.#inputs.set(shape, known);
      const values = partsOf(host);
      partsOf(known).forEach((each, i) => each.write(values[i]));
      return known;
    }
    const inputs = uploadBatch(this.#backend, host);
    for (const each of partsOf(inputs)) keep(each);
    this.#inputs.set(shape, inputs);
    if (this.#inputs.size > keptShapes) {
      const [oldest, unused] = this.#inputs.entries().next().value!;
      this.#inputs.delete(oldest);
      for (const each of partsOf(unused)) each.dispose();
    }
    return inputs;
  }

  /** Frees inputs and losses; recorded steps go with them. */
  dispose(): void {
    for (const inputs of this.#inputs.values()) for (const each of partsOf(inputs)) each.dispose();
    this.#inputs.clear();
    this.#loss.dispose();
    this.#ring.dispose();
  }
}
