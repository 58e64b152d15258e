// Promises a report on the invented paper, with as many runs as a test wants. Leaves what it must say to the tests.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Paper, type Setup, wantedRuns } from "../../repro/paper/mod.ts";
import { gatherReport, type ReportData } from "../../repro/report/mod.ts";
import type { RunStore } from "../../repro/runs/mod.ts";
import { runId } from "../../repro/spec/mod.ts";
import { judgeFacts } from "../../repro/tables/mod.ts";
import { paper as moths } from "../fixtures/papers/moths/paper.ts";
import { executeRun } from "./execute.ts";

export const setup: Setup = {
  scale: "tiny",
  seeds: [1, 2],
  backend: "wasm",
  fidelity: "paper",
  data: "tiny",
  models: { lamp: { model: "lamp", revision: "l1" } },
  dataRevisions: { xnli: "d1" },
};

export const reportOn = (store: RunStore, paper: Paper = moths): Promise<ReportData> =>
  gatherReport([{
    ...{ paper, setup, store, reason: "asked" },
    facts: async (table) => ({
      facts: await judgeFacts(table, { paper, fidelity: "paper", source: null }),
      heading: [],
    }),
  }]);

/** Makes all runs but those of a method, and logs tr(F) of three layers at two steps in each, and an average in the second seed's. */
export async function makeRuns(store: RunStore, without?: string): Promise<void> {
  for (const table of moths.tables) {
    if (table.kind !== "results") continue;
    for (const { spec } of wantedRuns(moths, table, setup)) {
      if (spec.method === without) continue;
      await executeRun(spec, { store, signal: new AbortController().signal, onProgress() {} });
      const lines = [
        { step: 2, kind: "selection", layers: [0.5, 1, 2] },
        { step: 4, kind: "selection", layers: [4, 2, null] },
        ...spec.seed === 2 ? [{ step: 4, kind: "tracking", average: 3 }] : [],
      ];
      await writeFile(
        join(store.runFolder(await runId(spec)), "trf.jsonl"),
        lines.map((line) => JSON.stringify(line) + "\n").join(""),
      );
    }
  }
}
