// Promises to execute the runs it is given on standard input, one after another, and to report on standard output in JSON
// lines; when told to stop, or when its starter is gone, it leaves a checkpoint and ends. Leaves choosing runs to launch.ts.
import { LockedError, RunStore } from "../runs/mod.ts";
import type { ExecuteRun } from "../runs/mod.ts";
import { parseSpec } from "../spec/mod.ts";
import { onInterrupt, readStandardInput, writeLine } from "./process.ts";

/** What the launcher says. */
export type Order = { type: "run"; spec: unknown; microBatch?: number } | { type: "stop" };

/** What the worker says. */
export type Report =
  | { type: "ready" }
  /** The execution could not be loaded: no run can be made. */
  | { type: "broken"; message: string }
  | { type: "progress"; step: number; steps: number; phase: string; message?: string }
  | { type: "done" }
  | { type: "stopped" }
  | { type: "locked"; message: string }
  | { type: "failed"; message: string; stack?: string };

/** Progress reports are thinned to one in so many milliseconds. */
const reportEvery = 200;

export async function work(executeRun: ExecuteRun, storeFolder: string): Promise<void> {
  const store = new RunStore(storeFolder);
  const stop = new AbortController();
  const say = (report: Report) => writeLine(JSON.stringify(report));
  // Ctrl-C reaches every process of the terminal: the starter decides, we wait for its word.
  onInterrupt((signal) => {
    if (signal === "SIGTERM") stop.abort(new Error("stopped"));
  });

  const orders: Order[] = [];
  let wake: () => void = () => {};
  void readStandardInput((line) => {
    const order = JSON.parse(line) as Order;
    if (order.type === "stop") stop.abort(new Error("stopped"));
    else orders.push(order);
    wake();
  }).then(() => {
    stop.abort(new Error("the process that started this worker is gone"));
    wake();
  });

  await say({ type: "ready" });
  while (!stop.signal.aborted) {
    const order = orders.shift();
    if (order === undefined) {
      await new Promise<void>((done) => wake = done);
      continue;
    }
    if (order.type !== "run") continue;
    let reported = 0;
    try {
      await executeRun(parseSpec(order.spec), {
        store,
        signal: stop.signal,
        ...(order.microBatch === undefined ? {} : { microBatch: order.microBatch }),
        onProgress(progress) {
          const now = performance.now();
          if (now - reported < reportEvery) return;
          reported = now;
          void say({ type: "progress", ...progress });
        },
      });
      await say({ type: "done" });
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      if (stop.signal.aborted) break;
      if (error instanceof LockedError) await say({ type: "locked", message });
      else await say({ type: "failed", message, stack });
    }
  }
  await say({ type: "stopped" });
}
