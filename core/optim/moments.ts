// AdamW's two moments of packed parameters: on the device beside the gradients, or kept by the host and brought to the device in
// pieces, where all of it would be more than the device can hold. Either way an update has the same bits.
// It leaves values, gradients and the table of segments to pack.ts.

import { type Backend, type HostArray, viewAlignment } from "../backends/backend.ts";
import type { KernelSet } from "../backends/kernels.ts";
import { fail } from "../errors.ts";
import { empty, keep, type Tensor, zeros } from "../tensor.ts";
import type { Pack } from "./pack.ts";

type AdamWArguments = Parameters<KernelSet["adamw"]>[0];
/** What is the same for every parameter of an update. */
export type UpdateNumbers = Pick<AdamWArguments, "gradientScale" | "beta1" | "beta2" | "epsilon">;

export type MomentsPlace = "device" | "host";

/** First and second moments at the offsets of a pack's values. */
export interface Moments {
  /** Bytes that the host keeps between updates. */
  readonly hostBytes: number;
  /** The kernel `adamw` over the members that the pack lists. */
  update(pack: Pack, numbers: UpdateNumbers): void;
  /** Both; a caller copies what it keeps. */
  read(): Promise<readonly [HostArray, HostArray]>;
  write(offset: number, first: HostArray, second: HostArray): void;
  dispose(): void;
}

export class DeviceMoments implements Moments {
  readonly hostBytes = 0;
  readonly #both: readonly [Tensor, Tensor];

  constructor(backend: Backend, length: number) {
    this.#both = [keep(zeros(backend, [length])), keep(zeros(backend, [length]))];
  }

  update(pack: Pack, numbers: UpdateNumbers): void {
    const [firstMoment, secondMoment] = this.#both.map(({ buffer }) => buffer);
    pack.backend.kernels.adamw({
      ...pack.segments(),
      parameter: pack.values,
      gradient: pack.gradients,
      ...{ firstMoment, secondMoment, scalars: pack.scalars },
      ...numbers,
    });
  }

  async read(): Promise<readonly [HostArray, HostArray]> {
    const [first, second] = this.#both;
    return [await first.read(), await second.read()];
  }

