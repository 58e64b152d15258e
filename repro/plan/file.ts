// Promises a plan as a file and back: every specification in it is checked, and its id too. Leaves executing it to launch/.
import { z } from "zod";
import { parseSpec, runId } from "../spec/mod.ts";
import type { Plan } from "./plan.ts";

export const planText = (plan: Plan): string => JSON.stringify(plan, null, 1) + "\n";

const schema = z.object({
  format: z.literal(1),
  provisional: z.array(z.string()),
  runs: z.array(z.object({ id: z.string(), spec: z.unknown(), unlocks: z.array(z.string()) }).loose()),
}).loose();

/** Reads a saved plan. Throws naming the file and what is wrong in it. */
export async function parsePlan(text: string, path: string): Promise<Plan> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `plan ${path}: not valid JSON (${(error as Error).message}); make it anew: repro plan --save`,
    );
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    throw new Error(`plan ${path}: ${z.prettifyError(result.error)}; make it anew: repro plan --save`);
  }
  for (const [index, { id, spec }] of result.data.runs.entries()) {
    const actual = await runId(parseSpec(spec, `plan ${path}, run ${index + 1}`));
    if (actual !== id) {
      throw new Error(
        `plan ${path}: run ${id} has a specification of run ${actual}; make it anew: repro plan --save`,
      );
    }
  }
  return result.data as unknown as Plan;
}
