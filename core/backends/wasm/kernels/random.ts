// Philox 4x32-10 on four counters at a time, and dropout from its words.
// It leaves the meaning of the counter words (purpose, step) to core/random.ts. Source: Salmon et al., SC 2011.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { constant, loadPart, storePart } from "./simd";

// @ts-ignore: decorator
@inline
function lowWords(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function highWords(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7);
}

/** Writes words 4·first … 4·first + 16·groups − 1 of the stream. */
export function philox(
  out: usize,
  first: u32,
  groups: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
): void {
  const m0 = i32x4.splat(0xD2511F53);
  const m1 = i32x4.splat(0xCD9E8D57);
  let counter = i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3));
  for (; groups > 0; groups--) {
    let x0 = counter;
    let x1 = i32x4.splat(c1);
    let x2 = i32x4.splat(c2);
    let x3 = i32x4.splat(c3);
    let key0 = k0;
    let key1 = k1;
    for (let round = 0; round < 10; round++) {
      const a0 = i64x2.extmul_low_i32x4_u(x0, m0);
      const a1 = i64x2.extmul_high_i32x4_u(x0, m0);
      const b0 = i64x2.extmul_low_i32x4_u(x2, m1);
      const b1 = i64x2.extmul_high_i32x4_u(x2, m1);
      x0 = v128.xor(v128.xor(highWords(b0, b1), x1), i32x4.splat(key0));
      x1 = lowWords(b0, b1);
      x2 = v128.xor(v128.xor(highWords(a0, a1), x3), i32x4.splat(key1));
      x3 = lowWords(a0, a1);
      key0 += 0x9E3779B9;
      key1 += 0xBB67AE85;
    }
    const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<i64>(low01, low23, 0, 2));
    v128.store(out, v128.shuffle<i64>(low01, low23, 1, 3), 16);
    v128.store(out, v128.shuffle<i64>(high01, high23, 0, 2), 32);
    v128.store(out, v128.shuffle<i64>(high01, high23, 1, 3), 48);
    counter = i32x4.add(counter, i32x4.splat(4));
    out += 64;
  }
}

/** Elements begin … end − 1; begin is a multiple of 16. `words` has room for 1024 words. */
export function dropout(
  x: usize,
  out: usize,
  threshold: u32,
  scale: f32,
  c1: u32,
  c2: u32,
  c3: u32,
  k0: u32,
  k1: u32,
  c0: u32,
  words: usize,
  begin: u32,
  end: u32,
): void {
  const limit = i32x4.splat(threshold);
  const factor = constant(scale);
  while (begin < end) {
    let count = min<u32>(1024, end - begin);
    philox(words, c0 + (begin >> 2), (count + 15) >> 4, c1, c2, c3, k0, k1);
    let p = x + (begin << 2);
    let q = out + (begin << 2);
    let w = words;
    begin += count;
    for (; count >= 4; count -= 4) {
      const keep = i32x4.ge_u(v128.load(w), limit);
      v128.store(q, v128.and(f32x4.mul(v128.load(p), factor), keep));
      p += 16;
      q += 16;
      w += 16;
    }
    if (count > 0) {
      const keep = i32x4.ge_u(v128.load(w), limit);
      storePart(q, v128.and(f32x4.mul(loadPart(p, count), factor), keep), count);
    }
  }
}