  write(offset: number, first: HostArray, second: HostArray): void {
    const { backend } = this.#both[0];
    [first, second].forEach((data, i) => backend.write(this.#both[i].buffer, data, offset));
  }

  dispose(): void {
    for (const each of this.#both) each.dispose();
  }
}

/** Most elements of a piece: 16 MiB. */
const longestPiece = 2 ** 22;

/** The part of the device through which the host's moments pass, one for all packs. */
export class MomentsWindow {
  /** Elements of a piece, a multiple of `viewAlignment`. */
  readonly length: number;
  readonly first: Tensor;
  readonly second: Tensor;
  readonly segments: Tensor;
  readonly scalars: Tensor;

  constructor(parameters: readonly Tensor[]) {
    const { backend } = parameters[0];
    this.length = windowLength(parameters);
    this.first = keep(empty(backend, [this.length]));
    this.second = keep(empty(backend, [this.length]));
    this.segments = keep(empty(backend, [1, 2], "i32"));
    this.scalars = keep(empty(backend, [1, 4]));
  }

  dispose(): void {
    for (const each of [this.first, this.second, this.segments, this.scalars]) each.dispose();
  }
}

function windowLength(parameters: readonly Tensor[]): number {
  const longest = parameters.reduce((most, { size }) => Math.max(most, size), 0);
  return Math.min(Math.ceil(longest / viewAlignment) * viewAlignment, longestPiece);
}

/** Of the bytes that a backend can ever hold, the share that stays for activations where there is a choice. */
const shareOfActivations = 1 / 4;

/**
 * Whether moments lie on a device that can hold so many bytes and has `live` in use: beside the gradients, with room for activations
 * or for what moves, whichever is more. All in bytes.
 */
export const momentsFit = (gradients: number, moving: number, live: number, maximum: number): boolean =>
  live + 3 * gradients + Math.max(moving, maximum === Infinity ? 0 : shareOfActivations * maximum) <= maximum;

const bytesOf = (parameters: readonly Tensor[]) => parameters.reduce((sum, { size }) => sum + 4 * size, 0);

/**
 * Where the moments of these groups of parameters are to lie: where `wanted` says, else on the device if they leave room for
 * activations. Groups of several move to new memory; what they leave behind is activations' too.
 * @throws where values that a step must find on the device exceed what the backend can ever hold, or the host can keep none
 */
export function placeOfMoments(groups: readonly Tensor[][], wanted: MomentsPlace | "auto"): MomentsPlace {
  const parameters = groups.flat();
  const { name, maximumBytes, readInto } = parameters[0].backend;
  if (wanted === "host" && readInto === undefined) {
    fail(`AdamW: backend ${name} cannot leave moments to the host; take moments: "device"`);
  }
  if (maximumBytes === undefined) return wanted === "host" ? "host" : "device";
  const gradients = bytesOf(parameters), moving = bytesOf(groups.filter((each) => each.length > 1).flat());
  const { liveBytes } = parameters[0].backend.memory(), room = maximumBytes - liveBytes;
  const fit = momentsFit(gradients, moving, liveBytes, maximumBytes);
  const onHost = wanted === "host" || (wanted === "auto" && readInto !== undefined && !fit);
  const needed = onHost ? gradients + 2 * 4 * windowLength(parameters) : 3 * gradients;
  if (needed + moving <= room) return onHost ? "host" : "device";
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  return fail(
    `AdamW: ${onHost ? "gradients" : "gradients and moments"} of ${gradients / 4} parameters take ${
      gib(needed)
    } and moving them together ${gib(moving)}, beside the ${
      gib(liveBytes)
    } in use, and ${name} holds at most ${gib(maximumBytes)}` +
      (onHost ? " even with the moments left to the host" : "") +
      "; train fewer (adapters, not the whole encoder) or use webgpu",
  );
}

export class HostMoments implements Moments {
  readonly hostBytes: number;
  readonly #window: MomentsWindow;
  readonly #first: Float32Array;
  readonly #second: Float32Array;

  constructor(window: MomentsWindow, length: number) {
    this.#window = window;
    this.#first = new Float32Array(length);
    this.#second = new Float32Array(length);
    this.hostBytes = 2 * 4 * length;
  }

  update(pack: Pack, numbers: UpdateNumbers): void {
    const { backend } = pack;
    const { first, second, segments, scalars } = this.#window;
    for (const { member: { offset, parameter }, numbers: own } of pack.listed()) {
      backend.write(scalars.buffer, own);
      const end = offset + parameter.size;
      for (let from = offset; from < end; from += this.#window.length) {
        const length = Math.min(this.#window.length, end - from);
        const moments = [
          [first.buffer, this.#first.subarray(from, from + length)],
          [second.buffer, this.#second.subarray(from, from + length)],
        ] as const;
        for (const [buffer, kept] of moments) backend.write(buffer, kept);
        backend.write(segments.buffer, Int32Array.of(0, length));
        const views = [pack.values, pack.gradients].map((each) => backend.view(each, from, length));
        backend.kernels.adamw({
          ...{ segments: segments.buffer, count: 1, longest: length },
          ...{ parameter: views[0], gradient: views[1], scalars: scalars.buffer },
          ...{ firstMoment: first.buffer, secondMoment: second.buffer },
          ...numbers,
        });
        for (const view of views) backend.free(view);
        for (const [buffer, kept] of moments) backend.readInto!(buffer, kept);
      }
    }
  }

  read(): Promise<readonly [HostArray, HostArray]> {
    return Promise.resolve([this.#first, this.#second]);
  }

  write(offset: number, first: HostArray, second: HostArray): void {
    this.#first.set(first, offset);
    this.#second.set(second, offset);
  }

  dispose(): void {}
}
