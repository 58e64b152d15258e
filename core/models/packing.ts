// A checked batch without its padding: only the tokens that something reads are kept, row after row.
// It leaves what may go without padding to the heads, and which backends compute such rows to them (`packsRows`).

import type { HostBatch } from "./batch.ts";

/**
 * The same batch with the padding left out, where there is some, all of it at the ends of rows, and nothing reads it. Gains what
 * padding costs; the numbers are those of the padded batch up to the order of summation.
 */
export function packed(whole: HostBatch): HostBatch {
  const { rows, tokens, mask } = whole;
  if (mask === undefined || whole.packing !== undefined || !whole.isPaddingUnread) return whole;
  const starts = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    const count = lengthOf(mask.subarray(row * tokens, (row + 1) * tokens));
    if (count === 0) return whole;
    starts[row + 1] = starts[row] + count;
  }
  const places = new Int32Array(starts[rows]);
  const numbers = new Int32Array(rows * tokens).fill(places.length);
  for (let row = 0; row < rows; row++) {
    for (let at = starts[row]; at < starts[row + 1]; at++) {
      places[at] = row * tokens + at - starts[row];
      numbers[places[at]] = at;
    }
  }
  const kept = (values: Int32Array) => places.map((place) => values[place]);
  return {
    ...whole,
    ids: kept(whole.ids),
    positions: whole.positions && kept(whole.positions),
    types: whole.types && kept(whole.types),
    mask: undefined,
    firsts: starts.slice(0, rows),
    packing: { starts, places, numbers },
  };
}

/** Ones at the row's beginning; 0 when ones follow after a zero, which no tokenizer makes. */
function lengthOf(mask: Int32Array): number {
  const zero = mask.indexOf(0);
  if (zero < 0) return mask.length;
  return mask.indexOf(1, zero) < 0 ? zero : 0;
}
