// Promises a folder of runs: a finished run is found again and never made twice, an unfinished one goes on from its
// checkpoint, a damaged one is named, put aside and made anew, and none of this touches a finished run.
// Leaves the content of a run to record.ts and writer.ts, and executing to training/.
import { env, exists, isFolder, join, list, makeFolder, readText, rename, warn } from "../runtime.ts";
import { runId, runName, type RunSpec } from "../spec/mod.ts";
import { Lock } from "./lock.ts";
import {
  DamagedError,
  files,
  type FinishedRun,
  type Provenance,
  readFinished,
  readSpec,
  readStatus,
  readTrained,
  type RunStatus,
} from "./record.ts";
import { type LogLine, type LogName, RunWriter } from "./writer.ts";

/** What a run's folder holds. */
export type RunState = "absent" | "unfinished" | "running" | "failed" | "finished" | "damaged";

export interface RunEntry {
  id: string;
  state: RunState;
  /** Absent where it cannot be read. */
  spec?: RunSpec;
  status?: RunStatus;
  /** What is wrong and what will be done about it, for a failed or damaged run. */
  problem?: string;
}

/** `folder` where given, else REPRO_STORE, else `.repro/runs` in the working folder. */
export function storeFolder(folder?: string): string {
  return folder ?? env("REPRO_STORE") ?? join(".repro", "runs");
}

export class RunStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  runFolder(id: string): string {
    return join(this.folder, id);
  }

  private lockPath(id: string): string {
    return join(this.folder, ".locks", `${id}.json`);
  }

  /** State of one run; reads its small files and verifies what is finished. */
  async inspect(id: string): Promise<RunEntry> {
    const folder = this.runFolder(id);
    if (!isFolder(folder)) return { id, state: "absent" };
    try {
      const status = await readStatus(folder);
      if (status?.state === "finished") {
        const { spec } = await readFinished(folder, id);
        return { id, state: "finished", spec, status };
      }
      const spec = await readSpec(folder, id);
      if (await Lock.isHeld(this.lockPath(id))) {
        return { id, state: "running", spec, status: status ?? undefined };
      }
      if (status?.state === "failed") {
        return { id, state: "failed", spec, status, problem: `${status.message}; it will be tried again` };
      }
      return { id, state: "unfinished", spec, status: status ?? undefined };
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      if (await Lock.isHeld(this.lockPath(id))) return { id, state: "running" };
      return { id, state: "damaged", problem: `${error.message}; the run will be put aside and made anew` };
    }
  }

  /** The result of a run, or null when it is not (yet) there or is damaged. */
  async finished(id: string): Promise<FinishedRun | null> {
    const folder = this.runFolder(id);
    if (!isFolder(folder)) return null;
    try {
      const status = await readStatus(folder);
      return status?.state === "finished" ? await readFinished(folder, id) : null;
    } catch (error) {
      if (error instanceof DamagedError) return null;
      throw error;
    }
  }

  /** A run whose training is at its end, scored or not: without scores its metrics are empty. null for any other. */
  async trained(id: string): Promise<FinishedRun | null> {
    const finished = await this.finished(id);
    if (finished !== null) return finished;
    const folder = this.runFolder(id);
    const trained = isFolder(folder) ? await readTrained(folder) : null;
    if (trained === null) return null;
    const { schedule, provenance } = trained;
    return {
      id,
      spec: await readSpec(folder, id),
      metrics: {},
      schedule,
      provenance: provenance as Provenance,
    };
  }

  /** A log of a run, line by line; empty where nothing was logged. */
  async log(id: string, name: LogName): Promise<LogLine[]> {
    const path = join(this.runFolder(id), files[name]);
    if (!await exists(path)) return [];
    const lines = (await readText(path)).split("\n").filter((line) => line !== "");
    try {
      return lines.map((line) => JSON.parse(line) as LogLine);
    } catch (error) {
      throw new DamagedError(path, `a line is not valid JSON (${(error as Error).message})`);
    }
  }

  /** SHA-256 that a file of a finished run had when it was finished; of a trained one, its adapter's. */
  async digestOf(id: string, file: string): Promise<string | undefined> {
    const digests = (await readStatus(this.runFolder(id)))?.digests;
    if (digests !== undefined || file !== files.adapter) return digests?.[file];
    return (await readTrained(this.runFolder(id)))?.adapter;
  }

  /** Every run in the store, by id. */
  async list(): Promise<RunEntry[]> {
    const ids = (await list(this.folder)).filter((name) => /^[0-9a-f]{16}$/.test(name));
    return await Promise.all(ids.map((id) => this.inspect(id)));
  }

  /**
   * Opens a run for execution, under its lock: null when it is finished already. The caller ends with `finish`, `fail`
   * or `release` of the writer. Throws LockedError when another living process executes it.
   */
  async begin(spec: RunSpec): Promise<RunWriter | null> {
    const id = await runId(spec);
    if ((await this.inspect(id)).state === "finished") return null;
    const lock = await Lock.take(this.lockPath(id));
    try {
      // Another process may have finished it between the look and the lock.
      if (await this.finished(id)) {
        await lock.release();
        return null;
      }
      const damage = await this.damage(id);
      if (damage) {
        warn(damage.message);
        await this.putAside(id, runName(spec));
      }
      return await RunWriter.open(this.runFolder(id), id, spec, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** What is damaged in the folder of a run whose lock we hold, or null. */
  private async damage(id: string): Promise<DamagedError | null> {
    const folder = this.runFolder(id);
    if (!isFolder(folder)) return null;
    try {
      const status = await readStatus(folder);
      if (status?.state === "finished") await readFinished(folder, id);
      else await readSpec(folder, id);
      return null;
    } catch (error) {
      if (error instanceof DamagedError) return error;
      throw error;
    }
  }

  private async putAside(id: string, name: string): Promise<void> {
    const aside = join(this.folder, ".damaged");
    await makeFolder(aside);
    for (let n = 1;; n++) {
      const target = join(aside, `${id}-${n}`);
      if (await exists(target)) continue;
      await rename(this.runFolder(id), target);
      warn(`run ${id} (${name}) was damaged: moved to ${target}, made anew`);
      return;
    }
  }
}
