// Promises `repro table1`: makes the runs that Table 1 needs, draws it with a verdict in every cell, and says by its exit code
// whether all verdicts hold. Leaves the table to papers/fun-with-fisher and the runs to repro/.
import {
  judgeTable1,
  loadReference,
  referenceUrl,
} from "../../papers/fun-with-fisher/tables/table1-judge.ts";
import { table1View } from "../../papers/fun-with-fisher/tables/table1-view.ts";
import { table1Runs } from "../../papers/fun-with-fisher/tables/table1.ts";
import { holds } from "../../repro/checks/mod.ts";
import { terminalColumns } from "../../repro/launch/process.ts";
import { renderMarkdown, renderSvg, renderText } from "../../repro/render/mod.ts";
import { outputIsTerminal, pathOf, resolve, warn, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { planFrom, planOptions } from "./table1-plan.ts";
import { UsageError } from "../ui/usage.ts";

export const command: Command = {
  name: "table1",
  summary:
    "zero-shot transfer on MLQA, XQuAD, XCOPA and XNLI: every row and column, with a verdict for each number",
  options: [
    ...planOptions,
    { flag: "--json", help: "one JSON object on standard output" },
    { flag: "--markdown", help: "the table as Markdown" },
    { flag: "--out <file>", help: "also write it to a file; a name that ends in .svg gets a picture" },
  ],
  async run(values) {
    if (values.json && values.markdown) throw new UsageError("table1: choose one of --json and --markdown");
    const { plan, reason } = await planFrom(values);
    const specs = table1Runs(plan);
    const { runs, interrupted, failed } = await makeRuns(specs, values);
    const reference = await loadReference(pathOf(referenceUrl(plan.scale)));
    const judged = await judgeTable1(plan, specs, runs, reference);
    const device = [...new Set(runs.map(([, run]) => run.provenance.device))].join("; ") || "none used";
    const partial = [...new Set(runs.flatMap(([, run]) => run.provenance.partial ?? []))];
    const summary = {
      table: "table1",
      scale: plan.scale,
      backend: plan.backend,
      device,
      fidelity: plan.fidelity,
      seeds: plan.seeds,
      runs: { finished: runs.length, needed: specs.length },
      partial,
      cells: judged.cells,
    };
    const view = table1View(judged, {
      plan,
      device,
      reason,
      finished: runs.length,
      needed: specs.length,
      partial,
    });
    const text = values.json
      ? JSON.stringify(summary, null, 2) + "\n"
      : values.markdown
      ? renderMarkdown(view)
      : renderText(view, { width: Math.max(100, terminalColumns()), colour: outputIsTerminal() });
    writeOutput(text);
    if (values.out !== undefined) {
      const path = resolve(String(values.out));
      await writeAtomic(path, path.endsWith(".svg") ? renderSvg(view) : text);
    }
    if (interrupted) return 130;
    if (failed > 0) warn(`${failed} runs failed: their cells are missing; the same command tries them again`);
    return judged.cells.every(({ verdict }) => holds(verdict)) ? 0 : 1;
  },
};
