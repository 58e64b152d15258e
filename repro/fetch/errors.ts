// Promises one error type for everything that can go wrong with a download: what was fetched, from where, what came instead,
// what to do next. Leaves finding faults to http.ts and download.ts.

export type FetchFault =
  | "offline"
  | "network"
  | "unauthorized"
  | "gated"
  | "missing"
  | "rate-limited"
  | "server"
  | "redirect"
  | "html"
  | "truncated"
  | "corrupt"
  | "changed"
  | "revision"
  | "disk"
  | "unknown";

export class FetchError extends Error {
  readonly fault: FetchFault;
  readonly what: string;
  /** The problem in a few words, for the line that announces another try. */
  short: string;
  constructor(fault: FetchFault, what: string, problem: string, next: string, cause?: unknown) {
    super(`fetch ${what}: ${problem}; ${next}`, { cause });
    this.name = "FetchError";
    this.fault = fault;
    this.what = what;
    this.short = problem;
  }
}

/** The error with a few words for its problem. */
export function inShort(error: FetchError, short: string): FetchError {
  error.short = short;
  return error;
}

/** An address without its query, which may hold a signature. */
export function shownUrl(url: string): string {
  const [address, query] = url.split("?");
  return query === undefined ? address : `${address}?…`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}
