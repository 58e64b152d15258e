// Promises what a measurement must say of where it was made: processor, memory, system, and the state of the project.
// Leaves engines and devices to the engines themselves.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as os from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchResults } from "./report/results.ts";

export function describeMachine(): BenchResults["machine"] {
  return {
    cpu: os.cpus()[0]?.model.trim() || "unknown processor",
    cores: os.availableParallelism?.() ?? os.cpus().length,
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
  };
}

/**
 * The commit that the engine is of: the last one that changed core/, "+" behind it when files there differ from it. Commits that
 * leave the engine alone do not make its times another engine's. From the bundle: what it was made from.
 */
export function commit(): string {
  const folder = dirname(fileURLToPath(import.meta.url));
  try {
    return readFileSync(`${folder}/COMMIT`, "utf8").trim();
  } catch {
    // Not a bundle: ask git.
  }
  const git = (...words: string[]) =>
    execFileSync("git", ["-C", folder, ...words, "--", "../core"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    const hash = git("log", "-1", "--format=%h");
    return hash === "" ? "unknown" : hash + (git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
