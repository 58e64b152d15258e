// Promises what large files need beyond runtime.ts: bytes appended where a download stopped, digests over what lies on the disk, links, free space. Leaves small files and atomic writes to runtime.ts.
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as nodePath from "node:path";
import { errorCode, fileReader, makeFolder } from "./runtime.ts";

/** Size in bytes; null when there is no such file (a link that points nowhere counts as none). */
export async function sizeOrNull(path: string): Promise<number | null> {
  try {
    const found = await fs.stat(path);
    return found.isFile() ? found.size : null;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error))) return null;
    throw error;
  }
}

/** A file that grows at its end. */
export interface Appender {
  write(bytes: Uint8Array): Promise<void>;
  /** Hands everything to the disk and closes. */
  close(): Promise<void>;
}

/** Opens `path` to append after its first `from` bytes; whatever follows them is cut off. */
export async function openAppend(path: string, from: number): Promise<Appender> {
  const file = await fs.open(path, from === 0 ? "w" : "r+");
  if (from > 0) await file.truncate(from);
  let at = from;
  return {
    async write(bytes) {
      let done = 0;
      while (done < bytes.length) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at);
        done += bytesWritten;
        at += bytesWritten;
      }
    },
    async close() {
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}

export interface Digests {
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** The name that git gives to this content. */
  gitSha1: string;
}

/** SHA-256 and git's blob name of a file, in one pass over what is really on the disk. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<Digests> {
  const file = await fileReader(path);
  const sha256 = createHash("sha256");
  const git = createHash("sha1").update(`blob ${file.size}\0`);
  const piece = 4 << 20;
  for (let at = 0; at < file.size; at += piece) {
    signal?.throwIfAborted();
    const bytes = await file.read(at, piece);
    sha256.update(bytes);
    git.update(bytes);
  }
  return { bytes: file.size, sha256: sha256.digest("hex"), gitSha1: git.digest("hex") };
}

/** Makes `path` stand for `target` by a relative link, or by a copy where the system grants no links. */
export async function linkTo(target: string, path: string): Promise<void> {
  await makeFolder(nodePath.dirname(path));
  await fs.rm(path, { force: true });
  try {
    await fs.symlink(nodePath.relative(nodePath.dirname(path), target), path);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    if (!["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EACCES", "UNKNOWN"].includes(errorCode(error))) {
      throw error;
    }
    await fs.copyFile(target, path);
  }
}

/** What a link points at, resolved; null when `path` is no link. */
export async function linkTarget(path: string): Promise<string | null> {
  try {
    return nodePath.resolve(nodePath.dirname(path), await fs.readlink(path));
  } catch {
    return null;
  }
}

/** Bytes that may still be written on the file system of `path`, which need not exist yet; null where it cannot be told. */
export async function freeSpace(path: string): Promise<{ device: number; free: number } | null> {
  for (let at = nodePath.resolve(path);; at = nodePath.dirname(at)) {
    try {
      const { bavail, bsize } = await fs.statfs(at);
      return { device: (await fs.stat(at)).dev, free: Number(bavail) * Number(bsize) };
    } catch (error) {
      if (errorCode(error) !== "ENOENT" || at === nodePath.dirname(at)) return null;
    }
  }
}
