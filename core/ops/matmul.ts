// Matrix product of the last two axes, batched, either operand transposed, one operand shared by the whole batch.

import { needsGrad, record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { sameShape, type Shape, showShape, sizeOf } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

export interface MatmulOptions {
  /** The last two axes of a are [k, m] instead of [m, k]. */
  transposeA?: boolean;
  /** The last two axes of b are [n, k] instead of [k, n]. */
  transposeB?: boolean;
  /** [n], added to every row. */
  bias?: Tensor;
}

/**
 * op(a) × op(b) (+ bias).
 * @param a […, m, k]
 * @param b […, k, n]; leading axes equal a's, or one of the two has none and is shared
 * @returns […, m, n]
 * @throws when the inner sizes or the batches differ
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, bias } = options;
  const [m, k] = matrix(a, transposeA);
  const [k2, n] = matrix(b, transposeB);
  if (k !== k2) {
    const hint = transposeB ? "do not transpose the second" : "transpose the second (transposeB)";
    fail(
      `matmul: inner sizes differ: ${showShape(a.shape)} × ${
        showShape(b.shape)
      }; ${hint} or check hiddenSize`,
    );
  }
  const batchA = a.shape.slice(0, -2), batchB = b.shape.slice(0, -2);
  if (batchA.length > 0 && batchB.length > 0 && !sameShape(batchA, batchB)) {
    fail(
      `matmul: batches differ: ${showShape(a.shape)} × ${
        showShape(b.shape)
      }; make the leading axes equal or drop one side's`,
    );
  }
  if (bias !== undefined && bias.size !== n) {
    fail(`matmul: bias ${showShape(bias.shape)} does not fit ${n} columns`);
  }
  const batchShape = batchA.length > 0 ? batchA : batchB;
  const out = product(a, b, transposeA, transposeB, [...batchShape, m, n], bias);
  const needA = needsGrad(a), needB = needsGrad(b), needBias = needsGrad(bias);
  return record(
    "matmul",
    out,
    [a, b, bias],
    () => [...(needB ? [a] : []), ...(needA ? [b] : [])],
    (dy, saved) => {
      const savedA = needB ? saved[0] : undefined;
      const savedB = needA ? saved[saved.length - 1] : undefined;
      return [
        savedB && sumBatch(
          transposeA
            ? product(savedB, dy, transposeB, true, null)
            : product(dy, savedB, false, !transposeB, null),
          a.shape,
        ),
        savedA && sumBatch(
          transposeB
            ? product(dy, savedA, true, transposeA, null)
            : product(savedA, dy, !transposeA, false, null),
          b.shape,
        ),
        needBias ? sumBatch(dy.alias([dy.size / n, n]), bias!.shape) : undefined,
      ];
    },
  );
}

function matrix(x: Tensor, transposed: boolean): [number, number] {
  if (x.shape.length < 2) fail(`matmul: ${showShape(x.shape)} is no matrix; reshape it to two or more axes`);
  const rows = x.shape[x.shape.length - 2], cols = x.shape[x.shape.length - 1];
  return transposed ? [cols, rows] : [rows, cols];
}

function product(
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
  shape: Shape | null,
  bias?: Tensor,
): Tensor {
  const [m, k] = matrix(a, transposeA);
  const [, n] = matrix(b, transposeB);
  const sharedA = a.shape.length === 2, sharedB = b.shape.length === 2;
  const batchShape = sharedA ? b.shape.slice(0, -2) : a.shape.slice(0, -2);
  let batch = sizeOf(batchShape), rows = m;
  // One tall product is faster than many small ones when the right side is shared.
  if (sharedB && !transposeA && !sharedA) {
    rows = m * batch;
    batch = 1;
  }
  const out = empty(a.backend, shape ?? [...batchShape, m, n]);
  a.backend.kernels.matmul({
    a: a.buffer,
    b: b.buffer,
    bias: bias?.buffer,
    out: out.buffer,
    batch,
    m: rows,
    n,
    k,
    transposeA,
    transposeB,
    strideA: sharedA ? 0 : m * k,
    strideB: sharedB ? 0 : k * n,
    accumulate: false,
  });
  return out;
}

/** Sums the leading axes away until the shape is reached: the gradient of an operand that the batch shares. */
function sumBatch(gradient: Tensor, shape: Shape): Tensor {
  const inner = sizeOf(shape);
  if (gradient.size === inner) return gradient;
  const out = empty(gradient.backend, shape);
  gradient.backend.kernels.reduce({
    operation: "sum",
    x: gradient.buffer,
    out: out.buffer,
    outer: 1,
    size: gradient.size / inner,
    inner,
    scale: 1,
    accumulate: false,
  });
  return out;
}

export const samples: OpSample[] = [
  { name: "matmul NN", inputs: [{ shape: [5, 7] }, { shape: [7, 3] }], run: (a, b) => matmul(a, b) },
  {
    name: "matmul NT",
    inputs: [{ shape: [5, 7] }, { shape: [3, 7] }],
    run: (a, b) => matmul(a, b, { transposeB: true }),
  },
  {
    name: "matmul TN",
    inputs: [{ shape: [7, 5] }, { shape: [7, 3] }],
    run: (a, b) => matmul(a, b, { transposeA: true }),
  },
  {
    name: "matmul TT",
    inputs: [{ shape: [7, 5] }, { shape: [3, 7] }],
    run: (a, b) => matmul(a, b, { transposeA: true, transposeB: true }),
  },
  {
    name: "matmul batched",
    inputs: [{ shape: [2, 3, 4, 6] }, { shape: [2, 3, 6, 5] }],
    run: (a, b) => matmul(a, b),
  },
  {
    name: "matmul batched NT with bias",
    inputs: [{ shape: [3, 4, 6] }, { shape: [3, 5, 6] }, { shape: [5] }],
    run: (a, b, bias) => matmul(a, b, { transposeB: true, bias }),
  },
  {
    name: "matmul shared right",
    inputs: [{ shape: [3, 4, 6] }, { shape: [6, 5] }],
    run: (a, b) => matmul(a, b),
  },
  {
    name: "matmul shared left, transposed",
    inputs: [{ shape: [6, 4] }, { shape: [3, 6, 5] }],
    run: (a, b) => matmul(a, b, { transposeA: true }),
  },
  {
    name: "matmul batched TN",
    inputs: [{ shape: [2, 9, 4] }, { shape: [2, 9, 8] }],
    run: (a, b) => matmul(a, b, { transposeA: true }),
  },
  {
    name: "matmul larger than one tile",
    inputs: [{ shape: [37, 70] }, { shape: [70, 41] }],
    run: (a, b) => matmul(a, b),
  },
];
