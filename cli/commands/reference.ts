// Promises `repro reference table1`: makes the project's own reference of Table 1 at tiny scale from its runs, with tolerances.
// Leaves the rule of the tolerances to repro/checks.
import { makeReference, referenceUrl } from "../../papers/fun-with-fisher/tables/table1-judge.ts";
import {
  columns,
  datasets,
  languages,
  rows,
  table1Runs,
} from "../../papers/fun-with-fisher/tables/table1.ts";
import { pathOf, warn, writeAtomic, writeOutput } from "../../repro/runtime.ts";
import { testSize } from "../../repro/training/identify.ts";
import { oneOf } from "../ui/usage.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { planFrom, planOptions } from "./table1-plan.ts";

const kept = ["seeds", "backend", "fidelity", "store", "jobs"];

export const command: Command = {
  name: "reference",
  summary: "make the stored reference of a table anew from this project's own runs (tiny scale)",
  positions: ["<table>"],
  options: planOptions.filter(({ flag }) => kept.some((name) => flag.startsWith(`--${name}`))),
  async run(values, [table]) {
    oneOf("table", table, ["table1"]);
    const { plan } = await planFrom({ ...values, scale: "tiny" });
    const specs = table1Runs({ ...plan, rows, columns });
    const { runs, interrupted } = await makeRuns(specs, values);
    if (interrupted) return 130;
    if (runs.length < specs.length) {
      warn(
        `reference: ${specs.length - runs.length} of ${specs.length} runs are missing; nothing was written`,
      );
      return 1;
    }
    const sizes = new Map<string, number>();
    for (const { id } of datasets) {
      for (const language of languages[id]) {
        sizes.set(`${id}/${language}`, await testSize(plan.data, id, language, plan.fidelity));
      }
    }
    const command =
      `repro reference table1 --seeds ${plan.seeds.length} --backend ${plan.backend} --fidelity ${plan.fidelity}`;
    const file = await makeReference(
      plan,
      specs,
      runs,
      (dataset, language) => sizes.get(`${dataset}/${language}`)!,
      command,
    );
    const path = pathOf(referenceUrl("tiny"));
    await writeAtomic(path, JSON.stringify(file, null, 1) + "\n");
    writeOutput(`reference of Table 1 from ${runs.length} runs written to ${path}\n`);
    return 0;
  },
};
