// Philox 4x32-10 in WGSL (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), the stream of core/random.ts,
// and dropout, which reads it element by element.

import type { DeviceBuffer } from "../../backend.ts";
import type { DroppedRows, KernelSet, RandomStream, Scalar } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { forWindows, groupSize, own } from "./windows.ts";
import { dropThreshold } from "../../../random.ts";

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

/** Element `e` of eight that share a block: 16 bits each, the low half of a word first. */
export const halfText = `
fn half(words: vec4u, e: u32) -> u32 {
  return (words[e / 2u] >> (16u * (e % 2u))) & 0xffffu;
}`;

export function randomKernels(recorder: Recorder) {
  /** A few rows of a larger tensor: each element computes the block that it has a part of. */
  function dropRows(
    { x, out, length, rows, drawn }: {
      x: DeviceBuffer;
      out: DeviceBuffer;
      length: number;
      rows: DroppedRows;
      drawn: Scalar[];
    },
  ): void {
    const inPlace = x === out;
    const program = recorder.program(`dropout/rows/${inPlace}`, (name) => ({
      name,
      bindings: bindings(`${inPlace ? "" : "x "}places:i32 → out`),
      parameters: parameters(`length width threshold scale:f32 ${streamParameters}`),
      body: philoxText + halfText + linearMain(
        groupSize,
        `
  if (i >= p.length) { return; }
  let element = u32(places[i / p.width]) * p.width + i % p.width;
  let kept = half(philox(element / 8u), element % 8u) >= p.threshold;
  out[i] = select(0.0, ${inPlace ? "out" : "x"}[i] * p.scale, kept);`,
      ),
    }));
    const buffers = [...(inPlace ? [] : [own(x)]), own(rows.places), own(out)];
    recorder.dispatch(program, buffers, [length, rows.width, ...drawn], grid(Math.ceil(length / groupSize)));
  }

  return {
    dropout({ x, out, length, probability, random, rows }) {
      const scale = 1 / (1 - probability);
      const drawn = [dropThreshold(probability), scale, ...streamValues(random)];
      if (rows !== undefined) return dropRows({ x, out, length, rows, drawn });
      const inPlace = x === out;
      const source = inPlace ? "out" : "x";
      const program = recorder.program(`dropout/${inPlace}`, (name) => ({
        name,
        bindings: bindings(`${inPlace ? "" : "x"} → out`),
        parameters: parameters(`length firstBlock threshold scale:f32 ${streamParameters}`),
        body: philoxText + halfText + linearMain(
          groupSize,
          `
  let first = i * 8u;
  if (first >= p.length) { return; }
  let words = philox(p.firstBlock + i);
  for (var j = 0u; j < 8u; j++) {
    let at = first + j;
    if (at < p.length) { out[at] = select(0.0, ${source}[at] * p.scale, half(words, j) >= p.threshold); }
  }`,
        ),
      }));
      forWindows(recorder, inPlace ? [out] : [x, out], length, (views, start, count) => {
        recorder.dispatch(
          program,
          views,
          [count, start / 8, ...drawn],
          grid(Math.ceil(count / 8 / groupSize)),
        );
      });
    },
  } satisfies Partial<KernelSet>;
}
