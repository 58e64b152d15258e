// Promises what a specification's `data` and `model` stand for: a data source, a tokenizer, encoder weights and language
// adapters, with hashes that identify them. Leaves file formats to core/io and data/, and the tiny world to tinyworld/.
import { type EncoderConfig, encoderConfig, type StoredTensors } from "../../core/mod.ts";
import { fetchedSource } from "../data/fetched.ts";
import { type DataSource, digestFiles, folderSource } from "../data/source.ts";
import { adaptersFolder, adaptersRemedy, locateModel, parseHubModel } from "../fetch/locate.ts";
import { exists, fileSha256, isFolder, join, readText } from "../runtime.ts";
import { sha256 } from "../spec/mod.ts";
import { type EncoderName, isEncoderName, kinds, widths } from "../tinyworld/encoders.ts";
import { assetsFolder, encoderNames, tinyWorld } from "../tinyworld/mod.ts";
import { openTokenizer } from "../tokenizers/open.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { loadWordPiece } from "../tokenizers/wordpiece.ts";
import { type LanguageAdapter, openLanguageAdapters } from "./language-adapters.ts";
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
  /** SHA-256 over everything that the numbers depend on. */
  readonly revision: string;
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
    return await folderEncoder(await locateModel(hub), adaptersFolder(hub), adaptersRemedy(hub));
  }
  if (!isEncoderName(model)) return await folderEncoder(model);
  return data === "tiny"
    ? await folderEncoder(join(assetsFolder, model))
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

/** The encoder of a run. Throws when its files are no longer those that the run was specified with. */
export async function openEncoderOf(
  { model, data, modelRevision }: { model: string; data: string; modelRevision: string },
): Promise<EncoderBundle> {
  const bundle = await openEncoder(model, data);
  if (bundle.revision === modelRevision) return bundle;
  const [found, wanted] = [bundle.revision, modelRevision].map((each) => each.slice(0, 16));
  throw new Error(
    `model ${model}: its files have revision ${found}…, the run asks for ${wanted}…; the encoder has changed since the run ` +
      `was specified, specify it anew`,
  );
}

async function folderEncoder(folder: string, adaptersRoot?: string, remedy?: string): Promise<EncoderBundle> {
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
  const adapters = await openLanguageAdapters(folder, config, adaptersRoot, remedy);
  const digests = [
    await sha256(configText),
    tokenizerDigest,
    ...await Promise.all(weights.files.map(fileSha256)),
    ...adapters.digests,
  ];
  return {
    config,
    tokenizer,
    weights: weights.tensors,
    folder,
    languages: adapters.languages,
    language: adapters.open,
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
    revision: await sha256(JSON.stringify([config, await sha256(vocabulary)])),
    notes: [
      `encoder: untrained, ${config.layers} layers of width ${config.hiddenSize} in the shape of ${title} over mBERT's vocabulary; ` +
      "language adapters untrained; scores say nothing about the paper",
    ],
  };
}
