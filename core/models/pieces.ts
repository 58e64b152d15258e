// A checked batch cut into pieces of a few examples each, whose losses and gradients add up to the whole batch's.
// It leaves running them one after another to training/, and which random numbers a piece draws to nn/dropout.ts.

import { fail } from "../errors.ts";
import type { HostBatch, HostTargets } from "./batch.ts";

/** A part of a batch; `firstRow` is its first row in the whole. */
export interface Piece {
  readonly batch: HostBatch;
  readonly firstRow: number;
}

/**
 * Consecutive pieces of `size` examples, the last one maybe smaller. Each row keeps its share of the whole batch's loss (targets'
 * weights), so the mean over the batch is the sum over its pieces. A batch that is no larger comes back as it is.
 */
export function pieces(whole: HostBatch, size: number): Piece[] {
  if (!(Number.isInteger(size) && size > 0)) {
    fail(`pieces of a batch: ${size} examples each; wanted a whole number from 1`);
  }
  if (whole.examples <= size) return [{ batch: whole, firstRow: 0 }];
  const out: Piece[] = [];
  for (let from = 0; from < whole.examples; from += size) {
    const to = Math.min(whole.examples, from + size);
    out.push({ batch: part(whole, from, to), firstRow: from * whole.choices });
  }
  return out;
}

/** Examples `from` … `to` − 1. */
function part(whole: HostBatch, from: number, to: number): HostBatch {
  const { choices, tokens, examples } = whole;
  const first = from * choices * tokens, end = to * choices * tokens;
  const rows = (values: Int32Array) => values.subarray(first, end);
  const predicted = whole.predicted && within(whole.predicted, first, end);
  return {
    examples: to - from,
    choices,
    rows: (to - from) * choices,
    tokens,
    ids: rows(whole.ids),
    positions: whole.positions && rows(whole.positions),
    types: whole.types && rows(whole.types),
    mask: whole.mask && rows(whole.mask),
    packing: undefined,
    firsts: whole.firsts.subarray(0, (to - from) * choices),
    firstPlaces: whole.firstPlaces.subarray(0, (to - from) * choices),
    isPaddingUnread: whole.isPaddingUnread,
    relative: whole.relative,
    predicted: predicted && orNone(whole.predicted!.subarray(...predicted).map((token) => token - first), 0),
    targets: whole.targets.map((each, i) =>
      // Masked-language modelling: one target for each predicted token. All other heads: blocks of one for each example.
      predicted && i === 0 ? cut(each, [predicted]) : cut(
        each,
        Array.from({ length: each.targets.length / examples }, (_, block) => [
          block * examples + from,
          block * examples + to,
        ]),
      )
    ),
  };
}

/** One value that does not count where there is none: no kernel sees an empty matrix. */
const orNone = (values: Int32Array, none: number) => values.length > 0 ? values : Int32Array.of(none);

/** Places of the first number ≥ `first` and of the first ≥ `end` in ascending numbers. */
function within(ascending: Int32Array, first: number, end: number): [number, number] {
  const place = (limit: number) => {
    const found = ascending.findIndex((each) => each >= limit);
    return found < 0 ? ascending.length : found;
  };
  return [place(first), place(end)];
}

function cut({ targets, weights }: HostTargets, ranges: readonly number[][]): HostTargets {
  const length = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  const out = { targets: new Int32Array(length), weights: new Float64Array(length) };
  let at = 0;
  for (const [from, to] of ranges) {
    out.targets.set(targets.subarray(from, to), at);
    out.weights.set(weights.subarray(from, to), at);
    at += to - from;
  }
  return length > 0 ? out : { targets: Int32Array.of(-1), weights: Float64Array.of(0) };
}
