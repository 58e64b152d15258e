// Promises the tiny world's encoders and language adapters, pretrained by our own engine from the generated corpus, resumable
// to the same numbers. Stage 1: masked words (and next sentences for BERT) in all languages; stage 2, for each language in
// turn: its adapter and invertible block by masked words, everything else frozen, as in MAD-X (Pfeiffer et al., 2020).
// Leaves documents to corpus.ts, batches to feed.ts and arithmetic to core/.
import {
  AdamW,
  type Backend,
  configJson,
  createModel,
  type EncoderConfig,
  encoderConfig,
  type Model,
  scope,
  type State,
  Tape,
  type TensorToWrite,
  writeSafetensors,
} from "../../core/mod.ts";
import {
  appendText,
  exists,
  join,
  makeFolder,
  readBytes,
  readText,
  remove,
  writeAtomic,
} from "../runtime.ts";
import { loadTokenizer } from "../tasks/tokenizer.ts";
import { openBackend } from "../training/backend.ts";
import { readStateFile } from "../training/state-file.ts";
import { type Diet, Feed, type FeedOptions } from "./feed.ts";
import { initialise } from "./initial.ts";
import { type Language, LANGUAGES } from "./lexicon.ts";
import { unigram, wordPiece } from "./vocabulary.ts";

export interface PretrainOptions {
  encoder: "mbert" | "xlmr";
  /** Folder that receives config.json, tokenizer.json, model.safetensors, adapters/ and pretraining.json. */
  out: string;
  seed?: number;
  /** Updates of stage 1, and of stage 2 for each language. */
  steps?: number;
  adapterSteps?: number;
  backend?: "wasm" | "webgpu";
  signal?: AbortSignal;
  onProgress?(line: PretrainProgress): void;
}

export interface PretrainProgress {
  stage: string;
  step: number;
  steps: number;
  /** Mean loss since the last line. */
  loss: number;
  tokens: number;
  seconds: number;
}

const recipe = {
  rowsEach: 64,
  learningRate: 1.5e-3,
  /** Share of the steps over which the rate rises, and from which on it falls to 0. */
  warmup: 0.04,
  fallFrom: 0.7,
  weightDecay: 0.01,
  beta2: 0.98,
  /** At the start short documents, nearly all in English, so that looking up is learned where words are seen often. */
  first: { longest: 16, crossLingual: 0.05, english: 0.85 },
  last: { longest: 60, crossLingual: 0.35, english: 0.15 },
  /** Shares of the steps up to which the first diet is kept, and from which on the last one is; between them, in proportion. */
  keep: 0.1,
  change: 0.45,
  adapterRows: 32,
  adapterLearningRate: 1e-3,
};

const reportEvery = 50;
const checkpointSeconds = 120;

/** Shape of both encoders; 12 layers, so that schedules mean what they mean in the paper. */
function shape(encoder: "mbert" | "xlmr", vocabularySize: number): EncoderConfig {
  return encoderConfig({
    model_type: encoder === "mbert" ? "bert" : "xlm-roberta",
    hidden_size: 64,
    num_hidden_layers: 12,
    num_attention_heads: 4,
    intermediate_size: 256,
    vocab_size: vocabularySize,
    max_position_embeddings: encoder === "mbert" ? 96 : 98,
    type_vocab_size: encoder === "mbert" ? 2 : 1,
    layer_norm_eps: encoder === "mbert" ? 1e-12 : 1e-5,
    pad_token_id: encoder === "mbert" ? 0 : 1,
  });
}

