// Tensors that lie in files, whatever the format: names → shape, element type, values part by part, so that no file and no
// large tensor is in memory twice. It leaves the formats to safetensors.ts and torch.ts.

import type { Shape } from "../shape.ts";
import { type ByteReader, readExactly } from "./bytes.ts";
import { type Decoded, decodedArray, decodeElements, elementTypes } from "./elements.ts";

/** Values of one part: what is held besides a tensor's destination while it is read. */
export const partLength = 2 ** 22;

export type TakePart = (values: Decoded, offset: number) => void | Promise<void>;

export interface StoredTensor {
  readonly shape: Shape;
  /** As safetensors names it: "F32", "BF16", "I64", … */
  readonly dtype: string;
  /**
   * Hands over the values in row-major order, decoded to f32 or i32, in parts with the number of their first element. A part is
   * not to be changed or kept; the next one is read when `take` is done with it.
   */
  stream(take: TakePart): Promise<void>;
}

export type StoredTensors = ReadonlyMap<string, StoredTensor>;

export interface DecodedTensor {
  readonly shape: readonly number[];
  readonly dtype: "f32" | "i32";
  readonly data: Decoded;
}

/** All values of one tensor. */
export async function readStored(tensor: StoredTensor, what = "tensor"): Promise<DecodedTensor> {
  const data = decodedArray(tensor.dtype, tensor.shape.reduce((product, axis) => product * axis, 1), what);
  await tensor.stream((values, offset) => data.set(values, offset));
  return { shape: tensor.shape, dtype: data instanceof Float32Array ? "f32" : "i32", data };
}

/** All values of all tensors: for small files. */
export async function readAllStored(tensors: StoredTensors): Promise<Map<string, DecodedTensor>> {
  const out = new Map<string, DecodedTensor>();
  for (const [name, tensor] of tensors) out.set(name, await readStored(tensor, `tensor "${name}"`));
  return out;
}

/** `count` elements that lie densely from byte `start` on. */
export async function streamDense(
  reader: ByteReader,
  label: string,
  what: string,
  dtype: string,
  start: number,
  count: number,
  take: TakePart,
): Promise<void> {
  // Refuses a type that cannot be decoded, also for a tensor without elements.
  decodedArray(dtype, 0, `${label}: ${what}`);
  const { width } = elementTypes[dtype];
  for (let first = 0; first < count; first += partLength) {
    const length = Math.min(partLength, count - first);
    const bytes = await readExactly(reader, label, what, start + first * width, length * width);
    await take(decodeElements(dtype, bytes, `${label}: ${what}`, first), first);
  }
}
