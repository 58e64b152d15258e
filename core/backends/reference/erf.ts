// Error function, its complement and the normal distribution in float64, to about 1e-15.
// It leaves speed to the other backends, which use shorter approximations and are judged by this one.

const TWO_OVER_SQRT_PI = 1.1283791670955126;
const INVERSE_SQRT_PI = 0.5641895835477563;
const SQRT_HALF = 0.7071067811865476;
const INVERSE_SQRT_TWO_PI = 0.3989422804014327;

/** Below this the series converges quickly, above it the continued fraction does. */
const SERIES_LIMIT = 2.5;

/** erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): every term is positive, so nothing cancels (Abramowitz & Stegun 7.1.6). */
function series(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-18; n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
}

/** erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))) for x > 0 (Abramowitz & Stegun 7.1.14). */
function continuedFraction(x: number): number {
  let tail = x;
  for (let n = 100; n >= 1; n--) tail = x + n / 2 / tail;
  return INVERSE_SQRT_PI * Math.exp(-x * x) / tail;
}

/** Error function. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < 0) return -erf(-x);
  if (x === 0) return 0;
  return x < SERIES_LIMIT ? series(x) : 1 - continuedFraction(x);
}

/** Complementary error function 1 − erf x, without cancellation for large x. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x === Infinity) return 0;
  return x < SERIES_LIMIT ? 1 - erf(x) : continuedFraction(x);
}

/** Φ(x): the probability that a standard normal variable is at most x. */
export function normalDistribution(x: number): number {
  return 0.5 * erfc(-x * SQRT_HALF);
}

/** φ(x) = e^(−x²/2) / √2π. */
export function normalDensity(x: number): number {
  return INVERSE_SQRT_TWO_PI * Math.exp(-0.5 * x * x);
}
