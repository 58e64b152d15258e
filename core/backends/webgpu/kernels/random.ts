// Philox 4x32-10 in WGSL (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), the stream of core/random.ts,
// and dropout, which reads it element by element.

import type { KernelSet, RandomStream, Scalar } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { forWindows, groupSize } from "./windows.ts";

/** WGSL has no 32 × 32 → 64 product: the high word is put together from 16-bit halves. */
export const philoxText = `
fn highProduct(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let other = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (other >> 16u);
}
fn philox(block: u32) -> vec4u {
  var counter = vec4u(p.c0 + block, p.c1, p.c2, p.c3);
  var key = vec2u(p.k0, p.k1);
  for (var round = 0u; round < 10u; round++) {
    let high0 = highProduct(0xd2511f53u, counter.x);
    let high1 = highProduct(0xcd9e8d57u, counter.z);
    counter = vec4u(
      high1 ^ counter.y ^ key.x, 0xcd9e8d57u * counter.z, high0 ^ counter.w ^ key.y, 0xd2511f53u * counter.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return counter;
}`;

export const streamParameters = "k0 k1 c0 c1 c2 c3";

export function streamValues({ k0, k1, c0 = 0, c1, c2, c3 }: RandomStream): Scalar[] {
  return [k0, k1, c0, c1, c2, c3];
}

/** Words below it are dropped. */
export function dropThreshold(probability: number): number {
  return Math.floor(probability * 2 ** 32);
}

export function randomKernels(recorder: Recorder) {
  return {
    dropout({ x, out, length, probability, random }) {
      const inPlace = x === out;
      const source = inPlace ? "out" : "x";
      const program = recorder.program(`dropout/${inPlace}`, (name) => ({
        name,
        bindings: bindings(`${inPlace ? "" : "x"} → out`),
        parameters: parameters(`length firstBlock threshold scale:f32 ${streamParameters}`),
        body: philoxText + linearMain(
          groupSize,
          `
  let first = i * 4u;
  if (first >= p.length) { return; }
  let words = philox(p.firstBlock + i);
  for (var j = 0u; j < 4u; j++) {
    let at = first + j;
    if (at < p.length) { out[at] = select(0.0, ${source}[at] * p.scale, words[j] >= p.threshold); }
  }`,
        ),
      }));
      forWindows(recorder, inPlace ? [out] : [x, out], length, (views, start, count) => {
        const scale = 1 / (1 - probability);
        const values = [count, start / 4, dropThreshold(probability), scale, ...streamValues(random)];
        recorder.dispatch(program, views, values, grid(Math.ceil(count / 4 / groupSize)));
      });
    },
  } satisfies Partial<KernelSet>;
}
