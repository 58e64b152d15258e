// Promises what a specification's `data` and `model` stand for: a data source, a tokenizer, encoder weights and language
// adapters, with hashes that identify them. Leaves file formats to core/io and data/, and the tiny world to tinyworld/.
import { type EncoderConfig, encoderConfig, type StoredTensors } from "../../core/mod.ts";
import { fetchedSource } from "../data/fetched.ts";
import { type DataSource, digestFiles, folderSource } from "../data/source.ts";
import { adaptersFolder, locateModel, parseHubModel } from "../fetch/locate.ts";
import { exists, fileSha256, isFolder, join, readText } from "../runtime.ts";
import { languagesRead, type RunSpec, sha256 } from "../spec/mod.ts";
import { type EncoderName, isEncoderName, kinds, widths } from "../tinyworld/encoders.ts";
import { assetsFolder, encoderNames, tinyWorld } from "../tinyworld/mod.ts";
import { openTokenizer } from "../tokenizers/open.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { loadWordPiece } from "../tokenizers/wordpiece.ts";
import { type LanguageAdapter, type LanguageAdapters, openLanguageAdapters } from "./language-adapters.ts";
import { openWeights } from "./weights.ts";

/** An encoder with its tokenizer and language adapters, as files or as random numbers. */
export interface EncoderBundle {
  readonly config: EncoderConfig;
  readonly tokenizer: Tokenizer;
  /** null: untrained, to be drawn from seed 0. Read from the files only when they are streamed into a model. */
  readonly weights: StoredTensors | null;
  /** Where it lies; null: untrained, in no files. */
  readonly folder: string | null;
  /** Languages that have a trained adapter; null: untrained ones for all. */
  readonly languages: readonly string[] | null;
  /** Throws when the bundle has trained language adapters but not this one. */
  language(code: string): Promise<LanguageAdapter>;
  /** SHA-256 over configuration, tokenizer and weights; of the tiny world's own encoders over their language adapters too. */
  readonly revision: string;
  /** Those that `revision` leaves to themselves, so that one more changes no run that does not read it. null: there are none. */
  readonly adapters: LanguageAdapters | null;
  /** What a reader of the results must know, one sentence each. */
  readonly notes: readonly string[];
}

/** The data that `data` names: "tiny", "fetched" (by `repro fetch`), or a folder in the layout of a data root. */
export function openData(data: string): DataSource {
  if (data === "tiny") return tinyWorld();
  if (data === "fetched") return fetchedSource();
  if (!isFolder(data)) {
    throw new Error(
      `data root ${data}: no such folder; give a folder with squad/, xquad/, xnli/, …, or "fetched" for what repro fetch brought`,
    );
  }
  return folderSource(data);
}

/** Hash of the files that a run reads. */
export function dataRevision(source: DataSource, files: readonly string[]): Promise<string> {
  return digestFiles(source, [...new Set(files)].sort());
}

/**
 * The encoder that `model` names: a folder (config.json, a tokenizer in any form of tokenizers/open.ts, weights in any of
 * weights.ts, language adapters in any of language-adapters.ts), a model of the Hub that was fetched ("org/name@revision", with
 * "#choice" for other language adapters than the default),
 * or "mbert", "xlmr", "mdeberta": the tiny world's own for data "tiny", else a narrow untrained one over the data root's
 * vocabulary.
 */
export async function openEncoder(model: string, data: string): Promise<EncoderBundle> {
  const hub = parseHubModel(model);
  if (hub !== null) {
    return await folderEncoder(await locateModel(hub), { name: model, adaptersRoot: adaptersFolder(hub) });
  }
  if (!isEncoderName(model)) return await folderEncoder(model);
  return data === "tiny"
    ? await folderEncoder(join(assetsFolder, model), { isOwn: true })
    : await untrainedEncoder(model, data);
}

/** The configuration alone of what `openEncoder` opens, without reading its weights. */
export async function encoderConfigOf(model: string, data: string): Promise<EncoderConfig> {
  const hub = parseHubModel(model);
  if (hub === null && isEncoderName(model) && data !== "tiny") return (await openEncoder(model, data)).config;
  const folder = hub !== null
    ? await locateModel(hub)
    : isEncoderName(model)
    ? join(assetsFolder, model)
    : model;
  return encoderConfig(JSON.parse(await readText(join(folder, "config.json"))));
}

/**
 * The encoder of a run, with the language adapters that it reads. Throws when files are no longer those that the run was specified
 * with, or when some are not there, naming all of them.
 * @param languages whose adapters are used, where not all that the run reads are
 */
