// Starts the worker threads of the WASM backend on Node, Deno and cross-origin-isolated pages, and says why where it cannot.
// It leaves sharing the work to kernels/threads.ts and what to do without threads to backend.ts.

import type { LoadedModule } from "./module.ts";

/** Word indices; kernels/memory.ts has the byte addresses. */
const WORKERS = 1344 / 4;
const WAITING = 1408 / 4;
const READY = 1536 / 4;

/** Longest wait for the workers to come up, in milliseconds. */
const PATIENCE = 10_000;

/** What a worker thread is given. */
interface Start {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
  readonly tileRows: number;
  readonly tileColumns: number;
}

/** Runs in the worker, so it refers to nothing outside. Returns when the backend is disposed of. */
const life = `async ({ module, memory, thread, tileRows, tileColumns }) => {
  const words = new Int32Array(memory.buffer, 0, 1024);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  exports.setThread(thread, tileRows, tileColumns);
  Atomics.add(words, ${READY}, 1);
  try {
    exports.work();
  } catch (error) {
    Atomics.store(words, ${WAITING + 2}, 1);
    throw error;
  }
}`;

interface WorkerLike {
  terminate(): unknown;
  unref?(): void;
}

interface NodeWorkers {
  Worker: new (source: string, options: { eval: true; workerData: Start; execArgv: string[] }) => WorkerLike;
}

interface Host {
  process?: { getBuiltinModule?: (name: string) => unknown; versions?: { node?: string } };
  crossOriginIsolated?: boolean;
}

/** Starts one worker the way the host has it. */
function starter(): (start: Start) => WorkerLike {
  const host = globalThis as Host;
  if (host.process?.versions?.node !== undefined) {
    const node = host.process.getBuiltinModule?.("node:worker_threads") as NodeWorkers | undefined;
    if (node === undefined) throw new Error("this runtime has no process.getBuiltinModule; use Node ≥ 20.16");
    // The process's own flags (loaders, --input-type) are not for this source.
    const source = `import("node:worker_threads").then(({ workerData }) => (${life})(workerData))`;
    return (workerData) => {
      const worker = new node.Worker(source, { eval: true, workerData, execArgv: [] });
      // An idle pool must not keep the process alive.
      worker.unref?.();
      return worker;
    };
  }
  if (host.crossOriginIsolated !== true) {
    throw new Error(
      "the page is not cross-origin isolated; serve it with COOP same-origin and COEP require-corp",
    );
  }
  const url = URL.createObjectURL(
    new Blob([`onmessage = ({ data }) => (${life})(data)`], { type: "text/javascript" }),
  );
  return (start) => {
    const worker = new Worker(url);
    worker.postMessage(start);
    return worker;
  };
}

/** Whether the calling thread may sleep: a browser's page may not. */
function maySleep(words: Int32Array): boolean {
  try {
    Atomics.wait(words, READY, -1, 0);
    return true;
  } catch {
    return false;
  }
}

export interface Workers {
  readonly count: number;
  stop(): void;
}

/**
 * Brings up `count` workers on the memory; their scratch must be reserved.
 * @throws when the host has no threads, or they do not come up: the message is the reason
 */
export async function startWorkers(
  { module, tileRows, tileColumns }: LoadedModule,
  memory: WebAssembly.Memory,
  count: number,
  stopThreads: () => void,
): Promise<Workers> {
  const start = starter();
  const words = new Int32Array(memory.buffer, 0, 1024);
  const workers: WorkerLike[] = [];
  const stop = () => {
    stopThreads();
    words[WORKERS] = 0;
    for (const each of workers) each.terminate();
  };
  try {
    for (let thread = 1; thread <= count; thread++) {
      workers.push(start({ module, memory, thread, tileRows, tileColumns }));
    }
    const limit = performance.now() + PATIENCE;
    while (Atomics.load(words, READY) < count) {
      if (performance.now() > limit) {
        throw new Error(
          `${Atomics.load(words, READY)} of ${count} worker threads came up within ${PATIENCE} ms`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  } catch (error) {
    stop();
    throw error;
  }
  words[WAITING + 1] = maySleep(words) ? 1 : 0;
  words[WORKERS] = count;
  return { count, stop };
}
