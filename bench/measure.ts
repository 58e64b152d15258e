// Promises times that can be compared: the same work on every engine in alternation, one computing at a time, results checked first.
// Leaves processes to engines/child.ts and what is printed to report/.
import { type Agreement, compare } from "./agreement.ts";
import type { EngineHandle } from "./engines/child.ts";
import type { Digest } from "./engines/digest.ts";
import type { MemoryUse } from "./engines/engine.ts";
import type { Operation } from "./work/work.ts";

export interface MeasureOptions {
  /** Samples of each engine; the slow ones may have fewer. */
  rounds: number;
  /**
   * An engine that has used this much time on an operation is left out of further rounds once it has three samples; one whose
   * single call takes half of it has its second call (the first proved its result) as its only sample.
   */
  millisecondsEach?: number;
  /** Aim for one sample. */
  millisecondsSample?: number;
  /** Where our engine leaves what others start from; without it nothing is exchanged. */
  exchange?: (operation: Operation) => string | undefined;
  /** False on a device that computes nothing: then only whether everything runs is known. */
  timed?: boolean;
  /** Of an engine, where it is not the usual one. */
  tolerance?: (engine: string) => number | undefined;
}

export type EngineResult =
  | { engine: string; state: "unsupported" }
  | { engine: string; state: "failed"; message: string }
  | {
    engine: string;
    state: "measured";
    /** Milliseconds of one call, one number a round; empty where nothing was timed. */
    samples: number[];
    /** Calls that one sample is the mean of. */
    calls: number;
    /** null for our own engine, and where nothing is computed. */
    agreement: Agreement | null;
    memory?: MemoryUse;
  };

export interface OperationResult {
  operation: Operation;
  results: EngineResult[];
}

/** Lets thread pools that wait by spinning fall asleep before another engine computes. */
const pause = () => new Promise<void>((done) => setTimeout(done, 15));

/** After the pause a core that slept may need milliseconds to come back: the machine's time, and no engine's. A long call hides it. */
const wake = (engine: EngineHandle, calls: number) => calls > 1 ? engine.time(1) : undefined;

interface Running {
  engine: EngineHandle;
  result: Extract<EngineResult, { state: "measured" }>;
  spent: number;
}

/** Measures one operation. The first engine is ours: the others' results are compared with its. */
export async function measure(
  operation: Operation,
  engines: readonly EngineHandle[],
  options: MeasureOptions,
): Promise<OperationResult> {
  const { rounds, millisecondsEach = 12_000, millisecondsSample = 25, timed = true } = options;
  const results: EngineResult[] = [];
  const running: Running[] = [];
  let ours: Record<string, Digest> | null = null;
  for (const engine of engines) {
    const prepared = await attempt(
      engine,
      () => engine.prepare(operation.work, options.exchange?.(operation)),
    );
    if ("message" in prepared) {
      results.push({ engine: engine.id, state: "failed", message: prepared.message });
    } else if (prepared.value === null) {
      results.push({ engine: engine.id, state: "unsupported" });
    } else {
      const isOurs = engine === engines[0];
      if (isOurs) ours = prepared.value;
      const agreement = isOurs || ours === null || !timed
        ? null
        : compare(ours, prepared.value, options.tolerance?.(engine.id));
      const result = { engine: engine.id, state: "measured" as const, samples: [], calls: 1, agreement };
      results.push(result);
      running.push({ engine, result, spent: 0 });
    }
  }

  const drop = (each: Running, message: string) => {
    results[results.indexOf(each.result)] = { engine: each.engine.id, state: "failed", message };
    running.splice(running.indexOf(each), 1);
  };
  const time = async (each: Running, calls: number): Promise<number | null> => {
    await pause();
    const answer = await attempt(each.engine, async () => {
      await wake(each.engine, calls);
      return each.engine.time(calls);
    });
    if ("message" in answer) {
      drop(each, answer.message);
      return null;
    }
    each.result.memory = answer.value.memory;
    each.spent += answer.value.ms;
    return answer.value.ms / calls;
  };

  if (timed) {
    const long = millisecondsEach / 2;
    for (const each of [...running]) await calibrate(each, time, millisecondsSample, long);
    for (let round = 0; round < rounds; round++) {
      for (const each of [...running]) {
        const { samples } = each.result;
        if (samples[0] > long || (samples.length >= 3 && each.spent > millisecondsEach)) continue;
        const ms = await time(each, each.result.calls);
        if (ms !== null) samples.push(ms);
      }
    }
  } else for (const each of [...running]) await time(each, 2);
  for (const { engine } of running) await attempt(engine, () => engine.release());
  return { operation, results };
}

/** Warms up, then sets how many calls fill a sample. A single long call is a sample already. */
async function calibrate(
  each: Running,
  time: (each: Running, calls: number) => Promise<number | null>,
  aim: number,
  long: number,
): Promise<void> {
  let calls = 1;
  for (;;) {
    const ms = await time(each, calls);
    if (ms === null) return;
    if (ms > long) each.result.samples.push(ms);
    if (ms * calls >= aim || calls >= 1e5) {
      each.result.calls = calls;
      return;
    }
    // Compilers work beside us: the first calls are slower than the later ones, so approach step by step.
    calls = Math.min(
      1e5,
      Math.max(calls + 1, Math.ceil(Math.min(calls * 8, 1.2 * aim / Math.max(ms, 1e-6)))),
    );
  }
}

async function attempt<T>(
  engine: EngineHandle,
  action: () => Promise<T>,
): Promise<{ value: T } | { message: string }> {
  try {
    return { value: await action() };
  } catch (error) {
    // What it had prepared must not stay behind; an engine that died cannot answer.
    await engine.release().catch(() => {});
    return { message: error instanceof Error ? error.message : String(error) };
  }
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
