// Promises to bring a list of runs to their end with progress and clean interruption, and to hand back what is finished.
// Leaves planning to the papers and execution to repro/launch.
import { launch } from "../../repro/launch/mod.ts";
import { onInterrupt } from "../../repro/launch/process.ts";
import { type FinishedRun, RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { warn } from "../../repro/runtime.ts";
import { runId, runName, type RunSpec } from "../../repro/spec/mod.ts";
import type { Values } from "../ui/arguments.ts";
import { launchProgress } from "../ui/progress.ts";
import { wholeNumber } from "../ui/usage.ts";

export interface Made {
  store: RunStore;
  runs: [RunSpec, FinishedRun][];
  interrupted: boolean;
  failed: number;
}

export async function makeRuns(specs: RunSpec[], values: Values): Promise<Made> {
  const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
  const stop = new AbortController();
  let asked = 0;
  const off = onInterrupt(() => {
    if (++asked === 1) {
      warn("\nstopping: each run saves a checkpoint; the same command goes on from there");
      stop.abort(new Error("interrupted"));
    }
  });
  const progress = launchProgress();
  try {
    const result = await launch({
      specs,
      store,
      execution: new URL("../../repro/training/execute.ts", import.meta.url),
      signal: stop.signal,
      ...(values.jobs === undefined ? {} : { jobs: wholeNumber("jobs", values.jobs, 1) }),
      ...(values["micro-batch"] === undefined
        ? {}
        : { microBatch: wholeNumber("micro-batch", values["micro-batch"], 1) }),
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
    off();
  }
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
