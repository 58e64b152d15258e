// Promises `repro export`: what a run trained, as files that Python's `adapters` or transformers loads. Leaves the files to repro/training.
import { writeOutput } from "../../repro/runtime.ts";
import { exportRun } from "../../repro/training/export.ts";
import { UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";
import { findRun } from "./find-run.ts";

export const command: Command = {
  name: "export",
  summary:
    "write what a run trained for Python: adapter and head as an AdapterHub folder, or a whole model for transformers",
  positions: ["<run>", "<folder>"],
  options: [
    { flag: "--name <name>", help: "name of the adapter in the files (default: the task or the language)" },
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
  ],
  async run(values, [word, folder]) {
    const { store, run } = await findRun("export", word, values);
    if (folder === undefined) throw new UsageError("export: where to? repro export RUN FOLDER");
    const name = values.name === undefined ? undefined : String(values.name);
    for (const path of await exportRun(store, run, folder, name)) writeOutput(`${path}\n`);
    return 0;
  },
};
