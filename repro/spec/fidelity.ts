// Promises the list of things that a paper and its authors' code may do differently and that a run can do either way, all at once
// or one by one. Leaves acting on each to the places named here, and what a paper says about it to that paper's folder.
import { z } from "zod";

export const fidelities = ["paper", "authors-code"] as const;
export type Fidelity = (typeof fidelities)[number];

/** What can be chosen by itself, with the place where it acts. */
export const fidelityItems = {
  schedule: "core/unfreezing/unfreezer.ts",
  "fisher-label": "repro/training/fisher.ts",
  "fisher-gradient": "repro/training/fisher.ts",
  "fisher-batches": "repro/training/fisher.ts",
  "fisher-aggregation": "repro/training/fisher.ts",
  "english-evaluation": "repro/training/data.ts",
  "span-labels": "repro/tasks/qa.ts",
  padding: "repro/training/data.ts",
} as const;
export type FidelityItem = keyof typeof fidelityItems;
export const fidelityItemNames = Object.keys(fidelityItems) as [FidelityItem, ...FidelityItem[]];

/** Items that are to differ from a run's `fidelity`. */
export const itemsSchema = z.partialRecord(z.enum(fidelityItemNames), z.enum(fidelities));
export type FidelityChoices = z.infer<typeof itemsSchema>;

/** Whom a run follows in one thing. */
export function sideOf(
  { fidelity, items }: { fidelity: Fidelity; items?: FidelityChoices },
  item: FidelityItem,
): Fidelity {
  return items?.[item] ?? fidelity;
}
