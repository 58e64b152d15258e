// Promises the few things the toolkit needs from the machine (files, paths, environment, standard error), alike on Node and Deno.
// Leaves meaning to its callers: it knows no data set, no run and no command.
import * as fs from "node:fs/promises";
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as nodePath from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { ByteReader } from "../core/mod.ts";

/** A file could not be read or written; `code` is the system's own (ENOENT, ENOSPC, …). */
export class FileError extends Error {
  readonly path: string;
  readonly code: string;
  constructor(message: string, path: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.name = "FileError";
    this.path = path;
    this.code = code;
  }
}

const remedies: Record<string, string> = {
  ENOENT: "no such file or folder; check the path",
  ENOSPC:
    "no space left on the device; free some space or choose another folder, nothing that existed was changed",
  EDQUOT:
    "the disk quota is used up; free some space or choose another folder, nothing that existed was changed",
  EFBIG: "the file would exceed the allowed size; raise the limit or choose another folder",
  EACCES: "permission denied; check the owner and mode of the file and its folder",
  EPERM: "not permitted; check the owner and mode of the file and its folder",
  EROFS: "the file system is read-only; choose a writable folder",
  EISDIR: "this is a folder, a file is wanted",
  ENOTDIR: "a part of the path is a file, a folder is wanted",
  EMFILE: "too many open files; raise the limit (ulimit -n)",
  EIO: "the device reports an input/output error; check the disk",
};

