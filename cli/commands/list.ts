// Promises `repro list`: every table and figure of every paper, what it needs and how much of that is in the store.
// Leaves the content to the papers and reading the store to repro/runs.
import {
  datasetOf,
  fidelityWords,
  gapOf,
  modelOf,
  requestsOf,
  wantedByFigure,
  wantedRuns,
} from "../../repro/paper/mod.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { writeOutput } from "../../repro/runtime.ts";
import { runId } from "../../repro/spec/mod.ts";
import { figureTargets, papers, targets } from "../papers.ts";
import { requestsOfTargets } from "./all.ts";
import type { Command } from "./command.ts";
import { setupFor, someOptions } from "./setup.ts";

const known = await papers();

export const command: Command = {
  name: "list",
  summary:
    "list what can be reproduced, what it needs and what is in the store; with a table: its rows and columns",
  positions: ["[table]"],
  options: [
    ...someOptions(known, ["seeds", "backend", "fidelity", "store"]),
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values, [which]) {
    const all = [...await targets()].filter(([name]) => which === undefined || name === which);
    const pictures = [...await figureTargets()].filter(([name]) => which === undefined || name === which);
    const figureEntries: Record<string, unknown>[] = [];
    const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
    const entries: Record<string, unknown>[] = [];
    for (const paper of known) {
      const mine = all.filter(([, target]) => target.paper === paper);
      const mineToDraw = pictures.filter(([, target]) => target.paper === paper);
      if (mine.length + mineToDraw.length === 0) continue;
      const { setup } = await setupFor(
        { ...values, scale: "tiny" },
        paper,
        requestsOfTargets(mine.map(([, t]) => t), mineToDraw.map(([, t]) => t)),
      );
      if (!values.json) {
        writeOutput(
          `${paper.shortTitle} (${paper.venue}), at scale tiny, fidelity ${fidelityWords(setup)}\n`,
        );
      }
      for (const [name, { table }] of mine) {
        if (table.kind === "facts") {
          entries.push({ name, title: table.title, needs: table.needs });
          if (!values.json) writeOutput(`${name.padEnd(9)} ${table.title}: needs ${table.needs}, no run\n`);
        } else {
          const wanted = wantedRuns(paper, table, setup);
          const found = await Promise.all(
            wanted.map(async ({ spec }) => await store.finished(await runId(spec))),
          );
          const finished = found.filter((run) => run !== null).length;
          const gaps = [
            ...new Set(requestsOf(paper, table).flatMap((each) => gapOf(paper, setup, each) ?? [])),
          ];
          const cells = table.rows.length * table.columns.length;
          const needs = {
            models: [...new Set(table.rows.map(({ model }) => modelOf(paper, model).title))],
            datasets: [...new Set(table.columns.map(({ dataset }) => datasetOf(paper, dataset).title))],
          };
          entries.push({ name, title: table.title, needs, cells, runs: wanted.length, finished, gaps });
          if (values.json) continue;
          const runs = wanted.length === 0 ? "" : `, ${finished} of ${wanted.length} runs in the store`;
          const needed = `${needs.models.join(", ")} on ${needs.datasets.join(", ")}`;
          writeOutput(
            `${name.padEnd(9)} ${table.title}: needs ${needed}; ${cells} cells${runs}${
              gaps.map((gap) => `; ${gap}`).join("")
            }\n`,
          );
        }
        if (which === undefined || values.json) continue;
        const { rows, columns } = table.published;
        writeOutput(`  rows     ${rows.map(({ id }) => id).join(" ")}\n`);
        writeOutput(`  columns  ${columns.map(({ id }) => id).join(" ")}\n`);
      }
      for (const [name, { figure }] of mineToDraw) {
        const wanted = wantedByFigure(paper, figure, setup);
        const found = await Promise.all(
          wanted.map(async ({ spec }) => await store.finished(await runId(spec))),
        );
        const finished = found.filter((run) => run !== null).length;
        const { title, needs } = figure;
        figureEntries.push({ name, title, needs, runs: wanted.length, finished });
        if (values.json) continue;
        const runs = wanted.length === 0 ? "" : `; ${finished} of ${wanted.length} runs in the store`;
        writeOutput(`${name.padEnd(9)} ${title}: needs ${needs}${runs}\n`);
      }
    }
    if (values.json) {
      const all = { store: store.folder, tables: entries, figures: figureEntries };
      writeOutput(JSON.stringify(all, null, 2) + "\n");
    }
    return 0;
  },
};
