// Promises the tokenizer of a model's folder, from whichever of its three kinds of file is there.
// Leaves fetching the folder to others, and each kind of file to json.ts, wordpiece.ts and unigram.ts.
import { exists, isFolder, join, readBytes, readText } from "../runtime.ts";
import { sha256 } from "../spec/mod.ts";
import { readTokenizerConfig, type TokenizerConfig } from "./config.ts";
import { readSentencePiece } from "./sentencepiece.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";
import { unigramJson } from "./unigram.ts";
import { loadWordPiece } from "./wordpiece.ts";

export interface OpenedTokenizer {
  readonly tokenizer: Tokenizer;
  /** SHA-256 of what it was read from. */
  readonly digest: string;
}

const json = "tokenizer.json";
/** DeBERTa's name, XLM-R's (unigram for all its name), and SentencePiece's own. */
const models = ["spm.model", "sentencepiece.bpe.model", "sentencepiece.model"];
const vocabulary = "vocab.txt";
const settings = "tokenizer_config.json";

/**
 * Opens tokenizer.json, else a SentencePiece model (spm.model, sentencepiece.bpe.model), else vocab.txt; tokenizer_config.json
 * is followed where it stands. A vocab.txt needs it: nothing else says whether the vocabulary is cased.
 */
export async function openTokenizer(folder: string): Promise<OpenedTokenizer> {
  if (!isFolder(folder)) throw new Error(`open tokenizer ${folder}: no such folder`);
  const first = async (...names: string[]) => {
    for (const name of names) if (await exists(join(folder, name))) return join(folder, name);
    return null;
  };
  const settingsPath = await first(settings);
  const settingsText = settingsPath === null ? null : await readText(settingsPath);
  const config = settingsPath === null ? null : readTokenizerConfig(settingsText!, settingsPath);
  /** Files that were read, in order; a single one gives its own hash. */
  const digest = async (...parts: (string | Uint8Array)[]) =>
    parts.length === 1
      ? await sha256(parts[0])
      : await sha256((await Promise.all(parts.map(sha256))).join("\n"));
  const withSettings = settingsText === null ? [] : [settingsText];

  const jsonPath = await first(json);
  if (jsonPath !== null) {
    const text = await readText(jsonPath);
    const followed = config === null ? text : followConfig(text, config);
    return {
      tokenizer: loadTokenizer(followed, jsonPath),
      digest: await digest(text, ...(followed === text ? [] : withSettings)),
    };
  }
  const modelPath = await first(...models);
  if (modelPath !== null) {
    const bytes = await readBytes(modelPath);
    const text = unigramJson(readSentencePiece(bytes, modelPath), modelPath, config ?? {});
    return { tokenizer: loadTokenizer(text, modelPath), digest: await digest(bytes, ...withSettings) };
  }
  const vocabularyPath = await first(vocabulary);
  if (vocabularyPath === null) {
    throw new Error(
      `open tokenizer ${folder}: none of ${[json, ...models, vocabulary].join(", ")} is there; ` +
        `put the model's own tokenizer file beside its config.json`,
    );
  }
  if (config?.lowerCase === undefined) {
    throw new Error(
      `open tokenizer ${folder}: ${vocabulary} is there, but ` +
        (config === null ? `no ${settings}` : `${settings} has no "do_lower_case"`) +
        `, so nothing says whether text is lower-cased; write {"do_lower_case": false} there for a cased vocabulary (mBERT, DistilBERT)`,
    );
  }
  const text = await readText(vocabularyPath);
  return {
    tokenizer: loadWordPiece(text, vocabularyPath, config),
    digest: await digest(text, settingsText!),
  };
}

/**
 * A tokenizer.json with what tokenizer_config.json says otherwise about BERT's text rules, as transformers' BERT classes do it.
 * A do_lower_case that is not written stays as in tokenizer.json, although those classes would then lower-case everything.
 */
function followConfig(text: string, config: TokenizerConfig): string {
  const written = [config.lowerCase, config.stripAccents, config.splitChinese];
  if (written.every((value) => value === undefined)) return text;
  if (config.tokenizerClass === "PreTrainedTokenizerFast") return text;
  let parsed: { normalizer?: Record<string, unknown> };
  try {
    parsed = JSON.parse(text);
  } catch {
    // The loader says what is wrong with it.
    return text;
  }
  const { normalizer } = parsed;
  if (normalizer?.type !== "BertNormalizer") return text;
  const wanted: Record<string, unknown> = {
    lowercase: config.lowerCase ?? normalizer.lowercase,
    strip_accents: config.stripAccents ?? null,
    handle_chinese_chars: config.splitChinese ?? true,
  };
  if (Object.keys(wanted).every((name) => normalizer[name] === wanted[name])) return text;
  return JSON.stringify({ ...parsed, normalizer: { ...normalizer, ...wanted } });
}
