// Promises the fields of a SentencePiece `.model` that a tokenizer needs: pieces, scores, kinds, settings, the character map.
// Leaves what a family makes of them to unigram.ts. The format: protocol buffers, sentencepiece_model.proto (Kudo & Richardson 2018).

export type PieceKind = "normal" | "unknown" | "control" | "user-defined" | "unused" | "byte";

export interface Piece {
  readonly piece: string;
  /** Logarithm of its probability; a control piece has none (0). */
  readonly score: number;
  readonly kind: PieceKind;
}

export interface SentencePieceModel {
  /** A piece's place is its id in the file. */
  readonly pieces: readonly Piece[];
  readonly algorithm: string;
  readonly unkId: number;
  readonly byteFallback: boolean;
  readonly whitespaceAsSuffix: boolean;
  readonly addDummyPrefix: boolean;
  readonly escapeWhitespaces: boolean;
  /** Compiled character map ("nmt_nfkc" in all models here); empty when text stays as it is. */
  readonly characterMap: Uint8Array;
}

/** Numbers of the kinds in the format; "unused" is 5 and "byte" 6. */
const kindOf: Record<number, PieceKind> = {
  1: "normal",
  2: "unknown",
  3: "control",
  4: "user-defined",
  5: "unused",
  6: "byte",
};
const algorithms: Record<number, string> = { 1: "unigram", 2: "bpe", 3: "word", 4: "char" };

interface Field {
  readonly number: number;
  /** Of wire types 0 (varint) and 5 (four bytes, as their bits). */
  readonly value: number;
  /** Of wire type 2. */
  readonly bytes: Uint8Array;
}

const none = new Uint8Array(0);

/** The fields of one message in the order of the file. */
function* fields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let place = 0; place < 10; place++) {
      if (at >= bytes.length) throw new Error(`a number at byte ${at} is cut off`);
      const byte = bytes[at++];
      // Exact to 2^49; what lies above is the sign of a negative number, of no use to any field read here.
      if (place < 7) value += (byte & 127) * 2 ** (7 * place);
      if (byte < 128) return value;
    }
    throw new Error(`a number before byte ${at} has no end`);
  };
  const need = (count: number) => {
    if (at + count > bytes.length) throw new Error(`${count} bytes wanted at byte ${at} of ${bytes.length}`);
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0) throw new Error(`field 0 before byte ${at}`);
    if (wire === 0) yield { number, value: varint(), bytes: none };
    else if (wire === 2) {
      const length = varint();
      need(length);
      yield { number, value: 0, bytes: bytes.subarray(at, at + length) };
      at += length;
    } else if (wire === 5) {
      need(4);
      yield { number, value: view.getUint32(at, true), bytes: none };
      at += 4;
    } else if (wire === 1) {
      need(8);
      at += 8;
    } else throw new Error(`wire type ${wire} before byte ${at}`);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const scratch = new DataView(new ArrayBuffer(4));

function readPiece(bytes: Uint8Array): Piece {
  let piece = "";
  let score = 0;
  let kind = 1;
  for (const field of fields(bytes)) {
    if (field.number === 1) piece = utf8.decode(field.bytes);
    else if (field.number === 2) {
      scratch.setUint32(0, field.value);
      score = scratch.getFloat32(0);
    } else if (field.number === 3) kind = field.value;
  }
  if (!Number.isFinite(score)) throw new Error(`the piece "${piece}" has the score ${score}`);
  return { piece, score, kind: kindOf[kind] ?? fail(`the piece "${piece}" is of the unknown kind ${kind}`) };
}

const fail = (message: string): never => {
  throw new Error(message);
};

/** Reads a whole `.model`. `name` is used in messages. */
export function readSentencePiece(bytes: Uint8Array, name: string): SentencePieceModel {
  const pieces: Piece[] = [];
  // What the format means by a field that is absent.
  const trainer = { algorithm: 1, suffix: 0, byteFallback: 0, unk: 0 };
  const normalizer = { map: none as Uint8Array, dummyPrefix: 1, escape: 1 };
  const present = new Set<number>();
  try {
    for (const part of fields(bytes)) {
      present.add(part.number);
      if (part.number === 1) pieces.push(readPiece(part.bytes));
      else if (part.number === 2) {
        for (const { number, value } of fields(part.bytes)) {
          if (number === 3) trainer.algorithm = value;
          else if (number === 24) trainer.suffix = value;
          else if (number === 35) trainer.byteFallback = value;
          else if (number === 40) trainer.unk = value;
        }
      } else if (part.number === 3) {
        for (const { number, value, bytes } of fields(part.bytes)) {
          if (number === 2) normalizer.map = bytes;
          else if (number === 3) normalizer.dummyPrefix = value;
          else if (number === 5) normalizer.escape = value;
        }
      }
    }
    // A file that was cut between two parts reads well otherwise.
    for (const [number, what] of [[1, "pieces"], [2, "trainer_spec"], [3, "normalizer_spec"]] as const) {
      if (!present.has(number)) throw new Error(`it has no ${what}`);
    }
    if (pieces[trainer.unk]?.kind !== "unknown") {
      throw new Error(`the unknown piece should be piece ${trainer.unk}, of ${pieces.length}, and is not`);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `read SentencePiece model ${name} (${bytes.length} bytes): ${reason}; fetch it again (it may be truncated or a page of text)`,
      { cause: error },
    );
  }
  return {
    pieces,
    algorithm: algorithms[trainer.algorithm] ?? `number ${trainer.algorithm}`,
    unkId: trainer.unk,
    byteFallback: trainer.byteFallback !== 0,
    whitespaceAsSuffix: trainer.suffix !== 0,
    addDummyPrefix: normalizer.dummyPrefix !== 0,
    escapeWhitespaces: normalizer.escape !== 0,
    characterMap: normalizer.map,
  };
}
