// Promises the budget of --until-decided and its rounds on the terminal. Leaves the rounds themselves to repro/plan.
import { untilDecided, type UntilOptions } from "../../repro/plan/until.ts";
import { warn } from "../../repro/runtime.ts";
import type { Values } from "../ui/arguments.ts";
import { UsageError, wholeNumber } from "../ui/usage.ts";
import { makeRuns } from "./make-runs.ts";

/** The budget, or undefined where --until-decided was not given. */
export function budgetOf(values: Values): UntilOptions["budget"] | undefined {
  const [runs, hours] = [values["max-runs"], values["max-hours"]];
  if (!values["until-decided"]) {
    if (runs !== undefined || hours !== undefined) {
      throw new UsageError("--max-runs and --max-hours belong to --until-decided");
    }
    return undefined;
  }
  if (runs === undefined && hours === undefined) {
    throw new UsageError("--until-decided needs a budget: --max-runs N or --max-hours N");
  }
  const most = hours === undefined ? Infinity : Number(hours);
  if (!(most > 0)) throw new UsageError(`--max-hours ${hours}: a number above 0 is needed`);
  return { runs: runs === undefined ? Infinity : wholeNumber("max-runs", runs, 1), hours: most };
}

export async function moreSeeds({ values, ...options }: Omit<UntilOptions, "make"> & { values: Values }) {
  const result = await untilDecided({
    ...options,
    make: (specs, signal) => makeRuns(specs, values, signal),
    onRound: ({ open, adding }) => warn(`${open} cells are underpowered or missing: ${adding} runs to make`),
  });
  warn(`${result.added} runs were to be made; ended by: ${result.ended}`);
  return result;
}
