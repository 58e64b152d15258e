// Zip archives by random access: the list of members, a stored member as a reader of its own, a whole member checked by its CRC;
// and writing archives of stored members. It leaves what the members mean to torch.ts and others, and never writes to disk.
// Source: PKWARE's APPNOTE.TXT, sections 4.3 to 4.5 (with zip64).

import { CoreError } from "../errors.ts";
import { type ByteReader, readExactly, within } from "./bytes.ts";

export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflate. */
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Position of the local header. */
  readonly offset: number;
}

export interface ZipFile {
  /** In the order of the directory. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** A stored member. @throws when it is absent or compressed: it could only be read from its beginning */
  open(name: string): Promise<ByteReader>;
  /** A whole member, decompressed, its CRC checked. */
  read(name: string): Promise<Uint8Array>;
}

const endSize = 22, locatorSize = 20, end64Size = 56, localSize = 30, centralSize = 46;
const longestComment = 65535;
/** A directory of more bytes is damage: a checkpoint has some thousand members. */
const largestDirectory = 2 ** 28;

export const isZip = (first: Uint8Array): boolean =>
  first[0] === 0x50 && first[1] === 0x4b && (first[2] === 3 || first[2] === 5);

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** @throws CoreError for anything but a whole archive in one part, without encryption */
export async function openZip(reader: ByteReader, label: string): Promise<ZipFile> {
  const refuse = (what: string): never => {
    throw new CoreError(`${label}: zip: ${what}; the file is damaged or truncated, fetch it again`);
  };
  const directory = await findDirectory(reader, label, refuse);
  const bytes = await readExactly(reader, label, "zip directory", directory.offset, directory.size);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < directory.count; i++) {
    if (at + centralSize > bytes.length) refuse(`its directory ends in member ${i} of ${directory.count}`);
    const { entry, end } = centralEntry(bytes, at, refuse);
    if (entries.has(entry.name)) refuse(`the member ${entry.name} is there twice`);
    if (entry.offset + localSize + entry.compressedSize > directory.offset) {
      refuse(`the member ${entry.name} reaches beyond the directory`);
    }
    entries.set(entry.name, entry);
    at = end;
  }

  const find = (name: string): ZipEntry =>
    entries.get(name) ?? refuse(`there is no member ${name} among its ${entries.size}`);

  async function dataOf(entry: ZipEntry): Promise<ByteReader> {
    const view = viewOf(
      await readExactly(reader, label, `zip member ${entry.name}`, entry.offset, localSize),
    );
    if (view.getUint32(0, true) !== 0x04034b50) {
      refuse(`the member ${entry.name} has no header at byte ${entry.offset}`);
    }
    const start = entry.offset + localSize + view.getUint16(26, true) + view.getUint16(28, true);
    if (start + entry.compressedSize > directory.offset) {
      refuse(`the member ${entry.name} reaches beyond the directory`);
    }
    return within(reader, start, entry.compressedSize);
  }

  return {
    entries,
    async open(name) {
      const entry = find(name);
      if (entry.method !== 0) {
        throw new CoreError(
          `${label}: zip member ${name} is compressed; a checkpoint's are stored, save it again with torch.save`,
        );
      }
      if (entry.size !== entry.compressedSize) refuse(`the stored member ${name} has two sizes`);
      return await dataOf(entry);
    },
    async read(name) {
      const entry = find(name);
      const data = await dataOf(entry);
      const packed = await readExactly(data, label, `zip member ${name}`, 0, entry.compressedSize);
      if (entry.method !== 0 && entry.method !== 8) {
        refuse(`the member ${name} has compression method ${entry.method}`);
      }
      const whole = entry.method === 0 ? packed : await inflate(packed, entry, refuse);
      if (whole.length !== entry.size) {
        refuse(`the member ${name} has ${whole.length} bytes, not ${entry.size}`);
      }
      if (crc32(whole) !== entry.crc) refuse(`the member ${name} does not match its checksum`);
      return whole;
    },
  };
}

type Refuse = (what: string) => never;

async function findDirectory(reader: ByteReader, label: string, refuse: Refuse) {
  const length = Math.min(reader.size, endSize + longestComment);
  const tailAt = reader.size - length;
  const tail = await readExactly(reader, label, "zip end", tailAt, length);
  const view = viewOf(tail);
  let at = length - endSize;
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === 0x06054b50 && at + endSize + view.getUint16(at + 20, true) === length)
  ) {
    at--;
  }
  if (at < 0) refuse("its end is missing");
  if (view.getUint16(at + 4, true) !== 0) refuse("it is one part of several");
  let count = view.getUint16(at + 10, true);
  let size = view.getUint32(at + 12, true), offset = view.getUint32(at + 16, true);
  const locatorAt = tailAt + at - locatorSize;
  if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) {
    if (locatorAt < 0) refuse("its zip64 end is missing");
    const locator = viewOf(await readExactly(reader, label, "zip64 locator", locatorAt, locatorSize));
    if (locator.getUint32(0, true) !== 0x07064b50) refuse("its zip64 end is missing");
    const endAt = Number(locator.getBigUint64(8, true));
    if (endAt + end64Size > locatorAt) refuse("its zip64 end lies elsewhere");
    const end = viewOf(await readExactly(reader, label, "zip64 end", endAt, end64Size));
    if (end.getUint32(0, true) !== 0x06064b50) refuse("its zip64 end is damaged");
    count = Number(end.getBigUint64(32, true));
    size = Number(end.getBigUint64(40, true));
    offset = Number(end.getBigUint64(48, true));
  }
  if (!(offset + size <= tailAt + at) || size > largestDirectory) refuse("its directory lies beyond its end");
  if (count * centralSize > size) refuse(`a directory of ${size} bytes cannot list ${count} members`);
  return { count, size, offset };
}

