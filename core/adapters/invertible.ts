// The invertible adapter of MAD-X (a NICE coupling block) and its inverse.
// It leaves to the model where the two are applied: after the embeddings, and before the masked-LM decoder.

import { type Activation, activation } from "../nn/activation.ts";
import { normalInit, zerosInit } from "../nn/initialise.ts";
import type { ParameterStore } from "../nn/parameters.ts";
import { add, sub } from "../ops/binary.ts";
import { concat } from "../ops/concat.ts";
import { linear } from "../ops/linear.ts";
import { slice } from "../ops/slice.ts";
import type { Tensor } from "../tensor.ts";
import { ADAPTER_DEVIATION } from "./bottleneck.ts";

export interface InvertibleConfig {
  /** Inner size of F and G = ⌊their input size / reduction⌋; 2 in MAD-X. */
  reduction: number;
  nonLinearity: string;
}

/** Linear → non-linearity → Linear. */
class Subnet {
  readonly parameters: Tensor[];
  readonly #activation: Activation;

  constructor(
    store: ParameterStore,
    path: string,
    inSize: number,
    outSize: number,
    config: InvertibleConfig,
  ) {
    const inner = Math.max(1, Math.floor(inSize / config.reduction));
    const weights = normalInit(ADAPTER_DEVIATION);
    this.parameters = [
      store.create(`${path}.0.weight`, [inner, inSize], weights),
      store.create(`${path}.0.bias`, [inner], zerosInit),
      store.create(`${path}.2.weight`, [outSize, inner], weights),
      store.create(`${path}.2.bias`, [outSize], zerosInit),
    ];
    this.#activation = activation(config.nonLinearity);
  }

  apply(x: Tensor): Tensor {
    const [w0, b0, w2, b2] = this.parameters;
    return linear(this.#activation(linear(x, w0, b0)), w2, b2);
  }
}

/** y₁ = x₁ + F(x₂), y₂ = x₂ + G(y₁) on the two halves of the hidden vector (Dinh et al., 2015; Pfeiffer et al., 2020, section 4.3). */
export class Invertible {
  readonly #split: number;
  readonly #hidden: number;
  readonly #f: Subnet;
  readonly #g: Subnet;

  /** @param path e.g. `bert.invertible_adapters.en` */
  constructor(store: ParameterStore, path: string, hiddenSize: number, config: InvertibleConfig) {
    this.#hidden = hiddenSize;
    this.#split = Math.floor(hiddenSize / 2);
    const rest = hiddenSize - this.#split;
    this.#f = new Subnet(store, `${path}.F`, rest, this.#split, config);
    this.#g = new Subnet(store, `${path}.G`, this.#split, rest, config);
  }

  get parameters(): Tensor[] {
    return [...this.#f.parameters, ...this.#g.parameters];
  }

  /** x: […, H] */
  apply(x: Tensor): Tensor {
    const [x1, x2] = this.#halves(x);
    const y1 = add(x1, this.#f.apply(x2));
    return concat([y1, add(x2, this.#g.apply(y1))], -1);
  }

  /** The inverse of `apply`, exact up to rounding. y: […, H] */
  invert(y: Tensor): Tensor {
    const [y1, y2] = this.#halves(y);
    const x2 = sub(y2, this.#g.apply(y1));
    return concat([sub(y1, this.#f.apply(x2)), x2], -1);
  }

  #halves(x: Tensor): [Tensor, Tensor] {
    return [slice(x, -1, 0, this.#split), slice(x, -1, this.#split, this.#hidden)];
  }
}
