// Promises a fully fine-tuned model as a folder that transformers' from_pretrained reads: its configuration, its weights with the head
// under transformers' names, its tokenizer. Leaves adapters to adapter-files.ts and which runs these are to export.ts.
import { modelClassOf, safetensorsParts, type State, type Task, type TensorToWrite } from "../../core/mod.ts";
import { exists, join, readBytes, readText, writeAtomic } from "../runtime.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import type { EncoderBundle } from "./world.ts";

/** Whatever transformers' tokenizers of the supported models may read. */
const tokenizerFiles = [
  ...["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"],
  ...["vocab.txt", "sentencepiece.bpe.model", "spm.model", "sentencepiece.model"],
];

export interface ModelToExport {
  /** The encoder that was fine-tuned; configuration and tokenizer are its own. */
  readonly bundle: EncoderBundle & { readonly folder: string };
  readonly task: Task;
  /** Names of the classes, in their order; for classification. */
  readonly labels?: readonly string[];
  /** Encoder and head. */
  readonly state: State;
}

/** Writes the folder. Returns the paths. */
export async function exportModel(
  folder: string,
  { bundle, task, labels, state }: ModelToExport,
): Promise<string[]> {
  const { id2label: _, label2id: __, dtype: ___, ...config } = JSON.parse(
    await readText(join(bundle.folder, "config.json")),
  );
  const names = labels && {
    id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  };
  const { modelType } = bundle.config;
  const json = {
    ...config,
    architectures: [modelClassOf(modelType, task.kind)],
    ...names,
    torch_dtype: "float32",
  };
  const text = (value: unknown) => JSON.stringify(value, null, 2) + "\n";
  const paths: string[] = [];
  const write = async (name: string, content: Parameters<typeof writeAtomic>[1]) => {
    paths.push(join(folder, name));
    await writeAtomic(paths.at(-1)!, content);
  };
  await write("config.json", text(json));
  const tensors = state as ReadonlyMap<string, TensorToWrite>;
  // transformers refuses files that do not say "pt".
  await write("model.safetensors", safetensorsParts(tensors, { format: "pt" }));
  for (const name of tokenizerFiles) {
    const from = join(bundle.folder, name);
    if (await exists(from)) await write(name, await readBytes(from));
    else if (name === "tokenizer_config.json" && paths.includes(join(folder, "tokenizer.json"))) {
      await write(name, text(plainTokenizer(bundle.tokenizer)));
    }
  }
  return paths;
}

/** Without a configuration transformers would take the model's own class, whose rules a tokenizer.json need not follow. */
function plainTokenizer({ special, piece }: Tokenizer): Record<string, unknown> {
  const tokens = Object.entries(special).map(([name, id]) => [`${name}_token`, piece(id)]);
  return { tokenizer_class: "PreTrainedTokenizerFast", ...Object.fromEntries(tokens) };
}
