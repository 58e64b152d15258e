// Vector helpers and the elementary functions on four f32 lanes: multiply-add, exp, log, tanh, normal distribution.
// It leaves loops over memory to the other kernel files. Polynomials are our own least-maximum fits (errors beside each).
//
// Their coefficients are read from tables: V8 builds a vector constant anew, in several instructions, at every use.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

/** a · b + c: fused in the relaxed twin, rounded twice in the plain one. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
export function constant(x: f32): v128 {
  return f32x4.splat(x);
}

/** Lane i is all ones where i < count. */
// @ts-ignore: decorator
@inline
export function laneMask(count: u32): v128 {
  return i32x4.gt_s(i32x4.splat(<i32> count), i32x4(0, 1, 2, 3));
}

/** Loads the first `count` (1..3) floats without touching the bytes after them. */
// @ts-ignore: decorator
@inline
export function loadPart(pointer: usize, count: u32): v128 {
  let lanes = v128.load32_zero(pointer);
  if (count > 1) lanes = v128.load_lane<f32>(pointer, lanes, 1, 4);
  if (count > 2) lanes = v128.load_lane<f32>(pointer, lanes, 2, 8);
  return lanes;
}

// @ts-ignore: decorator
@inline
export function storePart(pointer: usize, lanes: v128, count: u32): void {
  v128.store_lane<f32>(pointer, lanes, 0);
  if (count > 1) v128.store_lane<f32>(pointer, lanes, 1, 4);
  if (count > 2) v128.store_lane<f32>(pointer, lanes, 2, 8);
}

// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

// @ts-ignore: decorator
@inline
export function maxLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** Number `i` of a table, in all four lanes. */
// @ts-ignore: decorator
@inline
function at(table: usize, i: u32): v128 {
  return v128.load32_splat(table + (<usize> i << 2));
}

/** Lanes of a where the mask is ones, of b where it is zeros. */
// @ts-ignore: decorator
@inline
export function select(a: v128, b: v128, mask: v128): v128 {
  return v128.bitselect(a, b, mask);
}

// 0 limits of exp, 2 its negative limit, 3 log2 e, 4 1.5 · 2^23 (adding it rounds to a whole number in the low bits),
// 5 the two parts of −ln 2, 7 P: e^r = 1 + r + r²·P(r) on |r| ≤ ln2 / 2, error 3e-9, 12 one.
const EXP: usize = memory.data<f32>([
  -104,
  89,
  -88,
  1.4426950408889634,
  12582912,
  -0.693359375,
  2.12194440e-4,
  0.0013950485736131668,
  0.00836888700723648,
  0.04166620597243309,
  0.166665181517601,
  0.5,
  1,
], 16);

/** e^r for the rest r = x − n · ln 2. */
// @ts-ignore: decorator
@inline
function expRest(x: v128, n: v128): v128 {
  let r = madd(n, at(EXP, 5), x);
  r = madd(n, at(EXP, 6), r);
  let p = madd(at(EXP, 7), r, at(EXP, 8));
  p = madd(p, r, at(EXP, 9));
  p = madd(p, r, at(EXP, 10));
  p = madd(p, r, at(EXP, 11));
  return f32x4.add(madd(f32x4.mul(r, r), p, r), at(EXP, 12));
}

/** e^x to 1 or 2 units in the last place; 0 and infinity beyond the range, NaN stays. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const limited = f32x4.pmin(f32x4.pmax(x, at(EXP, 0)), at(EXP, 1));
  const magic = at(EXP, 4);
  const rounded = madd(limited, at(EXP, 3), magic);
  const p = expRest(limited, f32x4.sub(rounded, magic));
  // 2^n in two factors, so that 2^128 and the denormals come out by rounding.
  const whole = i32x4.sub(rounded, magic);
  const half = i32x4.shr_s(whole, 1);
  const one = at(EXP, 12);
  const first = i32x4.add(i32x4.shl(half, 23), one);
  const second = i32x4.add(i32x4.shl(i32x4.sub(whole, half), 23), one);
  return f32x4.mul(f32x4.mul(p, first), second);
}

/** As exp, for x ≤ 0; exactly 0 below −87.7. One factor less. */
// @ts-ignore: decorator
@inline
export function expNegative(x: v128): v128 {
  const limited = f32x4.pmax(x, at(EXP, 2));
  const magic = at(EXP, 4);
  const rounded = madd(limited, at(EXP, 3), magic);
  const p = expRest(limited, f32x4.sub(rounded, magic));
  // For n = −127 the bits of the power are those of 0.
  return f32x4.mul(p, i32x4.add(i32x4.shl(rounded, 23), at(EXP, 12)));
}

