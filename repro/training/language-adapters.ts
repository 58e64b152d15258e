// Promises the language adapters that lie in a model's folder `adapters`, whatever their format, each with its own configuration and
// digest; or one error that names all that are missing. Leaves AdapterHub's and PEFT's formats to adapter-files.ts.
import { type EncoderConfig, type LanguageConfig, languageConfigOf, type State } from "../../core/mod.ts";
import { NotFetchedError } from "../fetch/locate.ts";
import { basename, fileReader, fileSha256, isFolder, join, list, warn } from "../runtime.ts";
import { sha256 } from "../spec/mod.ts";
import { openAdapter } from "./adapter-files.ts";
import { readStateFile } from "./state-file.ts";

export interface LanguageAdapter {
  /** What differs from MAD-X's defaults. */
  readonly config: Partial<LanguageConfig>;
  /** For `Model.loadAdapter`; null: untrained. */
  readonly state: State | null;
}

/** Adapters that a run needs and that are not there, all of them at once. */
export class MissingAdaptersError extends NotFetchedError {
  override name = "MissingAdaptersError";
  readonly model: string;
  readonly languages: readonly string[];
  /** Where they are looked for. */
  readonly folder: string;
  constructor(model: string, languages: readonly string[], there: readonly string[], folder: string) {
    super(
      `model ${model}: no language adapter for ${languages.join(", ")} in ${folder}; there are ${
        there.join(", ") || "none"
      }; put <language>.zip or the folder <language> of each there, or leave its language out (--languages)`,
    );
    this.model = model;
    this.languages = languages;
    this.folder = folder;
  }
}

export interface LanguageAdapters {
  /** Where they lie. */
  readonly folder: string;
  /** Languages that have one. */
  readonly languages: readonly string[];
  /** SHA-256 over what one consists of. Throws MissingAdaptersError, as the following do. */
  digest(code: string): Promise<string>;
  /** SHA-256 of every file, in an order that does not change. */
  fileDigests(): Promise<string[]>;
  /** Throws when some are not there, naming all of them. */
  require(codes: readonly string[]): void;
  /** For this encoder. Throws also when it belongs to another one. */
  open(code: string, config: EncoderConfig): Promise<LanguageAdapter>;
}

/**
 * adapters/<language>.safetensors (MAD-X's defaults: ReLU, halves, with invertible block; what `repro pretrain` writes), or
 * AdapterHub's adapters/<language>.zip and adapters/<language>/, which say themselves what they are.
 * @param model what it is called
 * @param root where they lie
 */
export async function openLanguageAdapters(model: string, root: string): Promise<LanguageAdapters> {
  const found = new Map<string, { path: string; files: string[] }>();
  const digested = new Map<string, Promise<string>>(), told = new Set<string>();
  for (const name of await list(root)) {
    const path = join(root, name), inside = isFolder(path);
    if (!inside && !/\.(safetensors|zip)$/.test(name)) continue;
    const code = inside ? name : name.replace(/\.[^.]+$/, "");
    const other = found.get(code);
    if (other !== undefined) {
      throw new Error(`model ${model}: two adapters for "${code}": ${other.path} and ${path}; remove one`);
    }
    const files = inside ? (await list(path)).map((file) => join(path, file)) : [path];
    found.set(code, { path, files: files.filter((each) => !isFolder(each)) });
  }
  const digestOf = (file: string) => {
    if (!digested.has(file)) digested.set(file, fileSha256(file));
    return digested.get(file)!;
  };
  const require = (codes: readonly string[]) => {
    const missing = codes.filter((code) => !found.has(code));
    if (missing.length > 0) throw new MissingAdaptersError(model, missing, [...found.keys()], root);
  };
  const at = (code: string) => {
    require([code]);
    return found.get(code)!;
  };
  return {
    folder: root,
    languages: [...found.keys()],
    require,
    async digest(code) {
      const { path, files } = at(code);
      if (files[0] === path) return await digestOf(path);
      const lines = await Promise.all(files.map(async (file) => `${await digestOf(file)} ${basename(file)}`));
      return await sha256(lines.join("\n"));
    },
    fileDigests: () => Promise.all([...found.values()].flatMap(({ files }) => files).map(digestOf)),
    async open(code, config) {
      const { path } = at(code);
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
