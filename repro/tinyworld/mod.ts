// The tiny world: a small multilingual world made by the project itself, as a data root and a pretraining corpus.
// Training on it, and the encoders pretrained from it, are the affair of training/ and pretrain.ts.
import { type DataSource, memorySource } from "../data/source.ts";
import { taskFiles } from "./tasks.ts";
import { languageAt, plainText } from "./text.ts";

let world: DataSource | undefined;

/** The tiny world's task data, in the file formats and folder layout of any data root. The same at every call. */
export function tinyWorld(): DataSource {
  world ??= withText(memorySource("tiny world", taskFiles()));
  return world;
}

/** Text is made when it is read: most runs need none. */
function withText(tasks: DataSource): DataSource {
  const texts = new Map<string, string>();
  return {
    ...tasks,
    has: async (path) => languageAt(path) !== undefined || await tasks.has(path),
    async text(path) {
      const language = languageAt(path);
      if (language === undefined) return await tasks.text(path);
      if (!texts.has(path)) texts.set(path, plainText(language));
      return texts.get(path)!;
    },
  };
}

export { taskFiles } from "./tasks.ts";
export { debertaUnigram, unigram, wordPiece } from "./vocabulary.ts";
export { LANGUAGES } from "./lexicon.ts";
export { assetsFolder } from "./assets.ts";
export { type EncoderName, encoderNames, isEncoderName } from "./encoders.ts";
