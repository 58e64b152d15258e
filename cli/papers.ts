// Promises every paper that this installation holds: each folder under papers/ (or REPRO_PAPERS) with a paper.ts is one.
// Leaves what a paper is to repro/paper; nothing here, nor in any command, knows one by name.
import type { Figure, Paper, ResultTable, Table } from "../repro/paper/mod.ts";
import { env, exists, join, list, pathOf, resolve } from "../repro/runtime.ts";
import { UsageError } from "./ui/usage.ts";

export const papersFolder = (): string =>
  env("REPRO_PAPERS") ?? pathOf(new URL("../papers/", import.meta.url));

let loaded: Promise<Paper[]> | undefined;

/** Loaded once: no command needs them twice. */
export const papers = (): Promise<Paper[]> => loaded ??= load(papersFolder());

async function load(folder: string): Promise<Paper[]> {
  const found: Paper[] = [];
  for (const name of await list(folder)) {
    const path = join(resolve(folder), name, "paper.ts");
    if (!await exists(path)) continue;
    found.push(((await import(new URL(`file://${path}`).href)) as { paper: Paper }).paper);
  }
  return found;
}

export interface Target {
  paper: Paper;
  table: Table;
}

export interface FigureTarget {
  paper: Paper;
  figure: Figure;
}

/** Every figure of every paper, named as tables are. */
export async function figureTargets(): Promise<Map<string, FigureTarget>> {
  const all = await papers();
  const found = new Map<string, FigureTarget>();
  for (const paper of all) {
    for (const figure of paper.figures ?? []) {
      const alone = all.every((other) =>
        other === paper || (other.figures ?? []).every(({ id }) => id !== figure.id)
      );
      found.set(alone ? figure.id : `${paper.id}/${figure.id}`, { paper, figure });
    }
  }
  return found;
}

let named: Promise<Map<string, Target>> | undefined;

/** Every table of every paper. With several papers a table's name is preceded by its paper's: "second/table1". */
export const targets = (): Promise<Map<string, Target>> => named ??= nameTables();

async function nameTables(): Promise<Map<string, Target>> {
  const all = await papers();
  const found = new Map<string, Target>();
  for (const paper of all) {
    for (const table of paper.tables) {
      const alone = all.every((other) => other === paper || other.tables.every(({ id }) => id !== table.id));
      found.set(alone ? table.id : `${paper.id}/${table.id}`, { paper, table });
    }
  }
  return found;
}

/** The tables and figures that words name: one of them, a paper, or "all". */
export async function targetsOf(
  words: readonly string[],
): Promise<{ tables: Target[]; figures: FigureTarget[] }> {
  const [tables, figures] = [await targets(), await figureTargets()];
  const [chosenTables, chosenFigures] = [new Set<Target>(), new Set<FigureTarget>()];
  for (const word of words) {
    const isMeant = <T extends { paper: Paper }>([name, { paper }]: [string, T]) =>
      word === "all" || name === word || paper.id === word;
    const found = [[...tables].filter(isMeant), [...figures].filter(isMeant)] as const;
    if (found.flat().length === 0) {
      const names = [...tables.keys(), ...figures.keys()];
      throw new UsageError(`unknown target "${word}"; choose all, ${names.join(", ")}`);
    }
    for (const [, target] of found[0]) chosenTables.add(target);
    for (const [, target] of found[1]) chosenFigures.add(target);
  }
  return { tables: [...chosenTables], figures: [...chosenFigures] };
}

/** A table of results by name. Throws UsageError for any other word. */
export async function resultTarget(word: string | undefined): Promise<{ paper: Paper; table: ResultTable }> {
  const known = await targets();
  const found = word === undefined ? undefined : known.get(word);
  if (found === undefined || found.table.kind !== "results") {
    const names = [...known].filter(([, { table }]) => table.kind === "results").map(([name]) => name);
    throw new UsageError(`unknown table "${word ?? ""}"; choose ${names.join(", ")}`);
  }
  return { paper: found.paper, table: found.table };
}

/** The one paper there is, or the one that is named. */
export async function paperOf(id: string | undefined): Promise<Paper> {
  const all = await papers();
  if (id === undefined && all.length === 1) return all[0];
  const found = all.find((paper) => paper.id === id);
  if (!found) {
    throw new UsageError(`--paper ${id ?? "is needed"}: choose ${all.map((each) => each.id).join(", ")}`);
  }
  return found;
}
