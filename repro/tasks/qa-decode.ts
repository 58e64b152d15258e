// Promises the best answer span of each question over all of its windows, as the published script chooses it.
// Leaves tokens and windows to qa.ts.
import { codePoints } from "../data/codepoints.ts";
import type { Window } from "./qa.ts";
import type { Encoded } from "../tokenizers/tokenizer.ts";

/** Starts and ends considered in a window, by score. */
const bestPositions = 20;
/** Longest answer in tokens. */
const longestAnswer = 30;

interface Candidate {
  score: number;
  window: number;
  start: number;
  end: number;
}

/** Positions of the `count` largest of `length` values from `offset`, largest first, the lower position among equals. */
export function largest(values: ArrayLike<number>, offset: number, length: number, count: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < length; i++) {
    const value = values[offset + i];
    if (best.length === count && !(value > values[offset + best[count - 1]])) continue;
    let at = best.length;
    while (at > 0 && value > values[offset + best[at - 1]]) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}

/**
 * Takes 20 best starts × 20 best ends of each window, keeps those inside the context with end ≥ start and at most 30 tokens,
 * and remembers the highest sum. Among equal sums the earlier window wins, then the better start, then the better end.
 */
export class SpanDecoder {
  readonly #best: (Candidate | undefined)[];
  readonly #count: Int32Array;
  readonly #seen: Uint8Array;

  constructor(examples: number) {
    this.#best = new Array(examples);
    this.#count = new Int32Array(examples);
    this.#seen = new Uint8Array(examples);
  }

  /** One row of scores, each `length` values from `offset`. `number` is the window's own, which settles ties. */
  add(
    number: number,
    window: Window,
    tokens: Encoded,
    start: ArrayLike<number>,
    end: ArrayLike<number>,
    offset: number,
    length: number,
  ): void {
    const { example, from, count, secondFrom } = window;
    this.#seen[example] = 1;
    const inContext = (position: number) => position >= secondFrom && position < secondFrom + count;
    const ends = largest(end, offset, length, bestPositions).filter(inContext);
    for (const first of largest(start, offset, length, bestPositions)) {
      if (!inContext(first)) continue;
      for (const last of ends) {
        if (last < first || last - first + 1 > longestAnswer) continue;
        this.#count[example]++;
        // Single precision, as the scores were summed there; otherwise ties would fall differently.
        const score = Math.fround(start[offset + first] + end[offset + last]);
        const best = this.#best[example];
        if (best && !(score > best.score || (score === best.score && number < best.window))) continue;
        this.#best[example] = {
          score,
          window: number,
          start: tokens.starts[from + first - secondFrom],
          end: tokens.ends[from + last - secondFrom],
        };
      }
    }
  }

  /** The answer text of each example, "empty" where no span qualified. Throws when an example had no window. */
  finish(contexts: readonly string[]): string[] {
    return contexts.map((context, example) => {
      if (!this.#seen[example]) {
        throw new Error(`evaluate: example ${example} was never scored; pass every item through add`);
      }
      const best = this.#best[example];
      if (!best) return "empty";
      const text = codePoints(context).slice(best.start, best.end);
      return text === "" && this.#count[example] === 1 ? "empty" : text;
    });
  }
}
