// Promises plain text of one language of the tiny world, a paragraph a line: what its language adapters can be trained on.
// Leaves what is told to corpus.ts, and masks to tasks/masked-lm.ts.
import { document, type Mix } from "./corpus.ts";
import { type Language, LANGUAGES } from "./lexicon.ts";
import { rngFor } from "./rng.ts";

const documents = 1500;
const mix: Mix = { retelling: 15, question: 35, dialogue: 35, story: 15 };

export const textPath = (language: Language): string => `text/${language}.txt`;

/** The language whose text stands at a path, or undefined. */
export const languageAt = (path: string): Language | undefined =>
  LANGUAGES.find((language) => path === textPath(language));

/** The same at every call. */
export function plainText(language: Language): string {
  const rng = rngFor("text", language);
  return Array.from({ length: documents }, () => {
    const { first, second } = document(rng, language, language, mix);
    return `${first.text} ${second.text}\n`;
  }).join("");
}
