// Promises adapters and heads as files: folders and zip archives of AdapterHub or PEFT read into the engine's names, and AdapterHub
// folders written that Python's `adapters` loads. Leaves names, configurations and formats to core/io.
import {
  adapterConfigJson,
  type AdapterDescription,
  adapterFromFiles,
  type AdapterTarget,
  type AdapterToWrite,
  headConfigJson,
  headTensors,
  modelClassOf,
  openSafetensors,
  openTorch,
  openZip,
  readAllStored,
  type State,
  type StoredTensors,
  type Task,
  writeTorch,
} from "../../core/mod.ts";
import { basename, fileReader, isFolder, join, list, readText, writeAtomic } from "../runtime.ts";

/** Files of an adapter, in a folder or an archive. */
interface Files {
  readonly names: readonly string[];
  text(name: string): Promise<string>;
  tensors(name: string): Promise<StoredTensors>;
}

export interface OpenAdapter {
  readonly description: AdapterDescription;
  /** For `Model.loadAdapter`. */
  readonly state: State;
  /**
   * For `Model.loadHead`; null where the files have none. Read only when asked for: language adapters come with the head that they
   * were trained with, larger than themselves. Throws for a head that this engine does not have.
   */
  head(): Promise<State | null>;
  /** Names of the classes in the order of the head's rows; null where the files do not say. */
  labels(): Promise<string[] | null>;
}

const adapterWeights = [
  "adapter.safetensors",
  "pytorch_adapter.bin",
  "adapter_model.safetensors",
  "adapter_model.bin",
];
const headWeights = ["model_head.safetensors", "pytorch_model_head.bin"];

/**
 * Opens an adapter: a folder, or a zip archive (as AdapterHub's first hub served them).
 * @param as what the adapter is called in the model
 * Throws when files are missing or damaged, or belong to another encoder or architecture.
 */
export async function openAdapter(path: string, target: AdapterTarget, as: string): Promise<OpenAdapter> {
  const files = isFolder(path) ? await inFolder(path) : await inArchive(path);
  const weights = adapterWeights.find((name) => files.names.includes(name));
  if (!files.names.includes("adapter_config.json") || weights === undefined) {
    throw new Error(
      `adapter ${path}: ${weights === undefined ? "no weights" : "no adapter_config.json"}; it holds ${
        files.names.join(", ") || "nothing"
      }, wanted adapter_config.json with one of ${adapterWeights.join(", ")}`,
    );
  }
  const { description, tensors, others } = adapterFromFiles(
    await json(files, "adapter_config.json", path),
    await files.tensors(weights),
    target,
    as,
    `adapter ${path}`,
  );
  return {
    description,
    state: await readAllStored(tensors),
    head: () => headOf(files, others, target, path),
    labels: () => labelsOf(files, path),
  };
}

/** `label2id` of a flexible head's configuration, or beside it for the head of a transformers class. */
async function labelsOf(files: Files, path: string): Promise<string[] | null> {
  if (!files.names.includes("head_config.json")) return null;
  const head = await json(files, "head_config.json", path) as Record<string, unknown> | null;
  const map = ((head?.config as Record<string, unknown> | null)?.label2id ?? head?.label2id) as unknown;
  if (typeof map !== "object" || map === null) return null;
  const numbered = Object.entries(map).filter((each): each is [string, number] => Number.isInteger(each[1]));
  return numbered.sort(([, a], [, b]) => a - b).map(([label]) => label);
}

async function headOf(
  files: Files,
  others: StoredTensors,
  target: AdapterTarget,
  path: string,
): Promise<State | null> {
  const weights = headWeights.find((name) => files.names.includes(name));
  if (weights === undefined) return others.size === 0 ? null : await readAllStored(others);
  const config = files.names.includes("head_config.json")
    ? await json(files, "head_config.json", path)
    : null;
  const tensors = headTensors(config, await files.tensors(weights), target.modelType, `head ${path}`);
  return await readAllStored(tensors);
}

async function json(files: Files, name: string, path: string): Promise<unknown> {
  try {
    return JSON.parse(await files.text(name));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`adapter ${path}: ${name} is no JSON (${error.message}); fetch the adapter again`);
  }
}

async function inFolder(folder: string): Promise<Files> {
  return {
    names: await list(folder),
    text: (name) => readText(join(folder, name)),
    async tensors(name) {
      const path = join(folder, name);
      return await tensorsOf(name, await fileReader(path), path);
    },
  };
}

/** The files beside the archive's only adapter_config.json; archives have them at the top or in one folder. */
async function inArchive(path: string): Promise<Files> {
  const zip = await openZip(await fileReader(path), path);
  const members = [...zip.entries.keys()];
  const configs = members.filter((name) =>
    basename(name) === "adapter_config.json" && !name.startsWith("__MACOSX")
  );
  if (configs.length > 1) {
    throw new Error(`adapter ${path}: it holds ${configs.length} adapters; unpack it and choose one`);
  }
  const folder = configs.length === 0 ? "" : configs[0].slice(0, -"adapter_config.json".length);
  return {
    names: members.filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length)),
    text: async (name) => new TextDecoder("utf-8", { fatal: true }).decode(await zip.read(folder + name)),
    tensors: async (name) => await tensorsOf(name, await zip.read(folder + name), `${path}: ${name}`),
  };
}

async function tensorsOf(
  name: string,
  source: Parameters<typeof openTorch>[0],
  label: string,
): Promise<StoredTensors> {
  return name.endsWith(".safetensors")
    ? (await openSafetensors(source, label)).tensors
    : await openTorch(source, label);
}

export interface AdapterToSave {
  readonly description: AdapterToWrite;
  /** As `Model.adapterState` gives it. */
  readonly state: State;
  readonly task: Task;
  /** Under the engine's names; null leaves the head out. */
  readonly head: State | null;
}

/** Writes an AdapterHub folder: adapter_config.json, pytorch_adapter.bin and, with a head, head_config.json, pytorch_model_head.bin. */
export async function saveAdapter(folder: string, adapter: AdapterToSave): Promise<string[]> {
  const { description, state, task, head } = adapter;
  const { modelType, hiddenSize } = description;
  if (modelType === undefined || hiddenSize === undefined) {
    throw new Error(
      `save adapter ${description.name}: modelType and hiddenSize are needed; take them from the encoder`,
    );
  }
  const text = (value: unknown) => JSON.stringify(value, null, 2) + "\n";
  const files: [string, string | Uint8Array][] = [
    ["adapter_config.json", text(adapterConfigJson(description, modelClassOf(modelType, task.kind)))],
    ["pytorch_adapter.bin", writeTorch(state)],
  ];
  if (head !== null) {
    files.push(["head_config.json", text(headConfigJson(modelType, hiddenSize, task))]);
    files.push(["pytorch_model_head.bin", writeTorch(head)]);
  }
  for (const [name, data] of files) await writeAtomic(join(folder, name), data);
  return files.map(([name]) => join(folder, name));
}
