// Promises that the files of a plan are on this machine, verified, linked and recorded: several at a time, one writer a file,
// nothing that was there is lost. Leaves the bytes to download.ts and what to fetch to plan.ts.
import { digestFile, type Digests, sizeOrNull } from "../disk.ts";
import { Lock, LockedError } from "../runs/lock.ts";
import { basename, dirname, exists, join, makeFolder, remove, rename } from "../runtime.ts";
import { difference, download, type Expectation } from "./download.ts";
import { FetchError } from "./errors.ts";
import type { Client } from "./http.ts";
import { blobPath, isCommit, linkBlob, linkedDigest } from "./hub-cache.ts";
import { type LockEntry, readLockFile, recordFile, recordRef, refKey } from "./lock-file.ts";
import { partialOf, type Plan, type PlannedFile } from "./plan.ts";
import { type FetchSettings, ownLockFile } from "./settings.ts";

export interface FetchListener {
  /** A file's bytes that are there. */
  onBytes?(file: PlannedFile, have: number): void;
  /** Something a person should know: a pause, a damaged file put aside, another process at work. */
  onNote?(note: string): void;
  onDone?(file: PlannedFile, outcome: Outcome): void;
}

export type Outcome = { got: "downloaded" | "verified"; digests: Digests } | {
  got: "failed";
  error: unknown;
};

/** Downloads what is absent and verifies what is there. Never throws for one file's trouble; rejects only when aborted. */
export async function runFetch(
  plan: Plan,
  settings: FetchSettings,
  client: Client,
  listener: FetchListener = {},
): Promise<Map<PlannedFile, Outcome>> {
  const outcomes = new Map<PlannedFile, Outcome>();
  const queue = [...plan.files];
  // Two names of one repository may have one content: they are one download.
  const busy = new Map<string, Promise<unknown>>();
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      client.signal?.throwIfAborted();
      const mine = file;
      await busy.get(mine.blob);
      const work = fetchOne(mine, settings, client, listener);
      busy.set(mine.blob, work.catch(() => {}));
      let outcome: Outcome;
      try {
        outcome = await work;
      } catch (error) {
        client.signal?.throwIfAborted();
        outcome = { got: "failed", error };
        // Every further file would fail for the same reason.
        if (error instanceof FetchError && error.fault === "disk") {
          for (const rest of queue.splice(0)) outcomes.set(rest, { got: "failed", error });
        }
      }
      outcomes.set(mine, outcome);
      listener.onDone?.(mine, outcome);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.max(1, settings.jobs) }, worker));
  const broken = results.find((each) => each.status === "rejected");
  if (broken !== undefined) throw (broken as PromiseRejectedResult).reason;
  return outcomes;
}

async function fetchOne(
  file: PlannedFile,
  settings: FetchSettings,
  client: Client,
  listener: FetchListener,
): Promise<Outcome> {
  if (file.there === "present") {
    const digests = await verified(file, settings, client, listener);
    if (digests !== null) return { got: "verified", digests };
  }
  const lock = await takeLock(file, settings, client, listener);
  // A sign of life for readers on other machines.
  const alive = setInterval(() => void lock.refresh().catch(() => {}), 60_000);
  try {
    // Another process may have brought it while we waited.
    if (await sizeOrNull(file.path) !== null || await sizeOrNull(file.blob) !== null) {
      const digests = await verified(file, settings, client, listener);
      if (digests !== null) return { got: "verified", digests };
    }
    const expect = await latest(file, settings);
    const partial = partialOf(file.blob);
    const digests = await download({
      what: file.what,
      urls: file.urls,
      partial,
      expect,
      commit: file.commit,
      onBytes: (have) => listener.onBytes?.(file, have),
    }, client);
    const blob = file.set.repo !== undefined && file.blob === file.path
      ? blobPath(settings.hubCache, file.set.repo, digests.sha256)
      : file.blob;
    await makeFolder(dirname(blob));
    await rename(partial, blob);
    if (blob !== file.path) await linkBlob(blob, file.path);
    await record(file, expect, digests, settings);
    return { got: "downloaded", digests };
  } finally {
    clearInterval(alive);
    await lock.release();
  }
}

