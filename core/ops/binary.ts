// Arithmetic of two tensors with broadcasting: add, sub, mul, div.

import { needsGrad, record } from "../autograd.ts";
import type { BinaryOperation } from "../backends/kernels.ts";
import { broadcastShape, broadcastStrides, sameShape, type Shape, showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import { fail } from "../errors.ts";
import type { OpSample } from "./sample.ts";

/** a + b, NumPy broadcasting. */
export function add(a: Tensor, b: Tensor): Tensor {
  const out = apply("add", a, b);
  const needA = needsGrad(a), needB = needsGrad(b);
  return record("add", out, [a, b], () => [], (dy) => [
    needA ? sumTo(dy, a.shape) : undefined,
    needB ? sumTo(dy, b.shape) : undefined,
  ]);
}

/** a − b, NumPy broadcasting. */
export function sub(a: Tensor, b: Tensor): Tensor {
  const out = apply("sub", a, b);
  const needA = needsGrad(a), needB = needsGrad(b);
  return record("sub", out, [a, b], () => [], (dy) => [
    needA ? sumTo(dy, a.shape) : undefined,
    needB ? sumTo(dy, b.shape, -1) : undefined,
  ]);
}

/** a · b element by element, NumPy broadcasting. */
export function mul(a: Tensor, b: Tensor): Tensor {
  const out = apply("mul", a, b);
  const needA = needsGrad(a), needB = needsGrad(b);
  return record("mul", out, [a, b], () => [...(needB ? [a] : []), ...(needA ? [b] : [])], (dy, saved) => [
    needA ? sumTo(apply("mul", dy, saved[saved.length - 1]), a.shape) : undefined,
    needB ? sumTo(apply("mul", dy, saved[0]), b.shape) : undefined,
  ]);
}

/** a / b element by element, NumPy broadcasting. */
export function div(a: Tensor, b: Tensor): Tensor {
  const out = apply("div", a, b);
  const needA = needsGrad(a), needB = needsGrad(b);
  return record("div", out, [a, b], () => [b, ...(needB ? [out] : [])], (dy, [savedB, savedOut]) => {
    const scaled = apply("div", dy, savedB);
    return [
      needA ? sumTo(scaled, a.shape) : undefined,
      needB ? sumTo(apply("mul", scaled, savedOut), b.shape, -1) : undefined,
    ];
  });
}

function apply(operation: BinaryOperation, a: Tensor, b: Tensor): Tensor {
  const shape = sameShape(a.shape, b.shape) ? a.shape : broadcastShape(a.shape, b.shape, operation);
  if (shape.length > 5) {
    fail(`${operation}: ${showShape(shape)} has more than five axes; reshape neighbouring axes into one`);
  }
  const out = empty(a.backend, shape);
  a.backend.kernels.binary({
    operation,
    a: a.buffer,
    b: b.buffer,
    out: out.buffer,
    shape,
    aStrides: broadcastStrides(a.shape, shape),
    bStrides: broadcastStrides(b.shape, shape),
  });
  return out;
}

/** scale · gradient, summed over the axes along which `shape` was repeated. */
function sumTo(gradient: Tensor, shape: Shape, scale = 1): Tensor {
  let current = gradient;
  let axes: number[] = [...gradient.shape];
  const shift = axes.length - shape.length;
  for (let i = 0; i < axes.length; i++) {
    const wanted = i < shift ? 1 : shape[i - shift];
    if (axes[i] === wanted) continue;
    // Neighbouring repeated axes are summed at once.
    let end = i + 1;
    while (end < axes.length && (end < shift ? 1 : shape[end - shift]) === 1) end++;
    const outer = axes.slice(0, i).reduce((p, c) => p * c, 1);
    const size = axes.slice(i, end).reduce((p, c) => p * c, 1);
    const inner = axes.slice(end).reduce((p, c) => p * c, 1);
    axes = [...axes.slice(0, i), ...new Array(end - i).fill(1), ...axes.slice(end)];
    const out = empty(gradient.backend, axes);
    gradient.backend.kernels.reduce({
      operation: "sum",
      x: current.buffer,
      out: out.buffer,
      outer,
      size,
      inner,
      scale: 1,
      accumulate: false,
    });
    current = out;
  }
  if (scale !== 1) {
    const out = empty(gradient.backend, shape);
    gradient.backend.kernels.affine({
      x: current.buffer,
      out: out.buffer,
      length: out.size,
      scale,
      shift: 0,
    });
    return out;
  }
  return current.alias(shape);
}

export const samples: OpSample[] = [
  { name: "add", inputs: [{ shape: [3, 5] }, { shape: [3, 5] }], run: add },
  { name: "add, row repeated", inputs: [{ shape: [2, 3, 5] }, { shape: [5] }], run: add },
  { name: "add, both repeated", inputs: [{ shape: [4, 1, 5] }, { shape: [3, 1] }], run: add },
  { name: "sub", inputs: [{ shape: [3, 5] }, { shape: [3, 5] }], run: sub },
  { name: "sub, column repeated", inputs: [{ shape: [3, 5] }, { shape: [3, 1] }], run: sub },
  { name: "mul", inputs: [{ shape: [7, 3] }, { shape: [7, 3] }], run: mul },
  { name: "mul, scalar repeated", inputs: [{ shape: [7, 3] }, { shape: [1] }], run: mul },
  { name: "mul, frozen factor", inputs: [{ shape: [7, 3] }, { shape: [3], grad: false }], run: mul },
  { name: "div", inputs: [{ shape: [4, 6] }, { shape: [4, 6], values: "positive" }], run: div },
  {
    name: "div, divisor repeated",
    inputs: [{ shape: [2, 4, 6] }, { shape: [4, 1], values: "positive" }],
    run: div,
  },
];
