// Promises exact match and F1 of answer texts, in percent, under a named rule.
// Leaves the normal form of an answer to normalise.ts.
import { mlqaLanguages, mlqaNormaliser, type Normaliser, squadNormaliser } from "./normalise.ts";

/**
 * How answers are compared.
 * "squad": SQuAD v1.1 for any language. "mlqa": MLQA's rule of the answer's language.
 * "authors-code": SQuAD v1.1, but MLQA's for Chinese, standing in for the paper's unpublished script.
 */
export type ScoringRule =
  | { readonly rule: "squad" }
  | { readonly rule: "mlqa" | "authors-code"; readonly language: string };

export interface AnswerScores {
  readonly em: number;
  readonly f1: number;
}

/** The parts of a question that scoring needs. */
export interface Question {
  readonly id: string;
  readonly answers: readonly { readonly text: string }[];
}

const matches = (a: readonly string[], b: readonly string[]): number => a.join(" ") === b.join(" ") ? 1 : 0;

/** Harmonic mean of precision and recall over tokens as multisets; 0 where none is shared, even if both are empty. */
export function tokenF1(prediction: readonly string[], reference: readonly string[]): number {
  const left = new Map<string, number>();
  for (const token of reference) left.set(token, (left.get(token) ?? 0) + 1);
  let shared = 0;
  for (const token of prediction) {
    const count = left.get(token) ?? 0;
    if (count === 0) continue;
    left.set(token, count - 1);
    shared++;
  }
  if (shared === 0) return 0;
  const precision = shared / prediction.length;
  const recall = shared / reference.length;
  return (2 * precision * recall) / (precision + recall);
}

/** EM and F1 (each 0 or 1 … 0 to 1) of one prediction: the best over the references, for each by itself. */
export function scoreAnswer(
  prediction: string,
  references: readonly string[],
  normalise: Normaliser,
): AnswerScores {
  const tokens = normalise(prediction);
  let [em, f1] = [0, 0];
  for (const reference of references) {
    const wanted = normalise(reference);
    em = Math.max(em, matches(tokens, wanted));
    f1 = Math.max(f1, tokenF1(tokens, wanted));
  }
  return { em, f1 };
}

/** Mean over all questions in percent; a question without a prediction counts 0. Throws when there is no question. */
export function meanScores(
  questions: readonly Question[],
  predictions: Readonly<Record<string, string>>,
  normalise: Normaliser,
): AnswerScores & { missing: string[] } {
  if (questions.length === 0) throw new Error("score: no question; give references with at least one");
  const missing: string[] = [];
  let [em, f1] = [0, 0];
  for (const { id, answers } of questions) {
    if (!Object.hasOwn(predictions, id)) {
      missing.push(id);
      continue;
    }
    const one = scoreAnswer(predictions[id], answers.map((answer) => answer.text), normalise);
    em += one.em;
    f1 += one.f1;
  }
  return { em: (100 * em) / questions.length, f1: (100 * f1) / questions.length, missing };
}

function normaliserOf(scoring: ScoringRule): Normaliser {
  if (scoring.rule === "squad" || (scoring.rule === "authors-code" && scoring.language !== "zh")) {
    return squadNormaliser;
  }
  return mlqaNormaliser(scoring.language);
}

/** Scores under the rule asked for, and beside them under every published rule that fits the language. */
export function scoreAnswers(
  questions: readonly Question[],
  predictions: Readonly<Record<string, string>>,
  scoring: ScoringRule,
): { metrics: Record<string, number>; conventions: Record<string, Record<string, number>> } {
  const under = (normalise: Normaliser) => {
    const { em, f1 } = meanScores(questions, predictions, normalise);
    return { f1, em };
  };
  const conventions: Record<string, Record<string, number>> = { squad: under(squadNormaliser) };
  if (scoring.rule !== "squad" && mlqaLanguages.includes(scoring.language)) {
    conventions.mlqa = under(mlqaNormaliser(scoring.language));
  }
  return { metrics: under(normaliserOf(scoring)), conventions };
}
