// Promises that what one execution writes is whole or absent, that its checkpoint and logs fit together on resume, and that
// "finished" is said last. Leaves the lock to lock.ts and reading to record.ts.
import type { ByteReader } from "../../core/mod.ts";
import {
  appendText,
  dirname,
  errorCode,
  exists,
  type FileContent,
  fileReader,
  fileSha256,
  join,
  list,
  makeFolder,
  readBytes,
  readText,
  remove,
  warn,
  writeAtomic,
} from "../runtime.ts";
import { environment } from "./environment.ts";
import { peakMemoryBytes } from "../launch/process.ts";
import { type RunSpec, sha256, trainingId } from "../spec/mod.ts";
import type { Lock } from "./lock.ts";
import {
  checkMetrics,
  DamagedError,
  files,
  type Metrics,
  type Provenance,
  readStatus,
  readTrained,
  type RunStatus,
  type ScheduleEntry,
  type Trained,
} from "./record.ts";

const jsonText = (value: unknown) => JSON.stringify(value, null, 2) + "\n";

/** State of a training after `step` updates; its content means something to the execution only. */
export interface Checkpoint {
  step: number;
  content: ByteReader;
}

/** Losses step by step, tr(F), and scores on the validation set. */
export type LogName = "losses" | "trf" | "validation";

/** One line of a log; a line belongs to the update of its step, counted from 0. */
export interface LogLine {
  step: number;
  [field: string]: unknown;
}

export class RunWriter {
  readonly id: string;
  readonly folder: string;
  readonly spec: RunSpec;
  private readonly lock: Lock;
  private status: RunStatus;
  private openedAt = performance.now();
  private secondsBefore: number;
  private buffers = new Map<string, string[]>();

  private constructor(folder: string, id: string, spec: RunSpec, lock: Lock, status: RunStatus) {
    this.folder = folder;
    this.id = id;
    this.spec = spec;
    this.lock = lock;
    this.status = status;
    this.secondsBefore = status.seconds;
  }

  /** For the store alone: opens the folder of a run that is locked and not finished. */
  static async open(folder: string, id: string, spec: RunSpec, lock: Lock): Promise<RunWriter> {
    await makeFolder(folder);
    await writeAtomic(join(folder, files.spec), jsonText(spec));
    const now = new Date().toISOString();
    const before = await readStatus(folder);
    const status: RunStatus = {
      format: 1,
      state: "unfinished",
      step: before?.step ?? 0,
      steps: before?.steps ?? 0,
      started: before?.started ?? now,
      updated: now,
      seconds: before?.seconds ?? 0,
    };
    const writer = new RunWriter(folder, id, spec, lock, status);
    await writer.writeStatus();
    return writer;
  }

  private get seconds(): number {
    return this.secondsBefore + (performance.now() - this.openedAt) / 1000;
  }

  private async writeStatus(changes: Partial<RunStatus> = {}): Promise<void> {
    this.status = {
      ...this.status,
      ...changes,
      updated: new Date().toISOString(),
      seconds: Math.round(this.seconds * 100) / 100,
    };
    await writeAtomic(join(this.folder, files.status), jsonText(this.status));
  }

  /**
   * The checkpoint to go on from, or null to start at step 0. The logs are cut back to it, so that no step is logged
   * twice; without a checkpoint they are emptied. A checkpoint that does not match its SHA-256 is ignored with a warning.
   */
  async resume(): Promise<Checkpoint | null> {
    const checkpoint = await this.readCheckpoint();
    const step = checkpoint?.step ?? 0;
    for (const log of [files.losses, files.trf, files.validation]) await this.cutLog(log, step);
    if (checkpoint === null) await remove(join(this.folder, files.checkpoint));
    return checkpoint;
  }

  private async readCheckpoint(): Promise<Checkpoint | null> {
    const folder = join(this.folder, files.checkpoint);
    const path = join(folder, "current.json");
    if (!(await exists(path))) return null;
    try {
      const current = JSON.parse(await readText(path)) as { step: number; file: string; sha256: string };
      const file = join(folder, current.file);
      if (await fileSha256(file) !== current.sha256) throw new DamagedError(file, "SHA-256 differs");
      return { step: current.step, content: await fileReader(file) };
    } catch (error) {
      warn(
        `run ${this.id}: checkpoint ${path} is not usable (${(error as Error).message}); starting at step 0`,
      );
      return null;
    }
  }

