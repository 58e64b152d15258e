// Squared norms (grad² in tr(F)): of everything, or per row, that is per example.

import { record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** Σ x² over all values (shape []), or with `rows` over each of that many equal consecutive blocks (shape [rows]). */
export function sumSquares(x: Tensor, rows?: number): Tensor {
  const count = rows ?? 1;
  if (x.size % count !== 0) fail(`sumSquares: ${showShape(x.shape)} does not split into ${count} equal rows`);
  const cols = x.size / count;
  const out = empty(x.backend, rows === undefined ? [] : [rows]);
  x.backend.kernels.sumSquares({ x: x.buffer, out: out.buffer, rows: count, cols, accumulate: false });
  return record("sumSquares", out, [x], () => [x], (dy, [kept]) => {
    const dx = empty(dy.backend, x.shape);
    dy.backend.kernels.binary({
      operation: "mul",
      a: kept.buffer,
      b: dy.buffer,
      out: dx.buffer,
      shape: [count, cols],
      aStrides: [cols, 1],
      bStrides: [1, 0],
    });
    dy.backend.kernels.affine({ x: dx.buffer, out: dx.buffer, length: dx.size, scale: 2, shift: 0 });
    return [dx];
  });
}

export const samples: OpSample[] = [
  { name: "sumSquares", inputs: [{ shape: [5, 13] }], run: (x) => sumSquares(x) },
  { name: "sumSquares per example", inputs: [{ shape: [4, 3, 7] }], run: (x) => sumSquares(x, 4) },
];
