// Promises the trained run that a person names. Leaves the store to repro/runs.
import { basename, dirname, isFolder } from "../../repro/runtime.ts";
import { type FinishedRun, RunStore, storeFolder } from "../../repro/runs/mod.ts";
import type { Values } from "../ui/arguments.ts";
import { UsageError } from "../ui/usage.ts";

/** A run whose training is at its end, scored or not, by its folder, its id, or the beginning of its id. */
export async function findRun(
  command: string,
  word: string | undefined,
  values: Values,
): Promise<{ store: RunStore; run: FinishedRun }> {
  if (word === undefined) {
    throw new UsageError(`${command}: which run? its id (repro status lists them) or its folder`);
  }
  const given = values.store === undefined ? undefined : String(values.store);
  const byFolder = /[/\\]/.test(word) && isFolder(word);
  const store = new RunStore(byFolder ? dirname(word) : storeFolder(given));
  const start = byFolder ? basename(word) : word;
  const found = (await store.list()).filter(({ id }) => id.startsWith(start));
  if (found.length !== 1) {
    const ids = found.map(({ id }) => id).join(", ");
    throw new UsageError(
      found.length === 0
        ? `${command}: no run "${word}" in ${store.folder}; repro status lists them`
        : `${command}: "${word}" is the beginning of ${ids}; write more of it`,
    );
  }
  const [{ id, state }] = found;
  const run = await store.trained(id);
  if (run === null) {
    throw new UsageError(
      `${command}: run ${id} is ${state}; only a run whose training is at its end has an adapter`,
    );
  }
  return { store, run };
}
