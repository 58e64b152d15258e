// Promises the normal form under which answers are compared: SQuAD v1.1's, and MLQA's for each of its languages.
// Leaves scores to answers.ts. Both follow the published scripts, oddities included: they define the metric.
import { splitWhitespace } from "../data/whitespace.ts";

/** Gives an answer's tokens in normal form; two answers match exactly when their tokens joined by blanks are equal. */
export type Normaliser = (text: string) => string[];

const asciiPunctuation = /[!-/:-@[-`{-~]/g;
// Python's string.punctuation has nine characters that Unicode calls symbols.
const anyPunctuation = /[\p{P}$+<=>^`|~]/gu;

/** Whole words as Python's \b sees them: letters and numbers of any script and "_", but no combining marks. */
function wholeWords(words: string): RegExp {
  const wordCharacter = "[\\p{L}\\p{N}_]";
  return new RegExp(`(?<!${wordCharacter})(?:${words.split(" ").join("|")})(?!${wordCharacter})`, "gu");
}

const english = wholeWords("a an the");

/** SQuAD v1.1 (Rajpurkar et al. 2016): lower case, ASCII punctuation deleted, English articles removed. For any language. */
export const squadNormaliser: Normaliser = (text) =>
  splitWhitespace(text.toLowerCase().replace(asciiPunctuation, "").replace(english, " "));

/** Articles that MLQA removes, by language of the answer; Arabic's is removed inside words too. */
const articles: Record<string, RegExp | null> = {
  en: english,
  es: wholeWords("un una unos unas el la los las"),
  de: wholeWords("ein eine einen einem eines einer der die das den dem des"),
  vi: wholeWords("của là cái chiếc những"),
  ar: /ال/g,
  hi: null,
  zh: null,
};

export const mlqaLanguages: readonly string[] = Object.keys(articles);

/** Each character of U+4E00–U+9FA5 by itself, everything else split at white space. */
const splitChinese = (text: string): string[] => splitWhitespace(text.replace(/[\u4e00-\u9fa5]/g, " $& "));

/** MLQA (Lewis et al. 2020): as SQuAD, with Unicode punctuation, the language's own articles, and Chinese by character. */
export function mlqaNormaliser(language: string): Normaliser {
  if (!mlqaLanguages.includes(language)) {
    throw new Error(
      `MLQA score: no rule for language "${language}"; choose one of ${
        mlqaLanguages.join(" ")
      }, or score as SQuAD`,
    );
  }
  const article = articles[language];
  const split = language === "zh" ? splitChinese : splitWhitespace;
  return (text) => {
    const bare = text.toLowerCase().replace(anyPunctuation, "");
    return split(article ? bare.replace(article, " ") : bare);
  };
}
