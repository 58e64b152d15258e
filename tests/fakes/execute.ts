// Promises an execution with every habit of the real one (progress, logs, checkpoints, stopping, resuming) and invented numbers
// that depend on the specification alone. Leaves learning to the real one.
import process from "node:process";
import type { ExecuteRun, Metrics } from "../../repro/runs/mod.ts";
import { env } from "../../repro/runtime.ts";
import { runId, runName } from "../../repro/spec/mod.ts";

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** An invented value in 20..90, with a spread of about a point over seeds. */
function invented(key: string, seed: number): number {
  let hash = 7;
  for (const char of key) hash = (hash * 31 + char.codePointAt(0)!) >>> 0;
  return Math.round((20 + (hash % 7000) / 100 + ((seed * 37) % 11) / 10) * 100) / 100;
}

/** REPRO_FAKE_STEP_MS slows it down; a run whose name holds REPRO_FAKE_FAIL fails half-way; REPRO_FAKE_DIE ends the process. */
export const executeRun: ExecuteRun = async (spec, { store, signal, onProgress }) => {
  const run = await store.begin(spec);
  if (run === null) return;
  const steps = spec.hyperparameters.steps ?? 20;
  const pause = Number(env("REPRO_FAKE_STEP_MS") ?? 0);
  const failing = env("REPRO_FAKE_FAIL");
  const dying = env("REPRO_FAKE_DIE");
  try {
    const checkpoint = await run.resume();
    const save = (step: number) => run.saveCheckpoint(step, steps, new TextEncoder().encode(`state ${step}`));
    for (let step = checkpoint?.step ?? 0; step < steps; step++) {
      if (signal.aborted) {
        await save(step);
        await run.release();
        throw signal.reason;
      }
      if (pause) await sleep(pause);
      if (failing && step === steps / 2 && runName(spec).includes(failing)) {
        throw new Error("a deliberate failure");
      }
      if (dying && step === steps / 2 && runName(spec).includes(dying)) process.kill(process.pid, "SIGKILL");
      run.log("losses", { step, loss: 1 / (step + 1) });
      if ((step + 1) % 5 === 0) await save(step + 1);
      onProgress({ step: step + 1, steps, phase: "train" });
    }
    const metrics: Metrics = {};
    for (const [dataset, languages] of Object.entries(spec.evaluate)) {
      for (const language of languages) {
        for (const metric of dataset === "xquad" || dataset === "mlqa" ? ["f1", "em"] : ["accuracy"]) {
          const key = `${dataset}/${language}/${metric}`;
          metrics[key] = invented(`${spec.model} ${spec.method} ${spec.mutant ?? ""} ${key}`, spec.seed);
        }
        await run.writePredictions(dataset, language, { id: await runId(spec) });
      }
    }
    await run.writeAdapter(new Uint8Array([1, 2, 3]));
    const threads = env("REPRO_THREADS");
    const provenance = {
      ...{ backend: spec.backend, device: "fake", process: process.pid },
      ...(threads === undefined ? {} : { threads }),
    };
    await run.finish({ metrics, schedule: [{ step: 0, layers: [11] }], provenance, steps });
  } catch (error) {
    if (!signal.aborted) await run.fail(error);
    throw error;
  }
};
