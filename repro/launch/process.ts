// Promises what the toolkit needs of processes: who am I, is another alive, start one with the same runtime, talk in lines.
// Leaves what the lines say to the launcher and the worker beside this file.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as os from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";

const isDeno = "deno" in process.versions;

export const processId = (): number => process.pid;
export const hostName = (): string => os.hostname();

/** Whether a process of this machine is running. A process of another user counts as running. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Largest resident memory of this process so far, in bytes. */
export function peakMemoryBytes(): number {
  // Node counts in KiB; Deno's compatibility layer has no such count and gives what is resident now.
  const usage = isDeno ? undefined : process.resourceUsage?.();
  return usage?.maxRSS ? usage.maxRSS * 1024 : process.memoryUsage().rss;
}

/** Commit of a folder's repository and whether tracked files differ from it; undefined where there is no Git or no repository. */
export function gitState(folder: string): { commit: string; dirty: boolean } | undefined {
  const git = (...words: string[]) => {
    const { status, stdout } = spawnSync("git", ["-C", folder, ...words], {
      encoding: "utf8",
      timeout: 10_000,
    });
    return status === 0 ? stdout.trim() : undefined;
  };
  const commit = git("rev-parse", "HEAD");
  if (commit === undefined) return undefined;
  return { commit, dirty: git("status", "--porcelain", "--untracked-files=no") !== "" };
}

/** Model name of the first processor. */
export const processorName = (): string => os.cpus()[0]?.model.trim() || "unknown processor";

/** Command and first arguments that run a TypeScript module of this project on the runtime in use. */
export function scriptCommand(module: URL): string[] {
  const path = fileURLToPath(module);
  if (isDeno) return [process.execPath, "run", "-A", "--no-check", path];
  if ((process.features as { typescript?: unknown }).typescript) return [process.execPath, path];
  return [process.execPath, "--import", import.meta.resolve("tsx"), path];
}

/** A child that is spoken to in lines. Its standard error goes to ours. */
export interface LineChild {
  readonly pid: number;
  send(line: string): void;
  /** Ends its standard input, which a worker takes as the wish to stop. */
  close(): void;
  kill(): void;
  /** Resolves when it has gone, with the exit code or the name of the signal. */
  readonly gone: Promise<number | string>;
}

/** Starts a child; `onLine` gets each line of its standard output. */
export function startLineChild(
  command: string[],
  options: { env?: Record<string, string>; onLine: (line: string) => void },
): LineChild {
  const child: ChildProcess = spawn(command[0], command.slice(1), {
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = new Promise<number | string>((done) => {
    child.on("error", (error) => done(error.message));
    child.on("close", (code, signal) => done(code ?? signal ?? "unknown"));
  });
  // A worker that died takes its pipe with it; its end is reported by `gone`.
  child.stdin!.on("error", () => {});
  readLines(child.stdout!, options.onLine);
  return {
    pid: child.pid ?? -1,
    send: (line) => void child.stdin!.write(line + "\n"),
    close: () => void child.stdin!.end(),
    kill: () => void child.kill("SIGKILL"),
    gone,
  };
}

function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") onLine(line);
  });
  return new Promise((done) => {
    stream.on("end", () => {
      if (rest.trim() !== "") onLine(rest);
      done();
    });
  });
}

/** Calls `onLine` for each line of standard input; resolves at its end. */
export const readStandardInput = (onLine: (line: string) => void): Promise<void> =>
  readLines(process.stdin, onLine);

/** Writes one line to standard output and waits until it is handed over. */
export function writeLine(line: string): Promise<void> {
  return new Promise((done) => process.stdout.write(line + "\n", () => done()));
}

/** Calls `handler` on Ctrl-C or a polite request to end, instead of dying; returns how to stop listening. */
export function onInterrupt(handler: (signal: string) => void): () => void {
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) process.on(name, handler);
  return () => {
    for (const name of names) process.off(name, handler);
  };
}

export const arguments_ = (): string[] => process.argv.slice(2);
export const exit = (code: number): never => process.exit(code);
export const isTerminal = (): boolean => Boolean(process.stderr.isTTY);
export const terminalColumns = (): number => process.stdout.columns ?? 100;
