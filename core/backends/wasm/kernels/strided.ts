// Kernels over shapes of at most 5 axes: broadcasting binary operations and strided copies; and reductions over an axis.
// It leaves checks of shapes to the callers. The shape block in memory is described in memory.ts.
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { AXES, SHAPE_BLOCK } from "./memory";
import { constant, loadPart, maxLanes, storePart } from "./simd";

const ADD: i32 = 0;
const SUB: i32 = 1;
const MUL: i32 = 2;
const DIV: i32 = 3;
const MAX: i32 = 4;
const MIN: i32 = 5;

// @ts-ignore: decorator
@inline
function apply(operation: i32, a: v128, b: v128): v128 {
  if (operation == ADD) return f32x4.add(a, b);
  if (operation == SUB) return f32x4.sub(a, b);
  if (operation == MUL) return f32x4.mul(a, b);
  if (operation == DIV) return f32x4.div(a, b);
  if (operation == MAX) return f32x4.max(a, b);
  return f32x4.min(a, b);
}

/** One run of `count` elements; a step is 4 (dense), 0 (one value) or any other number of bytes (gathered). */
// @ts-ignore: decorator
@inline
function runLoop(
  operation: i32,
  a: usize,
  stepA: usize,
  b: usize,
  stepB: usize,
  out: usize,
  count: u32,
): void {
  if (stepA == 4 && stepB == 4) {
    for (; count >= 4; count -= 4) {
      v128.store(out, apply(operation, v128.load(a), v128.load(b)));
      a += 16;
      b += 16;
      out += 16;
    }
    if (count > 0) storePart(out, apply(operation, loadPart(a, count), loadPart(b, count)), count);
  } else if (stepA == 4 && stepB == 0) {
    const y = v128.load32_splat(b);
    for (; count >= 4; count -= 4) {
      v128.store(out, apply(operation, v128.load(a), y));
      a += 16;
      out += 16;
    }
    if (count > 0) storePart(out, apply(operation, loadPart(a, count), y), count);
  } else if (stepA == 0 && stepB == 4) {
    const x = v128.load32_splat(a);
    for (; count >= 4; count -= 4) {
      v128.store(out, apply(operation, x, v128.load(b)));
      b += 16;
      out += 16;
    }
    if (count > 0) storePart(out, apply(operation, x, loadPart(b, count)), count);
  } else {
    for (; count > 0; count--) {
      v128.store_lane<f32>(out, apply(operation, v128.load32_zero(a), v128.load32_zero(b)), 0);
      a += stepA;
      b += stepB;
      out += 4;
    }
  }
}

function run(operation: i32, a: usize, stepA: usize, b: usize, stepB: usize, out: usize, count: u32): void {
  if (operation == ADD) runLoop(ADD, a, stepA, b, stepB, out, count);
  else if (operation == SUB) runLoop(SUB, a, stepA, b, stepB, out, count);
  else if (operation == MUL) runLoop(MUL, a, stepA, b, stepB, out, count);
  else if (operation == DIV) runLoop(DIV, a, stepA, b, stepB, out, count);
  else if (operation == MAX) runLoop(MAX, a, stepA, b, stepB, out, count);
  else runLoop(MIN, a, stepA, b, stepB, out, count);
}

// @ts-ignore: decorator
@inline
function size(axis: u32): u32 {
  return load<u32>(SHAPE_BLOCK + (axis << 2));
}

/** Stride in elements of operand 0 or 1. */
// @ts-ignore: decorator
@inline
function stride(operand: u32, axis: u32): u32 {
  return load<u32>(SHAPE_BLOCK + (((operand + 1) * AXES + axis) << 2));
}

/** Joins neighbouring axes that both operands walk as one; the joined axes end at the back, the front gets size 1. */
export function mergeAxes(): void {
  let to: u32 = AXES - 1;
  for (let from: i32 = AXES - 2; from >= 0; from--) {
    const n = size(from);
    if (n == 1) continue;
    const inner = size(to);
    const s0 = stride(0, from);
    const s1 = stride(1, from);
    if (inner == 1 || (s0 == inner * stride(0, to) && s1 == inner * stride(1, to))) {
      store<u32>(SHAPE_BLOCK + (to << 2), n * inner);
      if (inner == 1) {
        store<u32>(SHAPE_BLOCK + ((AXES + to) << 2), s0);
        store<u32>(SHAPE_BLOCK + ((2 * AXES + to) << 2), s1);
      }
    } else {
      to--;
      store<u32>(SHAPE_BLOCK + (to << 2), n);
      store<u32>(SHAPE_BLOCK + ((AXES + to) << 2), s0);
      store<u32>(SHAPE_BLOCK + ((2 * AXES + to) << 2), s1);
    }
  }
  while (to > 0) {
    to--;
    store<u32>(SHAPE_BLOCK + (to << 2), 1);
    store<u32>(SHAPE_BLOCK + ((AXES + to) << 2), 0);
    store<u32>(SHAPE_BLOCK + ((2 * AXES + to) << 2), 0);
  }
}

/** Offset in elements of outer index `line` (all axes but the last) for one operand. */
function lineOffset(operand: u32, line: u32): u32 {
  let offset: u32 = 0;
  for (let axis: i32 = AXES - 2; axis >= 0; axis--) {
    const n = size(axis);
    if (n == 1) continue;
    const rest = line / n;
    offset += (line - rest * n) * stride(operand, axis);
    line = rest;
  }
  return offset;
}

