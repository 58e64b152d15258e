// Which fixed order a method's name stands for: named lists, or one spelled out as "schedule:10,9,…".
// It leaves when the next layer of an order is opened to unfreezer.ts.

import { fail } from "../errors.ts";

/** The lists that the code published with "FUN with Fisher" (NAACL 2024) offers, for 12 layers; each follows layer 11. */
export const namedSchedules: Readonly<Record<string, readonly number[]>> = {
  "schedule-0": [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
  "schedule-1": [10, 2, 6, 5, 8, 3, 7, 0, 1, 9, 4],
  "schedule-2": [9, 6, 2, 4, 5, 8, 7, 10, 1, 3, 0],
  "schedule-3": [9, 7, 0, 10, 5, 8, 2, 4, 1, 3, 6],
  "schedule-4": [10, 5, 4, 7, 1, 9, 0, 8, 3, 2, 6],
  "schedule-5": [10, 8, 1, 6, 7, 2, 0, 5, 4, 9, 3],
  "schedule-6": [10, 4, 7, 5, 3, 0, 6, 2, 9, 8, 1],
  "schedule-7": [10, 1, 0, 3, 9, 6, 8, 2, 5, 7, 4],
  "schedule-8": [10, 9, 3, 5, 0, 4, 1, 8, 6, 7, 2],
  "schedule-9": [10, 7, 0, 3, 4, 8, 1, 2, 6, 5, 9],
  "schedule-rev": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
};

/** The order that `method` spells out or names, or null if it is no fixed schedule. @throws when it does not fit `layers`. */
export function scheduleOf(method: string, layers: number): readonly number[] | null {
  const list = method.startsWith("schedule:")
    ? method.slice("schedule:".length).split(",").map((text) => text.trim() === "" ? NaN : Number(text))
    : Object.hasOwn(namedSchedules, method)
    ? namedSchedules[method]
    : null;
  if (list === null) return null;
  const seen = new Set<number>();
  for (const layer of list) {
    if (!Number.isInteger(layer) || layer < 0 || layer >= layers) {
      fail(
        `unfreezing: ${method}: ${layer} is no layer; a model with ${layers} layers has 0 … ${layers - 1}`,
      );
    }
    if (seen.has(layer)) fail(`unfreezing: ${method}: layer ${layer} is named twice; name each once`);
    seen.add(layer);
  }
  return list;
}
