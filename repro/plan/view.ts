// Promises a plan in words: table by table what is there and missing, then all distinct runs with their work and time.
// Leaves the numbers to plan.ts.
import type { Download } from "../paper/mod.ts";
import type { Plan, PlannedRun } from "./plan.ts";

/** 1234567 FLOP as "1.2 MFLOP", in the field's decimal prefixes. */
export function flopsText(flops: number): string {
  const prefixes = ["", "k", "M", "G", "T", "P", "E", "Z"];
  const at = flops > 0 ? Math.min(prefixes.length - 1, Math.floor(Math.log10(flops) / 3)) : 0;
  return `${(flops / 1000 ** at).toPrecision(3)} ${prefixes[at]}FLOP`;
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const at = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10)) : 0;
  return `${(bytes / 1024 ** at).toFixed(at === 0 ? 0 : 1)} ${units[at]}`;
}

export function hoursText(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(0)} min`;
  const hours = seconds / 3600;
  if (hours < 72) return `${hours.toFixed(1)} h`;
  const days = hours / 24;
  return days < 1000 ? `${days.toFixed(0)} days` : `${(days / 365.25).toFixed(1)} years`;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Runs of one kind: everything but the seed. */
function kinds(runs: readonly PlannedRun[]): PlannedRun[][] {
  const found = new Map<string, PlannedRun[]>();
  for (const run of runs) found.set(run.kind, [...found.get(run.kind) ?? [], run]);
  return [...found.values()];
}

/** "12.0 MiB, about 1.0 GiB (estimate), 3 files of unknown size". */
function sizeText({ bytes, estimated, unknown }: Omit<Download, "what">): string {
  return [
    ...(bytes === null ? [] : [bytesText(bytes)]),
    ...(estimated === undefined ? [] : [`about ${bytesText(estimated)} (estimate)`]),
    ...(unknown === 0 ? [] : [`${unknown} file${unknown === 1 ? "" : "s"} of unknown size`]),
  ].join(", ");
}

function totalOf(downloads: readonly Download[]): Omit<Download, "what"> {
  const guessed = downloads.flatMap(({ estimated }) => estimated ?? []);
  return {
    bytes: sum(downloads.map(({ bytes }) => bytes ?? 0)),
    ...(guessed.length === 0 ? {} : { estimated: sum(guessed) }),
    unknown: sum(downloads.map(({ unknown }) => unknown)),
  };
}

export function planLines(plan: Plan): string[] {
  const open = plan.runs.filter(({ state }) => state !== "finished");
  const lines = [
    `plan for ${plan.targets.join(" ")} at scale ${plan.scale}, fidelity ${plan.fidelity}, seeds ${
      plan.seeds.join(" ")
    }, backend ${plan.backend}; nothing is started`,
    "",
  ];
  for (const { name, cells, runs, finished, alone, gaps } of plan.tables) {
    const state = runs === 0 ? "no run" : `${finished} of ${runs} runs finished, ${alone} for it alone`;
    lines.push(
      `${name.padEnd(9)} ${cells === 0 ? "    figure" : `${String(cells).padStart(4)} cells`}: ${state}${
        gaps.map((gap) => `; ${gap}`).join("")
      }`,
    );
  }
  lines.push("");
  const wished = sum(plan.tables.map(({ runs }) => runs));
  lines.push(
    `${plan.runs.length} distinct runs (the targets ask for ${wished}), ${
      plan.runs.length - open.length
    } finished, ${open.length} to make`,
  );
  const total = (of: (run: PlannedRun) => number) => flopsText(sum(open.map(of)));
  lines.push(
    `work to do: ${total(({ work }) => work.total)}: updates ${total(({ work }) => work.training)}, tr(F) ${
      total(({ work }) => work.fisher)
    }, scoring ${total(({ work }) => work.evaluation)}; on the disk ${
      bytesText(sum(open.map(({ work }) => work.bytes)))
    }`,
  );
  if (plan.probes.length > 0 && open.length > 0) {
    const seconds = sum(open.map((run) => run.seconds ?? 0));
    lines.push(
      `time here: about ${hoursText(seconds / plan.jobs)} with ${plan.jobs} process${
        plan.jobs === 1 ? "" : "es"
      } (${hoursText(seconds)} of one)`,
    );
    for (const { device, what, flopsPerSecond } of plan.probes) {
      lines.push(`  probe: ${flopsText(flopsPerSecond)}/s on ${device}: ${what}`);
    }
  }
  for (const each of plan.downloads) lines.push(`  to fetch: ${each.what}: ${sizeText(each)}`);
  if (plan.downloads.length > 1) lines.push(`  to fetch in all: ${sizeText(totalOf(plan.downloads))}`);
  if (plan.downloads.some(({ estimated }) => estimated !== undefined)) {
    lines.push(
      "  estimates: 4 bytes for each parameter that the model's widths make; no source states these sizes",
    );
  }
  for (const each of plan.provisional) lines.push(`  before it can be run: ${each}`);
  if (open.length > 0) lines.push("", "runs to make, what unlocks most first:");
  for (const runs of kinds(open)) {
    const [{ kind, unlocks, work, seconds }] = runs;
    const seeds = runs.map(({ spec }) => spec.seed).join(" ");
    lines.push(
      `  ${kind} × ${runs.length} (seeds ${seeds}): ${flopsText(work.total)} each, ${work.steps} updates${
        seconds === undefined ? "" : `, ${hoursText(seconds)} each`
      }; unlocks ${unlocks.join(" ")}`,
    );
  }
  return lines;
}
