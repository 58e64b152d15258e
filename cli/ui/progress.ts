// Promises that long work is seen: a bar with the time left on a terminal, a plain line now and then elsewhere; always on
// standard error, so that standard output stays the result.
import { Bar } from "cli-progress";
import type { LaunchProgress } from "../../repro/launch/mod.ts";
import { isTerminal } from "../../repro/launch/process.ts";
import { warn } from "../../repro/runtime.ts";

const plainEvery = 10_000;

export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "?";
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  return s < 3600
    ? `${Math.floor(s / 60)} min ${s % 60} s`
    : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

const runningText = (progress: LaunchProgress) =>
  progress.running.map(({ name, phase, step, steps, message }) =>
    `${name} ${phase === "train" ? `step ${step}/${steps}` : message ?? phase}`
  ).join(" · ");

/** Shows the progress of a launch; call `stop` at its end. */
export function launchProgress(): { show(progress: LaunchProgress): void; stop(): void } {
  if (!isTerminal()) {
    let last = -Infinity;
    return {
      show(progress) {
        const now = performance.now();
        if (now - last < plainEvery || progress.finished === progress.total) return;
        last = now;
        const failed = progress.failed > 0 ? `, ${progress.failed} failed` : "";
        warn(
          `${progress.finished} of ${progress.total} runs done${failed}, ${
            Math.floor(progress.fraction * 100)
          } %, left: ${duration(progress.secondsLeft)} · ${runningText(progress)}`,
        );
      },
      stop() {},
    };
  }
  const bar = new Bar({
    format: "{bar} {percentage} % · {finished}/{total_} runs · left {left} · {running}",
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    stream: undefined,
  });
  bar.start(1000, 0, { finished: 0, total_: 0, left: "?", running: "" });
  return {
    show(progress) {
      bar.update(Math.floor(progress.fraction * 1000), {
        finished: progress.finished,
        total_: progress.total,
        left: duration(progress.secondsLeft),
        running: runningText(progress),
      });
    },
    stop: () => bar.stop(),
  };
}
