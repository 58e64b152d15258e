// Promises the members of a zip archive on the disk, read where they lie: text whole or line by line, files unpacked; nothing of
// the archive is held beyond what is asked for. Leaves what the members mean to fetched.ts.
import { configure, type Entry, type FileEntry, Reader, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";
import type { ByteReader } from "../../core/mod.ts";
import { fileReader } from "../runtime.ts";
import { DataError } from "./errors.ts";

// Workers would be started for every member and outlive the command.
configure({ useWebWorkers: false });

class DiskReader extends Reader<ByteReader> {
  private readonly file: ByteReader;
  constructor(file: ByteReader) {
    super(file);
    this.file = file;
    this.size = file.size;
  }
  override readUint8Array(index: number, length: number): Promise<Uint8Array> {
    return this.file.read(index, length);
  }
}

async function within<T>(path: string, work: (entries: FileEntry[]) => Promise<T>): Promise<T> {
  const file = await fileReader(path);
  let entries: Entry[];
  try {
    entries = await new ZipReader(new DiskReader(file)).getEntries();
  } catch (error) {
    throw new DataError(
      path,
      "",
      `not a readable zip archive (${(error as Error).message}, ${file.size} bytes)`,
      "it may be truncated; fetch it again",
      error,
    );
  }
  return await work(entries.filter((entry): entry is FileEntry => !entry.directory));
}

function find(entries: FileEntry[], member: string, path: string): FileEntry {
  const entry = entries.find(({ filename }) => filename === member);
  if (entry !== undefined) return entry;
  const names = entries.map(({ filename }) => filename);
  throw new DataError(
    path,
    member,
    "no such member",
    `the archive holds ${names.slice(0, 10).join(", ")}${
      names.length > 10 ? ", …" : ""
    }; check that it is the right one`,
  );
}

const damaged = (path: string, member: string, error: unknown) =>
  error instanceof DataError ? error : new DataError(
    path,
    member,
    `the member is damaged (${(error as Error).message})`,
    "fetch the archive again",
    error,
  );

export const zipMembers = (path: string): Promise<string[]> =>
  within(path, (entries) => Promise.resolve(entries.map(({ filename }) => filename)));

/** A member's bytes; its checksum is verified. */
export function zipBytes(path: string, member: string): Promise<Uint8Array> {
  return within(path, async (entries) => {
    try {
      return await find(entries, member, path).getData(new Uint8ArrayWriter(), { checkSignature: true });
    } catch (error) {
      throw damaged(path, member, error);
    }
  });
}

/** A member as UTF-8 text without byte order mark. Bytes that are no UTF-8 are an error, never replaced. */
export async function zipText(path: string, member: string): Promise<string> {
  const bytes = await zipBytes(path, member);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DataError(path, member, "not valid UTF-8", "fetch the archive again", error);
  }
}

/** Calls `onLine` with each line of a member, without its end; never holds more than a piece of it. */
export function zipLines(path: string, member: string, onLine: (line: string) => void): Promise<void> {
  return within(path, async (entries) => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let rest = "";
    const take = (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
    };
    const sink = new WritableStream<Uint8Array>({
      write: (piece) => take(decoder.decode(piece, { stream: true })),
      close: () => take(decoder.decode()),
    });
    try {
      await find(entries, member, path).getData(sink, { checkSignature: true });
    } catch (error) {
      throw damaged(path, member, error);
    }
    if (rest !== "") onLine(rest);
  });
}
