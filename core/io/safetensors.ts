// Reads and writes safetensors files, tensor by tensor, refusing any header that does not describe the bytes exactly.
// It leaves finding files, checksums and the meaning of tensor names to its callers.

import { CoreError } from "../errors.ts";
import { type ByteReader, fromMemory, readExactly } from "./bytes.ts";
import { elementTypes } from "./elements.ts";
import { numberToHalf } from "./halves.ts";
import {
  type DecodedTensor,
  readStored,
  type StoredTensor,
  type StoredTensors,
  streamDense,
} from "./stored.ts";

export type { ByteReader, DecodedTensor };

export interface SafetensorsEntry {
  readonly name: string;
  /** As in the file: "F32", "F16", "BF16", "F64", "I64", "I32", "U8", … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Position of the first byte in the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the bytes. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** The same, to be read part by part. */
  readonly tensors: StoredTensors;
  /** Reads and decodes one tensor. Floats of any width become f32, integers i32. @throws when it is absent or does not fit. */
  read(name: string): Promise<DecodedTensor>;
}

/** The format's own bound on the header, so that a damaged length cannot ask for all memory. */
const LARGEST_HEADER = 100_000_000;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseEntry(label: string, name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const refuse = (text: string): never => {
    throw new CoreError(`${label}: tensor "${name}": ${text}; the header is damaged, fetch the file again`);
  };
  if (!isRecord(value)) return refuse(`its entry is ${JSON.stringify(value)}; wanted an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(elementTypes, dtype)) {
    return refuse(`dtype is ${JSON.stringify(dtype)}; known are ${Object.keys(elementTypes).join(", ")}`);
  }
  const isCount = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return refuse(`shape is ${JSON.stringify(shape)}; wanted a list of non-negative integers`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    return refuse(`data_offsets is ${JSON.stringify(offsets)}; wanted [begin, end] with 0 ≤ begin ≤ end`);
  }
  const bytes = shape.reduce((product, axis) => product * axis, elementTypes[dtype].width);
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

  const tensors = new Map(sorted.map((entry) => [entry.name, storedEntry(reader, label, entry)]));

  return {
    metadata: metadata as Record<string, string>,
    entries,
    tensors,
    async read(name) {
      const tensor = tensors.get(name);
      if (!tensor) {
        throw new CoreError(
          `${label}: there is no tensor "${name}"; the file has ${entries.size}, e.g. ${
            [...entries.keys()].slice(0, 3).map((key) => `"${key}"`).join(", ")
          }`,
        );
      }
      return await readStored(tensor, `${label}: tensor "${name}"`);
    },
  };
}

function storedEntry(reader: ByteReader, label: string, entry: SafetensorsEntry): StoredTensor {
  const { name, dtype, shape, offset, bytes } = entry;
  const count = bytes / elementTypes[dtype].width;
  return {
    shape,
    dtype,
    stream: (take) => streamDense(reader, label, `tensor "${name}"`, dtype, offset, count, take),
  };
}

export interface TensorToWrite {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
  /** Default: "F32" for floats, "I32" for Int32Array. F16 rounds to nearest, ties to even. */
  readonly dtype?: "F32" | "F16" | "I32";
}

/** The bytes of a safetensors file; see `safetensorsParts`. */
export function writeSafetensors(
  tensors: Readonly<Record<string, TensorToWrite>> | ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const parts = safetensorsParts(tensors, metadata);
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * A safetensors file as its header and one part a tensor, to be written one after another: parts of f32 and i32 tensors are views of
 * their data, so that nothing is held twice. The same tensors and metadata give the same bytes, whatever order they come in: wide
 * types first (so that every tensor is aligned), then by name.
 */
export function safetensorsParts(
  tensors: Readonly<Record<string, TensorToWrite>> | ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const list = [
    ...(tensors instanceof Map ? tensors : Object.entries(tensors)) as Iterable<
      [string, TensorToWrite]
    >,
  ].map(([name, tensor]) => {
    const dtype = tensor.dtype ?? (tensor.data instanceof Int32Array ? "I32" : "F32");
    const size = tensor.shape.reduce((product, axis) => product * axis, 1);
    if (size !== tensor.data.length) {
      throw new CoreError(
        `safetensors: cannot write tensor "${name}": shape [${tensor.shape}] takes ${size} values, ${tensor.data.length} were given`,
      );
    }
    if ((dtype === "I32") !== (tensor.data instanceof Int32Array)) {
      throw new CoreError(
        `safetensors: cannot write tensor "${name}": ${dtype} from ${tensor.data.constructor.name}; cast it first`,
      );
    }
    if (name === "__metadata__") {
      throw new CoreError(`safetensors: a tensor cannot be called __metadata__; rename it`);
    }
    return { name, dtype, shape: tensor.shape, data: tensor.data, bytes: size * elementTypes[dtype].width };
  });
  const byName = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
  list.sort((a, b) => elementTypes[b.dtype].width - elementTypes[a.dtype].width || byName(a.name, b.name));

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

  const start = new Uint8Array(8 + encoded.length);
  new DataView(start.buffer).setBigUint64(0, BigInt(encoded.length), true);
  start.set(encoded, 8);
  return [
    start,
    ...list.map(({ dtype, data, bytes }) => {
      const packed = dtype === "I32"
        ? data
        : dtype === "F32"
        ? (data instanceof Float32Array ? data : Float32Array.from(data))
        : Uint16Array.from(data, numberToHalf);
      return new Uint8Array(packed.buffer, packed.byteOffset, bytes);
    }),
  ];
}
