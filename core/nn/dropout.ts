// Dropout at numbered sites of a model: the mask is a function of (seed, step, site), so every backend and any resume sees the same.
// It leaves the numbering of the sites to the model, and the masks themselves to the kernels.

import type { Scalar } from "../backends/kernels.ts";
import { dropout } from "../ops/dropout.ts";
import { type RandomStream, streamKey } from "../random.ts";
import type { Tensor } from "../tensor.ts";

export interface DropoutKey {
  seed: number;
  /** Live where the pass is recorded to be replayed at later steps. */
  step: Scalar;
  /** Which of the pieces that a batch was cut into for accumulation; default 0. */
  piece?: number;
}

/** Sites that one piece of a batch may use; a model of 1,000 layers still fits. */
const SITES = 4096;

/** One forward pass's dropout. Without a key (evaluation) nothing is dropped. */
export class Dropout {
  readonly #key: DropoutKey | undefined;

  constructor(key?: DropoutKey) {
    this.#key = key;
  }

  apply(x: Tensor, probability: number, site: number): Tensor {
    return this.#key === undefined || probability === 0 ? x : dropout(x, probability, this.#stream(site));
  }

  /** What `attention` takes. */
  options(probability: number, site: number): { dropout?: number; random?: RandomStream } {
    if (this.#key === undefined || probability === 0) return {};
    return { dropout: probability, random: this.#stream(site) };
  }

  #stream(site: number): RandomStream {
    const { seed, step, piece = 0 } = this.#key!;
    return streamKey(seed, "dropout", step, piece * SITES + site);
  }
}
