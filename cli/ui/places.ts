// Promises what a person's words for data and encoders stand for: a folder, a model of the Hub, or what `repro fetch` brought.
// Leaves which models and data a paper has to papers/ and opening them to repro/training/world.ts.
import { parseHubModel } from "../../repro/fetch/locate.ts";
import type { Paper } from "../../repro/paper/mod.ts";
import { isFolder, resolve } from "../../repro/runtime.ts";
import { UsageError } from "./usage.ts";

/** "tiny", "fetched", or the folder of a data root. */
export function dataPlace(given: unknown, scale: string): string {
  if (given === undefined) return scale === "tiny" ? "tiny" : "fetched";
  if (given === "fetched") return "fetched";
  const folder = resolve(String(given));
  if (!isFolder(folder)) throw new UsageError(`--data-root ${given}: no such folder`);
  return folder;
}

/**
 * A folder; a model of the Hub ("org/name@revision"); or a model's name in `repro fetch`, which stands for its pinned revision. The
 * latter two may end with #<choice> for other language adapters than the default: "mbert#nd".
 */
export function modelPlace(given: unknown, paper: Paper): string {
  const text = String(given);
  if (isFolder(text)) return resolve(text);
  if (parseHubModel(text) !== null) return text;
  const [name, ...choice] = text.split("#");
  const pinned = pinnedModels(paper), repo = pinned.get(name);
  if (repo !== undefined && choice.length < 2) return [repo, ...choice].join("#");
  throw new UsageError(
    `no such encoder: ${text}; give a folder that is there, org/name@revision of the Hub, or ${
      [...pinned.keys()].join(", ")
    } after repro fetch`,
  );
}

/** Names of `repro fetch` that are models, with the pinned revisions that they stand for. */
function pinnedModels({ fetch }: Paper): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of fetch?.names ?? []) {
    for (const { id, kind, repo } of fetch!.sets([name], "original").get(name) ?? []) {
      if (id === name && kind === "model" && repo) found.set(name, `${repo.name}@${repo.revision}`);
    }
  }
  return found;
}
