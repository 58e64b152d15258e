// Promises `repro fetch`: says what is wanted, how big it is and what is free, then brings it and verifies it; 0 when all is
// there, 1 when something is not, 130 after Ctrl-C. Leaves the pins to papers/ and the work to repro/fetch.
import Table from "cli-table3";
import { bytesText, FetchError } from "../../repro/fetch/errors.ts";
import { type Outcome, runFetch } from "../../repro/fetch/fetch.ts";
import type { Client } from "../../repro/fetch/http.ts";
import { type Plan, planFetch, type PlannedFile } from "../../repro/fetch/plan.ts";
import { type FetchSettings, fetchSettings } from "../../repro/fetch/settings.ts";
import { type FileSet, type Origin, origins } from "../../repro/fetch/wanted.ts";
import { onInterrupt } from "../../repro/launch/process.ts";
import { resolve, warn, writeOutput } from "../../repro/runtime.ts";
import { fetchProgress } from "../ui/fetch-progress.ts";
import { oneOf, UsageError, wholeNumber } from "../ui/usage.ts";
import type { Values } from "../ui/arguments.ts";
import { papers } from "../papers.ts";
import type { Command } from "./command.ts";

const fetchable = (await papers()).flatMap(({ fetch }) => fetch ?? []);
const fetchNames = [...new Set(fetchable.flatMap(({ names }) => names))];

/** A word means what the first paper that knows it says; "all" is everything of every paper. */
function fetchSets(words: readonly string[], origin: Origin): Map<string, FileSet[] | null> {
  const seen = new Set<string>();
  return new Map(words.map((word) => {
    const known = fetchable.flatMap((each) => each.sets([word], origin).get(word) ?? []);
    return [word, known.length === 0 ? null : known.filter(({ id }) => !seen.has(id) && seen.add(id))];
  }));
}

export const command: Command = {
  name: "fetch",
  summary: "download and verify models, language adapters and data sets (a table's, a figure's, or by name)",
  positions: ["<what...>"],
  options: [
    {
      flag: "--from <origin>",
      help: `data sets from: ${origins.join(", ")} (the Hub's Parquet files)`,
      default: "original",
    },
    { flag: "--plan", help: "show sizes, evidence and free space, download nothing" },
    { flag: "--offline", help: "ask no server: verify what is there" },
    { flag: "--jobs <n>", help: "downloads side by side", default: "4" },
    { flag: "--retries <n>", help: "tries after the first, with growing pauses", default: "5" },
    { flag: "--lock <file>", help: "where digests are recorded (default in the cache, or REPRO_LOCK)" },
    {
      flag: "--trust-hub",
      help: "where a pin has one source only, take what the Hub describes at that commit",
    },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values, words) {
    const sets = setsOf(words, oneOf("origin", values.from, origins));
    const settings = await settingsOf(values);
    const stop = new AbortController();
    let asked = 0;
    const off = onInterrupt(() => {
      if (++asked === 1) stop.abort(new Error("interrupted"));
    });
    let note = warn;
    const client: Client = {
      ...settings,
      signal: stop.signal,
      silent: new Set(),
      onWait: (what, reason, seconds) =>
        note(`${what}: ${reason}; again in ${seconds.toFixed(seconds < 10 ? 1 : 0)} s`),
    };
    let outcomes = new Map<PlannedFile, Outcome>();
    try {
      const plan = await planFetch(sets, settings, client);
      if (!values.json) writeOutput(planText(plan, settings));
      // Said before a long download, not after it.
      for (const note of fetchable.flatMap((each) => each.notes?.(words) ?? [])) {
        warn(`not to be fetched: ${note}`);
      }
      const lacking = plan.disks.filter(({ free, needed }) => needed > free);
      for (const { folder, free, needed } of lacking) {
        warn(
          `fetch: ${folder} has ${bytesText(free)} free, ${
            bytesText(needed)
          } are needed; free some space, name less, ` +
            `or choose another disk by HF_HUB_CACHE and REPRO_CACHE`,
        );
      }
      if (!values.plan && lacking.length === 0 && plan.files.length > 0) {
        const progress = fetchProgress(plan);
        note = progress.note;
        try {
          outcomes = await runFetch(plan, settings, client, {
            onBytes: progress.bytes,
            onNote: progress.note,
            onDone: progress.done,
          });
        } finally {
          progress.stop();
          note = warn;
        }
      }
      return report(plan, outcomes, settings, values, lacking.length > 0);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      warn("\nstopped: what came is kept; the same command goes on from there");
      return 130;
    } finally {
      off();
    }
  },
};

function setsOf(words: readonly string[], origin: Origin): FileSet[] {
  if (words.length === 0) {
    throw new UsageError(
      `fetch: name what to fetch: ${fetchNames.join(", ")}, or a model of the Hub as org/name[@revision]`,
    );
  }
  const found: FileSet[] = [];
  for (const [word, sets] of fetchSets(words, origin)) {
    if (sets === null) {
      throw new UsageError(
        `fetch: unknown name "${word}"; choose ${fetchNames.join(", ")}, or org/name[@revision]`,
      );
    }
    found.push(...sets);
  }
  return found;
}

