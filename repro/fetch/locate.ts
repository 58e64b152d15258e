// Promises where on this machine a fetched model, adapter or data set lies, or the exact command that brings it. Never asks the
// network. Leaves downloading to fetch.ts and reading to world.ts.
import { sizeOrNull } from "../disk.ts";
import { isFolder, join, list } from "../runtime.ts";
import { cachedSnapshot } from "./hub-cache.ts";
import { readLockFile, refKey } from "./lock-file.ts";
import { dataFolder } from "./plan.ts";
import { hubCacheFolder, lockFilePath, ownLockFile, reproCacheFolder } from "./settings.ts";
import { type HubRepo, parseHubId } from "./wanted.ts";

/** A model of the Hub as it is named in a specification: "org/name", "org/name@revision", either with "#adapters". */
export interface HubModel {
  name: string;
  revision: string | null;
  /** Which of several language adapters of one language; see papers' pins. */
  adapters: string;
}

/** null for what is no Hub id: a folder, a short name. A folder of that name in the working folder wins. */
export function parseHubModel(model: string): HubModel | null {
  const [id, adapters, more] = model.split("#");
  const parsed = parseHubId(id);
  if (parsed === null || more !== undefined || isFolder(model)) return null;
  return { ...parsed, adapters: adapters || "default" };
}

/** What the lock file knows, and the one beside the files, which a fetch with another lock file writes too. */
async function recorded() {
  const own = await readLockFile(ownLockFile(reproCacheFolder()));
  const { refs, files } = await readLockFile(lockFilePath());
  return { refs: { ...own.refs, ...refs }, files: { ...own.files, ...files } };
}

/** The revisions of a repository that are recorded, the last one first. */
export async function recordedRevisions(type: HubRepo["type"], name: string): Promise<string[]> {
  const prefix = `${type}s/${name}@`;
  const latest = new Map<string, string>();
  for (const [key, { recorded: when }] of Object.entries((await recorded()).files)) {
    if (!key.startsWith(prefix)) continue;
    const revision = key.slice(prefix.length).split("/")[0];
    if (when > (latest.get(revision) ?? "")) latest.set(revision, when);
  }
  return [...latest].sort(([, a], [, b]) => (a < b ? 1 : -1)).map(([revision]) => revision);
}

/** Folder of a repository's files in the Hub's cache, by Python's hand or ours; null when it is not there. */
export async function locateRepo(
  type: HubRepo["type"],
  name: string,
  revision: string | null,
): Promise<string | null> {
  const { refs } = await recorded();
  const revisions = revision !== null
    ? [refs[refKey(type, name, revision)] ?? revision]
    : [...await recordedRevisions(type, name), "main"];
  for (const each of revisions) {
    const folder = await cachedSnapshot(hubCacheFolder(), { type, name, revision: each });
    if (folder !== null) return folder;
  }
  return null;
}

/** Something that a run needs is not on this machine; the message holds the command that brings it. */
export class NotFetchedError extends Error {
  override name = "NotFetchedError";
}

const weightFiles = /^(model|pytorch_model)(-\d{5}-of-\d{5})?\.(safetensors|bin)$/;

/**
 * Folder of a model's files (config.json, tokenizer, weights). Throws with the command that fetches it when it is absent or
 * only in part there.
 */
export async function locateModel(model: HubModel): Promise<string> {
  const id = `${model.name}${model.revision === null ? "" : `@${model.revision}`}`;
  const folder = await locateRepo("model", model.name, model.revision);
  if (folder === null) {
    throw new NotFetchedError(`model ${id}: not in ${hubCacheFolder()}; fetch it: repro fetch ${id}`);
  }
  const names = await list(folder);
  const lacks = !names.includes("config.json")
    ? "config.json"
    : !names.some((name) => weightFiles.test(name))
    ? "weights"
    : null;
  if (lacks !== null) {
    throw new NotFetchedError(`model ${id}: ${lacks} is absent in ${folder}; complete it: repro fetch ${id}`);
  }
  for (const name of names) {
    if (await sizeOrNull(join(folder, name)) === null && !isFolder(join(folder, name))) {
      throw new Error(`model ${id}: ${join(folder, name)} points at nothing; mend it: repro fetch ${id}`);
    }
  }
  return folder;
}

/**
 * Where a model's language adapters lie: one zip a language as AdapterHub serves it, or a folder of that name that was trained.
 */
export const adaptersFolder = (model: HubModel): string =>
  join(dataFolder(reproCacheFolder()), "adapters", model.name.split("/")[1], model.adapters);
