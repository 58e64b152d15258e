// Promises what a fetch will do before it does anything: every file with its place, what is known of it, whether it is there,
// how many bytes are to come and how many are free. Leaves doing it to fetch.ts.
import { freeSpace, sizeOrNull } from "../disk.ts";
import { join, list, resolve } from "../runtime.ts";
import type { Expectation } from "./download.ts";
import { FetchError } from "./errors.ts";
import { ask, type Client } from "./http.ts";
import { describeFiles, type HubFile, listFolder, listModel, resolveCommit, resolveUrl } from "./hub.ts";
import { blobPath, cachedCommit, isCommit, snapshotFolder, writeRef } from "./hub-cache.ts";
import { hubKey, type LockEntries, type LockFile, readLockFile, refKey } from "./lock-file.ts";
import type { FetchSettings } from "./settings.ts";
import type { FileSet, HubRepo, PinnedFile } from "./wanted.ts";

export interface PlannedFile {
  set: FileSet;
  file: PinnedFile;
  /** Its name in the lock file. */
  key: string;
  /** For messages: "squad squad/dev-v1.1.json". */
  what: string;
  urls: string[];
  /** Where it will be found. */
  path: string;
  /** On the Hub: where its bytes lie; the path is a link to it. Elsewhere the same as `path`. */
  blob: string;
  commit?: string;
  expect: Expectation;
  there: "present" | "partial" | "absent";
  /** Bytes that are there. */
  have: number;
  /** Bytes of the whole file, where anybody stated them. */
  size?: number;
}

export interface Plan {
  files: PlannedFile[];
  /** Bytes still to come, of the files whose size is known. */
  bytes: number;
  /** Files to come whose size nobody stated. */
  unsized: number;
  /** The file systems that are written to; those that cannot tell are left out. */
  disks: { folder: string; device: number; free: number; needed: number }[];
  /** Sets that could not be planned, each with its reason. */
  failed: { set: FileSet; error: unknown }[];
}

export const partialOf = (blob: string): string => `${blob}.repro-partial`;

/** Where our own cache keeps the files of original addresses. */
export const dataFolder = (cache: string): string => join(cache, "data");

function merge(
  known: PinnedFile,
  locked: LockEntries[string] | undefined,
  hub: HubFile | undefined,
  trustHub = false,
): Expectation {
  const weak = known.evidence !== "strong";
  const stated = (hub?.sha256 ?? hub?.gitSha1) !== undefined;
  // What was recorded beats a weak pin: the record is of bytes that were seen.
  if (locked !== undefined && weak) return { bytes: locked.bytes, sha256: locked.sha256, by: "lock" };
  if (known.sha256 !== undefined && !(trustHub && weak && stated)) {
    return { bytes: known.bytes ?? hub?.bytes, sha256: known.sha256, gitSha1: hub?.gitSha1, by: "pin", weak };
  }
  return {
    bytes: hub?.bytes ?? known.bytes,
    sha256: hub?.sha256,
    gitSha1: hub?.gitSha1,
    by: stated ? "hub" : known.bytes !== undefined ? "pin" : "nothing",
  };
}

/** A pin or record that the Hub contradicts is said before anything is downloaded. */
function checkAgainstHub(
  what: string,
  expect: Expectation,
  hub: HubFile,
  endpoint: string,
): void {
  const contradicts =
    (expect.sha256 !== undefined && hub.sha256 !== undefined && expect.sha256 !== hub.sha256)
      ? [`SHA-256 ${hub.sha256}`, expect.sha256]
      : (expect.bytes !== undefined && hub.bytes !== undefined && expect.bytes !== hub.bytes)
      ? [`${hub.bytes} bytes`, expect.bytes]
      : null;
  if (contradicts === null) return;
  const earlier = expect.by === "lock" ? "recorded at the first download" : "pinned";
  throw new FetchError(
    "changed",
    what,
    `${endpoint} describes another file: ${contradicts[0]}, ${earlier} was ${contradicts[1]}`,
    expect.by === "lock"
      ? "find out why it changed; only to accept the new file, remove its entry from the lock file"
      : expect.weak
      ? "check HF_ENDPOINT; this pin has one source only: --trust-hub takes what the Hub describes at this commit"
      : "check HF_ENDPOINT; several sources support the pin",
  );
}

async function look(path: string, blob: string): Promise<Pick<PlannedFile, "there" | "have">> {
  const whole = await sizeOrNull(path) ?? await sizeOrNull(blob);
  if (whole !== null) return { there: "present", have: whole };
  const part = await sizeOrNull(partialOf(blob));
  return part === null ? { there: "absent", have: 0 } : { there: "partial", have: part };
}

