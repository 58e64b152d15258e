// One error type for the engine, so that a caller can tell our refusals from a bug in the runtime.
// Wording follows one pattern: action, values, what was wanted, next step.

export class CoreError extends Error {
  override name = "CoreError";
}

export function fail(message: string): never {
  throw new CoreError(message);
}
