// One error type for the engine, so that a caller can tell our refusals from a bug in the runtime.
// Wording follows one pattern: action, values, what was wanted, next step.

export class CoreError extends Error {
  override name = "CoreError";
}

/** A device or a host has no room; the step can be taken in pieces, which changes no number but by rounding. */
export class OutOfMemoryError extends CoreError {
  override name = "OutOfMemoryError";
}

/** The remedy that each of them names. */
export const smallerPieces = "hold fewer examples on the device at a time (micro-batch)";

export function fail(message: string): never {
  throw new CoreError(message);
}
