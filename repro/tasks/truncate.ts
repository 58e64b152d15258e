// Promises the two ways in which inputs are cut to length: windows over a long context, and longest-first for pairs.
// Leaves special tokens to batch.ts; all lengths here are without them.

/** Special tokens around a pair of segments, by style. */
export const pairSpecials = { bert: 3, "xlm-roberta": 4 } as const;

/**
 * Windows [start, end) of at most `size` tokens over `length` tokens, each sharing `overlap` tokens with the one before;
 * the last one ends at the end. Throws when the windows could not advance.
 */
export function windows(length: number, size: number, overlap: number): [start: number, end: number][] {
  if (length <= size) return [[0, length]];
  if (size <= overlap) {
    throw new Error(
      `windows: ${size} tokens a window with ${overlap} shared; raise maxLength or lower docStride`,
    );
  }
  const found: [number, number][] = [];
  for (let start = 0;; start += size - overlap) {
    const end = Math.min(start + size, length);
    found.push([start, end]);
    if (end === length) return found;
  }
}

/**
 * Lengths of two segments cut to `limit` tokens in all, tokens taken from the longer one until both are equal.
 * An odd token left over stays with the longer segment (the second where they were equal).
 */
export function longestFirst(first: number, second: number, limit: number): [first: number, second: number] {
  if (first + second <= limit) return [first, second];
  if (first > second) {
    const [short, long] = longestFirst(second, first, limit);
    return [long, short];
  }
  const half = Math.floor(limit / 2);
  return first <= half ? [first, limit - first] : [half, limit - half];
}
