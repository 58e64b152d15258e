// Promises white space exactly as Python's str methods see it, because the published scripts were written with them.
// Leaves tokenization to tokenizers/.

// JavaScript's own class differs: it has U+FEFF and lacks U+001C–U+001F and U+0085.
const space = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const leading = new RegExp(`^[${space}]+`);
const between = new RegExp(`[${space}]+`);

/** Like Python's `str.lstrip()`. */
export const stripStart = (text: string): string => text.replace(leading, "");

/** Like Python's `str.split()`: the pieces between white space, none of them empty. */
export const splitWhitespace = (text: string): string[] =>
  text.split(between).filter((piece) => piece !== "");
