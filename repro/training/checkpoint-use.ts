// Promises what loading a checkpoint left over: tensors of its files that nothing used, and parameters that were not there and
// are new, as transformers' from_pretrained tells. Leaves loading to transfer.ts and language.ts.
import type { LoadReport, Model } from "../../core/mod.ts";

export interface CheckpointUse {
  /** Names in the checkpoint, in the engine's spelling. */
  readonly unused: readonly string[];
  /** Parameters of encoder and head that were drawn anew. Adapters have files of their own and are not counted. */
  readonly initialised: readonly string[];
}

/** @param head where the head too is the checkpoint's */
export function checkpointUse(model: Model, encoder: LoadReport, head?: LoadReport): CheckpointUse {
  const used = new Set(head?.loaded);
  const fresh = head === undefined ? model.headParameters.map((each) => each.name!) : [];
  return {
    unused: encoder.extra.filter((name) => !used.has(name)),
    initialised: [...encoder.missing, ...fresh],
  };
}

/** Groups that are shown of each kind. */
const shownGroups = 6;

/** Names with their endings together and layers as "*", so that a whole encoder is a few words. */
function abbreviated(names: readonly string[]): string {
  const groups = new Map<string, Set<string>>(), counts = new Map<string, number>();
  for (const name of names) {
    const at = name.lastIndexOf(".") + 1;
    const parent = name.slice(0, at).replace(/\.\d+\./g, ".*.");
    groups.set(parent, (groups.get(parent) ?? new Set()).add(name.slice(at)));
    counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  const shown = [...groups].slice(0, shownGroups).map(([parent, endings]) => {
    const list = [...endings].sort();
    const count = counts.get(parent)!;
    return `${parent}${list.length === 1 ? list[0] : `{${list.join(", ")}}`}` +
      (count > list.length ? ` (${count})` : "");
  });
  const left = names.length - [...groups.keys()].slice(0, shownGroups)
    .reduce((sum, parent) => sum + counts.get(parent)!, 0);
  return shown.join(", ") + (left > 0 ? ` and ${left} more` : "");
}

/** One sentence for people; null where the checkpoint was used up and nothing is new. */
export function useInWords({ unused, initialised }: CheckpointUse, model: string): string | null {
  const parts = [
    ...unused.length > 0 ? [`not used of the checkpoint: ${abbreviated(unused)}`] : [],
    ...initialised.length > 0
      ? [`not in it and newly initialised from the run's seed: ${abbreviated(initialised)}`]
      : [],
  ];
  return parts.length === 0 ? null : `model ${model}: ${parts.join("; ")}`;
}
