// Promises that no two processes do one piece of work (a run, a download), and that a lock whose owner died does not hold for ever.
// Leaves the work to store.ts and fetch/.
import { hostName, isAlive, processId } from "../launch/process.ts";
import {
  createExclusive,
  dirname,
  exists,
  makeFolder,
  readText,
  remove,
  rename,
  writeAtomic,
} from "../runtime.ts";

/** Another process does the work already. */
export class LockedError extends Error {
  /** Who does it: "process 17 on box". */
  readonly owner: string;
  constructor(path: string, doing: string, owner: Owner) {
    super(
      `${doing} by process ${owner.pid} on ${owner.host} (since ${owner.since}); ` +
        `wait for it, or remove ${path} if that process is gone`,
    );
    this.name = "LockedError";
    this.owner = `process ${owner.pid} on ${owner.host}`;
  }
}

interface Owner {
  pid: number;
  host: string;
  token: string;
  since: string;
  /** Last sign of life, in milliseconds since 1970. */
  seen: number;
}

/** An owner elsewhere that gave no sign of life for so long is taken to be gone. */
const silence = 15 * 60_000;

async function ownerOf(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readText(path)) as Owner;
  } catch {
    return null;
  }
}

function isGone(owner: Owner): boolean {
  if (owner.host === hostName()) return !isAlive(owner.pid);
  return Date.now() - owner.seen > silence;
}

/** Removes the dead lock that was read as `stale`; one that another process created meanwhile is put back. */
async function putAside(path: string, stale: Owner | null, token: string): Promise<void> {
  const aside = `${path}.${token}`;
  try {
    await rename(path, aside);
  } catch {
    return; // Another process was first.
  }
  const found = await ownerOf(aside);
  if (found !== null && found.token !== stale?.token) await createExclusive(path, JSON.stringify(found));
  await remove(aside);
}

export class Lock {
  readonly path: string;
  private readonly owner: Owner;

  private constructor(path: string, owner: Owner) {
    this.path = path;
    this.owner = owner;
  }

  /** Takes the lock. Throws LockedError, whose message begins with `doing`, when a living process has it. */
  static async take(path: string, doing = "run is being executed"): Promise<Lock> {
    await makeFolder(dirname(path));
    const now = new Date();
    const owner: Owner = {
      pid: processId(),
      host: hostName(),
      token: crypto.randomUUID(),
      since: now.toISOString(),
      seen: now.getTime(),
    };
    for (let attempt = 0; attempt < 20; attempt++) {
      if (await createExclusive(path, JSON.stringify(owner))) return new Lock(path, owner);
      const other = await ownerOf(path);
      if (other && !isGone(other)) throw new LockedError(path, doing, other);
      if (other === null && attempt < 3) {
        // Perhaps it is being written at this moment, or has just been released.
        await new Promise((done) => setTimeout(done, 50));
        continue;
      }
      await putAside(path, other, owner.token);
    }
    throw new Error(`lock ${path}: could not be taken in 20 attempts; remove the file if no run is active`);
  }

  /** Whether a living process holds the lock at `path`. */
  static async isHeld(path: string): Promise<boolean> {
    if (!(await exists(path))) return false;
    const owner = await ownerOf(path);
    return owner === null || !isGone(owner);
  }

  /** A sign of life, for readers on other machines. Throws when the lock was taken away meanwhile. */
  async refresh(): Promise<void> {
    const current = await ownerOf(this.path);
    if (current?.token !== this.owner.token) {
      throw new Error(
        `lock ${this.path}: another process took it; this one stops and leaves the work to it`,
      );
    }
    this.owner.seen = Date.now();
    await writeAtomic(this.path, JSON.stringify(this.owner));
  }

  async release(): Promise<void> {
    const current = await ownerOf(this.path);
    if (current?.token === this.owner.token) await remove(this.path);
  }
}
