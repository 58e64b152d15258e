// AdamW over whatever parameters have a gradient, with global-norm clipping; nothing is read back from the device.
// It leaves which parameters are trainable, learning rates (schedule.ts) and clearing gradients to the training loop.

import { fail } from "../errors.ts";
import type { HostTensor } from "../nn/parameters.ts";
import { sameShape, showShape } from "../shape.ts";
import { keep, type Tensor, tensor, zeros } from "../tensor.ts";

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
}

/** What a resumed run needs, keyed by parameter name. Moments: "<name>/firstMoment" and "<name>/secondMoment". */
export interface AdamWState {
  globalStep: number;
  stepCounts: Record<string, number>;
  moments: Map<string, HostTensor>;
}

interface Slot {
  firstMoment: Tensor;
  secondMoment: Tensor;
  steps: number;
}

export class AdamW {
  readonly #options: Required<AdamWOptions>;
  readonly #slots = new Map<Tensor, Slot>();
  #globalStep = 0;
  /** Σ grad² of the last step and the factor made from it; on the device. */
  #normSquared: Tensor | null = null;
  #gradientScale: Tensor | null = null;

  constructor(options: AdamWOptions = {}) {
    this.#options = {
      variant: "huggingface",
      stepCount: "per-parameter",
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      maximumGradientNorm: 1,
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
   * One update of every parameter that has a gradient; the others are skipped and their step count stands still.
   * Gradients stay as they are: clear them afterwards (`zeroGrad`).
   */
  step(parameters: Iterable<Tensor>, learningRate: number): void {
    if (!(learningRate >= 0 && Number.isFinite(learningRate))) {
      fail(`AdamW: the learning rate is ${learningRate}; wanted a finite number ≥ 0`);
    }
    const updated = [...parameters].filter((each) => each.grad !== null);
    this.#globalStep++;
    if (updated.length === 0) return;
    this.#measure(updated);
    for (const each of updated) this.#update(each, each.grad!, learningRate);
  }

  /** Euclidean norm of all gradients in the last step, before clipping. Waits for the device. */
  async gradientNorm(): Promise<number> {
    const square = this.#normSquared ?? fail("AdamW: no step with a gradient has been made yet");
    return Math.sqrt(await square.item());
  }

  /** Sums the squares of all gradients and turns the sum into the factor of clipping. */
  #measure(parameters: readonly Tensor[]): void {
    const { backend } = parameters[0];
    const { kernels } = backend;
    this.#normSquared ??= keep(zeros(backend, [1]));
    kernels.fill({ out: this.#normSquared.buffer, length: 1, value: 0 });
    for (const { grad } of parameters) {
      kernels.sumSquares({
        x: grad!.buffer,
        out: this.#normSquared.buffer,
        rows: 1,
        cols: grad!.size,
        accumulate: true,
      });
    }
    if (this.#options.maximumGradientNorm === Infinity) return;
    this.#gradientScale ??= keep(zeros(backend, [1]));
    kernels.clipScale({
      normSquared: this.#normSquared.buffer,
      out: this.#gradientScale.buffer,
      maximum: this.#options.maximumGradientNorm,
    });
  }

  #update(parameter: Tensor, gradient: Tensor, learningRate: number): void {
    const { variant, stepCount, beta1, beta2, epsilon, weightDecay } = this.#options;
    if (!sameShape(parameter.shape, gradient.shape)) {
      fail(
        `AdamW: the gradient of ${parameter.name ?? "a parameter"} is ${
          showShape(gradient.shape)
        }, the parameter ${
          showShape(parameter.shape)
        }; per-example gradients are for tr(F), clear them before training`,
      );
    }
    let slot = this.#slots.get(parameter);
    if (slot === undefined) {
      const { backend, shape } = parameter;
      slot = {
        firstMoment: keep(zeros(backend, shape)),
        secondMoment: keep(zeros(backend, shape)),
        steps: 0,
      };
      this.#slots.set(parameter, slot);
    }
    slot.steps++;
    const t = stepCount === "global" ? this.#globalStep : slot.steps;
    const correction1 = 1 - beta1 ** t;
    const correction2 = Math.sqrt(1 - beta2 ** t);
    const decay = learningRate * weightDecay;
    const isTorch = variant === "torch";
    parameter.backend.kernels.adamw({
      parameter: parameter.buffer,
      gradient: gradient.buffer,
      firstMoment: slot.firstMoment.buffer,
      secondMoment: slot.secondMoment.buffer,
      gradientScale: this.#gradientScale?.buffer,
      length: parameter.size,
      beta1,
      beta2,
      stepSize: isTorch ? learningRate / correction1 : learningRate * correction2 / correction1,
      secondMomentScale: isTorch ? 1 / correction2 : 1,
      epsilon,
      decayBefore: isTorch ? decay : 0,
      decayAfter: isTorch ? 0 : decay,
    });
  }

  /** Copies everything to the host. @throws when a parameter has no name or shares it with another. */
  async state(): Promise<AdamWState> {
    const state: AdamWState = { globalStep: this.#globalStep, stepCounts: {}, moments: new Map() };
    for (const [{ name, shape }, slot] of this.#slots) {
      if (name === undefined || name in state.stepCounts) {
        fail(
          `AdamW: cannot save: the parameter name ${name ?? "of a " + showShape(shape)} is ${
            name === undefined ? "absent" : "taken twice"
          }; give each parameter its own name`,
        );
      }
      state.stepCounts[name] = slot.steps;
      state.moments.set(`${name}/firstMoment`, { shape, data: await slot.firstMoment.read() });
      state.moments.set(`${name}/secondMoment`, { shape, data: await slot.secondMoment.read() });
    }
    return state;
  }

  /**
   * Continues from a saved state; `parameters` are those that it may name.
   * @throws when the state names another parameter, or another shape
   */
  restore(state: AdamWState, parameters: Iterable<Tensor>): void {
    const byName = new Map([...parameters].map((each) => [each.name, each]));
    const slots = new Map<Tensor, Slot>();
    const load = (name: string, kind: string, parameter: Tensor): Tensor => {
      const moment = state.moments.get(`${name}/${kind}`);
      if (moment === undefined || !sameShape(moment.shape, parameter.shape)) {
        fail(
          `AdamW: cannot restore: ${kind} of ${name} is ${
            moment ? showShape(moment.shape) : "absent"
          }, wanted ${showShape(parameter.shape)}; the checkpoint belongs to another model`,
        );
      }
      return keep(tensor(parameter.backend, moment.data, parameter.shape, "f32"));
    };
    for (const [name, steps] of Object.entries(state.stepCounts)) {
      const parameter = byName.get(name) ??
        fail(
          `AdamW: cannot restore: there is no parameter ${name}; the checkpoint belongs to another model`,
        );
      slots.set(parameter, {
        firstMoment: load(name, "firstMoment", parameter),
        secondMoment: load(name, "secondMoment", parameter),
        steps,
      });
    }
    this.#free();
    for (const [parameter, slot] of slots) this.#slots.set(parameter, slot);
    this.#globalStep = state.globalStep;
  }

  #free(): void {
    for (const slot of this.#slots.values()) {
      slot.firstMoment.dispose();
      slot.secondMoment.dispose();
    }
    this.#slots.clear();
  }

  /** Frees the moments. */
  dispose(): void {
    this.#free();
    this.#normSquared?.dispose();
    this.#gradientScale?.dispose();
    this.#normSquared = this.#gradientScale = null;
  }
}