async function planHub(set: FileSet, settings: FetchSettings, client: Client, lock: LockFile) {
  const repo = set.repo!;
  const { hubCache, endpoint, offline } = settings;
  const locked = lock.files;
  // A branch stays what it was at the first download: a result must not change because someone pushed.
  const here = lock.refs[refKey(repo.type, repo.name, repo.revision)];
  const commit = isCommit(repo.revision)
    ? repo.revision
    : here ?? (offline ? await cachedCommit(hubCache, repo) : await resolveCommit(repo, client));
  if (commit === null) {
    throw new FetchError(
      "offline",
      set.id,
      `which commit "${repo.revision}" of ${repo.name} is was never asked on this machine, and --offline forbids to ask`,
      "run the same command without it, or name a commit: org/name@<commit>",
    );
  }
  const at: HubRepo = { ...repo, revision: commit };
  const folder = snapshotFolder(hubCache, at, commit);
  const inside = set.folder === undefined ? folder : join(folder, set.folder);
  const listed = async () => {
    if (offline) {
      return (await list(inside)).map((name) => set.folder === undefined ? name : `${set.folder}/${name}`);
    }
    return await (set.folder === undefined ? listModel(at, client) : listFolder(at, set.folder, client));
  };
  const files = set.files ?? (await listed()).map((path): PinnedFile => ({ path, evidence: "none" }));
  if (files.length === 0) {
    throw new FetchError(
      "offline",
      set.id,
      `nothing of ${repo.name} at ${commit} is on this machine (${inside}), and --offline forbids to ask`,
      "run the same command without it",
    );
  }
  const planned: PlannedFile[] = [];
  const absent: string[] = [];
  for (const file of files) {
    const path = join(folder, ...file.path.split("/"));
    if (await sizeOrNull(path) === null) absent.push(file.path);
  }
  const described = absent.length === 0 || offline
    ? new Map<string, HubFile>()
    : await describeFiles(at, absent, client);
  for (const file of files) {
    const key = hubKey(repo.type, repo.name, commit, file.path);
    const what = `${repo.name} ${file.path}`;
    const hub = described.get(file.path);
    const expect = merge(file, locked[key], hub, settings.trustHub);
    if (hub !== undefined) checkAgainstHub(what, expect, hub, endpoint);
    const path = join(folder, ...file.path.split("/"));
    const digest = hub?.sha256 ?? hub?.gitSha1 ?? expect.sha256;
    const blob = digest === undefined ? path : blobPath(hubCache, repo, digest);
    planned.push({
      set,
      file,
      key,
      what,
      urls: [resolveUrl(at, file.path, endpoint)],
      path,
      blob,
      commit,
      expect,
      size: expect.bytes,
      ...await look(path, blob),
    });
  }
  if (!offline) await writeRef(hubCache, repo, commit);
  return planned;
}

function mirrored(url: string, mirror: string | null): string {
  if (mirror === null) return url;
  const { host, pathname } = new URL(url);
  return `${mirror}/${host}${pathname}`;
}

async function planOriginals(set: FileSet, settings: FetchSettings, client: Client, locked: LockEntries) {
  return await Promise.all(set.files!.map(async (file): Promise<PlannedFile> => {
    const [key] = file.urls!;
    const what = `${set.id} ${file.path}`;
    const path = join(dataFolder(settings.cache), ...file.path.split("/"));
    const urls = [...new Set(file.urls!.map((url) => mirrored(url, settings.mirror)))];
    const found = await look(path, path);
    const expect = merge(file, locked[key], undefined);
    let size = expect.bytes;
    if (size === undefined && found.there !== "present" && !settings.offline) {
      // For the sum that is shown only; a server that does not answer this may still send the file.
      const quick = { ...client, retries: 0, stallMs: Math.min(client.stallMs, 10_000) };
      const answer = await ask({ what, url: urls[0], method: "HEAD" }, quick).catch(() => null);
      client.signal?.throwIfAborted();
      const length = answer?.response.headers.get("content-length") ?? "";
      if (/^\d+$/.test(length)) size = Number(length);
    }
    return { set, file, key, what, urls, path, blob: path, expect, size, ...found };
  }));
}

/** Looks at everything that is wanted. Throws when it is aborted or the lock file is damaged; other trouble is in `failed`. */
export async function planFetch(
  sets: readonly FileSet[],
  settings: FetchSettings,
  client: Client,
): Promise<Plan> {
  const lock = await readLockFile(settings.lockPath);
  const plan: Plan = { files: [], bytes: 0, unsized: 0, disks: [], failed: [] };
  const needed = new Map<string, number>();
  for (const set of sets) {
    let files: PlannedFile[];
    try {
      files = set.repo === undefined
        ? await planOriginals(set, settings, client, lock.files)
        : await planHub(set, settings, client, lock);
    } catch (error) {
      client.signal?.throwIfAborted();
      plan.failed.push({ set, error });
      continue;
    }
    plan.files.push(...files);
    for (const each of files) {
      if (each.there === "present") continue;
      if (each.size === undefined) plan.unsized++;
      const rest = Math.max(0, (each.size ?? 0) - each.have);
      plan.bytes += rest;
      const folder = set.repo === undefined ? settings.cache : settings.hubCache;
      needed.set(folder, (needed.get(folder) ?? 0) + rest);
    }
  }
  for (const [folder, bytes] of needed) {
    const space = await freeSpace(folder);
    if (space === null) continue;
    const same = plan.disks.find(({ device }) => device === space.device);
    if (same !== undefined) same.needed += bytes;
    else plan.disks.push({ folder: resolve(folder), ...space, needed: bytes });
  }
  return plan;
}
