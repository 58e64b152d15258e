// Reference kernels that sum or compare along an axis: reduce, sums of squares, matrix product, softmax.
// It leaves normalisation to layer_norm.ts and losses to losses.ts.

import type { KernelSet } from "../kernels.ts";
import { Arguments } from "./buffers.ts";

/** Largest of `length` values from `start`, `step` apart. */
function largest(x: Float64Array, start: number, length: number, step: number): number {
  let result = -Infinity;
  for (let i = 0; i < length; i++) result = Math.max(result, x[start + i * step]);
  return result;
}

/** log Σ exp of one row, shifted by its largest value so that nothing overflows. */
export function rowLogSumExp(x: Float64Array, start: number, cols: number): number {
  const top = largest(x, start, cols, 1);
  let sum = 0;
  for (let c = 0; c < cols; c++) sum += Math.exp(x[start + c] - top);
  return top + Math.log(sum);
}

type Reductions = Pick<KernelSet, "reduce" | "sumSquares" | "matmul" | "softmax" | "softmaxGrad">;

export const reductions: Reductions = {
  reduce({ operation, x, out, outer, size, inner, scale, accumulate }) {
    const args = new Arguments(`reduce ${operation}`);
    if (operation !== "sum" && operation !== "max") args.fail("no such operation");
    if (operation === "max" && accumulate) args.fail("accumulate is for sums only");
    args.number("scale", scale);
    args.distinct({ out }, { x });
    for (const [name, value] of Object.entries({ outer, size, inner })) args.count(name, value);
    if (operation === "max" && size === 0) args.fail("size is 0; nothing has no largest element");
    const from = args.f32("x", x, outer * size * inner);
    const to = args.f32("out", out, outer * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const start = o * size * inner + i;
        let result = 0;
        if (operation === "sum") { for (let s = 0; s < size; s++) result += from[start + s * inner]; }
        else result = largest(from, start, size, inner);
        to[o * inner + i] = (accumulate ? to[o * inner + i] : 0) + scale * result;
      }
    }
  },

  sumSquares({ x, out, rows, cols, accumulate }) {
    const args = new Arguments("sumSquares");
    args.distinct({ out }, { x });
    const from = args.f32("x", x, args.count("rows", rows) * args.count("cols", cols));
    const to = args.f32("out", out, rows);
    for (let r = 0; r < rows; r++) {
      let sum = accumulate ? to[r] : 0;
      for (let c = 0; c < cols; c++) sum += from[r * cols + c] ** 2;
      to[r] = sum;
    }
  },

  matmul({ a, b, bias, out, batch, m, n, k, transposeA, transposeB, strideA, strideB, accumulate }) {
    const args = new Arguments("matmul");
    for (const [name, value] of Object.entries({ batch, m, n, k, strideA, strideB })) args.count(name, value);
    if (bias && accumulate) {
      args.fail("bias and accumulate are both given; add the bias in the first product");
    }
    args.distinct({ out }, { a, b, bias });
    const needA = batch === 0 ? 0 : strideA * (batch - 1) + m * k;
    const needB = batch === 0 ? 0 : strideB * (batch - 1) + k * n;
    const left = args.f32("a", a, a.length);
    const right = args.f32("b", b, b.length);
    const shift = bias && args.f32("bias", bias, n);
    const to = args.f32("out", out, batch * m * n);
    if (left.length < needA) {
      args.fail(
        `a has ${left.length} elements; batch ${batch} × [${m}, ${k}] with stride ${strideA} needs ${needA}`,
      );
    }
    if (right.length < needB) {
      args.fail(
        `b has ${right.length} elements; batch ${batch} × [${k}, ${n}] with stride ${strideB} needs ${needB}`,
      );
    }
    for (let i = 0; i < batch; i++) {
      for (let row = 0; row < m; row++) {
        for (let col = 0; col < n; col++) {
          let sum = 0;
          for (let s = 0; s < k; s++) {
            const x = left[i * strideA + (transposeA ? s * m + row : row * k + s)];
            const y = right[i * strideB + (transposeB ? col * k + s : s * n + col)];
            sum += x * y;
          }
          const at = (i * m + row) * n + col;
          to[at] = sum + (shift ? shift[col] : 0) + (accumulate ? to[at] : 0);
        }
      }
    }
  },

  softmax({ x, out, rows, cols, log }) {
    const args = new Arguments("softmax");
    args.distinct({ out }, { x });
    const from = args.f32("x", x, args.count("rows", rows) * args.count("cols", cols));
    const to = args.f32("out", out, rows * cols);
    for (let r = 0; r < rows; r++) {
      const normaliser = rowLogSumExp(from, r * cols, cols);
      for (let c = r * cols; c < (r + 1) * cols; c++) {
        to[c] = log ? from[c] - normaliser : Math.exp(from[c] - normaliser);
      }
    }
  },

  softmaxGrad({ y, dy, dx, rows, cols, log }) {
    const args = new Arguments("softmaxGrad");
    args.distinct({ dx }, { y, dy });
    const length = args.count("rows", rows) * args.count("cols", cols);
    const output = args.f32("y", y, length);
    const upper = args.f32("dy", dy, length);
    const to = args.f32("dx", dx, length);
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let c = r * cols; c < (r + 1) * cols; c++) sum += log ? upper[c] : upper[c] * output[c];
      for (let c = r * cols; c < (r + 1) * cols; c++) {
        to[c] = log ? upper[c] - Math.exp(output[c]) * sum : output[c] * (upper[c] - sum);
      }
    }
  },
};
