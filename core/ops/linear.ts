// y = x·Wᵀ + b, the layer that almost all time is spent in; the only operation with per-example weight gradients.

import { emptyGradient, needsGrad, record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/**
 * Affine map of the last axis.
 * @param x […, in]
 * @param weight [out, in], as PyTorch stores it
 * @param bias [out]
 * @returns […, out]
 * @throws when `in` differs between x and weight
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const inSize = x.shape[x.shape.length - 1];
  const [outSize, weightIn] = weight.shape;
  if (weight.shape.length !== 2 || inSize !== weightIn) {
    fail(
      `linear: inner sizes differ: ${showShape(x.shape)} × ${showShape(weight.shape)}ᵀ (${
        weight.name ?? "weight"
      }); ` +
        `the weight is [out, in]: check hiddenSize`,
    );
  }
  if (bias !== undefined && bias.size !== outSize) {
    fail(`linear: bias ${showShape(bias.shape)} does not fit ${outSize} outputs (${bias.name ?? "bias"})`);
  }
  const rows = x.size / inSize;
  const out = empty(x.backend, [...x.shape.slice(0, -1), outSize]);
  x.backend.kernels.matmul({
    a: x.buffer,
    b: weight.buffer,
    bias: bias?.buffer,
    out: out.buffer,
    batch: 1,
    m: rows,
    n: outSize,
    k: inSize,
    transposeA: false,
    transposeB: true,
    strideA: 0,
    strideB: 0,
    accumulate: false,
  });
  const needX = needsGrad(x), needWeight = needsGrad(weight), needBias = needsGrad(bias);
  return record(
    "linear",
    out,
    [x, weight, bias],
    () => [...(needWeight ? [x] : []), ...(needX ? [weight] : [])],
    (dy, saved, { examples }) => {
      const savedX = needWeight ? saved[0] : undefined;
      const savedWeight = needX ? saved[saved.length - 1] : undefined;
      const groups = examples ?? 1;
      if (rows % groups !== 0) {
        fail(
          `linear: ${rows} rows cannot be split into ${groups} examples; lay examples out in equal consecutive blocks`,
        );
      }
      return [
        savedWeight && inputGradient(dy, savedWeight, x.shape, rows),
        savedX && weightGradient(dy, savedX, weight, rows, groups, examples !== null),
        needBias ? biasGradient(dy, bias!, rows, groups, examples !== null) : undefined,
      ];
    },
    { perExample: true },
  );
}

function inputGradient(dy: Tensor, weight: Tensor, shape: readonly number[], rows: number): Tensor {
  const [outSize, inSize] = weight.shape;
  const dx = empty(dy.backend, shape);
  dy.backend.kernels.matmul({
    a: dy.buffer,
    b: weight.buffer,
    out: dx.buffer,
    batch: 1,
    m: rows,
    n: inSize,
    k: outSize,
    transposeA: false,
    transposeB: false,
    strideA: 0,
    strideB: 0,
    accumulate: false,
  });
  return dx;
}

function weightGradient(
  dy: Tensor,
  x: Tensor,
  weight: Tensor,
  rows: number,
  groups: number,
  perExample: boolean,
): Tensor {
  const [outSize, inSize] = weight.shape;
  const rowsEach = rows / groups;
  const dw = emptyGradient(dy.backend, weight, perExample ? [groups, outSize, inSize] : [outSize, inSize]);
  dy.backend.kernels.matmul({
    a: dy.buffer,
    b: x.buffer,
    out: dw.buffer,
    batch: groups,
    m: outSize,
    n: inSize,
    k: rowsEach,
    transposeA: true,
    transposeB: false,
    strideA: rowsEach * outSize,
    strideB: rowsEach * inSize,
    accumulate: false,
  });
  return dw;
}

function biasGradient(
  dy: Tensor,
  bias: Tensor,
  rows: number,
  groups: number,
  perExample: boolean,
): Tensor {
  const outSize = bias.size;
  const db = emptyGradient(dy.backend, bias, perExample ? [groups, outSize] : [outSize]);
  dy.backend.kernels.reduce({
    operation: "sum",
    x: dy.buffer,
    out: db.buffer,
    outer: groups,
    size: rows / groups,
    inner: outSize,
    scale: 1,
    accumulate: false,
  });
  return db;
}

export const samples: OpSample[] = [
  {
    name: "linear with bias",
    inputs: [{ shape: [2, 5, 7] }, { shape: [3, 7] }, { shape: [3] }],
    run: linear,
  },
  {
    name: "linear without bias",
    inputs: [{ shape: [9, 4] }, { shape: [6, 4] }],
    run: (x, w) => linear(x, w),
  },
  {
    name: "linear, frozen weight",
    inputs: [{ shape: [4, 8] }, { shape: [5, 8], grad: false }],
    run: (x, w) => linear(x, w),
  },
  {
    name: "linear, constant input",
    inputs: [{ shape: [4, 8], grad: false }, { shape: [5, 8] }, { shape: [5] }],
    run: linear,
  },
  {
    name: "linear, bottleneck of 4",
    inputs: [{ shape: [33, 64] }, { shape: [4, 64] }, { shape: [4] }],
    run: linear,
  },
];
