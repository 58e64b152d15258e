// Promises what a person's words for data and encoders stand for: a folder, a model of the Hub, or what `repro fetch` brought.
// Leaves which models and data a paper has to papers/ and opening them to repro/training/world.ts.
import { parseHubModel } from "../../repro/fetch/locate.ts";
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

/** A model of the Hub ("org/name@revision") as it is, anything else as a folder. */
export function modelPlace(given: unknown): string {
  const text = String(given);
  return parseHubModel(text) === null ? resolve(text) : text;
}
