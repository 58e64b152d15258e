// Promises what claims are judged by without any run at hand: a paper's own numbers, or stored reference runs.
// Leaves the runs of a store to tables/evidence.ts.
import type { ReferenceFile } from "../checks/mod.ts";
import type { PublishedTables } from "../published/mod.ts";
import type { Evidence } from "./claim.ts";

/** Cells as printed; what is not legible is not there. */
export function publishedEvidence(tables: PublishedTables): Evidence {
  const results = new Map(tables.allResults.map((table) => [table.table, table]));
  return {
    source: "paper",
    cell({ table, row, column }) {
      const found = results.get(table)?.cells.find((each) => each.row === row && each.column === column);
      if (found?.mean === undefined) return undefined;
      return { mean: found.mean, sd: found.sd, n: found.n };
    },
  };
}

/** Cells of stored reference runs, one file a table. */
export function referenceEvidence(files: readonly ReferenceFile[]): Evidence {
  return {
    source: "runs",
    cell({ table, row, column }) {
      const found = files.find((file) => file.table === table)?.cells.find((each) =>
        each.row === row && each.column === column
      );
      return found && { mean: found.mean, sd: found.sd, n: found.n };
    },
  };
}
