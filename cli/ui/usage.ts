// Promises strict reading of what a person typed: every wrong word is answered with the right ones, and exit code 2.
// Leaves what the words mean to the commands.

/** A mistake of the caller: printed without a stack, exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** One of the allowed words. */
export function oneOf<T extends string>(what: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) {
    throw new UsageError(`unknown ${what} "${value}"; choose ${allowed.join(", ")}`);
  }
  return value as T;
}

/**
 * A comma-separated list of allowed words. A word that is the first part of others (up to a slash) stands for all of them:
 * "mbert" for mbert/standard, mbert/gu, …
 */
export function listOf(what: string, value: unknown, allowed: readonly string[]): string[] {
  if (value === undefined) return [...allowed];
  const chosen = String(value).split(",").flatMap((word) => {
    const found = allowed.filter((each) => each === word || each.startsWith(`${word}/`));
    if (found.length === 0) {
      throw new UsageError(`unknown ${what} "${word}"; choose from ${allowed.join(", ")}`);
    }
    return found;
  });
  return allowed.filter((each) => chosen.includes(each));
}

/** A whole number written as such: 4, not 04, 4.0 or 4x. */
export function wholeNumber(option: string, value: unknown, least: number): number {
  const text = String(value);
  const number = Number(text);
  if (!/^(0|[1-9]\d*)$/.test(text) || number < least) {
    throw new UsageError(`--${option} ${text}: a whole number from ${least} is needed`);
  }
  return number;
}

/** "4" is seeds 1 to 4; "2,5" or "7," is just those. */
export function seedsOf(value: unknown): number[] {
  const text = String(value);
  if (!text.includes(",")) return Array.from({ length: wholeNumber("seeds", text, 1) }, (_, i) => i + 1);
  const seeds = text.split(",").filter((part) => part !== "").map((part) => wholeNumber("seeds", part, 0));
  return [...new Set(seeds)].sort((a, b) => a - b);
}