function centralEntry(bytes: Uint8Array, at: number, refuse: Refuse): { entry: ZipEntry; end: number } {
  const view = viewOf(bytes);
  if (view.getUint32(at, true) !== 0x02014b50) refuse(`its directory is damaged at byte ${at}`);
  const nameEnd = at + centralSize + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const end = extraEnd + view.getUint16(at + 32, true);
  if (end > bytes.length) refuse(`its directory is damaged at byte ${at}`);
  const name = new TextDecoder().decode(bytes.subarray(at + centralSize, nameEnd));
  if (view.getUint16(at + 8, true) & 1) refuse(`the member ${name} is encrypted`);
  let size = view.getUint32(at + 24, true);
  let compressedSize = view.getUint32(at + 20, true);
  let offset = view.getUint32(at + 42, true);
  // The zip64 field holds, in this order, those of the three that did not fit.
  for (let field = nameEnd; field + 4 <= extraEnd;) {
    const fieldEnd = field + 4 + view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1 && fieldEnd <= extraEnd) {
      let next = field + 4;
      const wide = (value: number) => {
        if (value !== 0xffffffff) return value;
        if (next + 8 > fieldEnd) refuse(`the member ${name} has no zip64 sizes`);
        next += 8;
        return Number(view.getBigUint64(next - 8, true));
      };
      size = wide(size);
      compressedSize = wide(compressedSize);
      offset = wide(offset);
    }
    field = fieldEnd;
  }
  const entry = {
    name,
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    compressedSize,
    size,
    offset,
  };
  return { entry, end };
}

/** Stops as soon as there is more than the directory says. */
async function inflate(packed: Uint8Array, { name, size }: ZipEntry, refuse: Refuse): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = new Blob([packed as Uint8Array<ArrayBuffer>]).stream()
      .pipeThrough(new DecompressionStream("deflate-raw"));
    for await (const part of stream as unknown as AsyncIterable<Uint8Array>) {
      parts.push(part);
      length += part.length;
      if (length > size) break;
    }
  } catch {
    refuse(`the member ${name} cannot be decompressed`);
  }
  if (length > size) refuse(`the member ${name} is larger than the directory says`);
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1;
  return n;
});

export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]) & 255] ^ crc >>> 8;
  return ~crc >>> 0;
}

/** Data of members starts at multiples of this, as PyTorch writes them. */
const alignment = 64;

/** An archive of stored members, always the same bytes for the same members. @throws beyond 4 GiB */
export function writeZip(
  members: readonly (readonly [name: string, data: Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const local: Uint8Array[] = [], central: Uint8Array[] = [];
  let at = 0;
  const fixed = (size: number, fill: (view: DataView) => void) => {
    const bytes = new Uint8Array(size);
    fill(new DataView(bytes.buffer));
    return bytes;
  };
  for (const [name, data] of members) {
    const encoded = encoder.encode(name), crc = crc32(data), offset = at;
    const unpadded = at + localSize + encoded.length + 4;
    const padding = (alignment - unpadded % alignment) % alignment;
    const common = (view: DataView, from: number) => {
      view.setUint16(from, 10, true); // version needed
      view.setUint16(from + 2, 0x800, true); // names are UTF-8
      view.setUint32(from + 6, 0x00210000, true); // 1 January 1980, whatever the day
      view.setUint32(from + 10, crc, true);
      view.setUint32(from + 14, data.length, true);
      view.setUint32(from + 18, data.length, true);
      view.setUint16(from + 22, encoded.length, true);
    };
    const header = fixed(localSize, (view) => {
      view.setUint32(0, 0x04034b50, true);
      common(view, 4);
      view.setUint16(28, 4 + padding, true);
    });
    const extra = fixed(4 + padding, (view) => {
      view.setUint16(0, 0x4246, true);
      view.setUint16(2, padding, true);
    });
    local.push(header, encoded, extra, data);
    at = unpadded + padding + data.length;
    central.push(
      fixed(centralSize, (view) => {
        view.setUint32(0, 0x02014b50, true);
        common(view, 6);
        view.setUint32(42, offset, true);
      }),
      encoded,
    );
  }
  const directorySize = central.reduce((sum, each) => sum + each.length, 0);
  if (at + directorySize > 0xfffffffe || members.length > 0xfffe) {
    throw new CoreError(
      `write zip: ${at + directorySize} bytes; an archive here has less than 4 GiB, write safetensors`,
    );
  }
  const end = fixed(endSize, (view) => {
    view.setUint32(0, 0x06054b50, true);
    view.setUint16(8, members.length, true);
    view.setUint16(10, members.length, true);
    view.setUint32(12, directorySize, true);
    view.setUint32(16, at, true);
  });
  const out = new Uint8Array(at + directorySize + endSize);
  let position = 0;
  for (const part of [...local, ...central, end]) {
    out.set(part, position);
    position += part.length;
  }
  return out;
}
