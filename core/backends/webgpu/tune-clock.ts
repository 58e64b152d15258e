// How a tuning times something. What is timed, and whether it is right, is the other tune files'.

import type { Recorder } from "./recorder.ts";

const shortestRound = 20;

/** Milliseconds of `run`: the best of three rounds, each long enough for the clock. */
export async function timed(recorder: Recorder, run: () => void, clock: () => number): Promise<number> {
  const round = async (count: number) => {
    const start = clock();
    for (let i = 0; i < count; i++) run();
    await recorder.synchronize();
    return (clock() - start) / count;
  };
  const first = await round(1);
  const count = Math.max(1, Math.min(200, Math.ceil(shortestRound / Math.max(first, 0.01))));
  return Math.min(await round(count), await round(count), await round(count));
}
