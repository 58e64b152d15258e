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
const fileSchema = z.strictObject({ format: z.literal(1), files: z.record(z.string(), entrySchema) });

export type LockEntry = z.infer<typeof entrySchema>;
export type LockEntries = Record<string, LockEntry>;

/** Name of a Hub file in the lock file: "models/org/name@revision/path". */
export const hubKey = (type: string, repo: string, revision: string, path: string): string =>
  `${type}s/${repo}@${revision}/${path}`;

export async function readLockFile(path: string): Promise<LockEntries> {
  if (!await exists(path)) return {};
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
  return result.data.files;
}

/** Adds an entry, under a lock because several processes may download; one that is there already is never changed. */
export async function recordInLockFile(path: string, key: string, entry: LockEntry): Promise<void> {
  const lock = await lockFor(`${path}.writing`);
  try {
    const files = await readLockFile(path);
    if (Object.hasOwn(files, key)) return;
    files[key] = entry;
    const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeAtomic(path, JSON.stringify({ format: 1, files: sorted }, null, 2) + "\n");
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
