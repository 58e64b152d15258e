// The bottleneck adapter of one layer, and the MAD-X stack of several around the layer's own LayerNorm.
// It leaves which adapters are active to adapters.ts.

import { type Activation, activation } from "../nn/activation.ts";
import { normalInit, zerosInit } from "../nn/initialise.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import { fail } from "../errors.ts";
import { add } from "../ops/binary.ts";
import { linear } from "../ops/linear.ts";
import type { Tensor } from "../tensor.ts";

export interface BottleneckConfig {
  /** Bottleneck size = ⌊hiddenSize / reduction⌋: 16 for the paper's task adapters, 2 for language adapters. */
  reduction: number;
  /** "relu", "gelu", "swish" …: as the adapter's own configuration file says. */
  nonLinearity: string;
}

/** Standard deviation of an adapter's initial weights; biases start at 0. */
export const ADAPTER_DEVIATION = 0.02;

export class Bottleneck {
  readonly downWeight: Tensor;
  readonly downBias: Tensor;
  readonly upWeight: Tensor;
  readonly upBias: Tensor;
  readonly #activation: Activation;

  /** @param path e.g. `bert.encoder.layer.0.output.adapters.en` */
  constructor(store: ParameterStore, path: string, hiddenSize: number, config: BottleneckConfig) {
    const size = Math.max(1, Math.floor(hiddenSize / config.reduction));
    if (!(config.reduction > 0)) {
      fail(`adapter ${path}: reduction ${config.reduction}; wanted a positive number such as 16`);
    }
    const weights = normalInit(ADAPTER_DEVIATION);
    this.downWeight = store.create(`${path}.adapter_down.0.weight`, [size, hiddenSize], weights);
    this.downBias = store.create(`${path}.adapter_down.0.bias`, [size], zerosInit);
    this.upWeight = store.create(`${path}.adapter_up.weight`, [hiddenSize, size], weights);
    this.upBias = store.create(`${path}.adapter_up.bias`, [hiddenSize], zerosInit);
    this.#activation = activation(config.nonLinearity);
  }

  get parameters(): Tensor[] {
    return [this.downWeight, this.downBias, this.upWeight, this.upBias];
  }

  /** up(f(down(h))), without a residual. h: […, H] */
  apply(h: Tensor): Tensor {
    return linear(this.#activation(linear(h, this.downWeight, this.downBias)), this.upWeight, this.upBias);
  }
}

/**
 * One layer's output through a stack of adapters (Pfeiffer et al., 2020; the "pfeiffer" configuration):
 * yₙ = upₙ(f(downₙ(LN(yₙ₋₁ + a)))) + yₙ₋₁ with y₀ = x, and LN(y + a) at the end. The layer's LayerNorm is used each time.
 * @param x output of the feed-forward sublayer after its dropout, [B, T, H]
 * @param a the layer's residual input: output of the attention sublayer, [B, T, H]
 * @param norm LN(x + a) with the layer's own output LayerNorm
 * @param passes "first": only the first LayerNorm is applied, the later ones are plain sums (an ablation, not a model of the paper)
 */
export function adapterStack(
  x: Tensor,
  a: Tensor,
  stack: readonly Bottleneck[],
  norm: (x: Tensor, residual: Tensor) => Tensor,
  passes: "every" | "first" = "every",
): Tensor {
  let y = x;
  let first = true;
  const next = (value: Tensor) => {
    const result = first || passes === "every" ? norm(value, a) : add(value, a);
    first = false;
    return result;
  };
  for (const adapter of stack) y = add(adapter.apply(next(y)), y);
  return next(y);
}
