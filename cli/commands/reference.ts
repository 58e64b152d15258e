// Promises `repro reference <table|all>`: makes the project's own reference of tables at tiny scale from its runs, with
// tolerances. Leaves the rule of the tolerances to repro/checks.
import { fidelityWords, requestsOf, type ResultTable, wantedRuns } from "../../repro/paper/mod.ts";
import { warn, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { runId } from "../../repro/spec/mod.ts";
import { makeReference, named, referencePath } from "../../repro/tables/mod.ts";
import { testSize } from "../../repro/training/identify.ts";
import { papers, resultTarget, targets } from "../papers.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { setupFor, someOptions } from "./setup.ts";

export const command: Command = {
  name: "reference",
  summary: "make the stored reference of a table (or all) anew from this project's own runs (tiny scale)",
  positions: ["<table>"],
  options: someOptions(await papers(), ["seeds", "backend", "fidelity", "store", "jobs"], "8"),
  async run(values, [which]) {
    const chosen = which === "all"
      ? [...(await targets()).values()].flatMap(({ paper, table }) =>
        table.kind === "results" ? [{ paper, table }] : []
      )
      : [await resultTarget(which)];
    for (const { paper, table } of chosen) {
      const { setup } = await setupFor({ ...values, scale: "tiny" }, paper, requestsOf(paper, table));
      const wanted = wantedRuns(paper, table, setup);
      if (wanted.length === 0) {
        warn(`${named(table.id)} has no run at scale tiny; nothing was written`);
        continue;
      }
      const { store, interrupted } = await makeRuns(wanted.map(({ spec }) => spec), values);
      if (interrupted) return 130;
      const runs = await Promise.all(
        wanted.map(async (each) => ({ ...each, run: await store.finished(await runId(each.spec)) })),
      );
      const missing = runs.filter(({ run }) => run === null).length;
      if (missing > 0) {
        warn(`reference: ${missing} of ${runs.length} runs are missing; nothing was written`);
        return 1;
      }
      const sizes = await testSizes(paper.datasets, table, setup.data, setup.fidelity);
      const words =
        `repro reference ${table.id} --seeds ${setup.seeds.length} --backend ${setup.backend} --fidelity ${
          fidelityWords(setup)
        }`;
      const file = await makeReference(
        paper,
        table,
        setup,
        runs,
        (dataset, language) => sizes.get(`${dataset}/${language}`)!,
        words,
      );
      const path = referencePath(paper, table.id);
      await writeAtomic(path, JSON.stringify(file, null, 1) + "\n");
      writeOutput(`reference of ${named(table.id)} from ${runs.length} runs written to ${path}\n`);
    }
    return 0;
  },
};

async function testSizes(
  datasets: Awaited<ReturnType<typeof papers>>[number]["datasets"],
  table: ResultTable,
  data: string,
  fidelity: Parameters<typeof testSize>[3],
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const used = new Set(table.columns.map(({ dataset }) => dataset));
  for (const { id, languages } of datasets.filter((each) => used.has(each.id))) {
    for (const language of languages) {
      sizes.set(`${id}/${language}`, await testSize(data, id, language, fidelity));
    }
  }
  return sizes;
}