export async function openEncoderOf(
  spec: RunSpec,
  languages: readonly string[] = languagesRead(spec),
): Promise<EncoderBundle> {
  const { model, data, modelRevision, languageAdapters = {} } = spec;
  const bundle = await openEncoder(model, data);
  const refuse = (what: string, found: string, wanted: string | undefined) => {
    throw new Error(
      `model ${model}: ${what} has SHA-256 ${found.slice(0, 16)}…, the run asks for ${
        wanted === undefined ? "none" : `${wanted.slice(0, 16)}…`
      }; ${what} has changed since the run was specified, specify it anew`,
    );
  };
  if (bundle.revision !== modelRevision) refuse("the encoder", bundle.revision, modelRevision);
  if (bundle.adapters === null) return bundle;
  bundle.adapters.require(languages);
  for (const code of languages) {
    const digest = await bundle.adapters.digest(code);
    if (digest !== languageAdapters[code]) {
      refuse(`its language adapter ${code}`, digest, languageAdapters[code]);
    }
  }
  return bundle;
}

interface FolderOptions {
  /** What the model is called; default its folder. */
  name?: string;
  /** Where its language adapters lie; default the folder `adapters` in it. */
  adaptersRoot?: string;
  /** It is the tiny world's own, whose adapters never change without it. */
  isOwn?: boolean;
}

async function folderEncoder(
  folder: string,
  { name = folder, adaptersRoot = join(folder, "adapters"), isOwn = false }: FolderOptions = {},
): Promise<EncoderBundle> {
  if (!isFolder(folder)) {
    throw new Error(
      `model ${folder}: no such folder; give ${encoderNames.join(", ")} or the folder of an encoder`,
    );
  }
  const needed = async (name: string) => {
    const path = join(folder, name);
    if (!await exists(path)) {
      throw new Error(
        `model ${folder}: ${name} is absent; an encoder's folder holds config.json, a tokenizer and weights`,
      );
    }
    return path;
  };
  const configText = await readText(await needed("config.json"));
  const { tokenizer, digest: tokenizerDigest } = await openTokenizer(folder);
  const config = encoderConfig(JSON.parse(configText));
  if (tokenizer.vocabularySize > config.vocabularySize) {
    throw new Error(
      `model ${folder}: ${tokenizer.name} has ${tokenizer.vocabularySize} tokens, config.json's vocab_size is ` +
        `${config.vocabularySize}; they are not of one model: fetch both from the same place`,
    );
  }
  const weights = await openWeights(folder);
  const adapters = await openLanguageAdapters(name, adaptersRoot);
  const digests = [
    await sha256(configText),
    tokenizerDigest,
    ...await Promise.all(weights.files.map(fileSha256)),
    ...(isOwn ? await adapters.fileDigests() : []),
  ];
  return {
    config,
    tokenizer,
    weights: weights.tensors,
    folder,
    languages: adapters.languages,
    language: (code) => adapters.open(code, config),
    adapters: isOwn ? null : adapters,
    revision: await sha256(digests.join("\n")),
    notes: [],
  };
}

const vocabularyPath = "vocab/bert-base-multilingual-cased/vocab.txt";

async function untrainedEncoder(model: EncoderName, data: string): Promise<EncoderBundle> {
  const source = openData(data);
  if (!await source.has(vocabularyPath)) {
    throw new Error(
      `data root ${data}: ${vocabularyPath} is absent; put mBERT's vocabulary there, or name an encoder's folder as model`,
    );
  }
  const vocabulary = await source.text(vocabularyPath);
  const tokenizer = loadWordPiece(vocabulary, join(data, vocabularyPath));
  const { title, fields } = kinds[model];
  // Narrow enough for a laptop, as deep as the paper's.
  const config = encoderConfig({
    ...widths,
    ...fields,
    vocab_size: tokenizer.vocabularySize,
    max_position_embeddings: 514,
    pad_token_id: tokenizer.special.pad,
  });
  return {
    config,
    tokenizer,
    weights: null,
    folder: null,
    languages: null,
    language: () => Promise.resolve({ config: {}, state: null }),
    adapters: null,
    revision: await sha256(JSON.stringify([config, await sha256(vocabulary)])),
    notes: [
      `encoder: untrained, ${config.layers} layers of width ${config.hiddenSize} in the shape of ${title} over mBERT's vocabulary; ` +
      "language adapters untrained; scores say nothing about the paper",
    ],
  };
}
