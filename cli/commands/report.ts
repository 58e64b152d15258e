// Promises `repro report`: one HTML page with every table and figure of a paper, the paper's numbers beside ours, and the runs behind
// each; from what the store holds, with nothing trained. Leaves gathering and the page to repro/report.
import { gatherReport, renderReport, type ReportInputs } from "../../repro/report/mod.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { resolve, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { paperOf, papers } from "../papers.ts";
import { requestsOfTargets } from "./all.ts";
import type { Command } from "./command.ts";
import { runOptions, setupFor } from "./setup.ts";
import { drawnFacts } from "./table.ts";

const known = await papers();

export const command: Command = {
  name: "report",
  summary:
    "one HTML page without a network: every table and figure beside the paper, claims, audit, and the runs of each number",
  options: [
    { flag: "--paper <paper>", help: "one of several papers: its folder's name (default: all of them)" },
    ...runOptions(known, "training-size"),
    { flag: "--out <file>", help: "where the page is written", default: "report.html" },
  ],
  async run(values) {
    const chosen = values.paper === undefined ? known : [await paperOf(String(values.paper))];
    const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
    const all: ReportInputs[] = [];
    for (const paper of chosen) {
      const targets = paper.tables.map((table) => ({ paper, table }));
      const figures = (paper.figures ?? []).map((figure) => ({ paper, figure }));
      // A report is drawn wherever it is asked for: what is not at hand leaves gaps.
      const { setup, reason } = await setupFor(values, paper, requestsOfTargets(targets, figures), {
        provisional: true,
      });
      all.push({
        ...{ paper, setup, reason, store },
        facts: async (table) => {
          const { facts, drawn } = await drawnFacts(paper, table, values);
          return { facts, heading: drawn.view.heading.slice(1) };
        },
      });
    }
    const data = await gatherReport(all);
    const page = await renderReport(data);
    const path = resolve(String(values.out));
    await writeAtomic(path, page);
    const count = (of: (paper: (typeof data.papers)[number]) => unknown[]) =>
      data.papers.reduce((sum, paper) => sum + of(paper).length, 0);
    writeOutput(
      `${path}: ${count(({ tables }) => tables)} tables, ${count(({ figures }) => figures)} figures, ${
        count(({ claims }) => claims)
      } claims, ${Object.keys(data.runs).length} runs, ${(page.length / 1e6).toFixed(1)} MB\n`,
    );
    return 0;
  },
};
