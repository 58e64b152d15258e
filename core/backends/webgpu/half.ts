// Frozen weights in half the memory: buffers that hold f16 and that only matrix products read, widening to f32.
// Who packs which weight, and when, is models/model.ts's.

import type { DeviceBuffer, HostArray } from "../backend.ts";
import type { KernelSet } from "../kernels.ts";
import { bindings, parameters } from "./program.ts";
import { grid, linearMain, type Recorder } from "./recorder.ts";
import type { WebgpuBuffer } from "./pool.ts";

/** Looks like a buffer of f32; two elements share a word of `words`. */
export class HalfBuffer implements DeviceBuffer {
  readonly length: number;
  readonly dtype = "f32";
  readonly words: WebgpuBuffer;

  constructor(length: number, words: WebgpuBuffer) {
    this.length = length;
    this.words = words;
  }
}

export interface HalfStorage {
  /** A packed copy: every value rounded to the nearest f16, ties to even. */
  pack(x: WebgpuBuffer): HalfBuffer;
  /** A copy in f32 of what the packed buffer holds. */
  unpack(x: HalfBuffer): WebgpuBuffer;
  write(buffer: HalfBuffer, data: HostArray, offset: number): void;
}

const groupSize = 256;

export function halfStorage(
  recorder: Recorder,
  { roundToHalf }: Pick<KernelSet, "roundToHalf">,
): HalfStorage {
  function convert(
    name: string,
    binding: string,
    body: string,
    buffers: WebgpuBuffer[],
    length: number,
  ): void {
    const program = recorder.program(name, () => ({
      name,
      bindings: bindings(binding),
      parameters: parameters("length words"),
      body: linearMain(groupSize, `  if (i >= p.words) { return; }\n${body}`),
    }));
    const words = Math.ceil(length / 2);
    recorder.dispatch(program, buffers, [length, words], grid(Math.ceil(words / groupSize)));
  }

  function packInto(x: WebgpuBuffer, words: WebgpuBuffer, length: number): void {
    // Rounded first by our own rule: how a device's own packing rounds is left open by WGSL.
    const rounded = recorder.pool.allocate(length, "f32");
    roundToHalf({ x, out: rounded, length });
    const body = `  let second = select(0.0, x[min(2u * i + 1u, p.length - 1u)], 2u * i + 1u < p.length);
  out[i] = pack2x16float(vec2f(x[2u * i], second));`;
    convert("half/pack", "x → out:u32", body, [rounded, words], length);
    recorder.pool.free(rounded);
  }

  function unpack(x: HalfBuffer): WebgpuBuffer {
    const out = recorder.pool.allocate(x.length, "f32");
    const body = `  let pair = unpack2x16float(x[i]);
  out[2u * i] = pair.x;
  if (2u * i + 1u < p.length) { out[2u * i + 1u] = pair.y; }`;
    convert("half/unpack", "x:u32 → out", body, [x.words, out], x.length);
    return out;
  }

  return {
    unpack,
    pack(x) {
      const packed = new HalfBuffer(x.length, recorder.pool.allocate(Math.ceil(x.length / 2), "f32"));
      packInto(x, packed.words, x.length);
      return packed;
    },
    write(buffer, data, offset) {
      const whole = unpack(buffer);
      recorder.write(whole, data instanceof Float32Array ? data : new Float32Array(data), offset);
      packInto(whole, buffer.words, buffer.length);
      recorder.pool.free(whole);
    },
  };
}
