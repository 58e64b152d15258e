// Promises the hashes that go into specifications: of an encoder with its language adapters, and of the files a task's runs read.
// Leaves opening them to world.ts and what a run does with them to execute.ts.
import { loadTarget, loadTask, type TargetName } from "../data/datasets.ts";
import { openText } from "../data/text.ts";
import { adaptersFolder, parseHubModel } from "../fetch/locate.ts";
import type { Fidelity, RunSpec, TaskName } from "../spec/mod.ts";
import { scoredExamples } from "./data.ts";
import { type LanguageAdapters, openLanguageAdapters } from "./language-adapters.ts";
import { dataRevision, openData, openEncoder } from "./world.ts";

export interface ModelIdentity {
  /** As it is named in a specification. */
  model: string;
  /** `modelRevision` of a specification. */
  revision: string;
  /** `languageAdapters` of a specification, as far as they are there; absent where `revision` covers them or there are none to read. */
  adapters?: Record<string, string>;
  /** Where they are looked for. */
  adaptersFolder?: string;
}

/**
 * SHA-256 of an encoder's files and of its adapters for some languages; see openEncoder for what `model` and `data` may be. Missing
 * adapters are left out.
 */
export async function identifyModel(
  model: string,
  data: string,
  languages: readonly string[],
): Promise<ModelIdentity> {
  const { revision, adapters } = await openEncoder(model, data);
  return { model, revision, ...(adapters === null ? {} : await digestsOf(adapters, languages)) };
}

/** The same of a model of the Hub that is not there yet: its adapters may be. */
export async function identifyAdapters(hub: string, languages: readonly string[]) {
  return await digestsOf(await openLanguageAdapters(hub, adaptersFolder(parseHubModel(hub)!)), languages);
}

async function digestsOf(adapters: LanguageAdapters, languages: readonly string[]) {
  const digests: Record<string, string> = {};
  for (const code of languages) {
    if (adapters.languages.includes(code)) digests[code] = await adapters.digest(code);
  }
  return { adapters: digests, adaptersFolder: adapters.folder };
}

/** SHA-256 over the names and bytes of every file that the runs of a task read. */
export async function taskRevision(
  data: string,
  task: TaskName,
  evaluate: RunSpec["evaluate"],
): Promise<string> {
  const source = openData(data);
  const files = [...(await loadTask(source, task)).files];
  for (const [dataset, languages] of Object.entries(evaluate)) {
    for (const language of languages) {
      files.push(...(await loadTarget(source, dataset as TargetName, language)).files);
    }
  }
  return await dataRevision(source, files);
}

/** SHA-256 of the text that a language adapter is trained on. */
export async function textRevision(data: string, language: string): Promise<string> {
  const source = openData(data);
  return await dataRevision(source, [...(await openText(source, language)).files]);
}

/** Number of examples that a run is scored on in one language. */
export async function testSize(
  data: string,
  dataset: TargetName,
  language: string,
  fidelity: Fidelity,
): Promise<number> {
  return (await scoredExamples(openData(data), dataset, language, fidelity)).examples.length;
}
