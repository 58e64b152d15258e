// Shape arithmetic: sizes, strides, broadcasting. Knows nothing of buffers.

import { fail } from "./errors.ts";

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const axis of shape) size *= axis;
  return size;
}

export function showShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function checkShape(shape: Shape, action: string): void {
  for (const axis of shape) {
    if (!Number.isInteger(axis) || axis < 0) {
      fail(`${action}: ${showShape(shape)} is no shape; every axis must be a non-negative integer`);
    }
  }
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

/** The shape that `a` and `b` broadcast to (NumPy rules). */
export function broadcastShape(a: Shape, b: Shape, action: string): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      fail(
        `${action}: ${showShape(a)} and ${showShape(b)} do not broadcast: axis ${i} is ${x} and ${y}; ` +
          `reshape one of them so that the axes are equal or 1`,
      );
    }
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** Strides of `shape` read as `target`: 0 on every axis that is repeated. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  const shift = target.length - shape.length;
  return target.map((_, i) => (i < shift || shape[i - shift] === 1 ? 0 : own[i - shift]));
}

/** Turns a negative axis into its position; refuses one that is out of range. */
export function resolveAxis(axis: number, rank: number, action: string): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(resolved) || resolved < 0 || resolved >= rank) {
    fail(`${action}: axis ${axis} does not exist in a tensor with ${rank} axes; use −${rank} … ${rank - 1}`);
  }
  return resolved;
}
