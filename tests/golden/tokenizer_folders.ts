// Writes folders of tokenizer files as the Hub has them, from the data root's real vocabularies; mDeBERTa's is a stand-in.
// It leaves opening them to the toolkit (and, for the goldens, to Python), and checking what they say to tokenizers.test.ts.
import { Buffer } from "node:buffer";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { inflateRawSync } from "node:zlib";
import { readSentencePiece } from "../../repro/tokenizers/sentencepiece.ts";
import { xlmrTemplate } from "../../repro/tokenizers/json.ts";

/** Fields of a protocol buffer message, as [number, value]: a whole number, a float ({ float }), text or bytes. */
type Message = [field: number, value: number | { float: number } | string | Uint8Array][];

function varint(value: number): number[] {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return [...bytes, value];
}

function message(fields: Message): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (typeof value === "number") parts.push(Uint8Array.from([...varint(number * 8), ...varint(value)]));
    else if (typeof value === "object" && "float" in value) {
      const bytes = new Uint8Array(5);
      bytes[0] = number * 8 + 5;
      new DataView(bytes.buffer).setFloat32(1, value.float, true);
      parts.push(bytes);
    } else {
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      parts.push(Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes);
    }
  }
  return Buffer.concat(parts);
}

const types = { normal: 1, unknown: 2, control: 3, user: 4, byte: 6 };

export interface WrittenPiece {
  readonly piece: string;
  readonly score: number;
  readonly type?: keyof typeof types;
}

export interface WrittenModel {
  readonly pieces: readonly WrittenPiece[];
  readonly characterMap: Uint8Array;
  /** Fields of trainer_spec and normalizer_spec beside those that follow from the pieces. */
  readonly trainer?: Message;
  readonly normalizer?: Message;
}

/** A SentencePiece `.model`, type 1 (unigram) unless `trainer` says otherwise. */
export function sentencePieceModel(model: WrittenModel): Uint8Array {
  const pieces = model.pieces.map(({ piece, score, type = "normal" }): Message[number] => {
    const fields: Message = [[1, piece], [2, { float: score }]];
    return [1, message(type === "normal" ? fields : [...fields, [3, types[type]]])];
  });
  return message([
    ...pieces,
    [2, message([[3, 1], [4, model.pieces.length], ...(model.trainer ?? [])])],
    [
      3,
      message([
        [1, "nmt_nfkc"],
        [2, model.characterMap],
        [3, 1],
        [4, 1],
        [5, 1],
        ...(model.normalizer ?? []),
      ]),
    ],
  ]);
}

/** The only file of a zip. */
function unzipOne(zip: Uint8Array): string {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const end = zip.length - 22;
  const directory = view.getUint32(end + 16, true);
  const size = view.getUint32(directory + 20, true);
  const from = 30 + view.getUint16(26, true) + view.getUint16(28, true);
  return new TextDecoder().decode(inflateRawSync(zip.subarray(from, from + size)));
}

const vocabularyPath = "vocab/bert-base-multilingual-cased/vocab.txt";
const piecesPath = "vocab/xlm-roberta-base/pos.dict.utf8.zip";

let knownPieces: Promise<[piece: string, score: number][]> | undefined;

/** XLM-R's pieces after the first three, in the order of their ids, with scores rounded to six digits. */
const xlmrPieces = (root: string) =>
  knownPieces ??= (async () => {
    const lines = unzipOne(await readFile(`${root}/${piecesPath}`)).trimEnd().split("\n");
    // The list begins with <pad> </s> <unk> and ends with <mask>: fairseq's, not the model's own.
    return lines.slice(3, -1).map((line): [string, number] => {
      const [piece, , score] = line.split("\t");
      return [piece, Number(score)];
    });
  })();

/** The character map "nmt_nfkc" as compiled by the SentencePiece of 2019, from a real model. */
async function characterMap(root: string): Promise<Uint8Array> {
  const name = "test_sentencepiece.model";
  return readSentencePiece(await readFile(`${root}/vocab/sentencepiece/${name}`), name).characterMap;
}

