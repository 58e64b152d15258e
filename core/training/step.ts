// One update of a model as one piece of work: inputs in buffers that stay, forward, backward, AdamW, the loss into a ring. On a
// backend that can replay it runs a few times for each shape of batch and set of open parameters, then only on the device.
// A batch may be taken in pieces, and the loss scaled for half precision. It leaves data, schedules, unfreezing and what is done
// with losses to the training loop.

import { Tape } from "../autograd.ts";
import { type Backend, replay } from "../backends/backend.ts";
import type { Live } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import { type Batch, type DeviceBatch, partsOf, shapeOf, uploadBatch } from "../models/batch.ts";
import type { Model } from "../models/model.ts";
import { packed } from "../models/packing.ts";
import { type Piece, pieces } from "../models/pieces.ts";
import type { AdamW } from "../optim/adamw.ts";
import type { LossScale } from "../optim/loss_scale.ts";
import { full, keep, scope, type Tensor, zeros } from "../tensor.ts";

export interface TrainingStepOptions {
  model: Model;
  optimizer: AdamW;
  /** Losses that may wait on the device; `losses` must be called before there are more. */
  losses: number;
  /** Seed of the dropout masks; without it nothing is dropped. */
  dropoutSeed?: number;
  /**
   * Examples that are on the device at a time: a larger batch is taken in pieces whose gradients add up to the batch's, up to the
   * order of summation. Masks are the whole batch's. Default all.
   */
  microBatch?: number;
  /** For half precision: scales the loss. `runScaled` is then to be called in place of `run`. */
  lossScale?: LossScale;
  /** false runs every step anew, on every backend: the same numbers, slower. Default true. */
  replay?: boolean;
}

/** Sets of input buffers that are kept, one a shape of batch; the least recently used goes. */
const keptShapes = 24;

let made = 0;

/** A piece in its buffers. */
interface Inputs {
  readonly batch: DeviceBatch;
  readonly firstRow: number;
}

interface Moment {
  /** Counts the steps of a run: dropout draws by it. */
  number: number;
  learningRate: number;
}

export class TrainingStep {
  readonly #options: TrainingStepOptions;
  readonly #backend: Backend;
  /** Apart from the keys of other steps on the backend. */
  readonly #name = `training step ${made++}`;
  readonly #inputs = new Map<string, readonly Inputs[]>();
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
   * One update of every trainable parameter.
   * @throws when the loss does not depend on a parameter that is trainable
   */
  run(batch: Batch, moment: Moment): void {
    if (this.#options.lossScale !== undefined) {
      fail("training step: with a loss scale an update may be skipped; call runScaled");
    }
    const { optimizer } = this.#options;
    const { inputs, key } = this.#begin(batch, moment);
    this.#replay(key, () => {
      this.#gradients(inputs, 1);
      optimizer.apply();
      this.#options.model.zeroGrad();
    });
    this.#keepLoss();
  }

  /**
   * One update with a scaled loss; waits for the gradients' norm. Returns false when they were not finite: then nothing changes
   * but the scale, and no update is counted.
   */
  async runScaled(batch: Batch, moment: Moment): Promise<boolean> {
    const { model, optimizer } = this.#options;
    const lossScale = this.#options.lossScale ?? fail("training step: runScaled needs the option lossScale");
    const { inputs, key, open } = this.#begin(batch, moment);
    const { value } = lossScale;
    this.#replay(`${key} scaled ${value}`, () => {
      this.#gradients(inputs, value);
      optimizer.collect(value);
      model.zeroGrad();
    });
    const finite = Number.isFinite(await optimizer.gradientNorm());
    if (finite) this.#replay(`${this.#name} update ${open}`, () => optimizer.update());
    else optimizer.withdraw();
    lossScale.note(finite);
    this.#keepLoss();
    return finite;
  }

  #begin(batch: Batch, { number, learningRate }: Moment) {
    const { model, optimizer, losses, microBatch } = this.#options;
    if (this.#waiting === losses) {
      fail(
        `training step: ${losses} losses wait on the device, the most that were asked for; read them first`,
      );
    }
    const host = model.prepare(batch, true);
    const parts = pieces(host, microBatch ?? host.examples).map((part) =>
      this.#backend.packsRows ? { ...part, batch: packed(part.batch) } : part
    );
    const shape = parts.map((part) => `${shapeOf(part.batch)} from ${part.firstRow}`).join("; ");
    const inputs = this.#upload(parts, shape);
    this.#number.value = number;
    const trainable = model.trainableParameters;
    optimizer.begin(trainable, learningRate);
    const open = trainable.map(({ name }) => name).join();
    return { inputs, open, key: `${this.#name} ${shape} ${model.language} ${open}` };
  }

  #replay(key: string, work: () => void): void {
    if (this.#options.replay ?? true) replay(this.#backend, key, work);
    else work();
  }

  /** Gradients of all pieces, summed, times `scale`; their loss as it is. */
  #gradients(inputs: readonly Inputs[], scale: number): void {
    const { model, dropoutSeed: seed } = this.#options;
    const step: Live = this.#number;
    inputs.forEach(({ batch, firstRow }, i) =>
      scope(() => {
        const tape = new Tape();
        const dropout = seed === undefined ? {} : { dropout: { seed, step, firstRow } };
        const loss = tape.run(() => model.loss(batch, dropout));
        tape.backward(loss, scale === 1 ? {} : { seed: full(this.#backend, loss.shape, scale) });
        const { kernels } = this.#backend;
        const [x, out] = [loss.buffer, this.#loss.buffer];
        if (i === 0) kernels.copy({ x, out, length: 1, xOffset: 0, outOffset: 0 });
        else kernels.addTo({ x, out, length: 1, scale: 1 });
      })
    );
  }

  #keepLoss(): void {
    const [x, out] = [this.#loss.buffer, this.#ring.buffer];
    this.#backend.kernels.copy({ x, out, length: 1, xOffset: 0, outOffset: this.#waiting });
    this.#waiting++;
  }

  /** The losses of the steps since the last call, in order. Waits for the device, once. */
  async losses(): Promise<number[]> {
    const count = this.#waiting;
    this.#waiting = 0;
    return count === 0 ? [] : [...(await this.#ring.read()).subarray(0, count)];
  }

  /** Writes the pieces of a batch into the buffers of their shapes. */
  #upload(parts: readonly Piece[], shape: string): readonly Inputs[] {
    const known = this.#inputs.get(shape);
    if (known !== undefined) {
      this.#inputs.delete(shape);
      this.#inputs.set(shape, known);
      parts.forEach((part, p) => {
        const values = partsOf(part.batch);
        partsOf(known[p].batch).forEach((each, i) => each.write(values[i]));
      });
      return known;
    }
    const inputs = parts.map(({ batch, firstRow }) => ({
      batch: uploadBatch(this.#backend, batch),
      firstRow,
    }));
    for (const each of tensorsOf(inputs)) keep(each);
    this.#inputs.set(shape, inputs);
    if (this.#inputs.size > keptShapes) {
      const [oldest, unused] = this.#inputs.entries().next().value!;
      this.#inputs.delete(oldest);
      for (const each of tensorsOf(unused)) each.dispose();
    }
    return inputs;
  }

  /** Frees inputs and losses; recorded steps go with them. */
  dispose(): void {
    for (const inputs of this.#inputs.values()) for (const each of tensorsOf(inputs)) each.dispose();
    this.#inputs.clear();
    this.#loss.dispose();
    this.#ring.dispose();
  }
}

const tensorsOf = (inputs: readonly Inputs[]): Tensor[] => inputs.flatMap(({ batch }) => partsOf(batch));
