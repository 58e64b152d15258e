// Promises a fetch against the stand-in Hub with folders of its own and no long pauses, and readable outcomes of it.
// Leaves the servers to hub.ts.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FetchError } from "../../repro/fetch/errors.ts";
import { type Outcome, runFetch } from "../../repro/fetch/fetch.ts";
import type { Client } from "../../repro/fetch/http.ts";
import { type Plan, planFetch, type PlannedFile } from "../../repro/fetch/plan.ts";
import type { FetchSettings } from "../../repro/fetch/settings.ts";
import type { FileSet } from "../../repro/fetch/wanted.ts";
import type { FakeHub } from "./hub.ts";

export interface Fetched {
  plan: Plan;
  outcomes: Map<PlannedFile, Outcome>;
  /** By path: downloaded, verified, or the error's fault and message. */
  states: Record<string, string>;
  notes: string[];
}

export async function freshSettings(
  hub: FakeHub,
  given: Partial<FetchSettings> = {},
): Promise<FetchSettings> {
  const folder = await mkdtemp(join(tmpdir(), "repro-fetch-"));
  return {
    endpoint: hub.endpoint,
    mirror: hub.mirror,
    hubCache: join(folder, "hub"),
    cache: join(folder, "cache"),
    lockPath: join(folder, "cache", "fetch.lock.json"),
    token: null,
    offline: false,
    trustHub: false,
    retries: 2,
    backoffMs: 5,
    stallMs: 30_000,
    jobs: 3,
    ...given,
  };
}

const text = (error: unknown) =>
  error instanceof FetchError ? `${error.fault}: ${error.message}` : String(error);

export async function fetchNow(
  sets: readonly FileSet[],
  settings: FetchSettings,
  signal?: AbortSignal,
  onBytes?: (file: PlannedFile, have: number) => void,
): Promise<Fetched> {
  const notes: string[] = [];
  const client: Client = {
    ...settings,
    signal,
    silent: new Set(),
    onWait: (what, reason, seconds) => notes.push(`${what}: ${reason}; again in ${seconds}`),
  };
  const plan = await planFetch(sets, settings, client);
  const outcomes = await runFetch(plan, settings, client, { onNote: (note) => notes.push(note), onBytes });
  const states: Record<string, string> = {};
  for (const { set, error } of plan.failed) states[set.id] = text(error);
  for (const [file, outcome] of outcomes) {
    states[file.file.path] = outcome.got === "failed" ? text(outcome.error) : outcome.got;
  }
  return { plan, outcomes, states, notes };
}
