// AdamW over whatever parameters have a gradient, with global-norm clipping; nothing is read back from the device.
// It leaves which parameters are trainable, learning rates (schedule.ts) and clearing gradients to the training loop.

import { fail } from "../errors.ts";
import type { HostTensor } from "../nn/parameters.ts";
import { sameShape, showShape } from "../shape.ts";
import { keep, type Tensor, zeros } from "../tensor.ts";
import { type MomentsPlace, MomentsWindow, placeOfMoments } from "./moments.ts";
import { type Member, Pack, packGroups, type Scalars } from "./pack.ts";

export interface AdamWOptions {
  /**
   * "huggingface" (default): AdamW of transformers up to 4.x, which adds epsilon to the uncorrected √v and decays the updated
   * value: p ← p − lr·√(1−β2ᵗ)/(1−β1ᵗ) · m/(√v + ε); p ← p − lr·λ·p.
   * "torch": p ← p − lr·λ·p; p ← p − lr/(1−β1ᵗ) · m/(√v/√(1−β2ᵗ) + ε) (Loshchilov and Hutter, 2019, algorithm 2).
   */
  variant?: "huggingface" | "torch";
  /**
   * What t counts. "per-parameter" (default): updates of this parameter, so that bias correction starts when it is first
   * unfrozen. "global": updates of the optimizer; a fault for late starters, kept so that tests can show what it costs.
   */
  stepCount?: "per-parameter" | "global";
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  /** λ; default 0. */
  weightDecay?: number;
  /** Gradients of all parameters together are scaled down to this Euclidean norm; default 1, Infinity for no clipping. */
  maximumGradientNorm?: number;
  /**
   * Where the moments lie: on the device, or with the host, which brings them there in pieces of 16 MiB for each update, for the
   * same bits. "auto" (default): with the host only where a backend that knows its own bound could not hold them and keep a quarter
   * of it for activations.
   */
  moments?: MomentsPlace | "auto";
}

/** What a resumed run needs, keyed by parameter name. Moments: "<name>/firstMoment" and "<name>/secondMoment". */
export interface AdamWState {
  globalStep: number;
  stepCounts: Record<string, number>;
  moments: Map<string, HostTensor>;
}

export class AdamW {
  readonly #options: Required<AdamWOptions>;
  readonly #members = new Map<Tensor, Member>();
  readonly #packs: Pack[] = [];
  /** Through which the host's moments pass; null while it keeps none. */
  #window: MomentsWindow | null = null;
  /** What `begin` was given and `apply` will update. */
  #begun: readonly (readonly [Pack, readonly Member[]])[] = [];
  #globalStep = 0;
  /** Σ grad² of the last step and the factor made from it; on the device. */
  #normSquared: Tensor | null = null;
  #gradientScale: Tensor | null = null;
  /** Factor that the gradients of the last step had. */
  #lossScale = 1;

