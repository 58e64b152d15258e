// Promises the folder layout of Python's huggingface_hub (blobs named by digest, snapshots of links, refs), so that what either
// side downloaded serves both. Leaves downloading to download.ts.
import { getRepoFolderName } from "@huggingface/hub";
import { linkTarget, linkTo, sizeOrNull } from "../disk.ts";
import { basename, exists, isFolder, join, readText, writeAtomic } from "../runtime.ts";
import type { HubRepo } from "./wanted.ts";

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

export const repoFolder = (cache: string, repo: Pick<HubRepo, "type" | "name">): string =>
  join(cache, getRepoFolderName({ type: repo.type, name: repo.name }));

/** The commit that a revision stands for in the cache; null when that was never asked. */
export async function cachedCommit(cache: string, repo: HubRepo): Promise<string | null> {
  if (isCommit(repo.revision)) return repo.revision;
  try {
    const commit = (await readText(join(repoFolder(cache, repo), "refs", ...repo.revision.split("/"))))
      .trim();
    return isCommit(commit) ? commit : null;
  } catch {
    return null;
  }
}

/** Records what a branch or tag stands for. */
export async function writeRef(cache: string, repo: HubRepo, commit: string): Promise<void> {
  if (isCommit(repo.revision)) return;
  await writeAtomic(join(repoFolder(cache, repo), "refs", ...repo.revision.split("/")), commit);
}

export const snapshotFolder = (cache: string, repo: Pick<HubRepo, "type" | "name">, commit: string): string =>
  join(repoFolder(cache, repo), "snapshots", commit);

/** Folder of a repository's files in the cache; null when nothing of it is there. */
export async function cachedSnapshot(cache: string, repo: HubRepo): Promise<string | null> {
  const commit = await cachedCommit(cache, repo);
  if (commit === null) return null;
  const folder = snapshotFolder(cache, repo, commit);
  return isFolder(folder) ? folder : null;
}

export const blobPath = (cache: string, repo: Pick<HubRepo, "type" | "name">, digest: string): string =>
  join(repoFolder(cache, repo), "blobs", digest);

/** The digest that a snapshot's file is linked to, if it is a link into blobs/. */
export async function linkedDigest(path: string): Promise<string | null> {
  const target = await linkTarget(path);
  const name = target === null ? "" : basename(target);
  return /^([0-9a-f]{64}|[0-9a-f]{40})$/.test(name) ? name : null;
}

/** Links a snapshot's file to its blob. */
export async function linkBlob(blob: string, path: string): Promise<void> {
  if (await linkTarget(path) === blob && await exists(path)) return;
  if (
    await sizeOrNull(path) !== null && await linkTarget(path) === null &&
    await sizeOrNull(path) === await sizeOrNull(blob)
  ) {
    return;
  }
  await linkTo(blob, path);
}
