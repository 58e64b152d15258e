// Promises the whole of a bench: options to engines, measurements, files and tables; exit code 1 when a result disagrees or fails.
// Leaves each of these steps to its own file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../cli/ui/usage.ts";
import { renderMarkdown, renderSvg, renderText } from "../repro/render/mod.ts";
import { exists, outputIsTerminal, pathOf, warn, writeAtomic, writeOutput } from "../repro/runtime.ts";
import { tolerance } from "./agreement.ts";
import { catalogue, commandOf, type EngineEntry, ourId } from "./engines/catalogue.ts";
import { EngineChild } from "./engines/child.ts";
import { PeerPackages } from "./engines/packages.ts";
import { commit, describeMachine } from "./machine.ts";
import { measure } from "./measure.ts";
import { type BenchOptions, readOptions } from "./options.ts";
import { frozenTables } from "./report/frozen.ts";
import { type BenchResults, merge, readResults, writeResults } from "./report/results.ts";
import { medianOf, short } from "./report/rows.ts";
import { familyTables, faults, operationTables } from "./report/tables.ts";
import { bytesOf, flopsOf, tokensOf } from "./work/flops.ts";
import { operations, pickOperations } from "./work/registry.ts";

export async function bench(words: readonly string[]): Promise<number> {
  try {
    const options = readOptions(words);
    if (options === null) return 0;
    if (options.list) {
      list(options);
      return 0;
    }
    const results = options.from === undefined ? await run(options) : await readResults(options.from);
    return await report(results, options);
  } catch (error) {
    warn(`bench: ${process.env.BENCH_DEBUG ? (error as Error).stack : (error as Error).message}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

const peersFolder = (options: BenchOptions) =>
  new PeerPackages(options.peersFrom ?? pathOf(new URL("./peers", import.meta.url)));

function chosen(options: BenchOptions): EngineEntry[] {
  const all = catalogue(options.backend, options.threads, commit());
  if (options.peers === "all") return all;
  const names = options.peers === "none" ? [] : options.peers;
  const isNamed = (id: string) => names.some((name) => id === name || id.startsWith(name));
  const unknown = names.filter((name) => !all.some(({ id }) => id.startsWith(name)));
  if (unknown.length > 0) {
    const known = all.filter(({ id }) => id !== ourId).map(({ id }) => id);
    throw new UsageError(
      `no peer of backend ${options.backend} is called "${unknown.join(", ")}"; there are ${
        known.join(", ")
      }`,
    );
  }
  return all.filter(({ id }) => id === ourId || isNamed(id));
}

function list(options: BenchOptions): void {
  const peers = peersFolder(options);
  for (const { name, summary, slow } of pickOperations(options.operations, true, operations)) {
    writeOutput(`${name.padEnd(42)} ${summary}${slow ? " (slow: only when named, or with --all)" : ""}\n`);
  }
  for (const entry of catalogue(options.backend, options.threads, commit())) {
    const found = commandOf(entry, peers);
    writeOutput(`${entry.id.padEnd(42)} ${entry.title}${"missing" in found ? `: ${found.missing}` : ""}\n`);
  }
}

async function run(options: BenchOptions): Promise<BenchResults> {
  const picked = pickOperations(options.operations, options.all);
  const results: BenchResults = {
    format: 1,
    date: new Date().toISOString(),
    commit: commit(),
    machine: describeMachine(),
    backend: options.backend,
    threads: options.threads,
    rounds: options.rounds,
    tolerance,
    engines: [],
    absent: [],
    operations: [],
  };
  const children: EngineChild[] = [];
  const exchangeFolder = mkdtempSync(join(tmpdir(), "repro-bench-"));
  try {
    await startAll(options, results, children);
    const others = children.some(({ id }) => id.startsWith("torch"));
    for (const [i, operation] of picked.entries()) {
      warn(`${i + 1}/${picked.length} ${operation.name}`);
      const kind = operation.work.kind;
      const exchanged = others && (kind === "step" || kind === "evaluation");
      const measured = await measure(operation, children, {
        rounds: options.rounds,
        timed: options.backend !== "null",
        tolerance: (id) => results.engines.find((each) => each.id === id)?.tolerance,
        exchange: () => exchanged ? join(exchangeFolder, "encoder") : undefined,
      });
      const { name, summary, work } = operation;
      results.operations.push({
        name,
        summary,
        flops: flopsOf(work),
        bytes: bytesOf(work),
        tokens: tokensOf(work),
        results: measured.results,
      });
      // What was measured must not be lost to what comes after it.
      await save(results, options);
      const ours = medianOf(measured.results[0]);
      if (ours !== null) warn(`    ${short(ours)} ms`);
    }
  } finally {
    await Promise.all(children.map((child) => child.close()));
    rmSync(exchangeFolder, { recursive: true, force: true });
  }
  return results;
}

/** Starts the engines one after another; one that cannot start is a line in the results, unless it is ours. */
async function startAll(
  options: BenchOptions,
  results: BenchResults,
  children: EngineChild[],
): Promise<void> {
  const peers = peersFolder(options);
  for (const entry of chosen(options)) {
    const { id, title, tolerance } = entry;
    const found = commandOf(entry, peers);
    const absent = (reason: string) => {
      if (id === ourId) throw new Error(`our engine could not be started: ${reason}`);
      results.absent.push({ id, title, reason });
      warn(`absent: ${title}: ${reason}`);
    };
    if ("missing" in found) {
      absent(found.missing);
      continue;
    }
    try {
      const { engine, facts } = await EngineChild.start(id, found.command, { NODE_NO_WARNINGS: "1" });
      children.push(engine);
      results.engines.push({ id, title, ...facts, ...tolerance === undefined ? {} : { tolerance } });
    } catch (error) {
      absent((error as Error).message);
    }
  }
}

/** Writes the file of --json, with --add together with what is in it. Returns what it then holds. */
async function save(results: BenchResults, options: BenchOptions): Promise<BenchResults> {
  if (options.json === undefined) return results;
  const whole = options.add && await exists(options.json)
    ? merge(await readResults(options.json), results)
    : results;
  await writeResults(options.json, whole);
  return whole;
}

async function report(measured: BenchResults, options: BenchOptions): Promise<number> {
  const results = await save(measured, options);
  const width = Math.max(100, process.stdout.columns ?? 0);
  const colour = outputIsTerminal();
  writeOutput(renderText(operationTables(measured), { width, colour }));
  const frozen = await frozenTables(results);
  if (frozen !== null) writeOutput("\n" + renderText(frozen, { width, colour }));
  if (options.markdown !== undefined) {
    const parts = [familyTables(results), ...(frozen === null ? [] : [frozen])];
    await writeAtomic(options.markdown, parts.map(renderMarkdown).join("\n"));
  }
  if (options.svg !== undefined) {
    if (frozen === null) {
      throw new UsageError("--svg draws the operations frozen/…; name them with --ops frozen");
    }
    await writeAtomic(options.svg, renderSvg(frozen));
  }
  if (results.backend === "null") {
    warn(
      "nothing was timed: on the null device an operation shows only that its shaders and steps are valid",
    );
  }
  const wrong = faults(measured);
  for (const line of wrong) warn(line);
  return wrong.length > 0 ? 1 : 0;
}
