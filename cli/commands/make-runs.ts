// Promises to bring a list of runs to their end with progress and clean interruption, and to hand back what is finished.
// Leaves planning to the papers and execution to repro/launch.
import { launch } from "../../repro/launch/mod.ts";
import { onInterrupt } from "../../repro/launch/process.ts";
import { type FinishedRun, RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { warn } from "../../repro/runtime.ts";
import { runId, runName, type RunSpec } from "../../repro/spec/mod.ts";
import { memoryAdvice } from "../../repro/training/run-memory.ts";
import type { Values } from "../ui/arguments.ts";
import { launchProgress } from "../ui/progress.ts";
import { wholeNumber } from "../ui/usage.ts";

export interface Made {
  store: RunStore;
  runs: [RunSpec, FinishedRun][];
  interrupted: boolean;
  failed: number;
}

const told = new Set<string>();

/** `signal`: another reason to stop than Ctrl-C, told to the user in its own words. */
export async function makeRuns(specs: RunSpec[], values: Values, signal?: AbortSignal): Promise<Made> {
  const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
  const stop = new AbortController();
  let asked = 0;
  const onSignal = () => {
    warn(
      `\n${
        (signal!.reason as Error).message
      }: each run saves a checkpoint; the same command goes on from there`,
    );
    stop.abort(signal!.reason);
  };
  if (signal?.aborted) onSignal();
  else signal?.addEventListener("abort", onSignal, { once: true });
  const off = onInterrupt(() => {
    if (++asked === 1) {
      warn("\nstopping: each run saves a checkpoint; the same command goes on from there");
      stop.abort(new Error("interrupted"));
    }
  });
  const progress = launchProgress();
  try {
    const jobs = values.jobs === undefined ? undefined : wholeNumber("jobs", values.jobs, 1);
    const microBatch = values["micro-batch"] === undefined
      ? undefined
      : wholeNumber("micro-batch", values["micro-batch"], 1);
    const advice = await memoryAdvice(await unfinishedOf(store, specs), { jobs, microBatch });
    // Seeds are added in several rounds: once is enough.
    for (const note of advice.notes.filter((each) => !told.has(each))) warn(note);
    for (const note of advice.notes) told.add(note);
    const result = await launch({
      specs,
      store,
      execution: new URL("../../repro/training/execute.ts", import.meta.url),
      signal: stop.signal,
      jobs: advice.jobs,
      ...(microBatch === undefined ? {} : { microBatch }),
      onProgress: (each) => progress.show(each),
    });
    progress.stop();
    for (const { spec, message } of result.failed) warn(`run failed: ${runName(spec)}: ${message}`);
    return {
      store,
      runs: await finishedOf(store, specs),
      interrupted: result.interrupted,
      failed: result.failed.length,
    };
  } finally {
    progress.stop();
    signal?.removeEventListener("abort", onSignal);
    off();
  }
}

async function unfinishedOf(store: RunStore, specs: readonly RunSpec[]): Promise<RunSpec[]> {
  const runs = await finishedOf(store, specs), finished = new Set(runs.map(([spec]) => spec));
  return specs.filter((spec) => !finished.has(spec));
}

/** Those of the runs that are in the store. */
export async function finishedOf(
  store: RunStore,
  specs: readonly RunSpec[],
): Promise<[RunSpec, FinishedRun][]> {
  const runs: [RunSpec, FinishedRun][] = [];
  for (const spec of specs) {
    const run = await store.finished(await runId(spec));
    if (run !== null) runs.push([spec, run]);
  }
  return runs;
}