  constructor(options: AdamWOptions = {}) {
    this.#options = {
      variant: "huggingface",
      stepCount: "per-parameter",
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      maximumGradientNorm: 1,
      moments: "auto",
      ...options,
    };
    const { variant, stepCount, beta1, beta2, epsilon, weightDecay, maximumGradientNorm } = this.#options;
    if (variant !== "huggingface" && variant !== "torch") {
      fail(`AdamW: there is no variant ${variant}; choose huggingface or torch`);
    }
    if (stepCount !== "per-parameter" && stepCount !== "global") {
      fail(`AdamW: stepCount is ${stepCount}; choose per-parameter or global`);
    }
    if (
      !(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && epsilon > 0 && weightDecay >= 0 &&
        maximumGradientNorm > 0)
    ) {
      fail(
        `AdamW: beta1 ${beta1}, beta2 ${beta2}, epsilon ${epsilon}, weightDecay ${weightDecay}, ` +
          `maximumGradientNorm ${maximumGradientNorm}; wanted betas in [0, 1), epsilon and norm > 0, decay ≥ 0`,
      );
    }
  }

  /**
   * Packs parameters that may be trained at some time: their values move into one buffer (a large one stays where it is), beside
   * which their gradients and moments lie. `begin` and `step` do so with those they do not know; told of all at once, a step needs
   * the fewest kernels.
   * @throws where they can never fit, before anything is made
   */
  adopt(parameters: Iterable<Tensor>): void {
    const fresh = [...new Set(parameters)].filter((each) => !this.#members.has(each));
    if (fresh.length === 0) return;
    const { backend } = fresh[0];
    const groups = packGroups(fresh);
    const onHost = placeOfMoments(groups, this.#options.moments) === "host";
    if (onHost) this.#window ??= new MomentsWindow(fresh);
    for (const group of groups) {
      const pack = new Pack(group, onHost ? this.#window! : undefined);
      this.#packs.push(pack);
      for (const member of pack.members) this.#members.set(member.parameter, member);
    }
    this.#normSquared ??= keep(zeros(backend, [1]));
    this.#gradientScale ??= keep(zeros(backend, [1]));
  }

  /**
   * One update of every parameter that has a gradient; the others are skipped and their step count stands still.
   * Gradients stay as they are: clear them afterwards (`zeroGrad`).
   */
  step(parameters: Iterable<Tensor>, learningRate: number): void {
    this.begin([...parameters].filter((each) => each.grad !== null), learningRate);
    this.apply();
  }

  /**
   * The host's half of an update, which may come before the gradients are there: counts it for each of these parameters and
   * hands the device the numbers that change from update to update.
   */
  begin(parameters: readonly Tensor[], learningRate: number): void {
    if (!(learningRate >= 0 && Number.isFinite(learningRate))) {
      fail(`AdamW: the learning rate is ${learningRate}; wanted a finite number ≥ 0`);
    }
    this.adopt(parameters);
    const byPack = new Map<Pack, Member[]>();
    for (const each of parameters) {
      const member = this.#members.get(each)!;
      if (!member.pack.holds(member)) {
        fail(`AdamW: ${nameOf(each)} was taken over by another optimizer; train it with one at a time`);
      }
      if (!byPack.has(member.pack)) byPack.set(member.pack, []);
      byPack.get(member.pack)!.push(member);
    }
    this.#globalStep++;
    for (const [pack, members] of byPack) {
      for (const member of members) member.steps++;
      pack.list(members, (member) => this.#scalars(member, learningRate));
    }
    this.#begun = [...byPack];
  }

  /** Takes the announcement back: the gradients are not to be used, and no update is counted. */
  withdraw(): void {
    for (const [, members] of this.#begun) for (const member of members) member.steps--;
    if (this.#begun.length > 0) this.#globalStep--;
    this.#begun = [];
  }

  /**
   * The device's half of the update that `begin` announced: the same kernels for the same parameters, whatever the step.
   * @throws when one of them has no gradient
   */
  apply(): void {
    this.collect();
    this.update();
  }

  /**
   * The first part of `apply`: gradients to their places, their norm and the factor by which they will be scaled. Afterwards the
   * parameters' own gradients may go. `lossScale` is a factor that the gradients have and the update must not.
   */
  collect(lossScale = 1): void {
    const begun = this.#begun;
    this.#lossScale = lossScale;
    if (begun.length === 0) return;
    for (const [pack, members] of begun) {
      for (const member of members) {
        checkGradient(member.parameter);
        pack.gather(member);
      }
    }
    const { kernels } = begun[0][0].backend;
    const maximum = this.#options.maximumGradientNorm;
    const norm = this.#normSquared!.buffer, out = this.#gradientScale!.buffer;
    begun.forEach(([pack], i) => {
      kernels.packedSumSquares({ ...pack.segments(), x: pack.gradients, out: norm, accumulate: i > 0 });
    });
    // Norm and limit are both larger by the loss's factor, of which the gradients are then rid.
    if (maximum !== Infinity) kernels.clipScale({ normSquared: norm, out, maximum: maximum * lossScale });
    else if (lossScale !== 1) kernels.fill({ out, length: 1, value: 1 });
    if (lossScale !== 1) kernels.affine({ x: out, out, length: 1, scale: 1 / lossScale, shift: 0 });
  }

  /** The second part of `apply`: moments and values, from the gradients that were collected. */
  update(): void {
    const begun = this.#begun;
    if (begun.length === 0) return;
    const { beta1, beta2, epsilon, maximumGradientNorm } = this.#options;
    const scaled = maximumGradientNorm !== Infinity || this.#lossScale !== 1;
    const gradientScale = scaled ? this.#gradientScale!.buffer : undefined;
    for (const [pack] of begun) pack.moments.update(pack, { gradientScale, beta1, beta2, epsilon });
  }

  /** Numbers of this parameter's update; float64, so that differences from one keep their digits. */
  #scalars(member: Member, learningRate: number): Scalars {
    const { variant, stepCount, beta1, beta2, weightDecay } = this.#options;
    const t = stepCount === "global" ? this.#globalStep : member.steps;
    const correction1 = 1 - beta1 ** t;
    const correction2 = Math.sqrt(1 - beta2 ** t);
    const kept = 1 - learningRate * weightDecay;
    return variant === "torch"
      ? {
        stepSize: learningRate / correction1,
        secondMomentScale: 1 / correction2,
        keepBefore: kept,
        keepAfter: 1,
      }
      : {
        stepSize: learningRate * correction2 / correction1,
        secondMomentScale: 1,
        keepBefore: 1,
        keepAfter: kept,
      };
  }

  /** Bytes of moments that the host keeps: 0 where all of them are on the device. */
  get hostBytes(): number {
    return this.#packs.reduce((sum, { moments }) => sum + moments.hostBytes, 0);
  }

  /** Euclidean norm of all gradients in the last step, before clipping. Waits for the device. */
  async gradientNorm(): Promise<number> {
    const square = this.#normSquared ?? fail("AdamW: no step with a gradient has been made yet");
    return Math.sqrt(await square.item()) / this.#lossScale;
  }

  /**
   * Everything on the host. Moments that the host keeps anyway are no copies: use or copy them before the next update.
   * @throws when an updated parameter has no name or shares it with another
   */
  async state(): Promise<AdamWState> {
    const state: AdamWState = { globalStep: this.#globalStep, stepCounts: {}, moments: new Map() };
    for (const pack of this.#packs) {
      if (pack.members.every(({ steps }) => steps === 0)) continue;
      const [firstMoment, secondMoment] = await pack.moments.read();
      for (const { parameter: { name, shape, size }, offset, steps } of pack.members) {
        if (steps === 0) continue;
        if (name === undefined || name in state.stepCounts) {
          fail(
            `AdamW: cannot save: the parameter name ${name ?? "of a " + showShape(shape)} is ${
              name === undefined ? "absent" : "taken twice"
            }; give each parameter its own name`,
          );
        }
        state.stepCounts[name] = steps;
        for (const [kind, values] of Object.entries({ firstMoment, secondMoment })) {
          const data = values.subarray(offset, offset + size) as HostTensor["data"];
          state.moments.set(`${name}/${kind}`, { shape, data });
        }
      }
    }
    return state;
  }

  /**
   * Continues from a saved state; `parameters` are those that it may name.
   * @throws when the state names another parameter, or another shape
   */
  restore(state: AdamWState, parameters: Iterable<Tensor>): void {
    const all = [...parameters];
    const byName = new Map(all.map((each) => [each.name, each]));
    const kinds = ["firstMoment", "secondMoment"] as const;
    for (const name of Object.keys(state.stepCounts)) {
      const parameter = byName.get(name) ??
        fail(
          `AdamW: cannot restore: there is no parameter ${name}; the checkpoint belongs to another model`,
        );
      for (const kind of kinds) {
        const moment = state.moments.get(`${name}/${kind}`);
        if (moment === undefined || !sameShape(moment.shape, parameter.shape)) {
          fail(
            `AdamW: cannot restore: ${kind} of ${name} is ${
              moment ? showShape(moment.shape) : "absent"
            }, wanted ${showShape(parameter.shape)}; the checkpoint belongs to another model`,
          );
        }
      }
    }
    // What has made no update yet has nothing to forget.
    if (this.#globalStep > 0) this.#free();
    this.adopt(all);
    for (const [name, steps] of Object.entries(state.stepCounts)) {
      const member = this.#members.get(byName.get(name)!)!;
      member.steps = steps;
      const [first, second] = kinds.map((kind) => state.moments.get(`${name}/${kind}`)!.data);
      member.pack.moments.write(member.offset, first, second);
    }
    this.#globalStep = state.globalStep;
  }

  #free(): void {
    for (const pack of this.#packs) pack.dispose();
    this.#window?.dispose();
    this.#window = null;
    this.#packs.length = 0;
    this.#members.clear();
    this.#begun = [];
  }

  /** Frees moments and gradients. The parameters keep their values. */
  dispose(): void {
    this.#free();
    this.#normSquared?.dispose();
    this.#gradientScale?.dispose();
    this.#normSquared = this.#gradientScale = null;
  }
}

const nameOf = ({ name, shape }: Tensor) => name ?? `a parameter of ${showShape(shape)}`;

function checkGradient(parameter: Tensor): void {
  const { grad, shape } = parameter;
  if (grad === null) {
    fail(
      `AdamW: ${
        nameOf(parameter)
      } has no gradient, nothing leads from it to the loss; freeze it, or call step(), ` +
        `which skips it`,
    );
  }
  if (!sameShape(shape, grad.shape)) {
    fail(
      `AdamW: the gradient of ${parameter.name ?? "a parameter"} is ${showShape(grad.shape)}, the parameter ${
        showShape(shape)
      }; per-example gradients are for tr(F), clear them before training`,
    );
  }
}
