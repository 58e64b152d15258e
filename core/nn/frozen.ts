// Keeps frozen weights in half precision on a backend that offers it, and in f32 again once they train.
// It leaves which weights those are to models/, and the packing itself to the backend.

import type { Tensor } from "../tensor.ts";

export class FrozenStorage {
  readonly #packed = new Set<Tensor>();

  /** Packs what is frozen and unpacks what trains, as far as that has changed; nothing on a backend that does not pack. */
  update(weights: readonly Tensor[]): void {
    for (const each of weights) {
      const { backend } = each;
      if (backend.pack === undefined || backend.unpack === undefined) return;
      if (each.trainable === !this.#packed.has(each)) continue;
      if (each.trainable) {
        each.replaceBuffer(backend.unpack(each.buffer));
        this.#packed.delete(each);
      } else {
        each.replaceBuffer(backend.pack(each.buffer));
        this.#packed.add(each);
      }
    }
  }
}
