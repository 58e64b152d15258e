// Recorded steps by key: a step is run and recorded until two runs agree, then encoded from the recording. The least recently
// used are forgotten, as is every one that uses a buffer which is freed. Encoding itself is recorder.ts's.

import { fail } from "../../errors.ts";
import type { Scalar } from "../kernels.ts";
import { type Block, type BufferPool, usage } from "./pool.ts";
import { type Dispatch, Recording, writeParameters } from "./recording.ts";

/** Steps of different shapes or open layers that are kept at a time. */
const maximumReplays = 24;
/** Runs in a row that may differ from the one before in a number before it counts as a fault of the caller. */
const toleratedDifferences = 2;
/** Bytes from one dispatch's parameters to the next: every device can bind at multiples of it. */
export const parameterSlot = 256;

/** A dispatch and where its parameters lie. */
export interface Command extends Pick<Dispatch, "pipeline" | "group" | "workgroups"> {
  readonly parameters: GPUBindGroup;
  readonly offset: number;
}

/** A recording whose parameters are on the device. */
export class Replay {
  readonly commands: readonly Command[];
  readonly scratch: readonly Block[];
  /** All blocks that the commands touch. */
  readonly blocks: readonly Block[];
  /** Number of the last submission that holds its commands. */
  lastUse = -1;
  readonly #device: GPUDevice;
  readonly #buffers: GPUBuffer[];
  readonly #live: { at: number; dispatch: Dispatch }[] = [];
  readonly #liveWords: Uint32Array<ArrayBuffer>;
  readonly #liveViews: { integers: Int32Array; unsigned: Uint32Array; floats: Float32Array };

  constructor(
    device: GPUDevice,
    recording: Recording,
    bindParameters: (buffer: GPUBuffer) => GPUBindGroup,
  ) {
    const isLive = ({ values }: Dispatch) => values.some((value: Scalar) => typeof value !== "number");
    const { dispatches } = recording;
    this.#device = device;
    this.scratch = [...recording.scratch];
    this.blocks = [...new Set([...this.scratch, ...[...recording.outside].map(({ block }) => block)])];

    // Parameters that never change are uploaded once, equal ones share a slot; the others lie together to be written at once.
    const fixed: Uint32Array[] = [];
    const slots = new Map<string, number>();
    const slotOf = (dispatch: Dispatch): number => {
      const words = new Uint32Array(parameterSlot / 4);
      writeParameters(viewsOf(words), 0, dispatch.program, dispatch.values);
      const key = words.join();
      let slot = slots.get(key);
      if (slot === undefined) {
        slots.set(key, slot = fixed.length);
        fixed.push(words);
      }
      return slot;
    };
    const places = dispatches.map((dispatch) => {
      if (!isLive(dispatch)) return { live: false, slot: slotOf(dispatch) };
      this.#live.push({ at: this.#live.length * parameterSlot / 4, dispatch });
      return { live: true, slot: this.#live.length - 1 };
    });
    const make = (count: number) =>
      device.createBuffer({
        label: "replay parameters",
        size: Math.max(1, count) * parameterSlot,
        usage: usage.uniform | usage.copyTarget,
      });
    this.#buffers = [make(fixed.length), make(this.#live.length)];
    fixed.forEach((words, i) =>
      device.queue.writeBuffer(this.#buffers[0], i * parameterSlot, words as Uint32Array<ArrayBuffer>)
    );
    this.#liveWords = new Uint32Array(this.#live.length * parameterSlot / 4);
    this.#liveViews = viewsOf(this.#liveWords);
    const groups = this.#buffers.map(bindParameters);
    this.commands = dispatches.map(({ pipeline, group, workgroups }, i) => ({
      pipeline,
      group,
      workgroups,
      parameters: groups[places[i].live ? 1 : 0],
      offset: places[i].slot * parameterSlot,
    }));
  }

  /** Hands the device the numbers that may have changed. Commands that were encoded before must have been submitted. */
  writeLive(): void {
    if (this.#live.length === 0) return;
    for (const { at, dispatch } of this.#live) {
      writeParameters(this.#liveViews, at, dispatch.program, dispatch.values);
    }
    this.#device.queue.writeBuffer(this.#buffers[1], 0, this.#liveWords);
  }

  destroy(): void {
    for (const each of this.#buffers) each.destroy();
  }
}

function viewsOf(words: Uint32Array<ArrayBuffer>) {
  const { buffer } = words;
  return { integers: new Int32Array(buffer), unsigned: words, floats: new Float32Array(buffer) };
}

interface Entry {
  recording: Recording;
  replay: Replay | null;
  /** Runs in a row that differed in a number. */
  differences: number;
  /** Told when a buffer from outside is freed. */
  readonly forget: () => void;
}

/** What replays need of the recorder. */
export interface Encoder {
  /** Runs `work` and notes what it does. */
  record(recording: Recording, work: () => void): void;
  encode(replay: Replay): void;
  seal(recording: Recording): Replay;
  /** Submits what was encoded, so that a replay's buffers can be destroyed. */
  flush(): void;
}

export class Replays {
  readonly #pool: BufferPool;
  readonly #encoder: Encoder;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(pool: BufferPool, encoder: Encoder) {
    this.#pool = pool;
    this.#encoder = encoder;
  }

  /** Keys that are repeated without running. */
  get sealed(): number {
    return [...this.#entries.values()].filter(({ replay }) => replay !== null).length;
  }

  run(key: string, work: () => void): void {
    const found = this.#entries.get(key);
    if (found !== undefined && found.replay !== null) {
      // Work that was not recorded may have borrowed a block and kept it.
      if (found.replay.scratch.every(({ holders }) => holders === 0)) {
        this.#entries.delete(key);
        this.#entries.set(key, found);
        this.#encoder.encode(found.replay);
        return;
      }
      this.#forget(key);
    }
    const before = this.#entries.get(key);
    const recording = new Recording(before?.recording ?? null);
    this.#encoder.record(recording, work);
    // A run may free buffers that the one before used: then that one is gone by now, and not to be compared with.
    const same = before !== undefined && this.#entries.get(key) === before;
    const difference = same ? recording.difference(before.recording) : null;
    if (same && difference === null) {
      before.replay = this.#encoder.seal(before.recording);
      this.#pool.unpin([]);
      return;
    }
    const differences = difference?.isNumber ? before!.differences + 1 : 0;
    if (differences > toleratedDifferences) {
      fail(
        `replay: ${difference!.text}, in each of ${
          differences + 1
        } runs of the same work; a number that changes ` +
          `from run to run must be Live or lie in a buffer, or the key must name it`,
      );
    }
    this.#forget(key);
    this.#keep(key, recording, differences);
  }

  #keep(key: string, recording: Recording, differences: number): void {
    const entry: Entry = { recording, replay: null, differences, forget: () => this.#forget(key) };
    this.#pool.pin(recording.scratch);
    for (const buffer of recording.outside) (buffer.onFree ??= new Set()).add(entry.forget);
    this.#entries.set(key, entry);
    if (this.#entries.size > maximumReplays) this.#forget(this.#entries.keys().next().value!);
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    for (const buffer of entry.recording.outside) buffer.onFree?.delete(entry.forget);
    this.#pool.unpin(entry.recording.scratch);
    if (entry.replay === null) return;
    this.#encoder.flush();
    entry.replay.destroy();
  }
}
