// y = x·Wᵀ + b, the layer that almost all time is spent in; the only operation with per-example weight gradients.

import { emptyGradient, needsGrad, record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";
import { gelu } from "./unary.ts";

/**
 * Affine map of the last axis.
 * @param x […, in]
 * @param weight [out, in], as PyTorch stores it
 * @param bias [out]
 * @returns […, out]
 * @throws when `in` differs between x and weight
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const { outSize, product } = mapOf("linear", x, weight, bias);
  const out = empty(x.backend, [...x.shape.slice(0, -1), outSize]);
  x.backend.kernels.matmul({ ...product, out: out.buffer });
  return recordMap("linear", out, x, weight, bias);
}

/**
 * gelu(linear(x, weight, bias)), in one kernel where the backend has it: a frozen layer then never writes what GELU is taken of.
 * Shapes and errors are linear's.
 */
export function linearGelu(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const { kernels } = x.backend;
  if (kernels.matmulGelu === undefined) return gelu(linear(x, weight, bias));
  const { outSize, product } = mapOf("linearGelu", x, weight, bias);
  const shape = [...x.shape.slice(0, -1), outSize];
  const out = empty(x.backend, shape);
  const keeps = [x, weight, bias].some(needsGrad);
  const before = keeps ? empty(x.backend, shape) : undefined;
  kernels.matmulGelu({ ...product, out: out.buffer, before: before?.buffer });
  const recorded = recordMap("linearGelu", out, x, weight, bias, before);
  // The tape holds it where it wants it.
  before?.dispose();
  return recorded;
}

/** Checks the shapes; gives what matmul wants but its output. */
function mapOf(operation: string, x: Tensor, weight: Tensor, bias: Tensor | undefined) {
  const inSize = x.shape[x.shape.length - 1];
  const [outSize, weightIn] = weight.shape;
  if (weight.shape.length !== 2 || inSize !== weightIn) {
    fail(
      `${operation}: inner sizes differ: ${showShape(x.shape)} × ${showShape(weight.shape)}ᵀ (${
        weight.name ?? "weight"
      }); ` +
        `the weight is [out, in]: check hiddenSize`,
    );
  }
  if (bias !== undefined && bias.size !== outSize) {
    fail(
      `${operation}: bias ${showShape(bias.shape)} does not fit ${outSize} outputs (${bias.name ?? "bias"})`,
    );
  }
  const product = {
    a: x.buffer,
    b: weight.buffer,
    bias: bias?.buffer,
    batch: 1,
    m: x.size / inSize,
    n: outSize,
    k: inSize,
    transposeA: false,
    transposeB: true,
    strideA: 0,
    strideB: 0,
    accumulate: false,
  };
  return { outSize, product };
}

/** Notes the map on the tape. `before` is what GELU was taken of, where GELU follows. */
function recordMap(
  operation: string,
  out: Tensor,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  before?: Tensor,
): Tensor {
  const inSize = x.shape[x.shape.length - 1];
  const rows = x.size / inSize;
  const needX = needsGrad(x), needWeight = needsGrad(weight), needBias = needsGrad(bias);
  return record(
    operation,
    out,
    [x, weight, bias],
    () => [...(needWeight ? [x] : []), ...(needX ? [weight] : []), ...(before === undefined ? [] : [before])],
    (dout, saved, { examples }) => {
      const savedX = needWeight ? saved[0] : undefined;
      const savedWeight = needX ? saved[needWeight ? 1 : 0] : undefined;
      const dy = before === undefined ? dout : geluGradient(saved[saved.length - 1], dout);
      const groups = examples ?? 1;
      if (rows % groups !== 0) {
        fail(
          `${operation}: ${rows} rows cannot be split into ${groups} examples; lay examples out in equal consecutive blocks`,
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

function geluGradient(x: Tensor, dy: Tensor): Tensor {
  const dx = empty(dy.backend, dy.shape);
  dy.backend.kernels.unaryGrad({
    operation: "gelu",
    x: x.buffer,
    dy: dy.buffer,
    dx: dx.buffer,
    length: dy.size,
  });
  return dx;
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
    name: "linear with GELU",
    inputs: [{ shape: [2, 5, 7] }, { shape: [3, 7] }, { shape: [3] }],
    run: linearGelu,
  },
  {
    name: "linear with GELU, frozen weight",
    inputs: [{ shape: [33, 40] }, { shape: [36, 40], grad: false }, { shape: [36], grad: false }],
    run: linearGelu,
  },
  {
    name: "linear with GELU, constant input, long inner size",
    inputs: [{ shape: [4, 600], grad: false }, { shape: [8, 600] }, { shape: [8] }],
    run: linearGelu,
  },
  {
    name: "linear, bottleneck of 4",
    inputs: [{ shape: [33, 64] }, { shape: [4, 64] }, { shape: [4] }],
    run: linear,
  },
];
