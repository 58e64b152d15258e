// Promises a verdict on whether two engines computed the same, from the digests of their results.
// Leaves making digests to engines/digest.ts and what is done about a disagreement to measure.ts.
import type { Digest } from "./engines/digest.ts";

export interface Agreement {
  agrees: boolean;
  /** Largest deviation found, relative to the root mean square of our result. */
  deviation: number;
  /** Where it was found: name of the output and what differed. */
  where: string;
}

/** float32 products over thousands of terms, in another order, through a few layers: seen up to 2e-4. */
export const tolerance = 2e-3;

/** Operands rounded to f16, 5e-4 each, through the layers of an encoder and back; a wrong result is off by 1 or so. */
export const halfTolerance = 5e-2;

type Digests = Readonly<Record<string, Digest>>;

/**
 * Each output's sample is compared element by element, its norm, and its sum (whose rounding grows with √length), all relative
 * to the root mean square of ours. A missing output or a value that is no number disagrees.
 */
export function compare(ours: Digests, theirs: Digests, allowed = tolerance): Agreement {
  let worst: Agreement = { agrees: true, deviation: 0, where: "" };
  const note = (deviation: number, where: string) => {
    // A NaN compares false with everything: it must not pass.
    if (!(deviation <= worst.deviation)) worst = { agrees: deviation <= allowed, deviation, where };
  };
  for (const [name, mine] of Object.entries(ours)) {
    const other = theirs[name];
    if (other === undefined) return { agrees: false, deviation: Infinity, where: `${name} is absent` };
    if (other.length !== mine.length) {
      return {
        agrees: false,
        deviation: Infinity,
        where: `${name} has ${other.length} values, ours ${mine.length}`,
      };
    }
    const scale = mine.norm / Math.sqrt(mine.length) || 1;
    mine.sample.forEach((value, i) => note(deviationOf(value, other.sample[i], scale), `${name}, element`));
    note(deviationOf(mine.norm, other.norm, mine.norm || 1), `${name}, norm`);
    note(deviationOf(mine.sum, other.sum, scale * Math.sqrt(mine.length)), `${name}, sum`);
  }
  return worst;
}

/** JSON turns what is no number into null. */
function deviationOf(a: number | null, b: number | null | undefined, scale: number): number {
  if (typeof a !== "number" || typeof b !== "number") return Infinity;
  const deviation = Math.abs(a - b) / scale;
  return Number.isNaN(deviation) ? Infinity : deviation;
}
