// Promises the settings of a tokenizer_config.json that change which tokens a text gets.
// Leaves the rest of that file (lengths, chat templates, names of classes) unread.
import { asFields, type Fields, parseJson, stringField } from "../data/json.ts";
import { DataError, shown } from "../data/errors.ts";
import { type AddedToken, addedToken } from "./json.ts";

export interface TokenizerConfig {
  readonly lowerCase?: boolean;
  readonly stripAccents?: boolean;
  readonly splitChinese?: boolean;
  readonly splitPunctuation?: boolean;
  /** "BertTokenizer", "XLMRobertaTokenizer", …; undefined when it is not written. */
  readonly tokenizerClass?: string;
  readonly addedTokens: readonly AddedToken[];
}

function flag(fields: Fields, name: string, file: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw new DataError(file, "", `"${name}" must be true or false, found ${shown(value)}`, "correct it");
}

function addedTokens(fields: Fields, file: string): AddedToken[] {
  const value = fields.added_tokens_decoder;
  if (value === undefined) return [];
  const where = "added_tokens_decoder";
  return Object.entries(asFields(value, file, where)).map(([key, entry]) => {
    const id = Number(key);
    if (!Number.isInteger(id) || id < 0) {
      throw new DataError(file, where, `"${key}" is no id`, "ids are whole numbers from 0");
    }
    const token = asFields(entry, file, `${where} ${key}`);
    const on = (name: string) => flag(token, name, file) ?? false;
    return addedToken(id, stringField(token, "content", file, `${where} ${key}`), {
      single_word: on("single_word"),
      lstrip: on("lstrip"),
      rstrip: on("rstrip"),
      normalized: on("normalized"),
      special: on("special"),
    });
  });
}

/** Reads the text of a tokenizer_config.json. Throws DataError where a setting is of a wrong kind or cannot be followed. */
export function readTokenizerConfig(text: string, file: string): TokenizerConfig {
  const fields = asFields(parseJson(text, file), file, "");
  if (flag(fields, "do_basic_tokenize", file) === false) {
    throw new DataError(
      file,
      "",
      '"do_basic_tokenize" is false',
      "text that is already split is not read; save the tokenizer as tokenizer.json and use that",
    );
  }
  return {
    lowerCase: flag(fields, "do_lower_case", file),
    stripAccents: flag(fields, "strip_accents", file),
    splitChinese: flag(fields, "tokenize_chinese_chars", file),
    splitPunctuation: flag(fields, "split_by_punct", file),
    tokenizerClass: fields.tokenizer_class === undefined
      ? undefined
      : stringField(fields, "tokenizer_class", file, ""),
    addedTokens: addedTokens(fields, file),
  };
}
