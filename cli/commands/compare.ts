// Promises `repro compare <run> <run>`: how two finished runs differ. Leaves the comparison to repro/runs.
import {
  compareRuns,
  comparisonLines,
  type FinishedRun,
  RunStore,
  storeFolder,
} from "../../repro/runs/mod.ts";
import { basename, dirname, isFolder, writeOutput } from "../../repro/runtime.ts";
import { runName } from "../../repro/spec/mod.ts";
import type { Values } from "../ui/arguments.ts";
import { UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "compare",
  summary: "how two finished runs differ: specification, metrics, schedules, what made them",
  positions: ["<run>", "<run>"],
  options: [
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values, words) {
    if (words.length < 2) {
      throw new UsageError("compare: two runs are needed: ids (repro status lists them) or folders");
    }
    const [a, b] = [await find(words[0], values), await find(words[1], values)];
    const comparison = compareRuns(a, b);
    if (values.json) writeOutput(JSON.stringify({ a: a.id, b: b.id, ...comparison }, null, 2) + "\n");
    else {
      const name = ({ id, spec }: FinishedRun) => `${id}  ${runName(spec)}`;
      writeOutput(comparisonLines({ a: name(a), b: name(b) }, comparison).join("\n") + "\n");
    }
    return 0;
  },
};

/** A finished run by its folder, its id, or the beginning of its id. */
async function find(word: string, values: Values): Promise<FinishedRun> {
  const byFolder = /[/\\]/.test(word) && isFolder(word);
  const given = values.store === undefined ? undefined : String(values.store);
  const store = new RunStore(byFolder ? dirname(word) : storeFolder(given));
  const start = byFolder ? basename(word) : word;
  const found = (await store.list()).filter(({ id }) => id.startsWith(start));
  if (found.length !== 1) {
    throw new UsageError(
      found.length === 0
        ? `compare: no run "${word}" in ${store.folder}; repro status lists them`
        : `compare: "${word}" is the beginning of ${found.map(({ id }) => id).join(", ")}; write more of it`,
    );
  }
  const run = await store.finished(found[0].id);
  if (run === null) {
    throw new UsageError(`compare: run ${found[0].id} is ${found[0].state}; it has no result yet`);
  }
  return run;
}
