// Promises an engine that is spoken to over standard input and output until its input ends.
// Leaves the words to protocol.ts and the work to the engine.
import { exit, readStandardInput, writeLine } from "../../repro/launch/process.ts";
import { digests } from "./digest.ts";
import type { Engine, PreparedWork } from "./engine.ts";
import type { Reply, Request } from "./protocol.ts";

const say = (reply: Reply) => writeLine(JSON.stringify(reply));

const messageOf = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0].slice(0, 400);

export async function serve(open: () => Promise<Engine>): Promise<never> {
  // Standard output carries the protocol: what libraries print there goes nowhere, what they warn of only when asked for.
  for (const name of ["log", "info", "debug", "warn", "error"] as const) {
    console[name] = (...words: unknown[]) => {
      if (process.env.BENCH_DEBUG) process.stderr.write(words.join(" ") + "\n");
    };
  }
  let engine: Engine;
  try {
    engine = await open();
  } catch (error) {
    if (process.env.BENCH_DEBUG) process.stderr.write(`${(error as Error).stack}\n`);
    await say({ type: "failed", message: messageOf(error) });
    return exit(1);
  }
  await say({ type: "ready", ...engine.facts });
  let prepared: PreparedWork | null = null;
  const answer = async (request: Request): Promise<Reply> => {
    switch (request.type) {
      case "prepare":
        prepared = await engine.prepare(request.work, request.exchange);
        return prepared === null
          ? { type: "unsupported" }
          : { type: "prepared", digests: digests(await prepared.outputs()) };
      case "time": {
        const ms = await timed(prepared!, request.calls);
        return { type: "timed", ms, memory: prepared!.memory?.() };
      }
      case "release":
        await prepared?.dispose();
        prepared = null;
        return { type: "released" };
    }
  };
  // Requests come one at a time; the chain keeps answers in order all the same.
  let last: Promise<void> = Promise.resolve();
  await readStandardInput((line) => {
    last = last.then(async () => {
      try {
        await say(await answer(JSON.parse(line) as Request));
      } catch (error) {
        if (process.env.BENCH_DEBUG) process.stderr.write(`${(error as Error).stack}\n`);
        await say({ type: "failed", message: messageOf(error) });
      }
    });
  });
  await last;
  return exit(0);
}

async function timed(work: PreparedWork, calls: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < calls; i++) {
    const pending = work.run();
    // A microtask for each call of a synchronous engine would count as its time.
    if (pending !== undefined) await pending;
  }
  await work.settle();
  return performance.now() - start;
}
