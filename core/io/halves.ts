// Packs numbers into 16-bit floats and back: IEEE half (f16) and bfloat16.
// It leaves rounding of whole buffers on a device to the kernel roundToHalf.

const scratch = new DataView(new ArrayBuffer(4));

/** Value of the f16 with these 16 bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Bits of the f16 nearest to a float32 value, ties to even; magnitudes from 65520 on become infinity. */
export function numberToHalf(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  if (exponent >= 31) return sign | (exponent === 143 && fraction ? 0x7e00 : 0x7c00);
  if (exponent < -10) return sign;
  // Below the normal range the hidden one joins the fraction, shifted further right.
  const shift = exponent > 0 ? 13 : 14 - exponent;
  const whole = exponent > 0 ? (exponent << 23) | fraction : fraction | 0x800000;
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  // A carry out of the fraction raises the exponent by one, as it should.
  return sign | (kept + (rest > middle || (rest === middle && (kept & 1)) ? 1 : 0));
}

/** Value of the bfloat16 with these 16 bits: the upper half of a float32. */
export function bfloatToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
