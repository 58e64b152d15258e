// Promises how two runs differ: fields of their specifications, numbers, unfreezing schedules, and what made them.
// Leaves finding the runs to the caller.
import type { FinishedRun, ScheduleEntry } from "./record.ts";

export interface Difference {
  field: string;
  a: unknown;
  b: unknown;
}

export interface Comparison {
  specification: Difference[];
  /** By metric, the largest difference first; b minus a. */
  metrics: { metric: string; a: number; b: number; difference: number }[];
  /** Metrics that only one of them has. */
  onlyIn: { a: string[]; b: string[] };
  /** From which update on each layer was open: null: never. */
  schedule: { layer: number; a: number | null; b: number | null }[];
  provenance: Difference[];
}

/** Every leaf at which two values differ, by its path. */
function differences(a: unknown, b: unknown, path: string): Difference[] {
  const plain = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (plain(a) && plain(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
      differences(a[key], b[key], path === "" ? key : `${path}.${key}`)
    );
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ field: path, a: a ?? null, b: b ?? null }];
}

const openedAt = (schedule: readonly ScheduleEntry[]): Map<number, number> =>
  new Map(schedule.flatMap(({ step, layers }) => layers.map((layer): [number, number] => [layer, step])));

export function compareRuns(a: FinishedRun, b: FinishedRun): Comparison {
  const metrics = Object.keys(a.metrics).filter((metric) => metric in b.metrics).map((metric) => ({
    metric,
    a: a.metrics[metric],
    b: b.metrics[metric],
    difference: b.metrics[metric] - a.metrics[metric],
  }));
  const [openA, openB] = [openedAt(a.schedule), openedAt(b.schedule)];
  const layers = [...new Set([...openA.keys(), ...openB.keys()])].sort((x, y) => y - x);
  return {
    specification: differences(a.spec, b.spec, ""),
    metrics: metrics.sort((x, y) => Math.abs(y.difference) - Math.abs(x.difference)),
    onlyIn: {
      a: Object.keys(a.metrics).filter((metric) => !(metric in b.metrics)),
      b: Object.keys(b.metrics).filter((metric) => !(metric in a.metrics)),
    },
    schedule: layers.map((layer) => ({ layer, a: openA.get(layer) ?? null, b: openB.get(layer) ?? null })),
    provenance: differences(a.provenance, b.provenance, ""),
  };
}

const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

export function comparisonLines(names: { a: string; b: string }, comparison: Comparison): string[] {
  const { specification, metrics, onlyIn, schedule, provenance } = comparison;
  const lines = [`a  ${names.a}`, `b  ${names.b}`, ""];
  lines.push(specification.length === 0 ? "specification: the same" : "specification:");
  for (const { field, a, b } of specification) lines.push(`  ${field}: ${shown(a)} → ${shown(b)}`);
  const equal = metrics.filter(({ difference }) => difference === 0).length;
  lines.push("", `metrics (b − a), ${equal} of ${metrics.length} equal:`);
  for (const { metric, a, b, difference } of metrics.filter((each) => each.difference !== 0)) {
    const sign = difference > 0 ? "+" : "";
    lines.push(
      `  ${metric.padEnd(24)}${a.toFixed(2).padStart(7)} → ${b.toFixed(2).padStart(7)}  ${sign}${
        difference.toFixed(2)
      }`,
    );
  }
  for (const side of ["a", "b"] as const) {
    if (onlyIn[side].length > 0) lines.push(`  only in ${side}: ${onlyIn[side].join(" ")}`);
  }
  const same = schedule.every(({ a, b }) => a === b);
  lines.push("", same ? "schedule: the same" : "schedule, update from which a layer is open:");
  const step = (at: number | null) => (at === null ? "never" : String(at));
  for (const { layer, a, b } of same ? [] : schedule) {
    lines.push(
      `  layer ${String(layer).padStart(2)}  ${step(a).padStart(6)} → ${step(b).padStart(6)}${
        a === b ? "" : "  ≠"
      }`,
    );
  }
  lines.push("", "made:");
  for (const { field, a, b } of provenance) lines.push(`  ${field}: ${shown(a)} → ${shown(b)}`);
  return lines;
}
