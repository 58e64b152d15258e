// Promises `repro selftest --mutants`: runs Table 1 with each deliberate fault and says which cells notice it.
// Leaves the faults to repro/training/mutants.ts and verdicts to repro/checks.
import {
  judgeTable1,
  loadReference,
  referenceUrl,
} from "../../papers/fun-with-fisher/tables/table1-judge.ts";
import { encoders, table1Runs } from "../../papers/fun-with-fisher/tables/table1.ts";
import { type Mutant, mutants } from "../../repro/training/mutants.ts";
import { pathOf, warn, writeOutput } from "../../repro/runtime.ts";
import { listOf, UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { planFrom, planOptions } from "./table1-plan.ts";

/** Methods whose runs a fault can change; each is tried on these rows unless --rows says otherwise. */
const touched: Record<Mutant, readonly string[]> = {
  "language-not-swapped": ["standard"],
  "lower-layers-frozen": ["standard"],
  "global-step-count": ["gu", "fun"],
  "single-layer-norm": ["standard"],
  "labels-from-data": ["fun"],
};

const kept = ["seeds", "rows", "columns", "backend", "fidelity", "store", "jobs"];
const names = Object.keys(mutants) as Mutant[];

export const command: Command = {
  name: "selftest",
  summary: "show that the checks notice deliberate faults: --mutants",
  options: [
    { flag: "--mutants", help: "run Table 1 with each deliberate fault" },
    { flag: "--only <mutants>", help: `only these: ${names.join(", ")}` },
    { flag: "--json", help: "one JSON object on standard output" },
    ...planOptions.filter(({ flag }) => kept.some((name) => flag.startsWith(`--${name}`))).map((option) =>
      option.flag.startsWith("--seeds") ? { ...option, default: "1" } : option
    ),
  ],
  async run(values) {
    if (!values.mutants) throw new UsageError("selftest: say what to test: --mutants");
    const reference = await loadReference(pathOf(referenceUrl("tiny")));
    if (reference === null) {
      warn("selftest: there is no stored reference to compare with; make it: repro reference table1");
      return 1;
    }
    const results: {
      mutant: string;
      noticed: number;
      cells: { row: string; column: string; why: string }[];
    }[] = [];
    for (const mutant of listOf("mutant", values.only, names)) {
      const rows = values.rows ??
        encoders.flatMap((encoder) => touched[mutant as Mutant].map((method) => `${encoder}/${method}`))
          .join();
      const { plan } = await planFrom({ ...values, rows, scale: "tiny" }, mutant);
      const specs = table1Runs(plan);
      const { runs, interrupted } = await makeRuns(specs, values);
      if (interrupted) return 130;
      const { cells } = await judgeTable1(plan, specs, runs, reference);
      const noticed = cells.filter((cell) => cell.verdict === "inconsistent");
      results.push({
        mutant,
        noticed: noticed.length,
        cells: noticed.map(({ row, column, why }) => ({ row, column, why })),
      });
      if (!values.json) writeOutput(report(mutant as Mutant, results.at(-1)!, cells.length));
    }
    if (values.json) writeOutput(JSON.stringify({ mutants: results }, null, 2) + "\n");
    return results.every((each) => each.noticed > 0) ? 0 : 1;
  },
};

function report(
  mutant: Mutant,
  { noticed, cells }: { noticed: number; cells: { row: string; column: string; why: string }[] },
  of: number,
): string {
  const head = `${noticed > 0 ? "noticed" : "NOT NOTICED"}  ${mutant}: ${
    mutants[mutant]
  }\n  ${noticed} of ${of} cells left their tolerance\n`;
  return head + cells.slice(0, 3).map((cell) => `  ${cell.row} ${cell.column}: ${cell.why}\n`).join("");
}
