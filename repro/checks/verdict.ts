// Promises a verdict for every cell of a table, with its reason in words. Leaves where reference numbers come from to
// reference.ts and the papers, and the two ways of comparing to published.ts and stored.ts.
//
// Two questions are asked of a number and they are not each other's opposite: is it shown to be within the tolerance (two
// one-sided tests), and is it shown to differ (Welch's t)? Where neither is shown the honest word is "underpowered".
// Where a paper prints no spread ours stands for both sides; that the two are alike is then assumed, and said.
//
// Many cells: "a difference is shown" is corrected (Holm), so that the chance of one false alarm in a table whose cells all
// agree stays below 5 %. "Consistent" is not: a table is consistent only if every cell is, and such a claim needs no
// correction (an intersection–union test).
import type { Illegible, Judgement, Reference } from "./judgement.ts";
import { compare, judgePublished, level } from "./published.ts";
import { holm } from "./statistics.ts";
import { judgeStored } from "./stored.ts";

export interface CellToJudge {
  /** Our values by seed. */
  values: ReadonlyMap<number, number>;
  /** A sentence where there is nothing to compare with. */
  reference: Reference | Illegible | string;
  /** Why there can be no value. */
  gap?: string;
}

/** Judges the cells of one table together, so that differences are corrected for their number. */
export function judgeAll(cells: readonly CellToJudge[]): Judgement[] {
  const comparisons = cells.map(({ values, reference }) =>
    typeof reference !== "string" && reference.kind === "published" && values.size > 0
      ? compare([...values.values()], reference)
      : undefined
  );
  const compared = comparisons.flatMap((each, index) => (each ? [index] : []));
  const shown = holm(compared.map((index) => comparisons[index]!.p), level);
  return cells.map(({ values, reference, gap }, index) => {
    if (gap !== undefined) return { verdict: "not comparable", why: gap };
    if (typeof reference !== "string" && reference.kind === "illegible") {
      return { verdict: "not legible", why: reference.why };
    }
    if (values.size === 0) return { verdict: "missing", why: "no finished run" };
    if (typeof reference === "string") return { verdict: "not comparable", why: reference };
    if (reference.kind === "stored") return judgeStored(values, reference);
    return judgePublished(comparisons[index], reference, {
      n: values.size,
      shown: shown[compared.indexOf(index)] ?? false,
      cells: compared.length,
    });
  });
}

/** Judges one cell for itself. */
export const judge = (
  values: ReadonlyMap<number, number>,
  reference: Reference | Illegible | string,
): Judgement => judgeAll([{ values, reference }])[0];
