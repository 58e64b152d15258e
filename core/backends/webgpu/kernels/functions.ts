// WGSL functions shared by the kernels: error function, tanh and the element-wise operations with their derivatives.
// The built-in tanh may err by 1e-5 and WGSL has no erf, hence these.

import type { BinaryOperation, UnaryOperation } from "../../kernels.ts";

/**
 * erfc(z) = exp(−z²)·P(1 / (1 + 0.3 z)) for z ≥ 0. P is a minimax polynomial fitted in float64 on [0, 10] (relative error 1.7e-8);
 * beyond 10 float32 is zero anyway.
 */
const normalCdf = `
fn complementaryError(z: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3 * z);
  var s = -0.12652744094602322;
  s = s * t + 0.4688819509857775;
  s = s * t - 0.4719096091051014;
  s = s * t + 0.49208144037987667;
  s = s * t - 0.046588685412035036;
  s = s * t + 0.18797886740926342;
  s = s * t + 0.1581331682069814;
  s = s * t + 0.1684925234709376;
  s = s * t + 0.169473588734175;
  s = s * t - 0.0000158204335532012;
  return exp(-z * z) * s;
}
fn normalCdf(x: f32) -> f32 {
  let tail = 0.5 * complementaryError(min(abs(x) * 0.7071067811865476, 10.0));
  return select(1.0 - tail, tail, x < 0.0);
}`;

/** Near zero 1 − exp(−2x) cancels, so the Taylor series takes over (error 2e-9 at 0.25). */
const safeTanh = `
fn safeTanh(x: f32) -> f32 {
  let u = abs(x);
  let e = exp(-2.0 * u);
  let far = (1.0 - e) / (1.0 + e);
  let s = x * x;
  let near = u * (1.0 + s * (-0.3333333333 + s * (0.1333333333 + s * (-0.0539682540 + s * 0.0218694885))));
  return sign(x) * select(far, near, u < 0.25);
}`;

const stableSigmoid = `
fn stableSigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(1.0, e, x < 0.0) / (1.0 + e);
}`;

interface UnaryText {
  readonly helpers?: string;
  /** f(x) of `x`. */
  readonly value: string;
  /** f'(x) of `x` (input) or `y` (output), whichever `from` names. */
  readonly derivative: string;
  readonly from: "x" | "y" | "neither";
}

export const unaryText: Record<UnaryOperation, UnaryText> = {
  neg: { value: "-x", derivative: "-1.0", from: "neither" },
  abs: { value: "abs(x)", derivative: "sign(x)", from: "x" },
  exp: { value: "exp(x)", derivative: "y", from: "y" },
  log: { value: "log(x)", derivative: "1.0 / x", from: "x" },
  sqrt: { value: "sqrt(x)", derivative: "0.5 / y", from: "y" },
  reciprocal: { value: "1.0 / x", derivative: "-y * y", from: "y" },
  square: { value: "x * x", derivative: "2.0 * x", from: "x" },
  tanh: { helpers: safeTanh, value: "safeTanh(x)", derivative: "(1.0 - y * y)", from: "y" },
  sigmoid: { helpers: stableSigmoid, value: "stableSigmoid(x)", derivative: "(y * (1.0 - y))", from: "y" },
  relu: { value: "max(x, 0.0)", derivative: "select(0.0, 1.0, x > 0.0)", from: "x" },
  gelu: {
    helpers: normalCdf,
    value: "x * normalCdf(x)",
    derivative: "(normalCdf(x) + x * 0.3989422804014327 * exp(-0.5 * x * x))",
    from: "x",
  },
};

export const binaryText: Record<BinaryOperation, string> = {
  add: "x + y",
  sub: "x - y",
  mul: "x * y",
  div: "x / y",
  max: "max(x, y)",
  min: "min(x, y)",
};
