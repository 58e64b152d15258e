// Promises the memory of what was downloaded: size and SHA-256 of every file, recorded the first time and compared ever after.
// Leaves what a paper pins to that paper's folder and the comparison to download.ts.
import { z } from "zod";
import { Lock, LockedError } from "../runs/lock.ts";
import { exists, readText, writeAtomic } from "../runtime.ts";

const entrySchema = z.strictObject({
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** What the digest was compared with when it was recorded; "nothing" is trust on first use. */
  compared: z.enum(["pin", "hub", "nothing"]),
  recorded: z.string(),
});
const fileSchema = z.strictObject({
  format: z.literal(1),
  /** What a branch or tag was at the first download: "models/org/name@main" → commit. It stays that. */
  refs: z.record(z.string(), z.string().regex(/^[0-9a-f]{40}$/)).default({}),
  files: z.record(z.string(), entrySchema),
});

export type LockEntry = z.infer<typeof entrySchema>;
export type LockEntries = Record<string, LockEntry>;
export type LockFile = z.infer<typeof fileSchema>;

/** Name of a Hub file in the lock file: "models/org/name@revision/path". */
export const hubKey = (type: string, repo: string, revision: string, path: string): string =>
  `${type}s/${repo}@${revision}/${path}`;

/** Name of a branch or tag in the lock file. */
export const refKey = (type: string, repo: string, revision: string): string =>
  `${type}s/${repo}@${revision}`;

export async function readLockFile(path: string): Promise<LockFile> {
  if (!await exists(path)) return { format: 1, refs: {}, files: {} };
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `lock file ${path}: not valid JSON (${(error as Error).message}); restore it, or move it away`,
    );
  }
  const result = fileSchema.safeParse(value);
  if (!result.success) {
    throw new Error(`lock file ${path}: ${z.prettifyError(result.error)}; restore it, or move it away`);
  }
  return result.data;
}

/** Adds an entry, under a lock because several processes may download; one that is there already is never changed. */
export const recordFile = (path: string, key: string, entry: LockEntry): Promise<void> =>
  change(path, ({ files }) => {
    if (Object.hasOwn(files, key)) return false;
    files[key] = entry;
    return true;
  });

/** Records what a branch or tag stands for, unless that is recorded already. */
export const recordRef = (path: string, key: string, commit: string): Promise<void> =>
  change(path, ({ refs }) => {
    if (Object.hasOwn(refs, key)) return false;
    refs[key] = commit;
    return true;
  });

async function change(path: string, edit: (content: LockFile) => boolean): Promise<void> {
  const lock = await lockFor(`${path}.writing`);
  try {
    const content = await readLockFile(path);
    if (!edit(content)) return;
    const sorted = <T>(entries: Record<string, T>) =>
      Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
    const { format, refs, files } = content;
    await writeAtomic(
      path,
      JSON.stringify({ format, refs: sorted(refs), files: sorted(files) }, null, 2) + "\n",
    );
  } finally {
    await lock.release();
  }
}

/** Waits for a lock that is held for moments only. */
async function lockFor(path: string): Promise<Lock> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Lock.take(path, "the lock file is being written");
    } catch (error) {
      if (!(error instanceof LockedError) || attempt > 200) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}
