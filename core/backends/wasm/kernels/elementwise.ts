// Kernels over flat ranges of elements: unary functions and their gradients, affine, AdamW, casts, copies.
// It leaves broadcasting to strided.ts and the split into ranges to threads.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import * as f from "./simd";
import { constant, loadPart, madd, storePart } from "./simd";

// Numbers of the operations; kernels.ts in the backend's folder uses the same order.
const NEG: i32 = 0;
const ABS: i32 = 1;
const EXP: i32 = 2;
const LOG: i32 = 3;
const SQRT: i32 = 4;
const RECIPROCAL: i32 = 5;
const SQUARE: i32 = 6;
const TANH: i32 = 7;
const SIGMOID: i32 = 8;
const RELU: i32 = 9;
const GELU: i32 = 10;

// @ts-ignore: decorator
@inline
function apply(operation: i32, x: v128): v128 {
  if (operation == NEG) return f32x4.neg(x);
  if (operation == ABS) return f32x4.abs(x);
  if (operation == EXP) return f.exp(x);
  if (operation == LOG) return f.log(x);
  if (operation == SQRT) return f32x4.sqrt(x);
  if (operation == RECIPROCAL) return f32x4.div(constant(1), x);
  if (operation == SQUARE) return f32x4.mul(x, x);
  if (operation == TANH) return f.tanh(x);
  if (operation == SIGMOID) return f.sigmoid(x);
  if (operation == RELU) return f32x4.max(x, constant(0));
  return f32x4.mul(x, f.normalDistribution(x));
}

/** The derivative from z: the input x or the output y, as the contract names them. */
// @ts-ignore: decorator
@inline
function derivative(operation: i32, z: v128): v128 {
  if (operation == NEG) return constant(-1);
  if (operation == ABS) {
    const sign = v128.or(constant(1), v128.and(z, i32x4.splat(0x80000000)));
    return v128.andnot(sign, f32x4.eq(z, constant(0)));
  }
  if (operation == EXP) return z;
  if (operation == LOG) return f32x4.div(constant(1), z);
  if (operation == SQRT) return f32x4.div(constant(0.5), z);
  if (operation == RECIPROCAL) return f32x4.neg(f32x4.mul(z, z));
  if (operation == SQUARE) return f32x4.add(z, z);
  if (operation == TANH) return f32x4.sub(constant(1), f32x4.mul(z, z));
  if (operation == SIGMOID) return f32x4.mul(z, f32x4.sub(constant(1), z));
  if (operation == RELU) return v128.and(constant(1), f32x4.gt(z, constant(0)));
  return f.geluSlope(z);
}

// @ts-ignore: decorator
@inline
function unaryLoop(operation: i32, x: usize, out: usize, count: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(out, apply(operation, v128.load(x)));
    x += 16;
    out += 16;
  }
  if (count > 0) storePart(out, apply(operation, loadPart(x, count)), count);
}

export function unary(operation: i32, x: usize, out: usize, begin: u32, end: u32): void {
  x += begin << 2;
  out += begin << 2;
  const count = end - begin;
  if (operation == NEG) unaryLoop(NEG, x, out, count);
  else if (operation == ABS) unaryLoop(ABS, x, out, count);
  else if (operation == EXP) unaryLoop(EXP, x, out, count);
  else if (operation == LOG) unaryLoop(LOG, x, out, count);
  else if (operation == SQRT) unaryLoop(SQRT, x, out, count);
  else if (operation == RECIPROCAL) unaryLoop(RECIPROCAL, x, out, count);
  else if (operation == SQUARE) unaryLoop(SQUARE, x, out, count);
  else if (operation == TANH) unaryLoop(TANH, x, out, count);
  else if (operation == SIGMOID) unaryLoop(SIGMOID, x, out, count);
  else if (operation == RELU) unaryLoop(RELU, x, out, count);
  else gelu(x, out, count);
}

/**
 * GELU of many elements: a vector alone mostly waits for its own chain of multiply-adds, four fill each other's waiting. A function
 * of its own, because the compiler folds the loops of `unary` into one that chooses the operation for every vector.
 */
