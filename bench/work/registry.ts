// Promises the list of everything that can be measured, and how a person picks from it.
// Leaves the content to the families beside this file.
import {
  evaluationOperations,
  frozenOperations,
  layerOperations,
  stepOperations,
  traceOperations,
} from "./encoders.ts";
import { matmulOperations } from "./matmul.ts";
import {
  attentionOperations,
  ceilingOperations,
  kernelOperations,
  optimizerOperations,
  rowOperations,
} from "./parts.ts";
import type { Operation } from "./work.ts";

export const operations: readonly Operation[] = [
  ...matmulOperations,
  ...rowOperations,
  ...attentionOperations,
  ...kernelOperations,
  ...layerOperations,
  ...stepOperations,
  ...frozenOperations,
  ...traceOperations,
  ...optimizerOperations,
  ...evaluationOperations,
  ...ceilingOperations,
];

/**
 * The operations that words name: "layer/all" is one, "layer" a family, "matmul/768" all whose name begins so up to a "-" or
 * "/". No words: all but the slow ones, or with `all` those too. @throws when a word names nothing
 */
export function pickOperations(
  words: readonly string[],
  all: boolean,
  from: readonly Operation[] = operations,
): Operation[] {
  if (words.length === 0) return from.filter(({ slow }) => all || !slow);
  const matches = (word: string, name: string) =>
    name === word || name.startsWith(`${word}/`) || name.startsWith(`${word}-`);
  for (const word of words) {
    if (!from.some(({ name }) => matches(word, name))) {
      const families = [...new Set(from.map(({ name }) => name.split("/")[0]))];
      throw new Error(
        `no operation is called "${word}"; the families are ${families.join(", ")}; see --list`,
      );
    }
  }
  return from.filter(({ name }) => words.some((word) => matches(word, name)));
}