/** Lines begin … end − 1, a line being a run over the last axis; out is dense. */
export function binary(operation: i32, a: usize, b: usize, out: usize, begin: u32, end: u32): void {
  const inner = size(AXES - 1);
  const stepA = stride(0, AXES - 1) << 2;
  const stepB = stride(1, AXES - 1) << 2;
  for (let line = begin; line < end; line++) {
    run(
      operation,
      a + (lineOffset(0, line) << 2),
      stepA,
      b + (lineOffset(1, line) << 2),
      stepB,
      out + ((line * inner) << 2),
      inner,
    );
  }
}

/** A piece of a single line whose operands are dense or one value. */
export function binaryPiece(operation: i32, a: usize, b: usize, out: usize, begin: u32, end: u32): void {
  const stepA = stride(0, AXES - 1) << 2;
  const stepB = stride(1, AXES - 1) << 2;
  run(operation, a + begin * stepA, stepA, b + begin * stepB, stepB, out + (begin << 2), end - begin);
}

/** Operand 0 is the source, operand 1 the destination. */
export function stridedCopy(x: usize, out: usize, begin: u32, end: u32): void {
  const inner = size(AXES - 1);
  const stepX = stride(0, AXES - 1) << 2;
  const stepOut = stride(1, AXES - 1) << 2;
  for (let line = begin; line < end; line++) {
    let from = x + (lineOffset(0, line) << 2);
    let to = out + (lineOffset(1, line) << 2);
    if (stepX == 4 && stepOut == 4) {
      let count = inner;
      for (; count >= 4; count -= 4) {
        v128.store(to, v128.load(from));
        from += 16;
        to += 16;
      }
      if (count > 0) storePart(to, loadPart(from, count), count);
    } else {
      for (let count = inner; count > 0; count--) {
        store<u32>(to, load<u32>(from));
        from += stepX;
        to += stepOut;
      }
    }
  }
}

/** Elements summed into one partial before it joins the total: shorter chains lose less. */
const SUM_BLOCK: u32 = 128;

function columnFour(maximum: bool, x: usize, step: usize, length: u32, count: u32): v128 {
  const start = maximum ? constant(-Infinity) : constant(0);
  let total = start;
  for (let first: u32 = 0; first < length; first += SUM_BLOCK) {
    const last = min(length, first + SUM_BLOCK);
    let part = start;
    for (let i = first; i < last; i++) {
      const value = count >= 4 ? v128.load(x) : loadPart(x, count);
      part = maximum ? f32x4.max(part, value) : f32x4.add(part, value);
      x += step;
    }
    total = maximum ? f32x4.max(total, part) : f32x4.add(total, part);
  }
  return total;
}

/** One contiguous run, in double precision for sums. */
function contiguous(maximum: bool, x: usize, length: u32): f32 {
  let i: u32 = length;
  if (maximum) {
    let best = constant(-Infinity);
    for (; i >= 4; i -= 4) {
      best = f32x4.max(best, v128.load(x));
      x += 16;
    }
    let result = maxLanes(best);
    for (; i > 0; i--) {
      result = max(result, f32.load(x));
      x += 4;
    }
    return result;
  }
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; i >= 4; i -= 4) {
    low = f64x2.add(low, f64x2.promote_low_f32x4(v128.load64_zero(x)));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.load64_zero(x, 8)));
    x += 16;
  }
  low = f64x2.add(low, high);
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
  for (; i > 0; i--) {
    sum += <f64> f32.load(x);
    x += 4;
  }
  return <f32> sum;
}

/** inner = 1: outputs begin … end − 1. Otherwise groups of four inner columns, ⌈inner / 4⌉ to each outer index. */
export function reduce(
  maximum: bool,
  x: usize,
  out: usize,
  length: u32,
  inner: u32,
  scale: f32,
  accumulate: bool,
  begin: u32,
  end: u32,
): void {
  if (inner == 1) {
    for (let o = begin; o < end; o++) {
      const value = scale * contiguous(maximum, x + ((o * length) << 2), length);
      const to = out + (o << 2);
      f32.store(to, accumulate ? f32.load(to) + value : value);
    }
    return;
  }
  const groups = (inner + 3) >> 2;
  for (let item = begin; item < end; item++) {
    const o = item / groups;
    const column = (item - o * groups) << 2;
    const count = min<u32>(4, inner - column);
    const from = x + ((o * length * inner + column) << 2);
    const to = out + ((o * inner + column) << 2);
    let value = f32x4.mul(columnFour(maximum, from, inner << 2, length, count), constant(scale));
    if (count == 4) {
      if (accumulate) value = f32x4.add(v128.load(to), value);
      v128.store(to, value);
    } else {
      if (accumulate) value = f32x4.add(loadPart(to, count), value);
      storePart(to, value, count);
    }
  }
}

/** Σ x² of one run, in double precision. */
export function squares(x: usize, length: u32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let i: u32 = length;
  for (; i >= 4; i -= 4) {
    const a = f64x2.promote_low_f32x4(v128.load64_zero(x));
    const b = f64x2.promote_low_f32x4(v128.load64_zero(x, 8));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
    x += 16;
  }
  low = f64x2.add(low, high);
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
  for (; i > 0; i--) {
    const value = <f64> f32.load(x);
    sum += value * value;
    x += 4;
  }
  return sum;
}
