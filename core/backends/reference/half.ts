// Rounds a number to the nearest IEEE half float (f16).
// It leaves packing into bits to io/halves.ts.

/** Nearest f16 value, ties to even; magnitudes from 65520 on become ±infinity. */
export function roundToHalf(x: number): number {
  const magnitude = Math.abs(x);
  if (!Number.isFinite(x) || magnitude === 0) return x;
  if (magnitude >= 65520) return x > 0 ? Infinity : -Infinity;
  // Spacing of half floats around x: 10 fraction bits, exponent at least −14 (below: subnormals).
  let exponent = -14;
  while (magnitude >= 2 ** (exponent + 1)) exponent++;
  const spacing = 2 ** (exponent - 10);
  const quotient = magnitude / spacing;
  let rounded = Math.floor(quotient);
  const rest = quotient - rounded;
  if (rest > 0.5 || (rest === 0.5 && rounded % 2 === 1)) rounded++;
  return Math.sign(x) * rounded * spacing;
}