function gelu(x: usize, out: usize, count: u32): void {
  for (; count >= 16; count -= 16) {
    const y0 = apply(GELU, v128.load(x));
    const y1 = apply(GELU, v128.load(x, 16));
    const y2 = apply(GELU, v128.load(x, 32));
    const y3 = apply(GELU, v128.load(x, 48));
    v128.store(out, y0);
    v128.store(out, y1, 16);
    v128.store(out, y2, 32);
    v128.store(out, y3, 48);
    x += 64;
    out += 64;
  }
  unaryLoop(GELU, x, out, count);
}

// @ts-ignore: decorator
@inline
function gradLoop(operation: i32, z: usize, dy: usize, dx: usize, count: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(dx, f32x4.mul(v128.load(dy), derivative(operation, v128.load(z))));
    z += 16;
    dy += 16;
    dx += 16;
  }
  if (count > 0) {
    storePart(dx, f32x4.mul(loadPart(dy, count), derivative(operation, loadPart(z, count))), count);
  }
}

export function unaryGrad(operation: i32, z: usize, dy: usize, dx: usize, begin: u32, end: u32): void {
  z += begin << 2;
  dy += begin << 2;
  dx += begin << 2;
  const count = end - begin;
  if (operation == NEG) gradLoop(NEG, z, dy, dx, count);
  else if (operation == ABS) gradLoop(ABS, z, dy, dx, count);
  else if (operation == EXP) gradLoop(EXP, z, dy, dx, count);
  else if (operation == LOG) gradLoop(LOG, z, dy, dx, count);
  else if (operation == SQRT) gradLoop(SQRT, z, dy, dx, count);
  else if (operation == RECIPROCAL) gradLoop(RECIPROCAL, z, dy, dx, count);
  else if (operation == SQUARE) gradLoop(SQUARE, z, dy, dx, count);
  else if (operation == TANH) gradLoop(TANH, z, dy, dx, count);
  else if (operation == SIGMOID) gradLoop(SIGMOID, z, dy, dx, count);
  else if (operation == RELU) gradLoop(RELU, z, dy, dx, count);
  else geluGrad(z, dy, dx, count);
}

/** As gelu. */
function geluGrad(z: usize, dy: usize, dx: usize, count: u32): void {
  for (; count >= 16; count -= 16) {
    const d0 = f32x4.mul(v128.load(dy), derivative(GELU, v128.load(z)));
    const d1 = f32x4.mul(v128.load(dy, 16), derivative(GELU, v128.load(z, 16)));
    const d2 = f32x4.mul(v128.load(dy, 32), derivative(GELU, v128.load(z, 32)));
    const d3 = f32x4.mul(v128.load(dy, 48), derivative(GELU, v128.load(z, 48)));
    v128.store(dx, d0);
    v128.store(dx, d1, 16);
    v128.store(dx, d2, 32);
    v128.store(dx, d3, 48);
    z += 64;
    dy += 64;
    dx += 64;
  }
  gradLoop(GELU, z, dy, dx, count);
}

/** Writes the 32-bit pattern, so that it serves f32 and i32. */
export function fill(out: usize, bits: i32, begin: u32, end: u32): void {
  out += begin << 2;
  const lanes = i32x4.splat(bits);
  let count = end - begin;
  for (; count >= 4; count -= 4) {
    v128.store(out, lanes);
    out += 16;
  }
  if (count > 0) storePart(out, lanes, count);
}

export function intToFloat(x: usize, out: usize, count: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(out, f32x4.convert_i32x4_s(v128.load(x)));
    x += 16;
    out += 16;
  }
  if (count > 0) storePart(out, f32x4.convert_i32x4_s(loadPart(x, count)), count);
}

export function floatToInt(x: usize, out: usize, count: u32): void {
  for (; count >= 4; count -= 4) {
    v128.store(out, i32x4.trunc_sat_f32x4_s(v128.load(x)));
    x += 16;
    out += 16;
  }
  if (count > 0) storePart(out, i32x4.trunc_sat_f32x4_s(loadPart(x, count)), count);
}

