// What one run of a step dispatched, in a form that can be compared with another run and encoded again.
// When to record, compare and repeat is replays.ts's; encoding and submitting are recorder.ts's.

import { fail } from "../../errors.ts";
import type { Live, Scalar } from "../kernels.ts";
import type { Account, Block, WebgpuBuffer } from "./pool.ts";
import type { Program } from "./program.ts";

/** A dispatch, ready to be encoded but for its parameters. */
export interface Dispatch {
  readonly program: Program;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  /** Names the buffers and the parts of them that the group binds. */
  readonly groupKey: string;
  readonly values: readonly Scalar[];
  readonly workgroups: readonly [number, number, number];
}

const isLive = (value: Scalar): value is Live => typeof value !== "number";

/** Writes the parameters of a dispatch into its slot, from word `at` on, in the program's types. */
export function writeParameters(
  words: { integers: Int32Array; unsigned: Uint32Array; floats: Float32Array },
  at: number,
  { parameters }: Program,
  values: readonly Scalar[],
): void {
  for (let i = 0; i < parameters.length; i++) {
    const { type } = parameters[i];
    const given = values[i];
    const value = typeof given === "number" ? given : given.value;
    if (type === "f32") words.floats[at + i] = value;
    else if (type === "i32") words.integers[at + i] = value;
    else words.unsigned[at + i] = value;
  }
}

/** The dispatches of one run, and the buffers that it made and used. */
export class Recording implements Account {
  readonly dispatches: Dispatch[] = [];
  /** Block of each allocation, in order. */
  readonly #served: Block[] = [];
  readonly #made = new Set<WebgpuBuffer>();
  /** Buffers from outside. */
  readonly outside = new Set<WebgpuBuffer>();
  #before: Recording | null;

  /** @param before an earlier run of the same work, whose blocks are used again in the same order where they are free */
  constructor(before: Recording | null) {
    this.#before = before;
  }

  wanted(bytes: number): Block | undefined {
    const block = this.#before === null ? undefined : this.#before.#served[this.#served.length];
    return block?.bytes === bytes ? block : undefined;
  }

  made(buffer: WebgpuBuffer): void {
    this.#made.add(buffer);
    if (buffer.start === null) this.#served.push(buffer.block);
  }

  used(buffer: WebgpuBuffer): void {
    if (!this.#made.has(buffer)) this.outside.add(buffer);
  }

  freed(buffer: WebgpuBuffer): void {
    if (!this.#made.delete(buffer)) {
      fail("replay: the work freed a buffer that it did not allocate; free it before or afterwards");
    }
  }

  /** Blocks that the run wrote to and gave back. */
  get scratch(): Set<Block> {
    return new Set(this.#served);
  }

  /** @throws when the run left something allocated */
  finish(): void {
    this.#before = null;
    if (this.#made.size > 0) {
      const sizes = [...this.#made].slice(0, 5).map(({ length }) => length).join(", ");
      fail(
        `replay: the work left ${this.#made.size} buffers allocated (of ${sizes} elements); free them within, ` +
          `or allocate them before`,
      );
    }
  }

  /**
   * null when the other run did exactly the same, else the first thing that differs, in words. `isNumber`: a parameter, which
   * would have been repeated with a wrong value.
   */
  difference(other: Recording): { text: string; isNumber: boolean } | null {
    for (const [i, here] of this.dispatches.entries()) {
      const there = other.dispatches[i];
      if (there?.pipeline !== here.pipeline) {
        const name = there?.program.name ?? "nothing";
        return { text: `dispatch ${i} was ${name} and is ${here.program.name}`, isNumber: false };
      }
      const { program: { name, parameters }, values, workgroups } = here;
      const changed = values.findIndex((value, p) => !Object.is(value, there.values[p]));
      if (changed >= 0) {
        const [before, now] = [there.values[changed], values[changed]].map((each) =>
          isLive(each) ? "live" : each
        );
        return {
          text: `the parameter ${
            parameters[changed].name
          } of dispatch ${i} (${name}) was ${before} and is ${now}`,
          isNumber: true,
        };
      }
      if (workgroups.some((count, axis) => count !== there.workgroups[axis])) {
        return { text: `dispatch ${i} (${name}) has another number of workgroups`, isNumber: true };
      }
      if (here.groupKey !== there.groupKey) {
        return { text: `dispatch ${i} (${name}) uses other buffers`, isNumber: false };
      }
    }
    if (other.dispatches.length === this.dispatches.length) return null;
    return {
      text: `${other.dispatches.length} dispatches became ${this.dispatches.length}`,
      isNumber: false,
    };
  }
}