/** The system's code of any thrown value, or "" when it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

function fileError(action: string, path: string, error: unknown): FileError {
  if (error instanceof FileError) return error;
  const code = errorCode(error);
  const text = remedies[code] ?? (error instanceof Error ? error.message : String(error));
  return new FileError(`${action} ${path}: ${text}${code ? ` (${code})` : ""}`, path, code, error);
}

export const join = (...parts: string[]): string => nodePath.join(...parts);
export const resolve = (...parts: string[]): string => nodePath.resolve(...parts);
export const dirname = (path: string): string => nodePath.dirname(path);
export const basename = (path: string, suffix?: string): string => nodePath.basename(path, suffix);
export const isAbsolute = (path: string): boolean => nodePath.isAbsolute(path);

export const workingFolder = (): string => process.cwd();
export const homeFolder = (): string => os.homedir();
export const temporaryFolder = (): string => os.tmpdir();

/** The value of an environment variable; an empty one counts as absent. */
export function env(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/** Name and version of the runtime in use, e.g. "node 20.20.0" or "deno 2.9.6". */
export function runtimeName(): string {
  const versions = process.versions as Record<string, string | undefined>;
  return versions.deno ? `deno ${versions.deno}` : `node ${versions.node}`;
}

/** What the machine offers: processors this process may use, memory in bytes, system and architecture. */
export function machine(): { cpus: number; memoryBytes: number; platform: string; arch: string } {
  return {
    cpus: os.availableParallelism?.() ?? os.cpus().length,
    memoryBytes: os.totalmem(),
    platform: process.platform,
    arch: process.arch,
  };
}

/** Cores for the threads of each of some processes side by side: those that no process of its own would use. */
export const coresOfEach = (processes: number): number => Math.max(1, Math.floor(machine().cpus / processes));

/** Bytes that new processes can take without pushing others out. macOS counts its caches as used: half of all is taken there. */
export function availableMemory(): number {
  if (process.platform === "darwin") return os.totalmem() / 2;
  return process.availableMemory?.() || os.freemem();
}

/** Path of a file URL. */
export const pathOf = (url: URL): string => fileURLToPath(url);

/** Loads a CommonJS package as seen from a module. */
export const requireFrom = (module: string, name: string): unknown => createRequire(module)(name);

/** Text on standard output: the result, and nothing else goes there. */
export function writeOutput(text: string): void {
  process.stdout.write(text);
}

/**
 * Waits until all output is handed over: a process that ends sooner cuts off what a slow reader of a pipe has not taken yet.
 */
export function outputDone(): Promise<void> {
  return new Promise((done) => void process.stdout.write("", () => done()));
}

/** A reader who has gone wants no more: that is no error of ours. To be called once, before anything is written. */
export function allowClosedOutput(): void {
  process.stdout.on("error", (error: Error & { code?: string }) => {
    if (error.code !== "EPIPE") throw error;
  });
}

/** Whether a person reads standard output, not a file or another program. */
export const outputIsTerminal = (): boolean => Boolean(process.stdout.isTTY);

/** One line on standard error, where everything goes that is not the result. */
export function warn(line: string): void {
  process.stderr.write(line + "\n");
}

export async function exists(path: string): Promise<boolean> {
  try {
    await fs.access(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether `path` is a folder, synchronously (used before anything is started). */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Size in bytes. Throws FileError when the file is absent. */
export async function fileSize(path: string): Promise<number> {
  try {
    return (await fs.stat(path)).size;
  } catch (error) {
    throw fileError("stat", path, error);
  }
}

export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/** Bytes that one call asks the system for; some refuse 2 GiB. */
const largestRead = 2 ** 28;

/**
 * A file for reading anywhere, whatever its size. Nothing stays open between reads; a file that changes meanwhile is an error,
 * since its parts would not belong together.
 */
export async function fileReader(path: string): Promise<ByteReader> {
  const version = (stat: { size: number; mtimeMs: number }) => `${stat.size} ${stat.mtimeMs}`;
  const opened = await fs.stat(path).catch((error) => {
    throw fileError("open", path, error);
  });
  return {
    size: opened.size,
    async read(offset, length) {
      const out = new Uint8Array(Math.max(0, Math.min(length, opened.size - offset)));
      let file: fs.FileHandle | undefined;
      try {
        file = await fs.open(path);
        if (version(await file.stat()) !== version(opened)) {
          throw new FileError(`read ${path}: it was changed while it was read; start again`, path, "");
        }
        let done = 0;
        while (done < out.length) {
          const want = Math.min(largestRead, out.length - done);
          const { bytesRead } = await file.read(out, done, want, offset + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return out.subarray(0, done);
      } catch (error) {
        throw fileError("read", path, error);
      } finally {
        await file?.close();
      }
    },
  };
}

/** SHA-256 of a file in hexadecimal, read part by part. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const part of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(part);
  } catch (error) {
    throw fileError("read", path, error);
  }
  return hash.digest("hex");
}

/** Reads UTF-8 text, without a leading byte order mark. Bytes that are no UTF-8 are an error, never replaced. */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FileError(`read ${path}: not valid UTF-8; fetch the file again or convert it`, path, "", error);
  }
}

/** Names in a folder, sorted by code unit so that every machine sees one order; an absent folder is empty. */
export async function list(path: string): Promise<string[]> {
  try {
    return (await fs.readdir(path)).sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw fileError("list", path, error);
  }
}

export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path, 2);
  } catch (error) {
    throw fileError("create folder", path, error);
  }
}

/** Not `recursive`: where nothing can be made (/proc), Node 20 would try for ever. */
async function makeFolders(path: string, tries: number): Promise<void> {
  try {
    await fs.mkdir(path);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    if (errorCode(error) !== "ENOENT" || tries === 0) throw error;
    const parent = nodePath.dirname(path);
    if (parent === path) throw error;
    await makeFolders(parent, 2);
    await makeFolders(path, tries - 1);
  }
}

/** Removes a file or a whole folder; an absent one is no error. */
export async function remove(path: string): Promise<void> {
  try {
    await fs.rm(path, { recursive: true, force: true });
  } catch (error) {
    throw fileError("remove", path, error);
  }
}

/** Moves within one file system in one step: readers see the old content or the new, never a mixture. */
export async function rename(from: string, to: string): Promise<void> {
  try {
    await fs.rename(from, to);
  } catch (error) {
    throw fileError("rename", `${from} → ${to}`, error);
  }
}

/** Text, bytes, or bytes in parts that need not lie in one block of memory. */
export type FileContent = string | Uint8Array | readonly Uint8Array[];

/** The operations of an atomic write, replaceable so that a test can fail any of them. */
export interface WriteSteps {
  write(path: string, data: FileContent): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

const realSteps: WriteSteps = {
  async write(path, data) {
    const file = await fs.open(path, "wx");
    try {
      const parts = typeof data === "string" || data instanceof Uint8Array ? [data] : data;
      // Each goes on where the one before ended.
      for (const part of parts) await file.writeFile(part);
      // Without this a power cut after the rename could leave a named, empty file.
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename: (from, to) => fs.rename(from, to),
};

/** A temporary name beside `path`; `isTemporary` recognises what an interrupted write left behind. */
function temporaryName(path: string): string {
  const nonce = crypto.getRandomValues(new Uint32Array(2));
  return nodePath.join(
    nodePath.dirname(path),
    `.${nodePath.basename(path)}.${nonce[0].toString(36)}${nonce[1].toString(36)}.tmp`,
  );
}

export const isTemporary = (name: string): boolean => /^\..+\.[0-9a-z]+\.tmp$/.test(nodePath.basename(name));

/**
 * Writes a whole file or nothing: temporary file in the same folder, flushed to disk, then renamed over `path`.
 * The folder is created. On any failure the old content stays and the temporary file is removed.
 */
export async function writeAtomic(
  path: string,
  data: FileContent,
  steps: WriteSteps = realSteps,
): Promise<void> {
  await makeFolder(nodePath.dirname(path));
  const temporary = temporaryName(path);
  try {
    await steps.write(temporary, data);
    await steps.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw fileError("write", path, error);
  }
}

/** Appends text and creates the file where needed. Not atomic: a reader must bear with a last line cut short. */
export async function appendText(path: string, text: string): Promise<void> {
  try {
    await fs.appendFile(path, text);
  } catch (error) {
    throw fileError("append to", path, error);
  }
}

/** Creates a file only if none is there; false when another process was first. The base of a lock. */
export async function createExclusive(path: string, text: string): Promise<boolean> {
  try {
    await fs.writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw fileError("create", path, error);
  }
}
