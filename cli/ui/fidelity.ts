// Promises `--fidelity` read into what a run takes: whom to follow, and in which single items the other.
// Leaves the meaning of the items to the files that `repro explain fidelity` names.
import {
  fidelities,
  type Fidelity,
  type FidelityChoices,
  type FidelityItem,
  fidelityItemNames,
} from "../../repro/spec/mod.ts";
import { oneOf, UsageError } from "./usage.ts";

export const fidelityHelp = `${
  fidelities.join(" or ")
}, then items: authors-code,fisher-label=paper (see explain)`;

export interface FidelityChoice {
  fidelity: Fidelity;
  /** Items that act while a run is made, and those of the paper that are numbers of its specification. */
  items: FidelityChoices;
  settingItems: Record<string, Fidelity>;
}

/** "authors-code" or "paper,fisher-label=authors-code,…". */
export function readFidelity(value: unknown, settingItems: readonly string[] = []): FidelityChoice {
  const [first, ...rest] = String(value).split(",");
  const choice: FidelityChoice = {
    fidelity: oneOf("fidelity", first, fidelities),
    items: {},
    settingItems: {},
  };
  for (const word of rest) {
    const [name, side, ...more] = word.split("=");
    if (side === undefined || more.length > 0) {
      throw new UsageError(
        `--fidelity ${value}: "${word}" is no item; write item=paper or item=authors-code`,
      );
    }
    const item = oneOf("item of fidelity", name, [...fidelityItemNames, ...settingItems]);
    const chosen = oneOf("fidelity", side, fidelities);
    if (settingItems.includes(item)) choice.settingItems[item] = chosen;
    else choice.items[item as FidelityItem] = chosen;
  }
  return choice;
}
