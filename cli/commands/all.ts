// Promises `repro all`: every table and figure of every paper, one after another, and a count of verdicts at the end.
// Leaves each table to table.ts and each figure to figure.ts.
import { holds, type Verdict } from "../../repro/checks/mod.ts";
import { requestsOf, type RunRequest, wantedByFigure, wantedRuns } from "../../repro/paper/mod.ts";
import { terminalColumns } from "../../repro/launch/process.ts";
import { render } from "../../repro/render/mod.ts";
import { join, outputIsTerminal, resolve, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import type { RunSpec } from "../../repro/spec/mod.ts";
import { countLine, named } from "../../repro/tables/mod.ts";
import { plain } from "../../repro/render/mod.ts";
import { type FigureTarget, papers, type Target, targetsOf } from "../papers.ts";
import type { Command } from "./command.ts";
import { drawnFigure, requestsOfFigure, writeFigure } from "./figure.ts";
import { makeRuns } from "./make-runs.ts";
import { runOptions, setupFor, warnOfGaps } from "./setup.ts";
import { drawnFacts, drawnTable } from "./table.ts";

const known = await papers();

/** Everything that must be at hand for some tables and figures. */
export function requestsOfTargets(
  tables: readonly Target[],
  figures: readonly FigureTarget[] = [],
): RunRequest[] {
  return [
    ...tables.flatMap(({ paper, table }) => (table.kind === "results" ? requestsOf(paper, table) : [])),
    ...figures.flatMap(({ paper, figure }) => requestsOfFigure(paper, figure)),
  ];
}

export const command: Command = {
  name: "all",
  summary: "every table and figure: make what is missing, draw all, count the verdicts",
  positions: ["[paper]"],
  options: [
    ...runOptions(known, "jobs"),
    { flag: "--draw", help: "make no runs: draw what the store holds, with gaps" },
    { flag: "--json", help: "one JSON object on standard output" },
    {
      flag: "--out <folder>",
      help:
        "also write every table there (.txt, .svg, .md, .tex, .json, .csv) and every figure (.svg, .png, .csv, .json)",
    },
  ],
  async run(values, [which]) {
    const { tables: targets, figures } = await targetsOf([which ?? "all"]);
    const summaries: Record<string, unknown>[] = [];
    const drawnFigures: Record<string, unknown>[] = [];
    const verdicts: { verdict: Verdict }[] = [];
    let allHold = true, failed = 0;
    for (const paper of new Set([...targets, ...figures].map((each) => each.paper))) {
      const mine = targets.filter((each) => each.paper === paper);
      const pictures = figures.filter((each) => each.paper === paper);
      const prepared = await setupFor(values, paper, requestsOfTargets(mine, pictures));
      if (!values.draw) {
        warnOfGaps(paper, prepared.setup, requestsOfTargets(mine, pictures));
        // All runs at once: those that tables share are made once, and workers keep their data.
        const specs = new Map<string, RunSpec>();
        for (const { table } of mine) {
          if (table.kind !== "results") continue;
          for (const { spec } of wantedRuns(paper, table, prepared.setup)) {
            specs.set(JSON.stringify(spec), spec);
          }
        }
        for (const { figure } of pictures) {
          for (const { spec } of wantedByFigure(paper, figure, prepared.setup)) {
            specs.set(JSON.stringify(spec), spec);
          }
        }
        const made = await makeRuns([...specs.values()], values);
        if (made.interrupted) return 130;
        failed += made.failed;
      }
      for (const { table } of mine) {
        const found = table.kind === "facts"
          ? await drawnFacts(paper, table, values)
          : await drawnTable(paper, table, { ...values, draw: true }, {
            ...prepared,
            choice: { rows: table.rows.map(({ id }) => id), columns: table.columns.map(({ id }) => id) },
          });
        const cells = "facts" in found ? found.facts : found.judged.cells;
        allHold &&= "facts" in found ? found.holds : cells.every(({ verdict }) => holds(verdict));
        verdicts.push(...cells);
        summaries.push(found.drawn.summary);
        const screen = { width: Math.max(100, terminalColumns()), colour: outputIsTerminal() };
        if (!values.json) writeOutput(render(found.drawn, "text", screen) + "\n");
        if (values.out !== undefined) {
          const folder = resolve(String(values.out));
          const flat = { width: 100, colour: false };
          for (const [ending, format] of Object.entries(endings)) {
            await writeAtomic(join(folder, `${table.id}.${ending}`), render(found.drawn, format, flat));
          }
        }
      }
      for (const { figure } of pictures) {
        const drawn = await drawnFigure(paper, figure, prepared.setup, values);
        drawnFigures.push(drawn.summary);
        if (!values.json) writeOutput(drawn.lines.join("\n") + "\n\n");
        if (values.out !== undefined) await writeFigure(figure.id, drawn, resolve(String(values.out)));
      }
    }
    if (values.json) {
      writeOutput(JSON.stringify({ tables: summaries, figures: drawnFigures }, null, 2) + "\n");
    } else {
      const names = targets.map(({ table }) => named(table.id));
      writeOutput(
        `${names.length} tables, ${figures.length} figures. ${plain(countLine(verdicts))}${
          failed > 0 ? `; ${failed} runs failed` : ""
        }\n`,
      );
    }
    return allHold ? 0 : 1;
  },
};

const endings = { txt: "text", svg: "svg", md: "markdown", tex: "latex", json: "json", csv: "csv" };