/** Natural logarithm: -infinity at 0, NaN below. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, constant(1.1754943508222875e-38));
  const scaled = select(f32x4.mul(x, constant(8388608)), x, tiny);
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
  let y = select(constant(Infinity), finite, infinite);
  y = select(constant(-Infinity), y, zero);
  return select(constant(NaN), y, invalid);
}

// 0 P: tanh x = x + x³·P(x²) on |x| ≤ 0.625, error 4e-9; 5 that limit, 6 −2, 7 one, 8 the sign bit.
const TANH: usize = memory.data<f32>([
  -0.0057169669307768345,
  0.02065052092075348,
  -0.053743477910757065,
  0.13331490755081177,
  -0.3333328366279602,
  0.625,
  -2,
  1,
  -0.0,
], 16);

// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = madd(at(TANH, 0), square, at(TANH, 1));
  p = madd(p, square, at(TANH, 2));
  p = madd(p, square, at(TANH, 3));
  p = madd(p, square, at(TANH, 4));
  const near = madd(f32x4.mul(p, square), x, x);
  const decay = expNegative(f32x4.mul(magnitude, at(TANH, 6)));
  const one = at(TANH, 7);
  const far = f32x4.div(f32x4.sub(one, decay), f32x4.add(one, decay));
  const signed = v128.or(far, v128.and(x, at(TANH, 8)));
  return select(near, signed, f32x4.lt(magnitude, at(TANH, 5)));
}

// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = at(EXP, 12);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}

// 0 P and 6 Q: Φ(x) = ½ + x·P(x²) / Q(x²) on |x| ≤ 5.5, error 7e-8; beyond, the quotient is ½ or more and is cut there. 12 that
// limit, 13 and 14 the two cuts.
const NORMAL: usize = memory.data<f32>([
  2.275053923028736e-8,
  6.351853244268568e-6,
  0.00016880138718988746,
  0.004677111282944679,
  0.03385037183761597,
  0.3989422619342804,
  1.197518827211752e-6,
  7.363921031355858e-5,
  0.0018843073630705476,
  0.028644541278481483,
  0.251516193151474,
  1,
  5.5,
  0.5,
  -0.5,
  -5.5,
], 16);

/** x·P(x²) / Q(x²) for the coefficients in a table of the two, highest powers first. */
// @ts-ignore: decorator
@inline
function oddQuotient(table: usize, x: v128): v128 {
  const square = f32x4.mul(x, x);
  let p = madd(at(table, 0), square, at(table, 1));
  let q = madd(at(table, 6), square, at(table, 7));
  p = madd(p, square, at(table, 2));
  q = madd(q, square, at(table, 8));
  p = madd(p, square, at(table, 3));
  q = madd(q, square, at(table, 9));
  p = madd(p, square, at(table, 4));
  q = madd(q, square, at(table, 10));
  p = madd(p, square, at(table, 5));
  q = madd(q, square, at(table, 11));
  return f32x4.div(f32x4.mul(x, p), q);
}

/** Φ(x), the standard normal distribution function; absolute error below 3e-7, exactly 0 and 1 beyond ±5.5. */
// @ts-ignore: decorator
@inline
export function normalDistribution(x: v128): v128 {
  const limited = f32x4.pmin(f32x4.pmax(x, at(NORMAL, 15)), at(NORMAL, 12));
  const half = at(NORMAL, 13);
  const odd = f32x4.pmin(f32x4.pmax(oddQuotient(NORMAL, limited), at(NORMAL, 14)), half);
  return f32x4.add(odd, half);
}

// As NORMAL, for Φ(x) + x·φ(x) = ½ + x·P(x²) / Q(x²) on |x| ≤ 5.9, error 1.2e-7.
const GELU_SLOPE: usize = memory.data<f32>([
  1.9291832131784759e-7,
  3.5955225030193105e-5,
  1.923802301462274e-5,
  0.014230218715965748,
  -0.030995015054941177,
  0.7978853583335876,
  8.952065400080755e-6,
  0.0001920403738040477,
  0.003523050108924508,
  0.040980465710163116,
  0.2944950759410858,
  1,
  5.9,
  0.5,
  0,
  -5.9,
], 16);

/** Φ(x) + x·φ(x), the slope of x·Φ(x); absolute error below 4e-7. */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128): v128 {
  const limited = f32x4.pmin(f32x4.pmax(x, at(GELU_SLOPE, 15)), at(GELU_SLOPE, 12));
  return f32x4.add(oddQuotient(GELU_SLOPE, limited), at(GELU_SLOPE, 13));
}
