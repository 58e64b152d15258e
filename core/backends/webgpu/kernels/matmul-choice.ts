// Which tile computes a product: a fixed table, or what a tuning run chose for this device. Nothing here measures time, so a
// run never changes its mind; measuring is tune.ts's.

import type { Profile } from "../recorder.ts";
import type { MatmulProblem, MatmulTile } from "./matmul.ts";
import { type MatrixShape, matrixTiles } from "./matmul-matrix.ts";
import { registerTiles } from "./matmul-register.ts";
import { sharedTiles } from "./matmul-shared.ts";
import { subgroupTiles } from "./matmul-subgroup.ts";
import { vectorTiles } from "./matmul-vector.ts";

/** What a tuning chose: names of tiles by the key of a product, and of attention's forms (attention.ts). */
export type Choices = Readonly<Record<string, string>>;

/** Products that one choice serves: equal but for the number of rows, which follows the batch, within a power of two. */
export function problemKey({ batch, m, n, k, transposeA, transposeB }: MatmulProblem): string {
  const bucket = (size: number) => 2 ** Math.ceil(Math.log2(size));
  const letter = (transposed: boolean) => transposed ? "T" : "N";
  // Transposed, the first operand's rows are what a weight's gradient sums over: they are k.
  const sizes = transposeA ? [m, n, bucket(k)] : [bucket(m), n, k];
  return `${letter(transposeA)}${letter(transposeB)} ${batch > 1 ? `${bucket(batch)}×` : ""}${
    sizes.join("×")
  }`;
}

export interface TileTable {
  /** Every tile that can compute the product on this device. */
  candidates(problem: MatmulProblem): MatmulTile[];
  choose(problem: MatmulProblem): MatmulTile;
}

/** @param matrix given where half precision was asked for and the device multiplies such matrices */
export function tileTable(
  profile: Profile,
  matrix: MatrixShape | null,
  choices: Choices = {},
): TileTable {
  const { isSoftware, subgroupSize } = profile;
  const bySubgroup = subgroupSize >= 4 && subgroupSize <= 32 ? subgroupTiles(subgroupSize) : null;
  const all = [
    ...vectorTiles.all,
    ...sharedTiles.all,
    ...registerTiles.all,
    ...bySubgroup?.all ?? [],
    ...matrix === null ? [] : matrixTiles(matrix),
  ];
  const fixed = (problem: MatmulProblem): MatmulTile => {
    if (!isSoftware) return vectorTiles.choose(problem) ?? sharedTiles.choose(problem);
    return bySubgroup?.choose(problem) ?? registerTiles.choose(problem);
  };
  return {
    candidates: (problem) => all.filter((each) => each.reads(problem) !== null),
    choose(problem) {
      const name = choices[problemKey(problem)];
      const chosen = name === undefined ? undefined : all.find((each) => each.name === name);
      // A table from another version may name what is no longer there, or does not fit odd sizes of the same bucket.
      return chosen !== undefined && chosen.reads(problem) !== null ? chosen : fixed(problem);
    },
  };
}
