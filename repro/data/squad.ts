// Promises questions of any file in the SQuAD v1.1 layout (SQuAD, XQuAD, MLQA), with each answer that is not at its offset marked.
// Leaves windows and token positions to tasks/qa.ts.
import { codePoints } from "./codepoints.ts";
import { DataError, shown } from "./errors.ts";
import { arrayField, asFields, parseJson, stringField } from "./json.ts";
import type { QaExample } from "./types.ts";

/**
 * Reads `{data: [{paragraphs: [{context, qas: [{id, question, answers: [{text, answer_start}]}]}]}]}`.
 * `answer_start` counts code points. An answer that is not there is kept as the file has it, as the published scripts do: its label
 * is what lies at the offset, and scores compare texts alone. Throws DataError on a repeated id or a question without answers.
 */
export function readSquad(text: string, file: string): QaExample[] {
  const examples: QaExample[] = [];
  const seen = new Set<string>();
  const root = asFields(parseJson(text, file), file, "");
  arrayField(root, "data", file, "").forEach((article, a) => {
    const inArticle = `article ${a + 1}`;
    const paragraphs = arrayField(asFields(article, file, inArticle), "paragraphs", file, inArticle);
    paragraphs.forEach((value, p) => {
      const where = `${inArticle}, paragraph ${p + 1}`;
      const paragraph = asFields(value, file, where);
      const context = stringField(paragraph, "context", file, where);
      const points = codePoints(context);
      for (const qa of arrayField(paragraph, "qas", file, where)) {
        const example = readQuestion(qa, context, points.slice, file, where);
        if (seen.has(example.id)) {
          throw new DataError(
            file,
            `question ${example.id}`,
            "the id occurs twice",
            "scores are kept by id: make the ids unique",
          );
        }
        seen.add(example.id);
        examples.push(example);
      }
    });
  });
  if (examples.length === 0) throw new DataError(file, "", "no questions", "fetch the file again");
  return examples;
}

const asPublished = "used as the file has them, as the published scripts do";

/** Whether a sentence is about whole data that have a fault of their own, and not about a part of them. */
export const isRemark = (sentence: string): boolean => sentence.endsWith(asPublished);

/** A sentence about the answers that are not at their offsets; none where all are. */
export function misplacedAnswers(examples: readonly QaExample[], file: string): string[] {
  const all = examples.flatMap(({ id, answers }) => answers.map((answer) => ({ id, ...answer })));
  const elsewhere = all.filter((answer) => answer.isElsewhere);
  if (elsewhere.length === 0) return [];
  const [{ id, text, start }] = elsewhere;
  const counted = [elsewhere.length, all.length].map((n) => n.toLocaleString("en-US")).join(" of ");
  const others = elsewhere.length > 1 ? ", the first being" : ":";
  return [
    `${file}: ${counted} answers are not at their offset${others} ${
      shown(text)
    } at ${start} in question ${id}; ` +
    asPublished,
  ];
}

function readQuestion(
  value: unknown,
  context: string,
  slice: (start: number, end: number) => string,
  file: string,
  paragraph: string,
): QaExample {
  const fields = asFields(value, file, paragraph);
  const id = stringField(fields, "id", file, paragraph);
  const where = `question ${id}`;
  const question = stringField(fields, "question", file, where);
  const answers = arrayField(fields, "answers", file, where).map((item) => {
    const answer = asFields(item, file, where);
    const text = stringField(answer, "text", file, where);
    const start = answer.answer_start;
    if (typeof start !== "number" || !Number.isInteger(start) || start < 0) {
      throw new DataError(
        file,
        where,
        `"answer_start" must be a whole number from 0, found ${shown(start)}`,
        "correct the offset",
      );
    }
    const isThere = slice(start, start + [...text].length) === text;
    return isThere ? { text, start } : { text, start, isElsewhere: true as const };
  });
  if (answers.length === 0) {
    throw new DataError(
      file,
      where,
      "no answer",
      "SQuAD v1.1 has one or more for each question (v2 files are not read)",
    );
  }
  return { id, context, question, answers };
}
