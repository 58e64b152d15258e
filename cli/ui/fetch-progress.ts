// Promises that a download is seen: one bar over all files with its speed on a terminal, a plain line now and then elsewhere;
// always on standard error. Leaves the sizes to the plan.
import { Bar } from "cli-progress";
import { bytesText } from "../../repro/fetch/errors.ts";
import type { Plan, PlannedFile } from "../../repro/fetch/plan.ts";
import { isTerminal } from "../../repro/launch/process.ts";
import { warn } from "../../repro/runtime.ts";
import { duration } from "./progress.ts";

const plainEvery = 10_000;

export interface FetchProgress {
  bytes(file: PlannedFile, have: number): void;
  done(file: PlannedFile): void;
  /** A line that stays. */
  note(text: string): void;
  stop(): void;
}

export function fetchProgress(plan: Plan): FetchProgress {
  const started = performance.now();
  const have = new Map<PlannedFile, number>(plan.files.map((file) => [file, file.have]));
  const before = new Map(have);
  const running = new Set<PlannedFile>();
  let finished = 0;
  const sum = (of: (file: PlannedFile) => number) => plan.files.reduce((total, file) => total + of(file), 0);
  const total = () => sum((file) => Math.max(file.size ?? 0, have.get(file)!));
  const state = () => {
    const seconds = (performance.now() - started) / 1000;
    const there = sum((file) => have.get(file)!);
    const speed = sum((file) => Math.max(0, have.get(file)! - before.get(file)!)) / Math.max(seconds, 0.001);
    return {
      there,
      all: total(),
      speed: `${bytesText(Math.round(speed))}/s`,
      left: speed > 0 ? duration((total() - there) / speed) : "?",
      files: `${finished}/${plan.files.length} files`,
      running: [...running].map(({ what, size }) =>
        size === undefined ? what : `${what} (${bytesText(size)})`
      ).join(" · "),
    };
  };
  const moved = (file: PlannedFile, bytes: number) => {
    have.set(file, bytes);
    running.add(file);
  };
  const ended = (file: PlannedFile) => {
    running.delete(file);
    finished++;
  };

  if (!isTerminal()) {
    let last = performance.now();
    return {
      bytes(file, bytes) {
        moved(file, bytes);
        if (performance.now() - last < plainEvery) return;
        last = performance.now();
        const { there, all, speed, left, files, running } = state();
        warn(`${bytesText(there)} of ${bytesText(all)}, ${files}, ${speed}, left: ${left} · ${running}`);
      },
      done: ended,
      note: warn,
      stop() {},
    };
  }
  const bar = new Bar({
    format: "{bar} {percentage} % · {text}",
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    fps: 5,
  });
  const show = () => {
    const { there, all, speed, left, files, running } = state();
    const text = `${bytesText(there)} of ${bytesText(all)} · ${files} · ${speed} · left ${left} · ${running}`;
    bar.update(all === 0 ? 0 : Math.floor((there / all) * 1000), { text });
  };
  bar.start(1000, 0, { text: "" });
  return {
    bytes(file, bytes) {
      moved(file, bytes);
      show();
    },
    done(file) {
      ended(file);
      show();
    },
    note(text) {
      bar.stop();
      warn(text);
      bar.start(1000, 0, { text: "" });
      show();
    },
    stop: () => bar.stop(),
  };
}
