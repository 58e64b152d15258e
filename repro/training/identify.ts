// Promises the hashes that go into specifications: of an encoder with its language adapters, and of the files a task's runs read.
// Leaves opening them to world.ts and what a run does with them to execute.ts.
import { loadTarget, loadTask, type TargetName } from "../data/datasets.ts";
import { openText } from "../data/text.ts";
import type { Fidelity, RunSpec, TaskName } from "../spec/mod.ts";
import { scoredExamples } from "./data.ts";
import { dataRevision, openData, openEncoder } from "./world.ts";

/** SHA-256 of an encoder's files; see openEncoder for what `model` and `data` may be. */
export async function modelRevision(model: string, data: string): Promise<string> {
  return (await openEncoder(model, data)).revision;
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
