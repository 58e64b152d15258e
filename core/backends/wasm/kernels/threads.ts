// Shares the items of a task among threads: the caller and its workers claim chunks until none is left.
// It leaves what an item does to tasks.ts, and starting the workers to the host (../threads.ts).
// deno-fmt-ignore-file: the formatter drops the decorators of functions.

import { CLAIM, FINISHED, GENERATION, SLEEPERS, STOP, TASK, WAITING, WORKERS } from "./memory";
import { setTiles } from "./micro";
import { runTask, setScratch } from "./tasks";

/** A task of fewer nanoseconds is not worth waking anybody. */
const WORTH_SHARING: f32 = 12000;
/** Chunks a thread, at least and at most, and nanoseconds that make another worth its claim: more even out a thread that comes late. */
const FEWEST_CHUNKS: u32 = 2;
const MOST_CHUNKS: u32 = 8;
const WORTH_CLAIMING: f32 = 20000;
/** Turns of looking before sleeping: some tens of microseconds, longer than from one kernel of a step to the next. */
const TURNS: u32 = 20000;

// The claim is one word, so that a late worker cannot take a chunk of another launch: generation, chunks, next chunk.
const GENERATION_SHIFT: u64 = 40;
const CHUNKS_SHIFT: u64 = 20;
const FIELD: u64 = 0xfffff;

/** Called once in each instance: 0 is the caller. `tileRows`: see micro.ts. */
export function setThread(index: u32, tileRows: u32, tileColumns: u32): void {
  setScratch(index);
  setTiles(tileRows, tileColumns);
}

// Node 20 loses a local that lives across memory.atomic.notify (seen: a count that became 0). So none does here: what is
// needed afterwards lies in memory or, private to an instance, in a global.

/** The launch that a worker has taken part in, and turns of looking for the next one or for the end. */
let seen: u32 = 0;
let turn: u32 = 0;

/** Claims and runs chunks of launch `generation` until there are none. The arguments stay while a claimed chunk is unfinished. */
function takeChunks(generation: u64): void {
  for (;;) {
    const word = atomic.load<u64>(CLAIM);
    const next = word & FIELD;
    const chunks = (word >> CHUNKS_SHIFT) & FIELD;
    if (word >> GENERATION_SHIFT != generation || next >= chunks) return;
    if (atomic.cmpxchg<u64>(CLAIM, word, word + 1) != word) continue;
    const task = load<u32>(TASK);
    const items = load<u32>(TASK, 4);
    const size = load<u32>(TASK, 8);
    const begin = <u32> next * size;
    runTask(task, begin, min(items, begin + size));
    if (atomic.add<u32>(FINISHED, 1) + 1 < <u32> chunks) continue;
    if (atomic.load<u32>(WAITING) != 0) atomic.notify(FINISHED, 1);
    return;
  }
}

/** Returns when all chunks of the launch are done. */
function awaitChunks(): void {
  for (turn = 0; atomic.load<u32>(FINISHED) != load<u32>(TASK, 12); turn++) {
    if (turn < TURNS) continue;
    // A worker's host tells of a trap; its chunk will never be finished.
    if (atomic.load<u32>(WAITING, 8) != 0) unreachable();
    if (load<u32>(WAITING, 4) == 0) continue;
    // A worker lost its core: give ours to it. The time limit covers a last chunk that ends just before the wait.
    atomic.store<u32>(WAITING, 1);
    const finished = atomic.load<u32>(FINISHED);
    if (finished != load<u32>(TASK, 12)) atomic.wait<u32>(FINISHED, finished, 200_000);
    atomic.store<u32>(WAITING, 0);
  }
}

/**
 * Runs all items of a task and returns when they are done. `cost` estimates the nanoseconds of one item; `step` is the
 * multiple that ranges keep. `prepares`: each chunk prepares what another would prepare again (a matrix product packs B).
 */
export function launch(task: u32, items: u32, step: u32, cost: f32, prepares: bool = false): void {
  const threads = load<u32>(WORKERS) + 1;
  const whole = <f32> items * cost;
  if (threads == 1 || whole < WORTH_SHARING) return runTask(task, 0, items);
  const steps = (items + step - 1) / step;
  const claims = min(whole / <f32> threads / WORTH_CLAIMING, <f32> MOST_CHUNKS);
  const most = threads * (prepares ? FEWEST_CHUNKS : max(<u32> claims, FEWEST_CHUNKS));
  const size = (steps + most - 1) / most * step;
  const chunks = (items + size - 1) / size;
  if (chunks < 2) return runTask(task, 0, items);
  store<u32>(TASK, task);
  store<u32>(TASK, items, 4);
  store<u32>(TASK, size, 8);
  store<u32>(TASK, chunks, 12);
  atomic.store<u32>(FINISHED, 0);
  const generation = (atomic.load<u32>(GENERATION) + 1) & 0xffffff;
  atomic.store<u64>(CLAIM, <u64> generation << GENERATION_SHIFT | <u64> chunks << CHUNKS_SHIFT);
  atomic.store<u32>(GENERATION, generation);
  if (atomic.load<u32>(SLEEPERS) != 0) atomic.notify(GENERATION, i32.MAX_VALUE);
  takeChunks(atomic.load<u32>(GENERATION));
  awaitChunks();
}

/** A worker's life: ends when the host asks for it. */
export function work(): void {
  while (atomic.load<u32>(STOP) == 0) {
    seen = atomic.load<u32>(GENERATION);
    takeChunks(seen);
    for (turn = 0; atomic.load<u32>(GENERATION) == seen && turn < TURNS; turn++) {}
    if (turn < TURNS) continue;
    atomic.add<u32>(SLEEPERS, 1);
    if (atomic.load<u32>(STOP) == 0) atomic.wait<u32>(GENERATION, seen, -1);
    atomic.sub<u32>(SLEEPERS, 1);
  }
}

/** Ends every worker's `work`. */
export function stopThreads(): void {
  atomic.store<u32>(STOP, 1);
  atomic.add<u32>(GENERATION, 1);
  atomic.notify(GENERATION, i32.MAX_VALUE);
}
