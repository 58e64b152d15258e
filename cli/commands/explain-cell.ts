// Promises `repro explain <table> <row>/<column>`: where a number comes from, down to seeds, commands, hashes and the line of the
// paper. Leaves the answer to repro/tables.
import { requestsOf } from "../../repro/paper/mod.ts";
import { RunStore, storeFolder } from "../../repro/runs/mod.ts";
import { writeOutput } from "../../repro/runtime.ts";
import { explainCells, explanationLines, loadReference, referencePath } from "../../repro/tables/mod.ts";
import { papers, resultTarget, targets } from "../papers.ts";
import type { OptionSpec, Values } from "../ui/arguments.ts";
import { UsageError } from "../ui/usage.ts";
import { runOptions, setupFor } from "./setup.ts";
import { runsOfTable } from "./table.ts";

const known = await papers();

export const explainOptions: readonly OptionSpec[] = runOptions(known, "training-size");

export async function explainCell(
  values: Values,
  word: string | undefined,
  cell: string | undefined,
): Promise<number> {
  const { paper, table } = await resultTarget(word);
  const row = table.rows.find(({ id }) => cell !== undefined && (cell === id || cell.startsWith(`${id}/`)));
  if (row === undefined) {
    throw new UsageError(
      `explain ${word}: which cell? a row and a column: ${table.rows[0].id}/${
        table.columns[0].id
      }; rows are ${table.rows.map(({ id }) => id).join(" ")}`,
    );
  }
  const wanted = cell!.slice(row.id.length + 1);
  const columns = table.columns.filter(({ id }) =>
    wanted === "" || id === wanted || id.startsWith(`${wanted}/`)
  );
  if (columns.length === 0) {
    throw new UsageError(
      `explain ${word}: no column "${wanted}"; choose from ${table.columns.map(({ id }) => id).join(" ")}`,
    );
  }
  const choice = { rows: [row.id], columns: columns.map(({ id }) => id) };
  const { setup } = await setupFor(values, paper, requestsOf(paper, table, choice), {
    beside: requestsOf(paper, table),
  });
  const store = new RunStore(storeFolder(values.store === undefined ? undefined : String(values.store)));
  const runs = await runsOfTable(store, paper, table, setup, choice);
  const file = await loadReference(referencePath(paper, table.id));
  const others = [...await targets()].flatMap(([name, target]) =>
    target.table.kind === "results" ? [{ name, paper: target.paper, table: target.table }] : []
  );
  const explained = await explainCells({ paper, table, setup, choice, runs, file }, others);
  if (values.json) writeOutput(JSON.stringify(explained, null, 2) + "\n");
  else writeOutput(explained.map((each) => explanationLines(each).join("\n") + "\n").join("\n"));
  return 0;
}
