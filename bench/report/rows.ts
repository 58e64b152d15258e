// Promises what a measured engine's row says: median, rate, tokens per second, ratio to ours and whether it agrees, as numbers
// and as words. Leaves placing them in tables to the files beside this one.
import { median } from "../measure.ts";
import type { MeasuredEngine, MeasuredOperation } from "./results.ts";

export interface Row {
  engine: string;
  /** Milliseconds of one call; null where nothing was measured. */
  ms: number | null;
  /** GFLOP/s or GB/s, by the operation's own count. */
  rate: number | null;
  tokensPerSecond: number | null;
  /** Our time by this engine's: below 1 we are faster. null for ourselves and where results differ. */
  ratio: number | null;
  peakBytes: number | null;
  /** "ours", "yes (3e-6)", "NO: …", "–" (no such work), or what went wrong. */
  agreement: string;
  /** Whether the row may be compared; false draws it as a fault. */
  sound: boolean;
}

export const rateUnit = (operation: MeasuredOperation): "GFLOP/s" | "GB/s" =>
  operation.flops !== null ? "GFLOP/s" : "GB/s";

export function medianOf(result: MeasuredEngine | undefined): number | null {
  return result?.state === "measured" && result.samples.length > 0 ? median(result.samples) : null;
}

export function rowsOf(operation: MeasuredOperation): Row[] {
  const ours = medianOf(operation.results[0]);
  return operation.results.map((result, i) => {
    const ms = medianOf(result);
    const amount = operation.flops ?? operation.bytes;
    const isOurs = i === 0;
    const sound = result.state === "unsupported" ||
      (result.state === "measured" && result.agreement?.agrees !== false);
    return {
      engine: result.engine,
      ms,
      rate: ms !== null && amount !== null ? amount / ms / 1e6 : null,
      tokensPerSecond: ms !== null && operation.tokens !== null ? operation.tokens / ms * 1000 : null,
      ratio: !isOurs && sound && ms !== null && ours !== null ? ours / ms : null,
      peakBytes: result.state === "measured" ? result.memory?.peak ?? null : null,
      agreement: words(result, isOurs),
      sound,
    };
  });
}

function words(result: MeasuredEngine, isOurs: boolean): string {
  if (result.state === "unsupported") return "–";
  if (result.state === "failed") return `failed: ${result.message}`;
  if (isOurs) return "ours";
  if (result.agreement === null) return "unchecked";
  const { agrees, deviation, where } = result.agreement;
  const size = deviation === null ? "not finite" : deviation.toExponential(0);
  return agrees ? `yes (${size})` : `NO: ${where} (${size})`;
}

/** Three significant digits, without an exponent. */
export function short(value: number | null): string {
  if (value === null) return "–";
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(value >= 1 ? 2 : 3);
}

export const mebibytes = (bytes: number): string => `${short(bytes / 2 ** 20)} MiB`;
