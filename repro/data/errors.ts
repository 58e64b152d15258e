// Promises one error type for everything wrong with input data: file, place in it, what is wrong, what to do.
// Leaves errors of the disk itself to runtime.ts.

/** Input data is not what its format or name says. */
export class DataError extends Error {
  readonly file: string;
  constructor(file: string, where: string, problem: string, remedy: string, cause?: unknown) {
    super(`read ${file}${where ? `, ${where}` : ""}: ${problem}; ${remedy}`, { cause });
    this.name = "DataError";
    this.file = file;
  }
}

/** A value for an error message: quoted, cut short. */
export function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 60 ? text.slice(0, 57) + "…" : text;
}