async function settingsOf(values: Values): Promise<FetchSettings> {
  return await fetchSettings({
    jobs: wholeNumber("jobs", values.jobs, 1),
    retries: wholeNumber("retries", values.retries, 0),
    ...(values.offline ? { offline: true } : {}),
    ...(values["trust-hub"] ? { trustHub: true } : {}),
    ...(values.lock === undefined ? {} : { lockPath: resolve(String(values.lock)) }),
  });
}

const filesText = (n: number) => `${n} file${n === 1 ? "" : "s"}`;

/** "3.0 MB + 2?": known bytes and files whose size nobody stated. */
const amount = (bytes: number, unsized: number) =>
  [bytes > 0 || unsized === 0 ? bytesText(bytes) : null, unsized > 0 ? `${unsized}?` : null]
    .filter((part) => part !== null).join(" + ");

/** One line for each set: where from, how big, how well pinned, what is there. */
function planText(plan: Plan, settings: FetchSettings): string {
  if (plan.files.length === 0) return "";
  const table = new Table({
    head: ["", "from", "files", "size", "to come", "digests"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", "right", "right", "right", "left"],
  });
  for (const set of new Set(plan.files.map((file) => file.set))) {
    const files = plan.files.filter((file) => file.set === set);
    const open = files.filter((file) => file.there !== "present");
    const sum = (some: PlannedFile[], of: (file: PlannedFile) => number) =>
      amount(
        some.reduce((total, file) => total + of(file), 0),
        some.filter((file) => file.there !== "present" && file.size === undefined).length,
      );
    const digests = (["strong", "single", "none"] as const).map((level) => {
      const n = files.filter(({ file }) => file.evidence === level).length;
      return n === 0 ? null : `${n} ${level === "none" ? "new" : level}`;
    });
    table.push([
      set.id,
      set.repo !== undefined
        ? `Hub @${files[0].commit!.slice(0, 8)}`
        : settings.mirror ?? new URL(files[0].urls[0]).host,
      String(files.length),
      sum(files, ({ size, have }) => size ?? have),
      open.length === 0 ? "all there" : sum(open, ({ size, have }) => Math.max(0, (size ?? 0) - have)),
      digests.filter((text) => text !== null).join(", "),
    ]);
  }
  const open = plan.files.filter(({ there }) => there !== "present").length;
  const lines = [
    table.toString(),
    "digests: strong, several sources agree; single, one source; new, recorded at the first download and compared from then on",
    ...(plan.unsized > 0 ? ["?: files whose size nobody stated yet"] : []),
    `${filesText(plan.files.length)}, ${
      open === 0 ? "all there" : `${open} to come: ${amount(plan.bytes, plan.unsized)}`
    }`,
    ...plan.disks.map(({ folder, free }) => `free: ${bytesText(free)} for ${folder}`),
  ];
  return lines.join("\n") + "\n";
}

/** The errors' messages; of many files that failed in one way on one host, the first with the number of the others. */
function distinct(errors: readonly unknown[]): string[] {
  const groups = new Map<string, { message: string; more: number }>();
  for (const error of errors) {
    const message = error instanceof Error ? error.message : String(error);
    const host = /https?:\/\/([^/]+)/.exec(message)?.[1] ?? "";
    const key = !(error instanceof FetchError) || error.fault === "corrupt"
      ? message
      : error.fault === "disk"
      ? "disk"
      : `${error.fault} ${host} ${error.short}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { message, more: 0 });
    else group.more++;
  }
  return [...groups.values()].map(({ message, more }) =>
    more === 0 ? message : `${message} (and ${more} more file${more === 1 ? "" : "s"} in the same way)`
  );
}

function report(
  plan: Plan,
  outcomes: Map<PlannedFile, Outcome>,
  settings: FetchSettings,
  values: Values,
  lacking: boolean,
): number {
  // In the order of the plan, whatever came first.
  const ended = plan.files.map((file) => outcomes.get(file)).filter((outcome) => outcome !== undefined);
  const of = (got: Outcome["got"]) => ended.filter((outcome) => outcome.got === got);
  const errors = [
    ...plan.failed.map(({ error }) => error),
    ...of("failed").map((outcome) => (outcome as { error: unknown }).error),
  ];
  const messages = distinct(errors);
  if (values.json) {
    const files = plan.files.map((file) => {
      const outcome = outcomes.get(file);
      return {
        set: file.set.id,
        file: file.file.path,
        path: file.path,
        size: file.size,
        evidence: file.file.evidence,
        state: outcome?.got ?? file.there,
        ...(outcome !== undefined && "digests" in outcome ? { sha256: outcome.digests.sha256 } : {}),
      };
    });
    const { bytes, unsized, disks } = plan;
    writeOutput(
      JSON.stringify(
        { files, bytes, unsized, disks, lockFile: settings.lockPath, errors: messages },
        null,
        2,
      ) + "\n",
    );
  } else if (outcomes.size > 0) {
    const [downloaded, verified] = [of("downloaded").length, of("verified").length];
    writeOutput(
      `${filesText(downloaded)} downloaded, ${verified} there and verified` +
        `${errors.length > 0 ? `, ${errors.length} failed` : ""}; digests in ${settings.lockPath}\n`,
    );
  }
  for (const message of messages) warn(`repro: ${message}`);
  return errors.length > 0 || lacking ? 1 : 0;
}
