// Dropout at numbered sites of a model: the mask is a function of (seed, step, site), so every backend and any resume sees the same.
// It leaves the numbering of the sites to the model, and the masks themselves to the kernels.

import type { Scalar } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import { dropout } from "../ops/dropout.ts";
import { type RandomStream, streamKey } from "../random.ts";
import type { Tensor } from "../tensor.ts";

export interface DropoutKey {
  seed: number;
  /** Live where the pass is recorded to be replayed at later steps. */
  step: Scalar;
  /**
   * Where the pass takes a part of a batch: number of its first row in the whole, whose masks it then draws. What lies before it
   * at each site must be a multiple of 8 elements. Default 0.
   */
  firstRow?: number;
}

/** Lines of the last axis that are left of [rows, …]. */
export interface PartOfRows {
  /** i32, one for each line: its number in [rows, …]. */
  readonly places: Tensor;
  /** Elements of one of the rows. */
  readonly rowSize: number;
}

/** One forward pass's dropout. Without a key (evaluation) nothing is dropped. */
export class Dropout {
  readonly #key: DropoutKey | undefined;

  constructor(key?: DropoutKey) {
    this.#key = key;
  }

  /** @param x [rows, …], or a part of it, which is dropped as in the whole */
  apply(x: Tensor, probability: number, site: number, part?: PartOfRows): Tensor {
    if (this.#key === undefined || probability === 0) return x;
    const rowSize = part?.rowSize ?? x.size / x.shape[0];
    return dropout(x, probability, this.#stream(site, rowSize), part?.places);
  }

  /** For what all rows of a batch share: every part of a batch draws the same mask. */
  applyShared(x: Tensor, probability: number, site: number): Tensor {
    if (this.#key === undefined || probability === 0) return x;
    return dropout(x, probability, this.#stream(site, 0));
  }

  /** What `attention` takes. `rowSize`: attention weights of one row of the batch, heads · T². */
  options(
    probability: number,
    site: number,
    rowSize: number,
  ): { dropout?: number; random?: RandomStream } {
    if (this.#key === undefined || probability === 0) return {};
    return { dropout: probability, random: this.#stream(site, rowSize) };
  }

  #stream(site: number, rowSize: number): RandomStream {
    const { seed, step, firstRow = 0 } = this.#key!;
    const stream = streamKey(seed, "dropout", step, site);
    if (firstRow === 0) return stream;
    const before = firstRow * rowSize;
    if (before % 8 !== 0) {
      fail(
        `dropout: ${before} elements lie before row ${firstRow}, which is no multiple of 8; cut the batch at multiples of 8 rows`,
      );
    }
    return { ...stream, c0: before / 8 };
  }
}
