// Parameters that train together, side by side: one buffer each for their values and gradients, so that one kernel updates all of
// them. It leaves their moments to moments.ts, step counts and the numbers of an update to adamw.ts.

import { type Backend, type DeviceBuffer, viewAlignment } from "../backends/backend.ts";
import type { Segments } from "../backends/kernels.ts";
import { empty, keep, type Tensor } from "../tensor.ts";
import { DeviceMoments, HostMoments, type Moments, type MomentsWindow } from "./moments.ts";

/** Elements of one pack: half of what every device binds at once (128 MiB). A larger parameter has a pack to itself. */
export const largestPack = 2 ** 24;

/** Numbers of one parameter's update; see the kernel `adamw`. */
export interface Scalars {
  stepSize: number;
  secondMomentScale: number;
  keepBefore: number;
  keepAfter: number;
}

/** One parameter's part of a pack. */
export interface Member {
  readonly parameter: Tensor;
  readonly pack: Pack;
  /** First element in the pack's buffers. */
  readonly offset: number;
  /** Updates of this parameter so far. */
  steps: number;
}

export class Pack {
  readonly members: readonly Member[];
  readonly moments: Moments;
  readonly #gradients: Tensor;
  /** What the values live in; null where the only parameter stays where it was. */
  readonly #values: Tensor | null;
  readonly #segments: Tensor;
  readonly #scalars: Tensor;
  /** Members that the tables on the device list now, and their numbers, four each. */
  #listed: readonly Member[] = [];
  #numbers = new Float64Array();

  /**
   * Moves the parameters' values into the pack.
   * @param window with it the host keeps the moments
   */
  constructor(parameters: readonly Tensor[], window?: MomentsWindow) {
    const { backend } = parameters[0];
    let length = 0;
    this.members = parameters.map((parameter) => {
      const offset = length;
      length += Math.ceil(parameter.size / viewAlignment) * viewAlignment;
      return { parameter, pack: this, offset, steps: 0 };
    });
    if (parameters.length === 1) length = parameters[0].size;
    this.moments = window === undefined
      ? new DeviceMoments(backend, length)
      : new HostMoments(window, length);
    this.#gradients = keep(empty(backend, [length]));
    this.#values = parameters.length === 1 ? null : keep(empty(backend, [length]));
    this.#segments = keep(empty(backend, [parameters.length, 2], "i32"));
    this.#scalars = keep(empty(backend, [parameters.length, 4]));
    for (const { parameter, offset } of this.members) {
      if (this.#values !== null) {
        parameter.storage.move(backend.view(this.#values.buffer, offset, parameter.size));
      }
      parameter.gradientPlace = { buffer: this.#gradients.buffer, offset };
    }
  }

  get backend(): Backend {
    return this.#gradients.backend;
  }
  get values(): DeviceBuffer {
    return this.#values?.buffer ?? this.members[0].parameter.buffer;
  }
  get gradients(): DeviceBuffer {
    return this.#gradients.buffer;
  }
  get scalars(): DeviceBuffer {
    return this.#scalars.buffer;
  }

  /** Says on the device which members the next update takes and with which numbers. */
  list(members: readonly Member[], scalarsOf: (member: Member) => Scalars): void {
    const same = members.length === this.#listed.length &&
      members.every((each, i) => each === this.#listed[i]);
    const { backend } = this;
    if (!same) {
      this.#listed = members;
      const table = members.flatMap(({ offset, parameter }) => [offset, parameter.size]);
      backend.write(this.#segments.buffer, Int32Array.from(table));
    }
    this.#numbers = Float64Array.from(members.flatMap((member) => {
      const { stepSize, secondMomentScale, keepBefore, keepAfter } = scalarsOf(member);
      return [stepSize, secondMomentScale, keepBefore, keepAfter];
    }));
    backend.write(this.#scalars.buffer, this.#numbers);
  }

  /** The members that are listed, each with its row of `scalars`. */
  listed(): { member: Member; numbers: Float64Array }[] {
    return this.#listed.map((member, i) => ({ member, numbers: this.#numbers.subarray(4 * i, 4 * i + 4) }));
  }

  /** What the kernels take to work on the listed members. */
  segments(): Segments {
    const longest = this.#listed.reduce((most, { parameter }) => Math.max(most, parameter.size), 0);
    return { segments: this.#segments.buffer, count: this.#listed.length, longest };
  }

  /** Copies a gradient that was made elsewhere to its place. */
  gather({ parameter, offset }: Member): void {
    const gradient = parameter.grad!;
    if (gradient.storage.place === parameter.gradientPlace) return;
    const { backend } = this;
    const place = backend.view(this.gradients, offset, parameter.size);
    backend.kernels.copy({
      x: gradient.buffer,
      out: place,
      length: parameter.size,
      xOffset: 0,
      outOffset: 0,
    });
    backend.free(place);
  }

  /** Whether the parameter still lives here: another optimizer that packs it takes it away. */
  holds({ parameter }: Member): boolean {
    return parameter.gradientPlace?.buffer === this.gradients;
  }

  /** Gives up everything but the values, which live on with the parameters. */
  dispose(): void {
    for (const member of this.members) if (this.holds(member)) member.parameter.gradientPlace = null;
    this.moments.dispose();
    for (const each of [this.#gradients, this.#values, this.#segments, this.#scalars]) each?.dispose();
  }
}

/** Parameters in their order, in groups that each fill a pack as far as they may. */
export function packGroups(parameters: readonly Tensor[]): Tensor[][] {
  const groups: Tensor[][] = [];
  let length = Infinity;
  for (const each of parameters) {
    const size = Math.ceil(each.size / viewAlignment) * viewAlignment;
    if (length + size > largestPack) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)!.push(each);
    length += size;
  }
  return groups;
}
