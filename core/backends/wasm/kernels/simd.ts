// Vector helpers and the elementary functions on four f32 lanes: multiply-add, exp, log, tanh, normal distribution.
// It leaves loops over memory to the other kernel files. Polynomials are our own least-maximum fits (errors beside each).

/** a · b + c: fused in the relaxed twin, rounded twice in the plain one. */
// @ts-ignore: decorator

export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator

export function constant(x: f32): v128 {
  return f32x4.splat(x);
}

/** Lane i is all ones where i < count. */
// @ts-ignore: decorator

export function laneMask(count: u32): v128 {
  return i32x4.gt_s(i32x4.splat(<i32> count), i32x4(0, 1, 2, 3));
}

/** Loads the first `count` (1..3) floats without touching the bytes after them. */
// @ts-ignore: decorator

export function loadPart(pointer: usize, count: u32): v128 {
  let lanes = v128.load32_zero(pointer);
  if (count > 1) lanes = v128.load_lane<f32>(pointer, lanes, 1, 4);
  if (count > 2) lanes = v128.load_lane<f32>(pointer, lanes, 2, 8);
  return lanes;
}

// @ts-ignore: decorator

export function storePart(pointer: usize, lanes: v128, count: u32): void {
  v128.store_lane<f32>(pointer, lanes, 0);
  if (count > 1) v128.store_lane<f32>(pointer, lanes, 1, 4);
  if (count > 2) v128.store_lane<f32>(pointer, lanes, 2, 8);
}

// @ts-ignore: decorator

export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

// @ts-ignore: decorator

export function maxLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** e^x to 1 or 2 units in the last place; 0 and infinity beyond the range, NaN stays. */
// @ts-ignore: decorator

export function exp(x: v128): v128 {
  const limited = f32x4.min(f32x4.max(x, constant(-104)), constant(89));
  const n = f32x4.nearest(f32x4.mul(limited, constant(1.4426950408889634)));
  let r = madd(n, constant(-0.693359375), limited);
  r = madd(n, constant(2.12194440e-4), r);
  // e^r = 1 + r + r²·P(r) on |r| ≤ ln2 / 2, error 3e-9.
  let p = madd(constant(0.0013950485736131668), r, constant(0.00836888700723648));
  p = madd(p, r, constant(0.04166620597243309));
  p = madd(p, r, constant(0.166665181517601));
  p = madd(p, r, constant(0.5));
  p = madd(f32x4.mul(r, r), p, r);
  p = f32x4.add(p, constant(1));
  // 2^n in two factors, so that 2^128 and the denormals come out by rounding.
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  const bias = i32x4.splat(127);
  const first = i32x4.shl(i32x4.add(half, bias), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(whole, half), bias), 23);
  return f32x4.mul(f32x4.mul(p, first), second);
}

/** As exp, for arguments in [-87, 0]: smaller ones give 0. One factor less. */
// @ts-ignore: decorator

