// Promises the weights of a model's folder in whatever format they lie there (safetensors or PyTorch, one file or shards), tensor by
// tensor. Leaves formats to core/io and what the names mean to core/models.
import { openSafetensors, openTorch, type StoredTensor, type StoredTensors } from "../../core/mod.ts";
import { exists, fileReader, isFolder, join, readText } from "../runtime.ts";

export interface Weights {
  readonly tensors: StoredTensors;
  /** Paths of all files that the numbers come from, the index of shards among them. */
  readonly files: readonly string[];
}

/** Names that transformers gives them, in its order of preference. */
const names = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/** Opens the weights in a folder. Throws when there are none, or when a file is damaged. */
export async function openWeights(folder: string): Promise<Weights> {
  for (const name of names) {
    const path = join(folder, name);
    if (!await exists(path)) continue;
    return name.endsWith(".index.json")
      ? await openShards(folder, path)
      : { tensors: await openTensors(path), files: [path] };
  }
  throw new Error(
    isFolder(folder)
      ? `model ${folder}: no weights; wanted one of ${names.join(", ")}`
      : `model ${folder}: no such folder; give the folder of a model`,
  );
}

/** The tensors of one file; what it is follows from its name. */
export async function openTensors(path: string): Promise<StoredTensors> {
  const reader = await fileReader(path);
  return path.endsWith(".safetensors")
    ? (await openSafetensors(reader, path)).tensors
    : await openTorch(reader, path);
}

async function openShards(folder: string, indexPath: string): Promise<Weights> {
  const refuse = (what: string): never => {
    throw new Error(`${indexPath}: ${what}; the index is damaged, fetch it again`);
  };
  let index: unknown;
  try {
    index = JSON.parse(await readText(indexPath));
  } catch (error) {
    refuse(`no JSON (${(error as Error).message})`);
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null) return refuse("no weight_map");
  const shards = new Map<string, StoredTensors>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || !/^[\w.-]+\.(safetensors|bin)$/.test(file)) {
      refuse(`tensor "${name}" lies in ${JSON.stringify(file)}, which is no name of a file beside it`);
    }
    let shard = shards.get(file);
    if (shard === undefined) {
      if (!await exists(join(folder, file))) {
        throw new Error(`model ${folder}: the shard ${file} is absent; fetch the model again`);
      }
      shards.set(file, shard = await openTensors(join(folder, file)));
    }
    const tensor = shard.get(name);
    if (tensor === undefined) return refuse(`tensor "${name}" is not in ${file}`);
    tensors.set(name, tensor);
  }
  return { tensors, files: [indexPath, ...[...shards.keys()].map((file) => join(folder, file))] };
}
