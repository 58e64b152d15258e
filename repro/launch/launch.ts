// Promises to bring many runs to their end in several processes: progress with the time left, one failure never stops the
// others, a worker that dies is replaced, and an interruption leaves checkpoints. Leaves showing it to the caller.
import { coresOfEach, env, machine, resolve, warn } from "../runtime.ts";
import { RunStore } from "../runs/mod.ts";
import { runId, runName, type RunSpec } from "../spec/mod.ts";
import { type LineChild, scriptCommand, startLineChild } from "./process.ts";
import type { Order, Report } from "./worker.ts";

export interface LaunchProgress {
  /** Runs: all that were asked for, those finished (also before this launch), those that failed. */
  total: number;
  finished: number;
  failed: number;
  running: { name: string; step: number; steps: number; phase: string; message?: string }[];
  /** Part of all work that is done, 0..1. */
  fraction: number;
  /** Estimate from the pace of this launch; undefined until there is one. */
  secondsLeft?: number;
}

export interface LaunchOptions {
  specs: RunSpec[];
  store: RunStore;
  /** Module that exports `executeRun`. */
  execution: URL;
  /** Processes at a time; by default one on webgpu, where all share a device, else as many as the machine has cores. */
  jobs?: number;
  /** Examples on the device at a time; see ExecuteOptions. */
  microBatch?: number;
  /** When aborted, workers save checkpoints and end. */
  signal?: AbortSignal;
  onProgress?(progress: LaunchProgress): void;
  /** How long workers may take to save their checkpoints before they are killed. */
  graceSeconds?: number;
}

export interface LaunchResult {
  finished: number;
  failed: { spec: RunSpec; id: string; message: string }[];
  interrupted: boolean;
}

interface Job {
  id: string;
  spec: RunSpec;
  weight: number;
  attempts: number;
  /** Not to be tried again before this time (milliseconds), after another process held the run. */
  notBefore: number;
  /** Where an earlier execution left off: work that this launch does not do. */
  startFraction?: number;
  fraction: number;
  step: number;
  steps: number;
  phase: string;
  message?: string;
}

/** Relative work of a run: tokens seen in training. Epochs are only compared with epochs, so their unit does not matter. */
function weightOf({ hyperparameters: { steps, epochs, batchSize, maxLength } }: RunSpec): number {
  return (steps ?? (epochs ?? 1) * 1000) * batchSize * maxLength;
}

/** Runs that share a model and a task are given to one worker where possible: it has them loaded. */
const kindOf = (spec: RunSpec) => `${spec.model} ${spec.task}`;

/**
 * Brings the runs to their end. Failures of single runs are in the result; throws only when nothing can be executed at all.
 */
