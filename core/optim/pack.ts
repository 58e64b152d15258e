// Parameters that train together, side by side: one buffer each for their values, gradients and moments, so that one kernel
// updates all of them. It leaves step counts and the numbers of an update to adamw.ts.

import { type Backend, type DeviceBuffer, viewAlignment } from "../backends/backend.ts";
import type { Segments } from "../backends/kernels.ts";
import { empty, keep, type Tensor, zeros } from "../tensor.ts";

/** Elements of one pack: half of what every device binds at once (128 MiB). A larger parameter has a pack to itself. */
const largestPack = 2 ** 24;

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
  readonly firstMoments: Tensor;
  readonly secondMoments: Tensor;
  readonly #gradients: Tensor;
  /** What the values live in; null where the only parameter stays where it was. */
  readonly #values: Tensor | null;
  readonly #segments: Tensor;
  readonly #scalars: Tensor;
  /** Members that the tables on the device list now. */
  #listed: readonly Member[] = [];

  /** Moves the parameters' values into the pack. */
  constructor(backend: Backend, parameters: readonly Tensor[]) {
    let length = 0;
    this.members = parameters.map((parameter) => {
      const offset = length;
      length += Math.ceil(parameter.size / viewAlignment) * viewAlignment;
      return { parameter, pack: this, offset, steps: 0 };
    });
    if (parameters.length === 1) length = parameters[0].size;
    this.firstMoments = keep(zeros(backend, [length]));
    this.secondMoments = keep(zeros(backend, [length]));
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
    const scalars = members.flatMap((member) => {
      const { stepSize, secondMomentScale, keepBefore, keepAfter } = scalarsOf(member);
      return [stepSize, secondMomentScale, keepBefore, keepAfter];
    });
    backend.write(this.#scalars.buffer, Float64Array.from(scalars));
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
    const { firstMoments, secondMoments } = this;
    const owned = [firstMoments, secondMoments, this.#gradients, this.#values, this.#segments, this.#scalars];
    for (const each of owned) each?.dispose();
  }
}

/** Packs of parameters in their order; each as full as it may be. */
export function makePacks(parameters: readonly Tensor[]): Pack[] {
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
  return groups.map((group) => new Pack(group[0].backend, group));
}
