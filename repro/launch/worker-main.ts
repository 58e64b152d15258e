// Promises to start a worker: `worker-main.ts <module that exports executeRun> <store folder>`.
// Leaves the work to worker.ts.
import type { ExecuteRun } from "../runs/mod.ts";
import { arguments_, exit, writeLine } from "./process.ts";
import { type Report, work } from "./worker.ts";

const [execution, folder] = arguments_();

async function load(): Promise<ExecuteRun> {
  try {
    return ((await import(execution)) as { executeRun: ExecuteRun }).executeRun;
  } catch (error) {
    await writeLine(JSON.stringify({ type: "broken", message: (error as Error).message } satisfies Report));
    return exit(1);
  }
}

await work(await load(), folder);
exit(0);
