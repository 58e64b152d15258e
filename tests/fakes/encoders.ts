// Promises a small random encoder with language adapters in a temporary folder, in the layout that runs read.
// Leaves training on it to the tests.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import {
  configJson,
  createModel,
  encoderConfig,
  type Task,
  type TensorToWrite,
  writeSafetensors,
} from "../../core/mod.ts";
import { writeAtomic } from "../../repro/runtime.ts";
import { LANGUAGES, wordPiece } from "../../repro/tinyworld/mod.ts";
import { loadTokenizer } from "../../repro/tokenizers/tokenizer.ts";

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "repro-test-"));

/** 12 layers of width 16 over the tiny world's WordPiece vocabulary, weights N(0, 0.1²) so that layers matter. */
export async function randomEncoder(
  languages: readonly string[] = LANGUAGES,
  { positions = 128, task = { kind: "choice" } }: { positions?: number; task?: Task } = {},
): Promise<string> {
  const folder = await temporaryFolder();
  const tokenizer = wordPiece();
  const config = encoderConfig({
    model_type: "bert",
    hidden_size: 16,
    num_hidden_layers: 12,
    num_attention_heads: 2,
    intermediate_size: 32,
    vocab_size: loadTokenizer(tokenizer, "tokenizer").vocabularySize,
    max_position_embeddings: positions,
    type_vocab_size: 2,
    initializer_range: 0.1,
  });
  const backend = createReferenceBackend();
  const model = createModel(backend, {
    config,
    task,
    adapters: { languages: Object.fromEntries(languages.map((each) => [each, {}])) },
  });
  const write = async (name: string, state: Awaited<ReturnType<typeof model.state>>) =>
    await writeAtomic(join(folder, name), writeSafetensors(state as ReadonlyMap<string, TensorToWrite>));
  await writeAtomic(join(folder, "config.json"), JSON.stringify(configJson(config)));
  await writeAtomic(join(folder, "tokenizer.json"), tokenizer);
  await write("model.safetensors", await model.state((name) => !name.includes("adapters.")));
  for (const language of languages) {
    await write(`adapters/${language}.safetensors`, await model.adapterState(language));
  }
  return folder;
}
