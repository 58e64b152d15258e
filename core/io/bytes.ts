// Random access to bytes that need not be in memory at once, and reading them exactly or not at all.
// It leaves opening files to its callers: core knows no file system.

import { CoreError } from "../errors.ts";

/** Random access to bytes that need not be in memory at once. */
export interface ByteReader {
  readonly size: number;
  /** The bytes from `offset` on, fewer only at the end. They are not to be changed. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export function fromMemory(bytes: Uint8Array): ByteReader {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A part of a reader as a reader of its own. */
export function within(reader: ByteReader, start: number, size: number): ByteReader {
  return {
    size,
    read: (offset, length) => reader.read(start + offset, Math.max(0, Math.min(length, size - offset))),
  };
}

/** @param what is read, in words, for the error */
export async function readExactly(
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