/** mBERT's tokenizer.json on the Hub, to the byte: it follows from vocab.txt. */
function mbertJson(vocabulary: string): string {
  const pieces = vocabulary.trimEnd().split("\n");
  const id = (piece: string) => pieces.indexOf(piece);
  const added = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((content) => ({
    id: id(content),
    special: true,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const single = [token("[CLS]", 0), sequence("A", 0), token("[SEP]", 0)];
  const special = (name: string) => ({ id: name, ids: [id(name)], tokens: [name] });
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: false,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single,
      pair: [...single, sequence("B", 1), token("[SEP]", 1)],
      special_tokens: { "[SEP]": special("[SEP]"), "[CLS]": special("[CLS]") },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: "VOCABULARY",
    },
  };
  const entries = pieces.map((piece, place) => `${JSON.stringify(piece)}:${place}`).join(",");
  return JSON.stringify(json).replace('"VOCABULARY"', () => `{${entries}}`);
}

/** XLM-R's tokenizer.json in the layout of the Hub's, which splits at white space where a conversion of the model collapses it. */
function xlmrHubJson(pieces: [string, number][], map: Uint8Array): string {
  const added = (id: number, content: string, lstrip = false) => ({
    id,
    special: true,
    content,
    single_word: false,
    lstrip,
    rstrip: false,
    normalized: false,
  });
  const vocab = [["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ...pieces, ["<mask>", 0]];
  const metaspace = { type: "Metaspace", replacement: "▁", add_prefix_space: true };
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      added(0, "<s>"),
      added(1, "<pad>"),
      added(2, "</s>"),
      added(3, "<unk>"),
      added(vocab.length - 1, "<mask>", true),
    ],
    normalizer: { type: "Precompiled", precompiled_charsmap: Buffer.from(map).toString("base64") },
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    post_processor: xlmrTemplate(0, 2),
    decoder: metaspace,
    model: { type: "Unigram", unk_id: 3, vocab },
  });
}

/**
 * Pieces in mDeBERTa's layout: [PAD] [CLS] [SEP] [UNK], the 256 bytes (byte_fallback), then XLM-R's pieces, [MASK] outside the file.
 * Its real pieces are not in the data root; the rules around them are what is tested.
 */
const debertaPieces = (pieces: [string, number][]): WrittenPiece[] => [
  { piece: "[PAD]", score: 0, type: "control" },
  { piece: "[CLS]", score: 0, type: "control" },
  { piece: "[SEP]", score: 0, type: "control" },
  { piece: "[UNK]", score: 0, type: "unknown" },
  ...Array.from({ length: 256 }, (_, byte): WrittenPiece => ({
    piece: `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
    score: 0,
    type: "byte",
  })),
  ...pieces.map(([piece, score]) => ({ piece, score })),
];

/** Files of each folder by name; Python's class for it stands in make_tokenizer_goldens.py. */
export const folders = {
  mbert: "vocab.txt and tokenizer_config.json",
  "mbert-json": "the Hub's tokenizer.json",
  "mbert-lower": "mBERT's pieces with do_lower_case, strip_accents false and tokenize_chinese_chars false",
  xlmr: "sentencepiece.bpe.model",
  "xlmr-json": "tokenizer.json in the Hub's layout",
  mdeberta: "spm.model with XLM-R's pieces",
} as const;
export type FolderName = keyof typeof folders;

/** Writes one folder into `target` and returns its path. `root` is the data root. */
export async function writeFolder(name: FolderName, root: string, target: string): Promise<string> {
  const folder = `${target}/${name}`;
  await mkdir(folder, { recursive: true });
  const put = (file: string, data: string | Uint8Array) => writeFile(`${folder}/${file}`, data);
  if (name.startsWith("mbert")) {
    const vocabulary = await readFile(`${root}/${vocabularyPath}`, "utf8");
    if (name === "mbert-json") await put("tokenizer.json", mbertJson(vocabulary));
    else await put("vocab.txt", vocabulary);
    const lower = { do_lower_case: true, strip_accents: false, tokenize_chinese_chars: false };
    const config = name === "mbert-lower" ? lower : { do_lower_case: false, model_max_length: 512 };
    await put("tokenizer_config.json", JSON.stringify(config));
    return folder;
  }
  const pieces = await xlmrPieces(root);
  const map = await characterMap(root);
  if (name === "xlmr-json") {
    await put("tokenizer.json", xlmrHubJson(pieces, map));
  } else if (name === "xlmr") {
    const special: WrittenPiece[] = [
      { piece: "<unk>", score: 0, type: "unknown" },
      { piece: "<s>", score: 0, type: "control" },
      { piece: "</s>", score: 0, type: "control" },
    ];
    await put(
      "sentencepiece.bpe.model",
      sentencePieceModel({
        pieces: [...special, ...pieces.map(([piece, score]) => ({ piece, score }))],
        characterMap: map,
      }),
    );
    await put("tokenizer_config.json", '{"model_max_length": 512}');
  } else {
    const trainer: Message = [
      ...([[35, 1], [40, 3], [41, 1], [42, 2], [43, 0]] satisfies Message),
      ...([[45, "[UNK]"], [46, "[CLS]"], [47, "[SEP]"], [48, "[PAD]"]] satisfies Message),
    ];
    await put("spm.model", sentencePieceModel({ pieces: debertaPieces(pieces), characterMap: map, trainer }));
    await put("tokenizer_config.json", '{"do_lower_case": false, "vocab_type": "spm"}');
  }
  return folder;
}
