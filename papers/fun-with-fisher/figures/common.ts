// Promises what several figures of the paper share: its models and tasks by name, requests for all of them, and gaps in words.
// Leaves what each figure shows to the files beside this one.
import type { RunOfFigure, RunRequest } from "../../../repro/paper/mod.ts";
import type { TaskName } from "../../../repro/spec/mod.ts";
import { models } from "../world.ts";

export const modelNames = ["mbert", "xlmr"] as const;
export const modelTitle = (id: string): string => models.find((model) => model.id === id)!.title;

export const tasks: readonly { id: TaskName; title: string }[] = [
  { id: "squad", title: "SQuAD" },
  { id: "xnli", title: "MNLI" },
  { id: "copa", title: "COPA" },
];

export const request = (
  model: string,
  task: TaskName,
  method: string,
  changes: Partial<RunRequest> = {},
): RunRequest => ({ model, task, method, adapter: "mad-x", ...changes });

/** A run that is there. */
export type Finished = RunOfFigure & { run: NonNullable<RunOfFigure["run"]> };

/** The finished runs of one request, all seeds. */
export function finished(runs: readonly RunOfFigure[], wanted: Partial<RunRequest>): Finished[] {
  return runs.filter((each): each is Finished =>
    each.run !== null &&
    Object.entries(wanted).every(([field, value]) => each.request[field as keyof RunRequest] === value)
  );
}

export const noRun = "no finished run";

/** "1 run", "3 runs". */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
