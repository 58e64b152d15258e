// Promises `repro run --plan FILE`: every run of a saved plan, those that are in the store left alone.
// Leaves reading a plan to repro/plan and execution to make-runs.ts.
import { parsePlan } from "../../repro/plan/mod.ts";
import { readText, warn, writeOutput } from "../../repro/runtime.ts";
import type { Values } from "../ui/arguments.ts";
import { makeRuns } from "./make-runs.ts";

export async function runPlan(path: string, values: Values): Promise<number> {
  const plan = await parsePlan(await readText(path), path);
  if (plan.provisional.length > 0) {
    warn(`--plan ${path}: ${plan.provisional.join("; ")}; these runs cannot be made`);
    return 1;
  }
  const { runs, interrupted, failed } = await makeRuns(plan.runs.map(({ spec }) => spec), values);
  writeOutput(
    `${runs.length} of ${plan.runs.length} runs of the plan are finished${
      failed > 0 ? `, ${failed} failed` : ""
    }\n`,
  );
  if (interrupted) return 130;
  return runs.length === plan.runs.length ? 0 : 1;
}