  private async cutLog(name: string, step: number): Promise<void> {
    const path = join(this.folder, name);
    let text: string;
    try {
      text = await readText(path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") await remove(path);
      return;
    }
    const kept: string[] = [];
    for (const line of text.split("\n")) {
      try {
        if ((JSON.parse(line) as LogLine).step < step) kept.push(line);
      } catch {
        // A last line cut short by an interruption, or the empty one behind the last line break.
      }
    }
    if (kept.length === 0) await remove(path);
    else await writeAtomic(path, kept.join("\n") + "\n");
  }

  /**
   * Stores the state after `step` updates, replacing the one before. The new one is complete before the old one goes.
   * Also writes out the logs and gives the lock a sign of life.
   */
  async saveCheckpoint(step: number, steps: number, content: FileContent): Promise<void> {
    await this.lock.refresh();
    await this.flush();
    const folder = join(this.folder, files.checkpoint);
    const file = `step-${step}.bin`;
    await writeAtomic(join(folder, file), content);
    const digest = await fileSha256(join(folder, file));
    await writeAtomic(join(folder, "current.json"), jsonText({ step, file, sha256: digest }));
    for (const name of await list(folder)) {
      if (name !== file && name !== "current.json") await remove(join(folder, name));
    }
    await this.writeStatus({ step, steps });
  }

  /** Adds a line to one of the logs; kept in memory until the next checkpoint, `flush` or `finish`. */
  log(name: LogName, line: LogLine): void {
    const lines = this.buffers.get(files[name]) ?? [];
    lines.push(JSON.stringify(line));
    this.buffers.set(files[name], lines);
  }

  async flush(): Promise<void> {
    for (const [name, lines] of this.buffers) {
      if (lines.length > 0) await appendText(join(this.folder, name), lines.join("\n") + "\n");
      lines.length = 0;
    }
  }

  /** Predictions of one data set in one language, in the data set's own submission format. */
  async writePredictions(dataset: string, language: string, predictions: unknown): Promise<void> {
    await writeAtomic(
      join(this.folder, files.predictions, `${dataset}.${language}.json`),
      JSON.stringify(predictions) + "\n",
    );
  }

  /** The trained task adapter and head, in safetensors format. */
  async writeAdapter(content: FileContent): Promise<void> {
    await writeAtomic(join(this.folder, files.adapter), content);
  }

  /** Says that the training is at its end and what it left (`writeAdapter` first): from now on only scores are to be made. */
  async writeTrained(trained: Omit<Trained, "format" | "adapter">): Promise<void> {
    await this.lock.refresh();
    await this.flush();
    const adapter = await fileSha256(join(this.folder, files.adapter));
    await writeAtomic(join(this.folder, files.trained), jsonText({ format: 1, ...trained, adapter }));
    await appendText(await this.trainings(), `${this.id}\n`);
    await this.writeStatus({ step: trained.steps, steps: trained.steps });
    await remove(join(this.folder, files.checkpoint));
  }

  /**
   * What the training left, by an earlier part of this run or by a run that differs in the languages it is scored in, whose files are
   * then taken over. null: it is to be trained.
   * @param data SHA-256 of the files that this run would train on
   */
  async trained(data: () => Promise<string>): Promise<Trained | null> {
    const own = await readTrained(this.folder);
    if (own !== null) return own;
    const path = await this.trainings();
    if (!await exists(path)) return null;
    let wanted: string | undefined;
    for (const id of new Set((await readText(path)).split("\n"))) {
      if (!/^[0-9a-f]{16}$/.test(id) || id === this.id) continue;
      const other = join(dirname(this.folder), id);
      const trained = await readTrained(other);
      if (trained === null) continue;
      // Whole files are hashed: once, and only where there is something to take over.
      wanted ??= await data();
      if (trained.data !== wanted) continue;
      for (const name of [files.losses, files.trf, files.validation, files.adapter, files.trained]) {
        const from = join(other, name);
        if (await exists(from)) await writeAtomic(join(this.folder, name), await readBytes(from));
        else await remove(join(this.folder, name));
      }
      // Read again: the other may have been removed meanwhile.
      const taken = await readTrained(this.folder);
      if (taken === null) continue;
      await remove(join(this.folder, files.checkpoint));
      await appendText(path, `${this.id}\n`);
      return { ...taken, provenance: { ...taken.provenance, trainedBy: id } };
    }
    return null;
  }

  /** Names the runs of the store that have this training. */
  private async trainings(): Promise<string> {
    const folder = join(dirname(this.folder), ".trained");
    await makeFolder(folder);
    return join(folder, await trainingId(this.spec));
  }

  /**
   * Ends the run: stores its result, then says "finished", then removes the checkpoint and releases the lock.
   * Commit, packages, runtime, host, hashes, fidelity, times and peak memory are added to the provenance.
   */
  async finish(
    result: {
      metrics: Metrics;
      schedule: ScheduleEntry[];
      provenance: { backend: string; device: string; partial?: string[]; [field: string]: unknown };
      steps: number;
    },
  ): Promise<void> {
    await this.lock.refresh();
    await this.flush();
    const digests: Record<string, string> = {};
    const adapter = join(this.folder, files.adapter);
    if (await exists(adapter)) digests[files.adapter] = await fileSha256(adapter);
    const { modelRevision, dataRevision, fidelity } = this.spec;
    const provenance: Provenance = {
      ...result.provenance,
      ...await environment(),
      fidelity,
      hashes: { model: modelRevision, data: dataRevision, adapter: digests[files.adapter] },
      started: this.status.started,
      finished: new Date().toISOString(),
      seconds: Math.round(this.seconds * 100) / 100,
      peakMemoryBytes: peakMemoryBytes(),
    };
    const texts = {
      [files.metrics]: jsonText(checkMetrics(result.metrics)),
      [files.schedule]: JSON.stringify(result.schedule) + "\n",
      [files.provenance]: jsonText(provenance),
    };
    for (const [name, text] of Object.entries(texts)) {
      await writeAtomic(join(this.folder, name), text);
      digests[name] = await sha256(text);
    }
    await this.writeStatus({ state: "finished", step: result.steps, steps: result.steps, digests });
    await remove(join(this.folder, files.checkpoint));
    await this.lock.release();
  }

  /** Ends the run without a result, saying why; it is tried again, from its checkpoint, the next time. */
  async fail(error: unknown): Promise<void> {
    await this.flush().catch(() => {});
    const message = error instanceof Error ? error.message : String(error);
    await this.writeStatus({ state: "failed", message }).catch(() => {});
    await this.lock.release();
  }

  /** Ends work on the run for now (after an interruption); its checkpoint stays. */
  async release(): Promise<void> {
    await this.flush().catch(() => {});
    await this.writeStatus().catch(() => {});
    await this.lock.release();
  }
}
