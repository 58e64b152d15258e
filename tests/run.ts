// Promises: every test file runs, on the runtime that runs this, and whatever proves nothing fails: a failing test, a file
// that ran zero tests, no file at all; and that what they leave in the temporary folder goes. Leaves assertions to uvu and the other runtime to gate.mjs.
//
//   npx tsx tests/run.ts [words…] [--jobs 2] [--limit seconds]     run the files whose path holds any of the words
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import process from "node:process";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FOLDERS = ["null", "unit", "backend", "golden", "runtime"];
const isDeno = "deno" in process.versions;

interface Outcome {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  /** Why the file counts as failed; empty when it does not. */
  fault: string;
  output: string;
}

function usage(message: string): never {
  console.error(`tests/run.ts: ${message}; wanted: tests/run.ts [words…] [--jobs N] [--limit SECONDS]`);
  process.exit(2);
}

function parse(args: string[]): { words: string[]; jobs: number; limit: number } {
  const words: string[] = [];
  let jobs = 2;
  let limit = 600;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--jobs" || args[i] === "--limit") {
      const value = Number(args[i + 1]);
      if (!(value >= 1)) usage(`${args[i]} ${args[i + 1] ?? ""}: a number from 1 on is needed`);
      if (args[i] === "--jobs") jobs = value;
      else limit = value;
      i++;
    } else if (args[i].startsWith("-")) usage(`unknown option ${args[i]}`);
    else words.push(args[i].replace(/^\.\//, ""));
  }
  return { words, jobs, limit };
}

function discover(words: string[]): string[] {
  const files: string[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(ROOT + folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith(".test.ts")) files.push(path);
    }
  };
  for (const entry of readdirSync(ROOT + "tests", { withFileTypes: true })) {
    if (entry.isDirectory() && FOLDERS.includes(entry.name)) visit(`tests/${entry.name}`);
  }
  return files.filter((file) => words.length === 0 || words.some((word) => file.includes(word))).sort();
}

/** The count after a word of uvu's summary ("Passed: 3"), summed over all summaries that the file printed. */
function count(output: string, word: string): number {
  let sum = 0;
  for (const match of output.matchAll(new RegExp(`^\\s*${word}:\\s+(\\d+)\\s*$`, "gm"))) {
    sum += Number(match[1]);
  }
  return sum;
}

/** The temporary folder of all test files. What is unpacked once for all of them stays in the machine's own (REPRO_TEST_CACHE). */
const temporary = mkdtempSync(join(tmpdir(), "repro-tests-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true, maxRetries: 3 }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

function runFile(file: string, limit: number): Promise<Outcome> {
  const args = isDeno ? ["run", "-A", "--no-check", ROOT + file] : ["--import", "tsx", ROOT + file];
  const started = performance.now();
  return new Promise((done) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: {
        ...process.env,
        ...{ NO_COLOR: "1", FORCE_COLOR: "0" },
        ...{ TMPDIR: temporary, TEMP: temporary, TMP: temporary, REPRO_TEST_CACHE: tmpdir() },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, limit * 1000);
    child.stdout.on("data", (data) => output += data);
    child.stderr.on("data", (data) => output += data);
    child.on("error", (error) => output += `\n${error}`);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const total = count(output, "Total");
      const passed = count(output, "Passed");
      const skipped = count(output, "Skipped");
      const failed = Math.max(0, total - passed - skipped);
      let fault = "";
      if (late) fault = `stopped after ${limit} s`;
      else if (failed > 0) fault = `${failed} failed`;
      else if (code !== 0) fault = `exit ${code ?? signal}`;
      else if (total === 0) fault = "ran zero tests (is .run() missing?)";
      else if (passed === 0) fault = "every test was skipped";
      done({ file, passed, failed, skipped, seconds: (performance.now() - started) / 1000, fault, output });
    });
  });
}

const { words, jobs, limit } = parse(process.argv.slice(2));
const files = discover(words);
if (files.length === 0) {
  console.error(
    `no test file${words.length ? ` whose path holds ${words.join(" or ")}` : ""} in tests/{${FOLDERS}}/`,
  );
  process.exit(1);
}

const started = performance.now();
const outcomes: Outcome[] = [];
const queue = [...files];
await Promise.all(
  Array.from({ length: Math.min(jobs, files.length) }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const outcome = await runFile(file, limit);
      outcomes.push(outcome);
      const skipped = outcome.skipped ? `, ${outcome.skipped} skipped` : "";
      const mark = outcome.fault ? "FAIL" : "ok  ";
      const why = outcome.fault ? `  ${outcome.fault}` : "";
      console.log(
        `${mark} ${file}  ${outcome.passed} passed${skipped}  ${outcome.seconds.toFixed(1)} s${why}`,
      );
      if (outcome.fault) console.log(outcome.output.trimEnd().replace(/^/gm, "     | "));
    }
  }),
);

const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
const faults = outcomes.filter((outcome) => outcome.fault);
// A file that fails without naming a failed test (crash, zero tests) still counts as one failure.
const failed = sum((outcome) => (outcome.fault ? Math.max(1, outcome.failed) : 0));
const skipped = sum((outcome) => outcome.skipped);
for (const { file, fault } of faults) console.log(`FAIL ${file}: ${fault}`);
const name = isDeno ? "deno" : "node";
const time = ((performance.now() - started) / 1000).toFixed(0);
console.log(`${name} ${process.versions[name]}: ${files.length} files in ${time} s`);
console.log(`${sum((o) => o.passed)} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
process.exit(faults.length > 0 ? 1 : 0);