/** Nearest f16, ties to even. Above half's normal range by integer rounding, below it by adding a magic number. */
// @ts-ignore: decorator
@inline
function half(x: v128): v128 {
  const signBit = i32x4.splat(0x80000000);
  const sign = v128.and(x, signBit);
  const magnitude = v128.andnot(x, signBit);
  const even = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const rounded = i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff)), even);
  const normal = v128.andnot(rounded, i32x4.splat(0x1fff));
  // 0.75 has the unit 2^-24 in the last place: the spacing of subnormal halves.
  const small = f32x4.sub(f32x4.add(magnitude, constant(0.75)), constant(0.75));
  let y = v128.bitselect(small, normal, f32x4.lt(magnitude, constant(6.103515625e-5)));
  y = v128.bitselect(constant(Infinity), y, f32x4.gt(y, constant(65504)));
  y = v128.bitselect(y, magnitude, f32x4.eq(x, x));
  return v128.or(y, sign);
}

export function roundToHalf(x: usize, out: usize, begin: u32, end: u32): void {
  x += begin << 2;
  out += begin << 2;
  let count = end - begin;
  for (; count >= 4; count -= 4) {
    v128.store(out, half(v128.load(x)));
    x += 16;
    out += 16;
  }
  if (count > 0) storePart(out, half(loadPart(x, count)), count);
}

export function affine(x: usize, out: usize, scale: f32, shift: f32, begin: u32, end: u32): void {
  x += begin << 2;
  out += begin << 2;
  const s = constant(scale);
  const t = constant(shift);
  let count = end - begin;
  for (; count >= 4; count -= 4) {
    v128.store(out, f32x4.add(f32x4.mul(v128.load(x), s), t));
    x += 16;
    out += 16;
  }
  if (count > 0) storePart(out, f32x4.add(f32x4.mul(loadPart(x, count), s), t), count);
}

export function addTo(x: usize, out: usize, scale: f32, begin: u32, end: u32): void {
  x += begin << 2;
  out += begin << 2;
  const s = constant(scale);
  let count = end - begin;
  for (; count >= 4; count -= 4) {
    v128.store(out, madd(v128.load(x), s, v128.load(out)));
    x += 16;
    out += 16;
  }
  if (count > 0) storePart(out, madd(loadPart(x, count), s, loadPart(out, count)), count);
}

// @ts-ignore: decorator
@inline
function adamwStep(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  count: u32,
  gradientScale: f32,
  beta1: f32,
  beta2: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  stepSize: f32,
  secondMomentScale: f32,
  epsilon: f32,
  decayBefore: f32,
  decayAfter: f32,
): void {
  const whole = count >= 4;
  let parameter = whole ? v128.load(p) : loadPart(p, count);
  const gradient = f32x4.mul(whole ? v128.load(g) : loadPart(g, count), constant(gradientScale));
  let first = f32x4.mul(whole ? v128.load(m) : loadPart(m, count), constant(beta1));
  first = madd(gradient, constant(oneMinusBeta1), first);
  let second = f32x4.mul(whole ? v128.load(v) : loadPart(v, count), constant(beta2));
  second = madd(f32x4.mul(gradient, gradient), constant(oneMinusBeta2), second);
  const denominator = madd(f32x4.sqrt(second), constant(secondMomentScale), constant(epsilon));
  parameter = f32x4.mul(parameter, constant(decayBefore));
  parameter = f32x4.sub(parameter, f32x4.div(f32x4.mul(first, constant(stepSize)), denominator));
  parameter = f32x4.mul(parameter, constant(decayAfter));
  if (whole) {
    v128.store(p, parameter);
    v128.store(m, first);
    v128.store(v, second);
  } else {
    storePart(p, parameter, count);
    storePart(m, first, count);
    storePart(v, second, count);
  }
}

/** decayBefore and decayAfter are the factors 1 − decay here. */
export function adamw(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  gradientScale: f32,
  beta1: f32,
  beta2: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  stepSize: f32,
  secondMomentScale: f32,
  epsilon: f32,
  decayBefore: f32,
  decayAfter: f32,
  begin: u32,
  end: u32,
): void {
  const offset = begin << 2;
  p += offset;
  g += offset;
  m += offset;
  v += offset;
  for (let count = end - begin; count > 0;) {
    adamwStep(
      p,
      g,
      m,
      v,
      count,
      gradientScale,
      beta1,
      beta2,
      oneMinusBeta1,
      oneMinusBeta2,
      stepSize,
      secondMomentScale,
      epsilon,
      decayBefore,
      decayAfter,
    );
    if (count <= 4) break;
    count -= 4;
    p += 16;
    g += 16;
    m += 16;
    v += 16;
  }
}
