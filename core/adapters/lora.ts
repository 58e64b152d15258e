// Low-rank adaptation of one projection: W·x + b + (alpha / r)·B·(A·x).
// It leaves to adapters.ts which projections have one.

import { fail } from "../errors.ts";
import { kaimingUniformInit, zerosInit } from "../nn/initialise.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import { scale } from "../ops/affine.ts";
import { add } from "../ops/binary.ts";
import { linear } from "../ops/linear.ts";
import type { Tensor } from "../tensor.ts";

export interface LoraConfig {
  /** r; 8 in the paper. */
  rank: number;
  /** 8 in the paper. */
  alpha: number;
}

export class Lora {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly #scaling: number;

  /** @param path e.g. `bert.encoder.layer.0.attention.self.query.loras.task` */
  constructor(store: ParameterStore, path: string, hiddenSize: number, config: LoraConfig) {
    if (!Number.isInteger(config.rank) || config.rank < 1) {
      fail(`LoRA ${path}: rank ${config.rank}; wanted a positive integer such as 8`);
    }
    this.a = store.create(`${path}.lora_A`, [config.rank, hiddenSize], kaimingUniformInit);
    this.b = store.create(`${path}.lora_B`, [hiddenSize, config.rank], zerosInit);
    this.#scaling = config.alpha / config.rank;
  }

  get parameters(): Tensor[] {
    return [this.a, this.b];
  }

  /** Adds the low-rank part to `projected` = W·x + b (Hu et al., 2022, Eq. 3). */
  apply(x: Tensor, projected: Tensor): Tensor {
    const low = linear(linear(x, this.a), this.b);
    return add(projected, this.#scaling === 1 ? low : scale(low, this.#scaling));
  }
}
