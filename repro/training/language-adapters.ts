// Promises the language adapters that lie in a model's folder `adapters`, whatever their format, each with its own configuration.
// Leaves AdapterHub's and PEFT's formats to adapter-files.ts.
import { type EncoderConfig, type LanguageConfig, languageConfigOf, type State } from "../../core/mod.ts";
import { fileReader, fileSha256, isFolder, join, list, warn } from "../runtime.ts";
import { openAdapter } from "./adapter-files.ts";
import { readStateFile } from "./state-file.ts";

export interface LanguageAdapter {
  /** What differs from MAD-X's defaults. */
  readonly config: Partial<LanguageConfig>;
  /** For `Model.loadAdapter`; null: untrained. */
  readonly state: State | null;
}

export interface LanguageAdapters {
  /** SHA-256 of each file, in an order that does not change. */
  readonly digests: readonly string[];
  /** Languages that have one. */
  readonly languages: readonly string[];
  /** Throws when there is none for this language, or when it belongs to another encoder. */
  open(code: string): Promise<LanguageAdapter>;
}

/**
 * adapters/<language>.safetensors (MAD-X's defaults: ReLU, halves, with invertible block; what `repro pretrain` writes), or
 * AdapterHub's adapters/<language>.zip and adapters/<language>/, which say themselves what they are.
 * @param root where they lie, when not in the model's folder
 * @param remedy what to do about one that is not there
 */
export async function openLanguageAdapters(
  folder: string,
  config: EncoderConfig,
  root = join(folder, "adapters"),
  remedy?: string,
): Promise<LanguageAdapters> {
  const paths = new Map<string, string>();
  const digests: string[] = [], told = new Set<string>();
  for (const name of await list(root)) {
    const path = join(root, name), inside = isFolder(path);
    if (!inside && !/\.(safetensors|zip)$/.test(name)) continue;
    const code = inside ? name : name.replace(/\.[^.]+$/, "");
    const other = paths.get(code);
    if (other !== undefined) {
      throw new Error(`model ${folder}: two adapters for "${code}": ${other} and ${path}; remove one`);
    }
    paths.set(code, path);
    for (const file of inside ? await list(path) : [""]) {
      const each = join(path, file);
      if (!isFolder(each)) digests.push(await fileSha256(each));
    }
  }
  return {
    digests,
    languages: [...paths.keys()],
    async open(code) {
      const path = paths.get(code);
      if (path === undefined) {
        throw new Error(
          `model ${folder}: no language adapter for "${code}"; there are ${
            [...paths.keys()].join(", ") || "none"
          }${remedy === undefined ? "" : `; ${remedy}`}`,
        );
      }
      if (path.endsWith(".safetensors")) {
        return { config: {}, state: (await readStateFile(await fileReader(path), path)).state };
      }
      const { description, state } = await openAdapter(path, config, code);
      for (const note of description.notes) if (!told.has(note)) warn(note);
      for (const note of description.notes) told.add(note);
      return { config: languageConfigOf(description), state };
    },
  };
}
