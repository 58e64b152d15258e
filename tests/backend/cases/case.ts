// What a case is on which backends are compared, and the draws that all cases are made of.
// It leaves the cases to the files beside it.

import type { DType } from "../../../core/backends/backend.ts";
import type { KernelSet } from "../../../core/backends/kernels.ts";
import { integerBelow, normal, streamKey } from "../../../core/random.ts";

// deno-lint-ignore no-explicit-any
export type Buffers = Record<string, any>;

export interface KernelCase {
  kernel: keyof KernelSet;
  name: string;
  inputs: Record<string, Float32Array | Int32Array>;
  /** Buffers that start as NaN. */
  outputs: Record<string, number | { length: number; dtype: DType }>;
  /** Inputs that the kernel updates in place. */
  changes?: string[];
  run(kernels: KernelSet, buffers: Buffers): void;
  /** Relative to the largest magnitude of an array; 1e-5 unless said otherwise. */
  tolerance?: number;
  /** Zeros must be exactly where the reference has them (dropout). */
  sameZeros?: boolean;
  /** This output is unspecified where the reference is infinite. */
  undefinedWhereInfinite?: string;
  /** Large enough to be split among threads or workgroups: run twice, the bits must agree. */
  heavy?: boolean;
}

/** The arguments of a kernel, for buffers whose names they are. */
export type Named<K extends keyof KernelSet> = Parameters<NonNullable<KernelSet[K]>>[0];

let drawn = 0;
export const draw = (length: number, mean = 0, deviation = 1) =>
  normal(streamKey(1, "kernel-cases", drawn++), length, mean, deviation);
export const positive = (length: number) => draw(length).map((value) => 0.3 + Math.abs(value));
export const whole = (length: number, below: number) => {
  const stream = streamKey(2, "kernel-cases", drawn++);
  return Int32Array.from({ length }, (_, i) => integerBelow(stream, below, i));
};
export const f32 = (...values: number[]) => Float32Array.from(values);
export const size = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);
