// Non-linearities by the names that model and adapter configurations use.

import { fail } from "../errors.ts";
import { affine, scale } from "../ops/affine.ts";
import { add, mul } from "../ops/binary.ts";
import { activations, sigmoid, square, tanh } from "../ops/unary.ts";
import type { Tensor } from "../tensor.ts";

export type Activation = (x: Tensor) => Tensor;

/** The tanh approximation of GELU (Hendrycks and Gimpel, 2016, section 2). */
function geluTanh(x: Tensor): Tensor {
  const inner = mul(x, affine(square(x), 0.044715, 1));
  return mul(scale(x, 0.5), affine(tanh(scale(inner, Math.sqrt(2 / Math.PI))), 1, 1));
}

const swish: Activation = (x) => mul(x, sigmoid(x));

/** x for x > 0, x/100 otherwise. */
const leakyRelu: Activation = (x) => add(scale(activations.relu(x), 0.99), scale(x, 0.01));

const byName: Readonly<Record<string, Activation>> = {
  ...activations,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  swish,
  silu: swish,
  leakyrelu: leakyRelu,
  linear: (x) => x,
};

/** @throws for a name that is not in the table */
export function activation(name: string): Activation {
  return byName[name.toLowerCase()] ??
    fail(`activation: "${name}" is not known; use one of ${Object.keys(byName).join(", ")}`);
}