/** Pretrains from scratch, or goes on from the checkpoint in `out`. Throws the signal's reason when aborted, checkpoint saved. */
export async function pretrain(options: PretrainOptions): Promise<void> {
  const started = performance.now();
  const { encoder, out, seed = 1, steps = 5000, adapterSteps = 150 } = options;
  const tokenizerText = encoder === "mbert" ? wordPiece() : unigram();
  const tokenizer = loadTokenizer(tokenizerText, `${encoder} tokenizer`);
  const config = shape(encoder, tokenizer.vocabularySize);
  await makeFolder(join(out, "adapters"));
  const backend = await openBackend(options.backend ?? "wasm");
  const session = new Session(options, out, started);
  await session.open({ encoder, seed, steps, adapterSteps, recipe });
  const model = createModel(backend, {
    config,
    task: { kind: "masked-lm", nextSentence: encoder === "mbert" },
    seed,
  });
  const feed = { tokenizer, seed };

  if (!await exists(join(out, "model.safetensors"))) {
    initialise(model, seed);
    model.setTrainable({ encoder: true, head: true });
    await stage(session, model, { ...feed, rowsEach: recipe.rowsEach }, {
      name: "encoder",
      steps,
      learningRate: recipe.learningRate,
      diet: (step) => dietAt(step / steps),
    });
    await writeAtomic(join(out, "config.json"), JSON.stringify(configJson(config), null, 2) + "\n");
    await writeAtomic(join(out, "tokenizer.json"), tokenizerText);
    await writeState(join(out, "model.safetensors"), await model.state());
  }
  // What is shipped is rounded to half precision: the adapters are trained on what they will be used with.
  model.loadState(
    (await readStateFile(await readBytes(join(out, "model.safetensors")), "model.safetensors")).state,
  );
  for (const language of LANGUAGES) {
    const path = join(out, "adapters", `${language}.safetensors`);
    if (await exists(path)) continue;
    model.adapters.addLanguage(language);
    model.setLanguage(language);
    model.setTrainable({ language });
    await stage(session, model, { ...feed, rowsEach: recipe.adapterRows, only: language }, {
      name: language,
      steps: adapterSteps,
      learningRate: recipe.adapterLearningRate,
      diet: () => recipe.last,
    });
    await writeState(path, await model.adapterState(language));
    model.adapters.removeLanguage(language);
  }
  await session.finish(backend);
  backend.dispose();
}

interface Stage {
  name: string;
  steps: number;
  learningRate: number;
  diet(step: number): Diet;
}

/** Trains whatever is trainable in the model for one stage, from its checkpoint where there is one. */
async function stage(session: Session, model: Model, feedOptions: FeedOptions, plan: Stage): Promise<void> {
  const optimizer = new AdamW({ variant: "torch", weightDecay: recipe.weightDecay, beta2: recipe.beta2 });
  const trained = model.trainableParameters;
  const feed = new Feed(feedOptions);
  let step = await session.resume(plan.name, model, optimizer);
  let loss = 0, lines = 0;
  for (; step < plan.steps; step++) {
    await session.pause(plan.name, step, model, optimizer);
    const batch = await feed.batch(step, plan.diet);
    const value = scope(() => {
      const tape = new Tape();
      const value = tape.run(() => model.loss(batch));
      tape.backward(value);
      return value;
    });
    optimizer.step(trained, plan.learningRate * rate(step / plan.steps));
    model.zeroGrad();
    session.tokens += batch.attentionMask.reduce((sum, each) => sum + each, 0);
    loss += await value.item();
    value.dispose();
    lines++;
    if ((step + 1) % reportEvery === 0 || step + 1 === plan.steps) {
      await session.report(plan, step + 1, loss / lines);
      loss = lines = 0;
    }
  }
  await session.leave();
  optimizer.dispose();
}

/** The diet at this share of the steps. */
function dietAt(done: number): Diet {
  const { first, last, keep, change } = recipe;
  const part = Math.min(1, Math.max(0, (done - keep) / (change - keep)));
  const between = (a: number, b: number) => a + (b - a) * part;
  return {
    // Length comes first: it is what the lookup has to grow into.
    longest: Math.round(first.longest + (last.longest - first.longest) * Math.min(1, done / keep / 2)),
    crossLingual: between(first.crossLingual, last.crossLingual),
    english: between(first.english, last.english),
  };
}

/** Rises, stays, falls: the share of the highest learning rate at this share of the steps. */
function rate(done: number): number {
  const { warmup, fallFrom } = recipe;
  return Math.min(1, (done + 1e-6) / warmup, (1 - done) / (1 - fallFrom));
}

async function writeState(path: string, state: State): Promise<void> {
  const halves = new Map<string, TensorToWrite>(
    [...state].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array, dtype: "F16" }]),
  );
  await writeAtomic(path, writeSafetensors(halves));
}

/** The paperwork of one pretraining: loss curve, checkpoints, times. */
class Session {
  readonly #options: PretrainOptions;
  readonly #folder: string;
  readonly #started: number;
  #setting: Record<string, unknown> = {};
  #saved = performance.now();
  #secondsBefore = 0;
  tokens = 0;

