// Reads and writes safetensors files, tensor by tensor, refusing any header that does not describe the bytes exactly.
// It leaves finding files, checksums and the meaning of tensor names to its callers.

import { CoreError } from "../errors.ts";
import { bfloatToNumber, halfToNumber, numberToHalf } from "./halves.ts";

/** Random access to bytes that need not be in memory at once. */
export interface ByteReader {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface SafetensorsEntry {
  readonly name: string;
  /** As in the file: "F32", "F16", "BF16", "F64", "I64", "I32", "U8", … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Position of the first byte in the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface DecodedTensor {
  readonly shape: readonly number[];
  readonly dtype: "f32" | "i32";
  readonly data: Float32Array | Int32Array;
}

export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the bytes. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** Reads and decodes one tensor. Floats of any width become f32, integers i32. @throws when it is absent or does not fit. */
  read(name: string): Promise<DecodedTensor>;
}

type Decode = (view: DataView, at: number) => number;

/** Element types of the format: width in bytes, and how one element is decoded (absent: not supported here). */
const types: Record<string, { width: number; kind?: "f32" | "i32"; decode?: Decode }> = {
  F64: { width: 8, kind: "f32", decode: (view, at) => view.getFloat64(at, true) },
  F32: { width: 4, kind: "f32", decode: (view, at) => view.getFloat32(at, true) },
  F16: { width: 2, kind: "f32", decode: (view, at) => halfToNumber(view.getUint16(at, true)) },
  BF16: { width: 2, kind: "f32", decode: (view, at) => bfloatToNumber(view.getUint16(at, true)) },
  I64: { width: 8, kind: "i32", decode: (view, at) => Number(view.getBigInt64(at, true)) },
  I32: { width: 4, kind: "i32", decode: (view, at) => view.getInt32(at, true) },
  I16: { width: 2, kind: "i32", decode: (view, at) => view.getInt16(at, true) },
  I8: { width: 1, kind: "i32", decode: (view, at) => view.getInt8(at) },
  U8: { width: 1, kind: "i32", decode: (view, at) => view.getUint8(at) },
  BOOL: { width: 1, kind: "i32", decode: (view, at) => view.getUint8(at) },
  U64: { width: 8 },
  U32: { width: 4 },
  U16: { width: 2 },
  F8_E4M3: { width: 1 },
  F8_E5M2: { width: 1 },
};

/** The format's own bound on the header, so that a damaged length cannot ask for all memory. */
const LARGEST_HEADER = 100_000_000;

function fromMemory(bytes: Uint8Array): ByteReader {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

async function readExactly(
  source: ByteReader,
  label: string,
  what: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) {
    throw new CoreError(
      `${label}: ${what}: got ${bytes.length} of ${length} bytes at offset ${offset}; the file is shorter than it was, read it again or fetch it again`,
    );
  }
  return bytes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseEntry(label: string, name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const refuse = (text: string): never => {
    throw new CoreError(`${label}: tensor "${name}": ${text}; the header is damaged, fetch the file again`);
  };
  if (!isRecord(value)) return refuse(`its entry is ${JSON.stringify(value)}; wanted an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(types, dtype)) {
    return refuse(`dtype is ${JSON.stringify(dtype)}; known are ${Object.keys(types).join(", ")}`);
  }
  const isCount = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return refuse(`shape is ${JSON.stringify(shape)}; wanted a list of non-negative integers`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    return refuse(`data_offsets is ${JSON.stringify(offsets)}; wanted [begin, end] with 0 ≤ begin ≤ end`);
  }
  const bytes = shape.reduce((product, axis) => product * axis, types[dtype].width);
  if (!Number.isSafeInteger(bytes) || offsets[1] - offsets[0] !== bytes) {
    return refuse(
      `shape [${shape}] of ${dtype} takes ${bytes} bytes, but data_offsets [${offsets}] span ${
        offsets[1] - offsets[0]
      }`,
    );
  }
  return { name, dtype, shape, offset: dataStart + offsets[0], bytes };
}

/** Checks that the tensors lie one after another and fill the file to its end. */
function checkCoverage(label: string, entries: SafetensorsEntry[], dataStart: number, size: number): void {
  let end = dataStart;
  let before = "the header";
  for (const entry of entries) {
    const problem = entry.offset < end ? "overlaps" : entry.offset > end ? "leaves a gap after" : "";
    if (problem) {
      throw new CoreError(
        `${label}: tensor "${entry.name}": starts at byte ${entry.offset} and ${problem} ${before}, which ends at ${end}; the header is damaged, fetch the file again`,
      );
    }
    end = entry.offset + entry.bytes;
    before = `tensor "${entry.name}"`;
    if (end > size) {
      throw new CoreError(
        `${label}: tensor "${entry.name}": ends at byte ${end}, but the file has ${size}; it is truncated, fetch it again`,
      );
    }
  }
  if (end !== size) {
    throw new CoreError(
      `${label}: ${size - end} bytes follow ${before}; they belong to no tensor, fetch the file again`,
    );
  }
}

/** Reads and checks the header. `label` names the file in errors. Nothing is decoded until `read`. */
export async function openSafetensors(
  source: Uint8Array | ByteReader,
  label = "safetensors data",
): Promise<SafetensorsFile> {
  const reader = source instanceof Uint8Array ? fromMemory(source) : source;
  if (reader.size < 8) {
    throw new CoreError(
      `${label}: ${reader.size} bytes; a safetensors file has at least 8, fetch the file again`,
    );
  }
  const first = await readExactly(reader, label, "header length", 0, 8);
  const headerLength = Number(new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true));
  if (headerLength < 2 || headerLength > LARGEST_HEADER || headerLength > reader.size - 8) {
    throw new CoreError(
      `${label}: the header claims ${headerLength} bytes; wanted 2 to ${
        Math.min(LARGEST_HEADER, reader.size - 8)
      } in a file of ${reader.size}; this is no safetensors file or it is truncated, fetch it again`,
    );
  }
  const header = await readExactly(reader, label, "header", 8, headerLength);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header));
  } catch (error) {
    throw new CoreError(
      `${label}: the header is not JSON (${(error as Error).message}); the file is damaged, fetch it again`,
    );
  }
  if (!isRecord(parsed)) {
    throw new CoreError(
      `${label}: the header is not a JSON object; this is no safetensors file, fetch it again`,
    );
  }
  const { __metadata__: metadata = {}, ...rest } = parsed;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw new CoreError(
      `${label}: __metadata__ holds something other than text; the header is damaged, fetch the file again`,
    );
  }
  const dataStart = 8 + headerLength;
  const sorted = Object.entries(rest)
    .map(([name, value]) => parseEntry(label, name, value, dataStart))
    .sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  checkCoverage(label, sorted, dataStart, reader.size);
  const entries = new Map(sorted.map((entry) => [entry.name, entry]));

  return {
    metadata: metadata as Record<string, string>,
    entries,
    async read(name) {
      const entry = entries.get(name);
      if (!entry) {
        throw new CoreError(
          `${label}: there is no tensor "${name}"; the file has ${entries.size}, e.g. ${
            [...entries.keys()].slice(0, 3).map((key) => `"${key}"`).join(", ")
          }`,
        );
      }
      const bytes = await readExactly(reader, label, `tensor "${name}"`, entry.offset, entry.bytes);
      return decode(label, entry, bytes);
    },
  };
}

function decode(label: string, entry: SafetensorsEntry, bytes: Uint8Array): DecodedTensor {
  const { width, kind, decode } = types[entry.dtype];
  const { shape } = entry;
  if (!kind || !decode) {
    throw new CoreError(
      `${label}: tensor "${entry.name}": ${entry.dtype} cannot be read; convert the file to F32, F16 or BF16`,
    );
  }
  const count = bytes.length / width;
  if (entry.dtype === "F32") {
    // The common case at full speed; every machine with a JavaScript engine today is little-endian.
    return { shape, dtype: "f32", data: new Float32Array(new Uint8Array(bytes).buffer, 0, count) };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const data = kind === "f32" ? new Float32Array(count) : new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const value = decode(view, i * width);
    if (kind === "i32" && value !== (value | 0)) {
      throw new CoreError(
        `${label}: tensor "${entry.name}": element ${i} is ${value}, outside 32 bits; convert the file to I32`,
      );
    }
    data[i] = value;
  }
  return { shape, dtype: kind, data };
}

export interface TensorToWrite {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
  /** Default: "F32" for floats, "I32" for Int32Array. F16 rounds to nearest, ties to even. */
  readonly dtype?: "F32" | "F16" | "I32";
}

/**
 * The bytes of a safetensors file. The same tensors and metadata give the same bytes, whatever order they come in: wide types
 * first (so that every tensor is aligned), then by name.
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, TensorToWrite>> | ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const list = [
    ...(tensors instanceof Map ? tensors : Object.entries(tensors)) as Iterable<
      [string, TensorToWrite]
    >,
  ].map(([name, tensor]) => {
    const dtype = tensor.dtype ?? (tensor.data instanceof Int32Array ? "I32" : "F32");
    const size = tensor.shape.reduce((product, axis) => product * axis, 1);
    if (size !== tensor.data.length) {
      throw new CoreError(
        `writeSafetensors: tensor "${name}": shape [${tensor.shape}] takes ${size} values, ${tensor.data.length} were given`,
      );
    }
    if ((dtype === "I32") !== (tensor.data instanceof Int32Array)) {
      throw new CoreError(
        `writeSafetensors: tensor "${name}": ${dtype} from ${tensor.data.constructor.name}; cast it first`,
      );
    }
    if (name === "__metadata__") {
      throw new CoreError(`writeSafetensors: a tensor cannot be called __metadata__; rename it`);
    }
    return { name, dtype, shape: tensor.shape, data: tensor.data, bytes: size * types[dtype].width };
  });
  const byName = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
  list.sort((a, b) => types[b.dtype].width - types[a.dtype].width || byName(a.name, b.name));

  const header: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length) header.push(["__metadata__", Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  let end = 0;
  for (const { name, dtype, shape, bytes } of list) {
    header.push([name, { dtype, shape, data_offsets: [end, end += bytes] }]);
  }
  // Entries are joined by hand: an object would move names that look like integers to the front.
  let text = `{${
    header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")
  }}`;
  let encoded = new TextEncoder().encode(text);
  text += " ".repeat((8 - encoded.length % 8) % 8);
  encoded = new TextEncoder().encode(text);

  const out = new Uint8Array(8 + encoded.length + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(encoded.length), true);
  out.set(encoded, 8);
  let at = 8 + encoded.length;
  for (const { dtype, data, bytes } of list) {
    const packed = dtype === "I32"
      ? data
      : dtype === "F32"
      ? (data instanceof Float32Array ? data : Float32Array.from(data))
      : Uint16Array.from(data, numberToHalf);
    out.set(new Uint8Array(packed.buffer, packed.byteOffset, bytes), at);
    at += bytes;
  }
  return out;
}
