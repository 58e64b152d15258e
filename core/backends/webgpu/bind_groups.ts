// Which buffers a dispatch binds, as GPU bind groups that are kept: making one costs more than the dispatch.
// It leaves whether a buffer may still be used to recorder.ts.

import { fail, OutOfMemoryError, smallerPieces } from "../../errors.ts";
import type { Pipeline } from "./pipelines.ts";
import type { WebgpuBuffer } from "./pool.ts";

/** A part of a buffer, in bytes; the offset must be a multiple of 256. */
export interface View {
  readonly buffer: WebgpuBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** Bind groups kept; a step of the largest model uses a few thousand different ones. */
const maximumBindGroups = 20_000;

export class BindGroups {
  readonly #device: GPUDevice;
  readonly #byKey = new Map<string, GPUBindGroup>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** `key` names the buffers and the parts of them that the group binds. */
  get(pipeline: Pipeline, buffers: readonly (WebgpuBuffer | View)[]): { group: GPUBindGroup; key: string } {
    let key = pipeline.signature;
    for (const each of buffers) {
      if ("buffer" in each) {
        key += `,${each.buffer.block.id}@${each.buffer.offset + each.offset}+${each.bytes}`;
      } else if (each.start === null) key += `,${each.block.id}`;
      else key += `,${each.block.id}@${each.start}+${each.extent}`;
    }
    let group = this.#byKey.get(key);
    if (group === undefined) {
      if (this.#byKey.size >= maximumBindGroups) this.clear();
      this.#byKey.set(key, group = this.#make(pipeline, buffers));
    }
    return { group, key };
  }

  #make({ program, layout, signature }: Pipeline, buffers: readonly (WebgpuBuffer | View)[]): GPUBindGroup {
    const limit = this.#device.limits.maxStorageBufferBindingSize;
    const isWritten = (i: number) => signature[i] === "w";
    const entries = buffers.map((each, binding) => {
      if (
        isWritten(binding) && buffers.some((other, i) => i !== binding && conflict(each, other, isWritten(i)))
      ) {
        fail(`${program.name}: the output is also an input; give it a buffer of its own`);
      }
      const { buffer, start, end } = rangeOf(each);
      if (!("buffer" in each) && each.bytes > limit) {
        throw new OutOfMemoryError(
          `${program.name}: ${program.bindings[binding].name} has ${each.bytes} bytes, this device ` +
            `binds at most ${limit} at once; ${smallerPieces}, or use another device or backend`,
        );
      }
      const size = Math.min(end - start, Math.floor(limit / 4) * 4);
      return { binding, resource: { buffer: buffer.block.gpu, offset: start, size } };
    });
    return this.#device.createBindGroup({ label: program.name, layout, entries });
  }

  /** Forgets all: the buffers of some are about to be destroyed. */
  clear(): void {
    this.#byKey.clear();
  }
}

/** Bytes of the block that a binding covers. */
function rangeOf(each: WebgpuBuffer | View): { buffer: WebgpuBuffer; start: number; end: number } {
  if (!("buffer" in each)) return { buffer: each, start: each.offset, end: each.offset + each.extent };
  const start = each.buffer.offset + each.offset;
  return { buffer: each.buffer, start, end: start + each.bytes };
}

/** Whether a dispatch that writes `out` may not bind `other`: WebGPU forbids reading any part of a buffer that is written. */
function conflict(out: WebgpuBuffer | View, other: WebgpuBuffer | View, otherIsWritten: boolean): boolean {
  const [a, b] = [rangeOf(out), rangeOf(other)];
  return a.buffer.block === b.buffer.block && (!otherIsWritten || (a.start < b.end && b.start < a.end));
}
