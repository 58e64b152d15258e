// Initial values of parameters, a pure function of (seed, parameter name): adding a layer changes no other layer's draw.
// It leaves to models/ and adapters/ which parameter gets which initialiser.

import { normal, streamKey, uniform } from "../random.ts";
import { type Shape, sizeOf } from "../shape.ts";

export type Initialiser = (shape: Shape, name: string, seed: number) => Float32Array;

const streamOf = (seed: number, name: string) => streamKey(seed, "initialisation", 0, name);

export const zerosInit: Initialiser = (shape) => new Float32Array(sizeOf(shape));
export const onesInit: Initialiser = (shape) => new Float32Array(sizeOf(shape)).fill(1);

/** N(0, deviation²); `zeroRow` is the padding token's row, which starts at 0. */
export function normalInit(deviation: number, zeroRow?: number): Initialiser {
  return (shape, name, seed) => {
    const values = normal(streamOf(seed, name), sizeOf(shape), 0, deviation);
    if (zeroRow !== undefined && zeroRow < shape[0]) {
      const width = sizeOf(shape) / shape[0];
      values.fill(0, zeroRow * width, (zeroRow + 1) * width);
    }
    return values;
  };
}

/**
 * Kaiming-uniform with a = √5 for a [out, in] matrix: uniform in ±1/√in (He et al., 2015, Eq. 14 with the gain
 * √(2/(1 + a²)) and the bound gain·√(3/in)).
 */
export const kaimingUniformInit: Initialiser = (shape, name, seed) => {
  const bound = 1 / Math.sqrt(shape[1]);
  return uniform(streamOf(seed, name), sizeOf(shape), -bound, bound);
};
