// Promises `repro status`: what the store holds. Leaves reading it to repro/runs.
import { writeOutput } from "../../repro/runtime.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { runName } from "../../repro/spec/mod.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "status",
  summary: "list the runs in the store",
  options: [
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values) {
    const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
    const entries = await store.list();
    if (values.json) {
      writeOutput(JSON.stringify({ store: store.folder, runs: entries }, null, 2) + "\n");
      return 0;
    }
    for (const { id, state, spec, status, problem } of entries) {
      const steps = state === "finished"
        ? `${status?.seconds ?? "?"} s`
        : `step ${status?.step ?? 0}/${status?.steps || "?"}`;
      writeOutput(
        `${id}  ${state.padEnd(10)}  ${steps.padEnd(14)}  ${spec ? runName(spec) : ""}${
          problem ? `  ${problem}` : ""
        }\n`,
      );
    }
    const count = new Map<string, number>();
    for (const { state } of entries) count.set(state, (count.get(state) ?? 0) + 1);
    const summary = [...count].map(([state, n]) => `${n} ${state}`).join(", ") || "no runs yet";
    writeOutput(`${store.folder}: ${summary}\n`);
    return 0;
  },
};
