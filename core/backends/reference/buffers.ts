// Buffers of the reference backend and the checks that every kernel makes on its arguments before it computes.
// It leaves the arithmetic to the kernel files.

import { CoreError } from "../../errors.ts";
import type { DeviceBuffer, DType } from "../backend.ts";
import { type RandomStream, scalarValue } from "../kernels.ts";

/** Memory that a buffer and its views share, and how many of them are live. */
export interface ReferenceBlock {
  readonly bytes: number;
  holders: number;
}

/** Float64Array for "f32", Int32Array for "i32"; undefined once freed. */
export interface ReferenceBuffer extends DeviceBuffer {
  data: Float64Array | Int32Array | undefined;
  readonly block: ReferenceBlock;
}

/** Marks memory that nobody has written: reading it shows up as NaN (f32) or as this number (i32). */
export const UNWRITTEN_INTEGER = -2147483648;

/** The checks of one call of one kernel; every error begins with the kernel's name. */
export class Arguments {
  readonly kernel: string;

  constructor(kernel: string) {
    this.kernel = kernel;
  }

  fail(text: string): never {
    throw new CoreError(`${this.kernel}: ${text}`);
  }

  count(name: string, value: number): number {
    if (!Number.isInteger(value) || value < 0) {
      this.fail(`${name} is ${value}; wanted a non-negative integer`);
    }
    return value;
  }

  number(name: string, value: number): number {
    if (typeof value !== "number" || Number.isNaN(value)) this.fail(`${name} is ${value}; wanted a number`);
    return value;
  }

  probability(value: number): number {
    if (!(value >= 0 && value < 1)) {
      this.fail(`the probability of dropping is ${value}; wanted 0 ≤ p < 1`);
    }
    return value;
  }

  stream(value: RandomStream): RandomStream {
    for (const part of ["k0", "k1", "c0", "c1", "c2", "c3"] as const) {
      const word = part === "c1" ? scalarValue(value?.c1) : part === "c0" ? value?.c0 ?? 0 : value?.[part];
      if (!Number.isInteger(word) || word < 0 || word > 0xffffffff) {
        this.fail(
          `random.${part} is ${word}; wanted an unsigned 32-bit integer (make streams with streamKey)`,
        );
      }
    }
    return value;
  }

  /** Contents of a live buffer of either type. */
  any(name: string, buffer: DeviceBuffer): Float64Array | Int32Array {
    if (!buffer) this.fail(`${name} is missing`);
    const data = (buffer as ReferenceBuffer).data;
    if (!data) this.fail(`${name} (length ${buffer.length}) was freed or belongs to another backend`);
    return data;
  }

  /** Contents of a live "f32" buffer of exactly `length` elements. */
  f32(name: string, buffer: DeviceBuffer, length: number): Float64Array {
    return this.#typed(name, buffer, "f32", length) as Float64Array;
  }

  /** Contents of a live "i32" buffer of exactly `length` elements. */
  i32(name: string, buffer: DeviceBuffer, length: number): Int32Array {
    return this.#typed(name, buffer, "i32", length) as Int32Array;
  }

  #typed(name: string, buffer: DeviceBuffer, dtype: DType, length: number): Float64Array | Int32Array {
    const data = this.any(name, buffer);
    if (buffer.dtype !== dtype) this.fail(`${name} is ${buffer.dtype}; wanted ${dtype}`);
    if (data.length !== length) {
      this.fail(`${name} has ${data.length} elements; the shape arguments ask for ${length}`);
    }
    return data;
  }

  /** Refuses an output that is also an input. */
  distinct(
    outputs: Record<string, DeviceBuffer | undefined>,
    inputs: Record<string, DeviceBuffer | undefined>,
  ): void {
    const seen = new Map<DeviceBuffer, string>();
    for (const [name, buffer] of Object.entries(inputs)) if (buffer) seen.set(buffer, name);
    for (const [name, buffer] of Object.entries(outputs)) {
      if (!buffer) continue;
      const other = seen.get(buffer);
      if (other) this.fail(`${name} is the same buffer as ${other}; this kernel needs them apart`);
      seen.set(buffer, name);
    }
  }
}

/** Calls `visit` for every index of `shape` in row-major order with the offsets by two sets of strides. */
export function eachIndex(
  shape: readonly number[],
  aStrides: readonly number[],
  bStrides: readonly number[],
  visit: (a: number, b: number, n: number) => void,
): void {
  const length = shape.reduce((product, size) => product * size, 1);
  for (let n = 0; n < length; n++) {
    let rest = n;
    let a = 0;
    let b = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const index = rest % shape[axis];
      rest = (rest - index) / shape[axis];
      a += index * aStrides[axis];
      b += index * bStrides[axis];
    }
    visit(a, b, n);
  }
}

/** Checks a strided view: at most five axes, non-negative strides, last element inside the buffer. */
export function checkView(
  args: Arguments,
  name: string,
  length: number,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): void {
  if (shape.length > 5) args.fail(`shape [${shape}] has ${shape.length} axes; wanted at most 5`);
  if (strides.length !== shape.length) {
    args.fail(`${name} has ${strides.length} strides for shape [${shape}]; wanted one for each axis`);
  }
  args.count(`${name} offset`, offset);
  let last = offset;
  let empty = false;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = args.count(`shape[${axis}]`, shape[axis]);
    if (size === 0) empty = true;
    last += (size - 1) * args.count(`${name} strides[${axis}]`, strides[axis]);
  }
  if (!empty && last >= length) {
    args.fail(
      `${name} has ${length} elements; shape [${shape}] with strides [${strides}] from ${offset} reaches element ${last}`,
    );
  }
}
