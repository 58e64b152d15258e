// Rows of a table picked by index; backward is a deterministic scatter-add.

import { emptyGradient, record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/**
 * table[indices]. The row `padding` gets no gradient, as PyTorch's padding_idx; nothing else is different about it.
 * @param table [V, H]
 * @param indices i32 of any shape, each in 0 … V−1 (the caller checks on the host, where the values are)
 * @returns [...indices.shape, H]
 */
export function embedding(table: Tensor, indices: Tensor, padding?: number): Tensor {
  if (table.shape.length !== 2 || indices.dtype !== "i32") {
    fail(`embedding: table ${showShape(table.shape)}, indices ${indices.dtype}; wanted [V, H] and i32`);
  }
  const [rows, width] = table.shape;
  const count = indices.size;
  const out = empty(table.backend, [...indices.shape, width]);
  table.backend.kernels.embedding({
    table: table.buffer,
    indices: indices.buffer,
    out: out.buffer,
    count,
    rows,
    width,
  });
  return record("embedding", out, [table], () => [indices], (dy, [kept]) => {
    const dtable = emptyGradient(dy.backend, table);
    dy.backend.kernels.embeddingGrad({
      dy: dy.buffer,
      indices: kept.buffer,
      dtable: dtable.buffer,
      count,
      rows,
      width,
      ignored: padding ?? -1,
    });
    return [dtable];
  });
}

export const samples: OpSample[] = [
  {
    name: "embedding with repeated rows",
    inputs: [{ shape: [6, 5] }, { shape: [2, 4], dtype: "i32", values: [0, 3, 3, 5, 1, 3, 0, 0] }],
    run: (table, indices) => embedding(table, indices),
  },
];