export function expNegative(x: v128): v128 {
  const n = f32x4.nearest(f32x4.mul(f32x4.max(x, constant(-87.3)), constant(1.4426950408889634)));
  let r = madd(n, constant(-0.693359375), f32x4.max(x, constant(-87.3)));
  r = madd(n, constant(2.12194440e-4), r);
  let p = madd(constant(0.0013950485736131668), r, constant(0.00836888700723648));
  p = madd(p, r, constant(0.04166620597243309));
  p = madd(p, r, constant(0.166665181517601));
  p = madd(p, r, constant(0.5));
  p = madd(f32x4.mul(r, r), p, r);
  p = f32x4.add(p, constant(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return v128.andnot(f32x4.mul(p, power), f32x4.lt(x, constant(-87.3)));
}

/** Natural logarithm: -infinity at 0, NaN below. */
// @ts-ignore: decorator

export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, constant(1.1754943508222875e-38));
  const scaled = v128.bitselect(f32x4.mul(x, constant(8388608)), x, tiny);
  // Mantissa in [√½, √2).
  const offset = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.shr_s(offset, 23);
  const mantissa = i32x4.add(v128.and(offset, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const e = f32x4.sub(f32x4.convert_i32x4_s(exponent), v128.and(tiny, constant(23)));
  const f = f32x4.div(f32x4.sub(mantissa, constant(1)), f32x4.add(mantissa, constant(1)));
  const f2 = f32x4.mul(f, f);
  let p = madd(f2, constant(1.0 / 9.0), constant(1.0 / 7.0));
  p = madd(p, f2, constant(0.2));
  p = madd(p, f2, constant(1.0 / 3.0));
  const twice = f32x4.add(f, f);
  p = madd(f32x4.mul(twice, f2), p, f32x4.mul(e, constant(-2.12194440e-4)));
  const finite = madd(e, constant(0.693359375), f32x4.add(p, twice));
  const infinite = f32x4.eq(x, constant(Infinity));
  const zero = f32x4.eq(x, constant(0));
  const invalid = v128.not(f32x4.ge(x, constant(0)));
  let y = v128.bitselect(constant(Infinity), finite, infinite);
  y = v128.bitselect(constant(-Infinity), y, zero);
  return v128.bitselect(constant(NaN), y, invalid);
}

// @ts-ignore: decorator

export function tanh(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  // tanh x = x + x³·P(x²) on |x| ≤ 0.625, error 4e-9.
  let p = madd(constant(-0.0057169669307768345), square, constant(0.02065052092075348));
  p = madd(p, square, constant(-0.053743477910757065));
  p = madd(p, square, constant(0.13331490755081177));
  p = madd(p, square, constant(-0.3333328366279602));
  const near = madd(f32x4.mul(p, square), x, x);
  const decay = exp(f32x4.mul(magnitude, constant(-2)));
  const far = f32x4.div(f32x4.sub(constant(1), decay), f32x4.add(constant(1), decay));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(magnitude, constant(0.625)));
}

// @ts-ignore: decorator

export function sigmoid(x: v128): v128 {
  return f32x4.div(constant(1), f32x4.add(constant(1), exp(f32x4.neg(x))));
}

/** Φ(x), the standard normal distribution function, given e^(−x²/2); absolute error below 1e-7. */
// @ts-ignore: decorator

export function normalDistribution(x: v128, decay: v128): v128 {
  const magnitude = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  // Φ(x) = ½ + x·P(x²) on |x| ≤ 1.25, error 2e-9.
  let p = madd(constant(-6.644858331128489e-6), square, constant(0.0001103274553315714));
  p = madd(p, square, constant(-0.001182709587737918));
  p = madd(p, square, constant(0.009971500374376774));
  p = madd(p, square, constant(-0.06648998707532883));
  p = madd(p, square, constant(0.3989422619342804));
  const centre = madd(p, x, constant(0.5));
  // Φ(−|x|) = e^(−x²/2)·Q(t), t = 1 / (1 + 0.32·|x|), relative error 6e-8.
  const t = f32x4.div(constant(1), madd(magnitude, constant(0.32), constant(1)));
  let q = madd(constant(-0.08024445921182632), t, constant(0.1742583066225052));
  q = madd(q, t, constant(0.015020858496427536));
  q = madd(q, t, constant(0.13998760282993317));
  q = madd(q, t, constant(0.1225728765130043));
  q = madd(q, t, constant(0.12820965051651));
  q = madd(q, t, constant(-2.4469512936775573e-5));
  const tail = f32x4.mul(q, decay);
  const outer = v128.bitselect(tail, f32x4.sub(constant(1), tail), f32x4.lt(x, constant(0)));
  return v128.bitselect(centre, outer, f32x4.lt(magnitude, constant(1.25)));
}

/** e^(−x²/2); for NaN it is NaN. */
// @ts-ignore: decorator

export function normalDecay(x: v128): v128 {
  return expNegative(f32x4.mul(f32x4.mul(x, x), constant(-0.5)));
}
