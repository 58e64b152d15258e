// Functions of one value: activations and the rest of the elementwise family, one table of what backward needs.

import { needsGrad, record } from "../autograd.ts";
import type { UnaryOperation } from "../backends/kernels.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** Whether the gradient is computed from the input or from the output: the cheaper to keep, or the only one that works. */
const gradientFrom: Record<UnaryOperation, "input" | "output"> = {
  neg: "input",
  abs: "input",
  exp: "output",
  log: "input",
  sqrt: "output",
  reciprocal: "output",
  square: "input",
  tanh: "output",
  sigmoid: "output",
  relu: "input",
  gelu: "input",
};

function unary(operation: UnaryOperation, x: Tensor): Tensor {
  const out = empty(x.backend, x.shape);
  x.backend.kernels.unary({ operation, x: x.buffer, out: out.buffer, length: x.size });
  if (!needsGrad(x)) return out;
  const fromInput = gradientFrom[operation] === "input";
  return record(operation, out, [x], () => [fromInput ? x : out], (dy, [kept]) => {
    const dx = empty(dy.backend, dy.shape);
    dy.backend.kernels.unaryGrad({
      operation,
      x: fromInput ? kept.buffer : undefined,
      y: fromInput ? undefined : kept.buffer,
      dy: dy.buffer,
      dx: dx.buffer,
      length: dy.size,
    });
    return [dx];
  });
}

export const neg = (x: Tensor): Tensor => unary("neg", x);
export const abs = (x: Tensor): Tensor => unary("abs", x);
export const exp = (x: Tensor): Tensor => unary("exp", x);
export const log = (x: Tensor): Tensor => unary("log", x);
export const sqrt = (x: Tensor): Tensor => unary("sqrt", x);
export const reciprocal = (x: Tensor): Tensor => unary("reciprocal", x);
export const square = (x: Tensor): Tensor => unary("square", x);
export const tanh = (x: Tensor): Tensor => unary("tanh", x);
export const sigmoid = (x: Tensor): Tensor => unary("sigmoid", x);
/** max(x, 0); its derivative at 0 is 0, as in PyTorch. */
export const relu = (x: Tensor): Tensor => unary("relu", x);
/** Exact GELU, x · Φ(x) with the error function (Hendrycks and Gimpel, 2016); not the tanh approximation. */
export const gelu = (x: Tensor): Tensor => unary("gelu", x);

export const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = { relu, gelu, tanh, sigmoid };

export const samples: OpSample[] = [
  { name: "neg", inputs: [{ shape: [3, 7] }], run: neg },
  { name: "abs", inputs: [{ shape: [3, 7], values: "away" }], run: abs },
  { name: "exp", inputs: [{ shape: [3, 7] }], run: exp },
  { name: "log", inputs: [{ shape: [3, 7], values: "positive" }], run: log },
  { name: "sqrt", inputs: [{ shape: [3, 7], values: "positive" }], run: sqrt },
  { name: "reciprocal", inputs: [{ shape: [3, 7], values: "positive" }], run: reciprocal },
  { name: "square", inputs: [{ shape: [3, 7] }], run: square },
  { name: "tanh", inputs: [{ shape: [3, 7] }], run: tanh },
  { name: "sigmoid", inputs: [{ shape: [3, 7] }], run: sigmoid },
  { name: "relu", inputs: [{ shape: [3, 7], values: "away" }], run: relu },
  { name: "gelu", inputs: [{ shape: [5, 33] }], run: gelu },
  { name: "gelu, tails", inputs: [{ shape: [8], values: [-9, -5, -3.2, -1, 0.5, 3.1, 5, 9] }], run: gelu },
];
