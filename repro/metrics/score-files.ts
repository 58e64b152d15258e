// Promises the scores of anybody's prediction file against a reference file.
// Leaves printing to the command line, except warnings, which go to standard error.
import { DataError, shown } from "../data/errors.ts";
import { asFields, parseJson, parseJsonLines } from "../data/json.ts";
import { parseTsv } from "../data/delimited.ts";
import { readSquad } from "../data/squad.ts";
import { nliLabels } from "../data/types.ts";
import * as runtime from "../runtime.ts";
import { meanScores } from "./answers.ts";
import { mlqaNormaliser, squadNormaliser } from "./normalise.ts";

export type ScoreKind = "squad" | "mlqa" | "accuracy";
export const scoreKinds: readonly ScoreKind[] = ["squad", "mlqa", "accuracy"];

export interface ScoreRequest {
  /** SQuAD-format JSON, or for accuracy: see readLabels. */
  readonly references: string;
  /** JSON object from id to text, or for accuracy: see readLabels. */
  readonly predictions: string;
  /** Language of the answers; needed for "mlqa". */
  readonly language?: string;
  /** Receives warnings instead of standard error. */
  readonly warn?: (line: string) => void;
}

export interface FileScores {
  readonly kind: ScoreKind;
  readonly language?: string;
  /** References scored. */
  readonly count: number;
  /** References without a prediction, each counted as wrong. */
  readonly missing: number;
  /** Percent: em and f1, or accuracy. */
  readonly metrics: Record<string, number>;
}

function checkCoverage(missing: string[], unknown: number, request: ScoreRequest): void {
  const say = request.warn ?? runtime.warn;
  if (missing.length > 0) {
    const some = missing.slice(0, 3).join(", ") + (missing.length > 3 ? ", …" : "");
    say(
      `warning: ${missing.length} references have no prediction in ${request.predictions} and count as wrong (${some})`,
    );
  }
  if (unknown > 0) {
    say(`warning: ${unknown} predictions in ${request.predictions} have no reference and are not counted`);
  }
}

async function scoreText(kind: "squad" | "mlqa", request: ScoreRequest): Promise<FileScores> {
  if (kind === "mlqa" && request.language === undefined) {
    throw new Error("score mlqa: no language; add --language, the language of the answers");
  }
  const normalise = kind === "mlqa" ? mlqaNormaliser(request.language!) : squadNormaliser;
  const questions = readSquad(await runtime.readText(request.references), request.references);
  const file = request.predictions;
  const fields = asFields(parseJson(await runtime.readText(file), file), file, "");
  for (const [id, text] of Object.entries(fields)) {
    if (typeof text !== "string") {
      throw new DataError(
        file,
        `question ${id}`,
        `the prediction is ${shown(text)}`,
        "give an object from question id to answer text",
      );
    }
  }
  const { em, f1, missing } = meanScores(questions, fields as Record<string, string>, normalise);
  checkCoverage(missing, Object.keys(fields).length - (questions.length - missing.length), request);
  return {
    kind,
    language: request.language,
    count: questions.length,
    missing: missing.length,
    metrics: { em, f1 },
  };
}

function labelText(value: unknown, file: string, where: string): string {
  if (typeof value !== "string" && typeof value !== "number") {
    throw new DataError(file, where, `the label is ${shown(value)}`, "labels are text or numbers");
  }
  const text = String(value).trim();
  const named = (nliLabels as readonly string[]).indexOf(text);
  return named >= 0 ? String(named) : text;
}

/**
 * Labels by id. Accepts a JSON object from id to label, a JSON list, JSON lines with "label" (and "idx" or "id"), or lines
 * of text: one label, "label TAB genre", or "premise TAB hypothesis TAB label". Rows without an id count from 0.
 * NLI's label names equal their numbers.
 */
export function readLabels(text: string, file: string): Map<string, string> {
  const trimmed = text.trim();
  const labels = new Map<string, string>();
  const add = (id: string, value: unknown, where: string) => {
    if (labels.has(id)) throw new DataError(file, where, `the id ${id} occurs twice`, "make the ids unique");
    labels.set(id, labelText(value, file, where));
  };
  const lineByLine = /^\{[^\n]*\}\s*(\n\s*\{|$)/.test(trimmed) && /"label"\s*:/.test(trimmed.split("\n")[0]);
  if (lineByLine) {
    parseJsonLines(text, file).forEach(({ line, fields }, index) =>
      add(String(fields.idx ?? fields.id ?? index), fields.label, `line ${line}`)
    );
  } else if (trimmed.startsWith("{")) {
    for (const [id, value] of Object.entries(asFields(parseJson(text, file), file, ""))) {
      add(id, value, `id ${id}`);
    }
  } else if (trimmed.startsWith("[")) {
    (parseJson(text, file) as unknown[]).forEach((value, index) =>
      add(String(index), value, `item ${index}`)
    );
  } else {
    parseTsv(text).forEach(({ cells, line }, index) =>
      add(String(index), cells.length === 3 ? cells[2] : cells[0], `line ${line}`)
    );
  }
  if (labels.size === 0) throw new DataError(file, "", "no labels", "check that the file is whole");
  return labels;
}

async function scoreLabels(request: ScoreRequest): Promise<FileScores> {
  const references = readLabels(await runtime.readText(request.references), request.references);
  const predictions = readLabels(await runtime.readText(request.predictions), request.predictions);
  const missing = [...references.keys()].filter((id) => !predictions.has(id));
  let right = 0;
  for (const [id, label] of references) if (predictions.get(id) === label) right++;
  checkCoverage(missing, predictions.size - (references.size - missing.length), request);
  return {
    kind: "accuracy",
    count: references.size,
    missing: missing.length,
    metrics: { accuracy: (100 * right) / references.size },
  };
}

/** Scores a file of predictions. Throws with the valid kinds, languages or formats when the request is wrong. */
export function scoreFiles(kind: ScoreKind, request: ScoreRequest): Promise<FileScores> {
  if (kind === "accuracy") return scoreLabels(request);
  if (kind === "squad" || kind === "mlqa") return scoreText(kind, request);
  return Promise.reject(new Error(`score: no kind "${kind}"; choose one of ${scoreKinds.join(", ")}`));
}
