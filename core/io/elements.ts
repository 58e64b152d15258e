// Element types of tensor files, and their decoding at full speed: floats of any width become f32, integers i32.
// It leaves where the bytes are to the readers of each format.

import { CoreError } from "../errors.ts";
import { halfToNumber } from "./halves.ts";

export interface ElementType {
  /** Bytes. */
  readonly width: number;
  /** What it is decoded to; absent where it cannot be. */
  readonly kind?: "f32" | "i32";
}

/** By the name that safetensors gives them. */
export const elementTypes: Readonly<Record<string, ElementType>> = {
  F64: { width: 8, kind: "f32" },
  F32: { width: 4, kind: "f32" },
  F16: { width: 2, kind: "f32" },
  BF16: { width: 2, kind: "f32" },
  I64: { width: 8, kind: "i32" },
  I32: { width: 4, kind: "i32" },
  I16: { width: 2, kind: "i32" },
  I8: { width: 1, kind: "i32" },
  U8: { width: 1, kind: "i32" },
  BOOL: { width: 1, kind: "i32" },
  U64: { width: 8 },
  U32: { width: 4 },
  U16: { width: 2 },
  F8_E4M3: { width: 1 },
  F8_E5M2: { width: 1 },
};

export type Decoded = Float32Array | Int32Array;

/** An array for `count` decoded elements. @throws for a type that cannot be decoded; `what` names the tensor */
export function decodedArray(dtype: string, count: number, what: string): Decoded {
  const { kind } = elementTypes[dtype] ?? {};
  if (kind === undefined) {
    throw new CoreError(`${what}: ${dtype} cannot be read; convert the file to F32, F16 or BF16`);
  }
  return kind === "f32" ? new Float32Array(count) : new Int32Array(count);
}

/** The bytes, copied only where they do not lie as an array of this width must. */
function aligned(bytes: Uint8Array, width: number): { buffer: ArrayBuffer; byteOffset: number } {
  return (bytes.byteOffset % width === 0 ? bytes : bytes.slice()) as Uint8Array<ArrayBuffer>;
}

/** Every f16 in f32. */
let halves: Float32Array | undefined;

/** Whole elements, little-endian. F32 is a view of the bytes where they are aligned. @param first number of the first element, for errors */
export function decodeElements(dtype: string, bytes: Uint8Array, what: string, first = 0): Decoded {
  const { width } = elementTypes[dtype];
  const count = bytes.length / width;
  // Every machine with a JavaScript engine today is little-endian.
  const { buffer, byteOffset } = aligned(bytes, width);
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, count);
  if (dtype === "I32") return new Int32Array(buffer, byteOffset, count);
  const out = decodedArray(dtype, count, what);
  switch (dtype) {
    case "BF16": {
      // A bfloat16 is the upper half of a float32.
      const from = new Uint16Array(buffer, byteOffset, count), bits = new Uint32Array(out.buffer);
      for (let i = 0; i < count; i++) bits[i] = from[i] << 16;
      return out;
    }
    case "F16": {
      halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
      const from = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) out[i] = halves[from[i]];
      return out;
    }
    case "I64": {
      const from = new Int32Array(buffer, byteOffset, 2 * count);
      for (let i = 0; i < count; i++) {
        if (from[2 * i + 1] !== from[2 * i] >> 31) {
          const value = new BigInt64Array(buffer, byteOffset, count)[i];
          throw new CoreError(
            `${what}: element ${first + i} is ${value}, outside 32 bits; convert the file to I32`,
          );
        }
        out[i] = from[2 * i];
      }
      return out;
    }
    case "F64":
      out.set(new Float64Array(buffer, byteOffset, count));
      return out;
    case "I16":
      out.set(new Int16Array(buffer, byteOffset, count));
      return out;
    case "I8":
      out.set(new Int8Array(buffer, byteOffset, count));
      return out;
    default: // U8, BOOL
      out.set(new Uint8Array(buffer, byteOffset, count));
      return out;
  }
}
