// Writes tensors as torch.save does (PyTorch 1.6 and later), for libraries that read nothing else; torch.load takes it with
// weights_only. It leaves large checkpoints to safetensors.ts.

import { CoreError } from "../errors.ts";
import type { HostTensor } from "../nn/parameters.ts";
import { writeZip } from "./zip.ts";

/** Bytes of a `.bin` file with a dict of f32 tensors, in the order given; the same tensors give the same bytes. */
export function writeTorch(tensors: ReadonlyMap<string, HostTensor>): Uint8Array<ArrayBuffer> {
  const members: [string, Uint8Array][] = [];
  const pickle = new PickleWriter();
  const emptyDict = [0x7d],
    emptyTuple = [0x29],
    reduce = [0x52],
    setItems = [0x75],
    persistentId = [0x51],
    no = [0x89];
  pickle.raw([0x80, 2]).raw(emptyDict).mark();
  for (const [name, { shape, data }] of tensors) {
    if (shape.reduce((product, axis) => product * axis, 1) !== data.length) {
      throw new CoreError(`writeTorch: tensor "${name}": ${data.length} values for shape [${shape}]`);
    }
    const key = String(members.length);
    const values = data instanceof Float32Array ? data : Float32Array.from(data);
    members.push([
      `archive/data/${key}`,
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    ]);
    pickle.text(name).global("torch._utils", "_rebuild_tensor_v2").mark();
    pickle.mark().text("storage").global("torch", "FloatStorage").text(key).text("cpu").integer(data.length)
      .tuple().raw(persistentId);
    pickle.integer(0).integers(shape).integers(
      shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)),
    );
    // requires_grad, and no backward hooks.
    pickle.raw(no).global("collections", "OrderedDict").raw(emptyTuple).raw(reduce);
    pickle.tuple().raw(reduce);
  }
  pickle.raw(setItems).raw([0x2e]);
  const encoder = new TextEncoder();
  return writeZip([
    ["archive/data.pkl", pickle.bytes()],
    ["archive/byteorder", encoder.encode("little")],
    ...members,
    ["archive/version", encoder.encode("3\n")],
  ]);
}

class PickleWriter {
  readonly #out: number[] = [];

  bytes(): Uint8Array {
    return Uint8Array.from(this.#out);
  }

  raw(bytes: Iterable<number>): this {
    for (const each of bytes) this.#out.push(each);
    return this;
  }

  mark(): this {
    return this.raw([0x28]);
  }

  /** All that was pushed since the last mark. */
  tuple(): this {
    return this.raw([0x74]);
  }

  text(value: string): this {
    const encoded = new TextEncoder().encode(value);
    return this.raw([0x58]).#uint32(encoded.length).raw(encoded);
  }

  global(module: string, name: string): this {
    return this.raw([0x63]).raw(new TextEncoder().encode(`${module}\n${name}\n`));
  }

  /** @throws beyond 31 bits: such tensors belong in safetensors */
  integer(value: number): this {
    if (value > 0x7fffffff) {
      throw new CoreError(`writeTorch: ${value} elements are too many; write safetensors`);
    }
    return this.raw([0x4a]).#uint32(value);
  }

  integers(values: readonly number[]): this {
    this.mark();
    for (const each of values) this.integer(each);
    return this.tuple();
  }

  #uint32(value: number): this {
    return this.raw([value & 255, value >>> 8 & 255, value >>> 16 & 255, value >>> 24]);
  }
}
