// Promises which cells a sentence about partial data concerns, and such sentences in few words. Leaves the sentences themselves to
// data/ and training/, which put the data set and language first where only that test set is partial.
import { isRemark } from "../data/squad.ts";
import type { FinishedRun } from "../runs/mod.ts";

/** "xnli de: 60 of 5,010 examples" taken apart; undefined where a sentence is about a whole run, as of training data. */
function testSetOf(sentence: string): { dataset: string; language: string; rest: string } | undefined {
  const [, dataset, language, rest] = /^(\w+) (\w\w): (.*)$/.exec(sentence) ?? [];
  return dataset === undefined ? undefined : { dataset, language, rest };
}

/** What is partial about the data that a number of these runs rests on. `languages`: those counted; all when absent. */
export function partialOf(
  runs: readonly Pick<FinishedRun, "provenance">[],
  dataset: string,
  languages?: readonly string[],
): string[] {
  const all = new Set(runs.flatMap(({ provenance }) => provenance.partial ?? []));
  return [...all].filter((sentence) => {
    if (isRemark(sentence)) return false;
    const of = testSetOf(sentence);
    return of === undefined ||
      of.dataset === dataset && (languages === undefined || languages.includes(of.language));
  });
}

/** Sentences that differ in the language alone, as one. */
export function gatherPartial(sentences: readonly string[]): string[] {
  const languages = new Map<string, string[]>();
  const keyed = sentences.map((sentence) => {
    const of = testSetOf(sentence);
    if (of === undefined) return sentence;
    const key = `${of.dataset}|${of.rest}`;
    languages.set(key, [...languages.get(key) ?? [], of.language]);
    return key;
  });
  return [...new Set(keyed)].map((key) => {
    const found = languages.get(key);
    if (found === undefined) return key;
    const [dataset, rest] = key.split("|");
    return `${dataset} ${found.join(", ")}: ${rest}`;
  });
}

/** Why a number is not compared with the paper's. */
export const partialReason = (sentences: readonly string[]): string =>
  `partial data: ${gatherPartial(sentences).join("; ")}`;
