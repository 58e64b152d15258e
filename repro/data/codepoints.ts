// Promises conversion between UTF-16 positions (JavaScript) and code-point positions (data files, tokenizers).
// Leaves grapheme clusters alone: no data format here counts them.

const surrogate = /[\uD800-\uDFFF]/;

/** Maps code-point positions of one text to UTF-16 positions; the identity where the text has no astral character. */
export interface CodePoints {
  /** Number of code points. */
  readonly length: number;
  /** UTF-16 position of code point `index`; `index === length` gives the end of the text. */
  toUtf16(index: number): number;
  /** The text between two code-point positions. */
  slice(start: number, end: number): string;
}

/** Prepares `text` for code-point addressing, in time linear in its length. */
export function codePoints(text: string): CodePoints {
  if (!surrogate.test(text)) {
    return { length: text.length, toUtf16: (index) => index, slice: (start, end) => text.slice(start, end) };
  }
  const starts: number[] = [];
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) starts.push(unit);
  starts.push(text.length);
  const at = (index: number) => starts[Math.min(Math.max(index, 0), starts.length - 1)];
  return { length: starts.length - 1, toUtf16: at, slice: (start, end) => text.slice(at(start), at(end)) };
}

/** Number of code points in `text`. */
export const codePointLength = (text: string): number => codePoints(text).length;
