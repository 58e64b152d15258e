// Promises questions over long contexts as windows with span labels, and F1 and EM of the decoded answers.
// Leaves reading files to data/squad.ts, choosing spans to qa-decode.ts and scoring to metrics/.
import type { QaExample } from "../data/types.ts";
import { stripStart } from "../data/whitespace.ts";
import { scoreAnswers, type ScoringRule } from "../metrics/answers.ts";
import { joinPair, type Padding, padRows, type Row } from "./batch.ts";
import { SpanDecoder } from "./qa-decode.ts";
import { checkedIndices, checkedOutputs, type TaskData } from "./task-data.ts";
import type { Encoded, Tokenizer } from "../tokenizers/tokenizer.ts";
import { pairSpecials, windows } from "./truncate.ts";

export interface QaOptions {
  /** Longest row in tokens, special tokens included. */
  readonly maxLength: number;
  /** Tokens that neighbouring windows of one context share. */
  readonly docStride: number;
  readonly padding?: Padding;
  /**
   * "exact" (the default): the answer's own tokens. "authors-code": as the published search finds them, which differs in two
   * corners. An answer that begins in a window's last context token starts at the row's last position (padded to maxLength);
   * and where two tokens end together (XLM-R's lone "▁" and the character after it), the end may lie before the start.
   */
  readonly spanLabels?: "exact" | "authors-code";
  /** How answers are compared; see metrics/answers.ts. Default: SQuAD v1.1. */
  readonly scoring?: ScoringRule;
}

/** A row that shows `count` tokens of an example's context, from context token `from`, at row position `secondFrom`. */
export interface Window extends Row {
  readonly example: number;
  readonly from: number;
  readonly count: number;
}

/** One context as tokenized; shared by all questions on it. */
export interface ContextTokens {
  readonly text: string;
  readonly tokens: Encoded;
}

async function encodeAll(tokenizer: Tokenizer, texts: readonly string[]): Promise<Map<string, Encoded>> {
  const distinct = [...new Set(texts)];
  const encoded = await tokenizer.encode(distinct);
  return new Map(distinct.map((text, index) => [text, encoded[index]]));
}

/** All windows of all examples in order, with the tokens of each example's context. */
export async function qaWindows(
  tokenizer: Tokenizer,
  examples: readonly QaExample[],
  options: Pick<QaOptions, "maxLength" | "docStride">,
): Promise<{ windows: Window[]; contexts: ContextTokens[] }> {
  const questions = examples.map((example) => stripStart(example.question));
  const questionTokens = await encodeAll(tokenizer, questions);
  const contextTokens = await encodeAll(tokenizer, examples.map((example) => example.context));
  const found: Window[] = [];
  const contexts = examples.map((example, index): ContextTokens => {
    const question = questionTokens.get(questions[index])!;
    const tokens = contextTokens.get(example.context)!;
    const room = options.maxLength - pairSpecials[tokenizer.style] - question.ids.length;
    if (room < 1 || (tokens.ids.length > room && room <= options.docStride)) {
      throw new Error(
        `question ${example.id}: ${question.ids.length} question tokens leave ${room} of maxLength ${options.maxLength} for the ` +
          `context, more than docStride ${options.docStride} are needed; raise maxLength or lower docStride`,
      );
    }
    for (const [from, to] of windows(tokens.ids.length, room, options.docStride)) {
      const row = joinPair(tokenizer, question.ids, tokens.ids.subarray(from, to));
      found.push({ ...row, example: index, from, count: to - from });
    }
    return { text: example.context, tokens };
  });
  return { windows: found, contexts };
}

/**
 * Row positions of the answer's first and last token; [0, 0] (the first special token) where the window does not hold
 * the whole answer. `start` and `end` count code points of the context, `end` exclusive.
 */
export function spanLabels(
  window: Window,
  tokens: Encoded,
  start: number,
  end: number,
  rule: "exact" | "authors-code" = "exact",
): [first: number, last: number] {
  const { from, count, secondFrom } = window;
  if (count === 0 || tokens.starts[from] > start || tokens.ends[from + count - 1] < end) return [0, 0];
  let first = from;
  while (first + 1 < from + count && tokens.starts[first + 1] <= start) first++;
  let last = from + count - 1;
  const lowest = rule === "exact" ? first : from;
  while (last - 1 >= lowest && tokens.ends[last - 1] >= end) last--;
  return [secondFrom + first - from, secondFrom + last - from];
}

/** Prepares questions for training and evaluation. Labels use each example's first answer. */
export async function qaData(
  tokenizer: Tokenizer,
  examples: readonly QaExample[],
  options: QaOptions,
): Promise<TaskData> {
  const { windows: rows, contexts } = await qaWindows(tokenizer, examples, options);
  const padding = options.padding ?? { to: options.maxLength };
  const starts = new Int32Array(rows.length);
  const ends = new Int32Array(rows.length);
  rows.forEach((window, index) => {
    const { text, start } = examples[window.example].answers[0];
    const { tokens } = contexts[window.example];
    const [first, last] = spanLabels(window, tokens, start, start + [...text].length, options.spanLabels);
    const atLastToken = first > 0 && first === window.secondFrom + window.count - 1;
    // The position exists only in rows padded to the full length; shorter ones take their last.
    starts[index] = atLastToken && options.spanLabels === "authors-code" ? options.maxLength - 1 : first;
    ends[index] = last;
  });
  return {
    kind: "span",
    examples: examples.length,
    size: rows.length,
    lengths: Int32Array.from(rows, (row) => row.ids.length),
    collate(wanted) {
      const indices = checkedIndices(wanted, rows.length);
      const padded = padRows(Array.from(indices, (index) => rows[index]), tokenizer, padding);
      return {
        size: indices.length,
        ...padded,
        labels: {
          kind: "span",
          start: indices.map((index) => Math.min(starts[index], padded.length - 1)),
          end: indices.map((index) => ends[index]),
        },
        indices,
      };
    },
    evaluation() {
      const decoder = new SpanDecoder(examples.length);
      return {
        add(batch, outputs) {
          const count = batch.rows * batch.length;
          const { start, end } = checkedOutputs("span", outputs, { start: count, end: count });
          batch.indices.forEach((index, row) => {
            const window = rows[index];
            decoder.add(
              index,
              window,
              contexts[window.example].tokens,
              start,
              end,
              row * batch.length,
              batch.length,
            );
          });
        },
        finish() {
          const texts = decoder.finish(contexts.map((context) => context.text));
          const predictions = Object.fromEntries(
            examples.map((example, index) => [example.id, texts[index]]),
          );
          return {
            ...scoreAnswers(examples, predictions, options.scoring ?? { rule: "squad" }),
            predictions,
          };
        },
      };
    },
  };
}
