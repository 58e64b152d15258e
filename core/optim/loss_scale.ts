// Dynamic loss scaling for gradients that pass through half precision (Micikevicius et al., 2018): which factor the loss has now.
// It leaves applying it to training/step.ts and adamw.ts, and half precision itself to the backends.

import { fail } from "../errors.ts";

export interface LossScaleOptions {
  /** Factor of the first step; default 2¹⁶. */
  initial?: number;
  /** Doubled after so many updates in a row; default 2,000. */
  growAfter?: number;
}

/** Plain data, for a checkpoint. */
export interface LossScaleState {
  value: number;
  /** Updates made since the factor last changed. */
  good: number;
  /** Updates that were skipped. */
  skipped: number;
}

/** Below it gradients that are not finite are no matter of scale. */
const least = 2 ** -14;

/** Halved when a gradient is not finite, in which case the update is skipped; doubled after `growAfter` updates in a row. */
export class LossScale {
  readonly #growAfter: number;
  #state: LossScaleState;

  constructor(options: LossScaleOptions = {}) {
    const { initial = 2 ** 16, growAfter = 2000 } = options;
    if (!(initial > 0 && Number.isFinite(initial) && Number.isInteger(growAfter) && growAfter > 0)) {
      fail(
        `loss scale: initial ${initial}, growAfter ${growAfter}; wanted a positive factor and a whole number of steps`,
      );
    }
    this.#growAfter = growAfter;
    this.#state = { value: initial, good: 0, skipped: 0 };
  }

  get value(): number {
    return this.#state.value;
  }

  get skipped(): number {
    return this.#state.skipped;
  }

  /** Takes note of a step's gradients. @throws when they stay without limit however small the factor is */
  note(finite: boolean): void {
    const { value, good, skipped } = this.#state;
    if (!finite) {
      if (value / 2 < least) {
        fail(
          `loss scale: the gradients are not finite with a factor of ${value}; training has diverged, lower the learning rate`,
        );
      }
      this.#state = { value: value / 2, good: 0, skipped: skipped + 1 };
    } else if (good + 1 === this.#growAfter) this.#state = { value: value * 2, good: 0, skipped };
    else this.#state = { value, good: good + 1, skipped };
  }

  state(): LossScaleState {
    return { ...this.#state };
  }

  restore(state: LossScaleState): void {
    this.#state = { ...state };
  }
}