  constructor(options: PretrainOptions, folder: string, started: number) {
    this.#options = options;
    this.#folder = folder;
    this.#started = started;
  }

  get #checkpoint(): string {
    return join(this.#folder, "checkpoint.safetensors");
  }
  get #losses(): string {
    return join(this.#folder, "losses.jsonl");
  }
  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  /** Refuses to go on with other settings than the folder was begun with. */
  async open(setting: Record<string, unknown>): Promise<void> {
    this.#setting = setting;
    const path = join(this.#folder, "setting.json");
    const text = JSON.stringify(setting, null, 2) + "\n";
    if (!await exists(path)) return await writeAtomic(path, text);
    if (await readText(path) !== text) {
      throw new Error(
        `pretrain ${this.#folder}: it was begun with other settings (${path}); use them, or another folder`,
      );
    }
    const lines = await exists(this.#losses)
      ? (await readText(this.#losses)).trim().split("\n").filter(Boolean)
      : [];
    const last = lines.length > 0 ? JSON.parse(lines.at(-1)!) as PretrainProgress : null;
    this.#secondsBefore = last?.seconds ?? 0;
    this.tokens = last?.tokens ?? 0;
  }

  async report(plan: Stage, step: number, loss: number): Promise<void> {
    const line: PretrainProgress = {
      stage: plan.name,
      step,
      steps: plan.steps,
      loss: Math.round(loss * 1e4) / 1e4,
      tokens: this.tokens,
      seconds: Math.round(this.seconds),
    };
    await appendText(this.#losses, JSON.stringify(line) + "\n");
    this.#options.onProgress?.(line);
  }

  /** Loads the checkpoint of this stage and says at which step to go on. */
  async resume(stage: string, model: Model, optimizer: AdamW): Promise<number> {
    if (!await exists(this.#checkpoint)) return 0;
    const { state, metadata } = await readStateFile(await readBytes(this.#checkpoint), this.#checkpoint);
    const saved = JSON.parse(metadata.progress) as {
      stage: string;
      step: number;
      globalStep: number;
      stepCounts: Record<string, number>;
    };
    if (saved.stage !== stage) return 0;
    const part = (prefix: string): State =>
      new Map(
        [...state].filter(([name]) => name.startsWith(prefix)).map((
          [name, value],
        ) => [name.slice(prefix.length), value]),
      );
    for (const [name, { data }] of part("parameter:")) model.parameters.get(name)!.write(data);
    optimizer.restore({ ...saved, moments: part("moment:") }, model.trainableParameters);
    return saved.step;
  }

  /** Between two steps: a checkpoint when it is time or when asked to stop. */
  async pause(stage: string, step: number, model: Model, optimizer: AdamW): Promise<void> {
    const stop = this.#options.signal?.aborted ?? false;
    if (!stop && performance.now() - this.#saved < checkpointSeconds * 1000) return;
    const names = new Set(model.trainableParameters.map((each) => each.name));
    const { globalStep, stepCounts, moments } = await optimizer.state();
    const tensors = new Map<string, TensorToWrite>();
    for (const [name, value] of await model.state((name) => names.has(name))) {
      tensors.set(`parameter:${name}`, value as TensorToWrite);
    }
    for (const [name, value] of moments) tensors.set(`moment:${name}`, value as TensorToWrite);
    const progress = JSON.stringify({ stage, step, globalStep, stepCounts });
    await writeAtomic(this.#checkpoint, writeSafetensors(tensors, { progress }));
    this.#saved = performance.now();
    this.#options.signal?.throwIfAborted();
  }

  async leave(): Promise<void> {
    await remove(this.#checkpoint);
  }

  /** Says how the folder was made. */
  async finish(backend: Backend): Promise<void> {
    const { encoder } = this.#options;
    const record = {
      command: `repro pretrain ${encoder}`,
      ...this.#setting,
      backend: backend.description,
      seconds: Math.round(this.seconds),
      tokens: this.tokens,
      languages: LANGUAGES as readonly Language[],
    };
    await writeAtomic(join(this.#folder, "pretraining.json"), JSON.stringify(record, null, 2) + "\n");
    await remove(join(this.#folder, "setting.json"));
  }
}
