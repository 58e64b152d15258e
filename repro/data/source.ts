// Promises one way to reach data files by relative path: a folder on disk or a map in memory, with the same answers.
// Leaves formats to the readers and the choice of files to datasets.ts.
import * as runtime from "../runtime.ts";
import { DataError } from "./errors.ts";

/** A data root. Paths are relative, with "/" between parts. */
export interface DataSource {
  readonly name: string;
  has(path: string): Promise<boolean>;
  /** The file as UTF-8 text without byte order mark. Throws DataError when it is absent. */
  text(path: string): Promise<string>;
  /** Names of files and folders directly inside `dir`, sorted; empty when there is no such folder. */
  list(dir: string): Promise<string[]>;
  /** SHA-256 that stands for a file's text where reading all of it takes minutes; null for any other file. */
  digest?(path: string): Promise<string | null>;
  /** The error about files that are not there, where the source knows better than to ask for them. */
  absent?(path: string, what: string): Error;
}

function relative(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || path.startsWith("/")) {
    throw new DataError(path, "", "the path leaves the data root", 'give a path inside it, without ".."');
  }
  return parts.join("/");
}

async function missing(source: DataSource, path: string): Promise<DataError> {
  const dir = path.split("/").slice(0, -1).join("/");
  const names = await source.list(dir);
  const present = names.length === 0
    ? `the folder "${dir}" is absent or empty`
    : `the folder "${dir}" holds ${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}`;
  return new DataError(
    path,
    "",
    `no such file in ${source.name}`,
    `${present}; add the file or name another data root`,
  );
}

/** A data root on disk. Throws at once when `folder` is no folder. */
export function folderSource(folder: string): DataSource {
  if (!runtime.isFolder(folder)) {
    throw new DataError(folder, "", "there is no such folder", "give --data-root a folder that is there");
  }
  const source: DataSource = {
    name: folder,
    has: (path) => runtime.exists(runtime.join(folder, relative(path))),
    async text(path) {
      try {
        return await runtime.readText(runtime.join(folder, relative(path)));
      } catch (error) {
        if (runtime.errorCode(error) === "ENOENT") throw await missing(source, path);
        throw error;
      }
    },
    list: (dir) => runtime.list(runtime.join(folder, relative(dir))),
  };
  return source;
}

/** A data root in memory, e.g. one that was generated. */
export function memorySource(name: string, files: ReadonlyMap<string, string>): DataSource {
  const source: DataSource = {
    name,
    has: (path) => Promise.resolve(files.has(relative(path))),
    async text(path) {
      const text = files.get(relative(path));
      if (text === undefined) throw await missing(source, path);
      return text.startsWith("\uFEFF") ? text.slice(1) : text;
    },
    list(dir) {
      const prefix = relative(dir) === "" ? "" : relative(dir) + "/";
      const names = new Set<string>();
      for (const path of files.keys()) {
        if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/")[0]);
      }
      return Promise.resolve([...names].sort());
    },
  };
  return source;
}

/** SHA-256 (hexadecimal) over paths and contents of the files, in the given order: the data revision of a run. */
export async function digestFiles(source: DataSource, paths: readonly string[]): Promise<string> {
  const encoder = new TextEncoder();
  let state = new Uint8Array(0);
  for (const path of paths) {
    const known = await source.digest?.(path) ?? null;
    const content = known !== null
      ? encoder.encode(known)
      : new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(await source.text(path))));
    const named = encoder.encode(path + "\n");
    const joined = new Uint8Array(state.length + named.length + content.length);
    joined.set(state);
    joined.set(named, state.length);
    joined.set(content, state.length + named.length);
    state = new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
  }
  return [...state].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