export async function launch(options: LaunchOptions): Promise<LaunchResult> {
  const { store, signal } = options;
  const jobs = new Map<string, Job>();
  for (const spec of options.specs) {
    const id = await runId(spec);
    jobs.set(id, {
      id,
      spec,
      weight: weightOf(spec),
      attempts: 0,
      notBefore: 0,
      fraction: 0,
      step: 0,
      steps: 0,
      phase: "start",
    });
  }
  const queue: Job[] = [];
  let finished = 0;
  for (const job of jobs.values()) {
    if (await store.finished(job.id)) finished++;
    else queue.push(job);
  }
  const total = jobs.size;
  const pending = [...queue];
  const failed: LaunchResult["failed"] = [];
  if (queue.length === 0) return { finished, failed, interrupted: false };

  const allWork = pending.reduce((sum, job) => sum + job.weight, 0);
  const startedAt = performance.now();
  const running = new Map<number, Job>();

  const report = () => {
    if (!options.onProgress) return;
    let done = 0;
    let doneHere = 0;
    for (const job of pending) {
      done += job.weight * job.fraction;
      doneHere += job.weight * (job.fraction - (job.startFraction ?? job.fraction));
    }
    const seconds = (performance.now() - startedAt) / 1000;
    options.onProgress({
      total,
      finished,
      failed: failed.length,
      running: [...running.values()].map((job) => ({
        name: runName(job.spec),
        step: job.step,
        steps: job.steps,
        phase: job.phase,
        message: job.message,
      })),
      // Finished runs count as much as the average of those still to do.
      fraction: (total - pending.length + (done / allWork) * pending.length) / total,
      secondsLeft: doneHere > 0 && seconds > 3 ? (seconds * (allWork - done)) / doneHere : undefined,
    });
  };

  const fail = (job: Job, message: string) => {
    job.startFraction ??= 0;
    job.fraction = 1;
    failed.push({ spec: job.spec, id: job.id, message });
  };

  /** The next job for a worker that last did `kind`; undefined when none is ready now. */
  const take = (kind: string | undefined): Job | undefined => {
    const ready = queue.filter((job) => job.notBefore <= Date.now());
    const busy = new Set([...running.values()].map((job) => kindOf(job.spec)));
    const job = ready.find((job) => kindOf(job.spec) === kind) ??
      ready.find((job) => !busy.has(kindOf(job.spec))) ?? ready[0];
    if (job) queue.splice(queue.indexOf(job), 1);
    return job;
  };

  const most = options.jobs ?? (queue.some(({ spec }) => spec.backend === "webgpu") ? 1 : machine().cpus);
  const workers = Math.max(1, Math.min(most, queue.length));
  const command = [
    ...scriptCommand(new URL("./worker-main.ts", import.meta.url)),
    options.execution.href,
    resolve(store.folder),
  ];
  const threads = env("REPRO_THREADS") ?? String(coresOfEach(workers));
  const children = new Set<LineChild>();
  let broken: string | undefined;

  /** One place for a worker: starts one, replaces it when it dies, ends with the queue. */
  const serve = async (place: number): Promise<void> => {
    let kind: string | undefined;
    while ((queue.length > 0 || running.size > 0) && !signal?.aborted) {
      if (queue.length === 0) {
        // Others still run; one of their jobs may come back when its worker dies.
        await pause(200, signal);
        continue;
      }
      let heard: (report: Report) => void = () => {};
      const child = startLineChild(command, {
        env: { REPRO_THREADS: threads },
        onLine(line) {
          let report: Report;
          try {
            report = JSON.parse(line) as Report;
          } catch {
            // Something printed by a library; never lost, never taken for a report.
            return warn(line);
          }
          if (report.type === "broken") broken = report.message;
          heard(report);
        },
      });
      children.add(child);
      let dead: number | string | undefined;
      void child.gone.then((code) => {
        dead = code;
        children.delete(child);
      });
      while (dead === undefined && !signal?.aborted) {
        const job = take(kind);
        if (job === undefined) {
          if (queue.length === 0 && running.size === 0) break;
          await Promise.race([pause(200, signal), child.gone]);
          continue;
        }
        kind = kindOf(job.spec);
        running.set(place, job);
        job.phase = "start";
        const outcome = await new Promise<Report | "gone">((done) => {
          heard = (said) => {
            if (said.type === "progress") {
              job.step = said.step;
              job.steps = said.steps;
              job.phase = said.phase;
              job.message = said.message;
              if (said.phase !== "load") {
                // Evaluation is not counted in steps; the last part of the bar is left to it.
                job.fraction = said.phase === "evaluate"
                  ? 0.95
                  : (0.95 * said.step) / Math.max(1, said.steps);
                job.startFraction ??= job.fraction;
              }
              report();
            } else if (said.type !== "ready") done(said);
          };
          const { microBatch } = options;
          child.send(JSON.stringify({ type: "run", spec: job.spec, microBatch } satisfies Order));
          void child.gone.then(() => done("gone"));
        });
        running.delete(place);
        if (broken !== undefined) {
          queue.length = 0;
          break;
        }
        if (outcome === "gone") {
          if (signal?.aborted) break;
          job.attempts++;
          if (job.attempts < 2) {
            warn(`worker for ${runName(job.spec)} ended (${dead}); trying once more from its checkpoint`);
            queue.unshift(job);
          } else {
            fail(job, `its process ended twice (${dead}); if memory ran out, use fewer processes: --jobs 1`);
          }
        } else if (outcome.type === "done") {
          finished++;
          job.startFraction ??= 0;
          job.fraction = 1;
        } else if (outcome.type === "locked") {
          job.notBefore = Date.now() + 2000;
          queue.push(job);
        } else if (outcome.type === "failed") {
          fail(job, outcome.message);
        }
        report();
        if (outcome === "gone") break;
      }
      child.close();
      if (signal?.aborted) {
        const late = setTimeout(() => child.kill(), (options.graceSeconds ?? 60) * 1000);
        await child.gone;
        clearTimeout(late);
      } else await child.gone;
    }
  };

  const stopAll = () => {
    for (const child of children) child.send(JSON.stringify({ type: "stop" } satisfies Order));
  };
  signal?.addEventListener("abort", stopAll, { once: true });
  report();
  await Promise.all(Array.from({ length: workers }, (_, place) => serve(place)));
  signal?.removeEventListener("abort", stopAll);
  report();
  if (broken !== undefined) throw new Error(`runs cannot be executed: ${broken} (${options.execution.href})`);
  return { finished, failed, interrupted: signal?.aborted ?? false };
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      done();
    }
    signal?.addEventListener("abort", finish, { once: true });
  });
}