/** What is expected, with what other processes recorded since the plan was made. */
async function latest(file: PlannedFile, settings: FetchSettings): Promise<Expectation> {
  if (file.expect.by === "pin" && file.expect.sha256 !== undefined && !file.expect.weak) return file.expect;
  const entry = (await readLockFile(settings.lockPath)).files[file.key];
  return entry === undefined
    ? file.expect
    : { ...file.expect, bytes: entry.bytes, sha256: entry.sha256, by: "lock" };
}

async function record(file: PlannedFile, expect: Expectation, digests: Digests, settings: FetchSettings) {
  const { repo } = file.set;
  const own = ownLockFile(settings.cache);
  // Beside the files too, whatever lock file verifies them: by it runs find what was fetched.
  for (const path of new Set([settings.lockPath, own])) {
    if (repo !== undefined && !isCommit(repo.revision)) {
      await recordRef(path, refKey(repo.type, repo.name, repo.revision), file.commit!);
    }
    if (expect.by === "lock" && path === settings.lockPath) continue;
    const compared: LockEntry["compared"] =
      expect.by === "lock" || (expect.by === "pin" && expect.sha256 === undefined) ? "nothing" : expect.by;
    await recordFile(path, file.key, {
      bytes: digests.bytes,
      sha256: digests.sha256,
      compared,
      recorded: new Date().toISOString(),
    });
  }
}

/**
 * The digests of a file that is there and is what it should be. A damaged one is put aside, never deleted: null, it must come
 * anew; offline that is an error.
 */
async function verified(
  file: PlannedFile,
  settings: FetchSettings,
  client: Client,
  listener: FetchListener,
): Promise<Digests | null> {
  const there = await sizeOrNull(file.path) !== null ? file.path : file.blob;
  const digests = await digestFile(there, client.signal);
  const linked = await linkedDigest(there) ?? (there !== file.path ? basename(file.blob) : null);
  const expect = await latest(file, settings);
  const named: Expectation = {
    ...(linked?.length === 64 ? { sha256: linked } : linked?.length === 40 ? { gitSha1: linked } : {}),
    by: "hub",
  };
  const found = difference(digests, expect) ?? difference(digests, named);
  if (found === null) {
    if (there !== file.path) await linkBlob(file.blob, file.path);
    await record(
      file,
      linked !== null && expect.by === "nothing" ? { ...expect, by: "hub" } : expect,
      digests,
      settings,
    );
    return digests;
  }
  const [what, expected, got] = found;
  const problem = `${there} is not what it should be: ${what} ${got}, expected ${expected}`;
  if (settings.offline) {
    throw new FetchError(
      "corrupt",
      file.what,
      problem,
      "run the same command without --offline: it will be fetched anew",
    );
  }
  const real = linked === null ? there : blobPath(settings.hubCache, file.set.repo!, linked);
  const aside = await unused(`${real}.damaged`);
  await rename(real, aside);
  if (real !== file.path) await remove(file.path);
  listener.onNote?.(`${file.what}: ${problem}; moved to ${aside}, fetched anew`);
  return null;
}

async function unused(path: string): Promise<string> {
  for (let n = 1;; n++) if (!await exists(`${path}-${n}`)) return `${path}-${n}`;
}

async function takeLock(
  file: PlannedFile,
  settings: FetchSettings,
  client: Client,
  listener: FetchListener,
): Promise<Lock> {
  // Python's tools pass over this folder of the Hub's cache.
  const folder = join(file.set.repo === undefined ? settings.cache : settings.hubCache, ".locks");
  const name = [...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(file.blob)))]
    .slice(0, 16).map((byte) => byte.toString(16).padStart(2, "0")).join("");
  for (let said = false;;) {
    client.signal?.throwIfAborted();
    try {
      return await Lock.take(join(folder, `repro-${name}.json`), `${file.what} is being downloaded`);
    } catch (error) {
      if (!(error instanceof LockedError)) {
        throw new FetchError(
          "disk",
          file.what,
          `cannot write in ${folder} (${(error as Error).message})`,
          "check owner and mode of the folder, or choose another by HF_HUB_CACHE and REPRO_CACHE",
          error,
        );
      }
      if (!said) listener.onNote?.(`${file.what}: ${error.owner} downloads it; waiting for that`);
      said = true;
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}
