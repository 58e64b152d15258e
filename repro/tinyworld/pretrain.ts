// Promises the tiny world's encoders and language adapters, pretrained by our own engine from the generated corpus, resumable
// to the same numbers. First the encoder: masked words (and next sentences for BERT) in all languages, begun with few layers that
// are doubled twice; then, for each language in turn: its adapter and invertible block by masked words, everything else frozen,
// as in MAD-X (Pfeiffer et al., 2020). Leaves documents to corpus.ts, batches to feed.ts and arithmetic to core/.
import {
  AdamW,
  type Backend,
  configJson,
  createModel,
  type EncoderConfig,
  encoderConfig,
  type Model,
  type State,
  type TensorToWrite,
  TrainingStep,
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
import { loadTokenizer, type Tokenizer } from "../tokenizers/tokenizer.ts";
import { openBackend } from "../training/backend.ts";
import { readStateFile } from "../training/state-file.ts";
import { type EncoderName, kinds, widths } from "./encoders.ts";
import { Feed, type FeedOptions } from "./feed.ts";
import { twiceAsDeep } from "./grow.ts";
import { initialise } from "./initial.ts";
import { type Language, LANGUAGES } from "./lexicon.ts";
import { debertaUnigram, unigram, wordPiece } from "./vocabulary.ts";

export interface PretrainOptions {
  encoder: EncoderName;
  /** Folder that receives config.json, tokenizer.json, model.safetensors, adapters/ and pretraining.json. */
  out: string;
  seed?: number;
  /** Updates of the encoder over all depths (default: the kind's own), and of each language's adapter. */
  steps?: number;
  adapterSteps?: number;
  /** Languages that get an adapter; default all. */
  languages?: readonly Language[];
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
  learningRate: 5e-3,
  /** Updates over which the rate rises in each stage. */
  warmup: 100,
  weightDecay: 0.01,
  beta2: 0.98,
  /** Layers, and the factors of the learning rate: at first, and at the end of a fall over `fall` of them. */
  depths: [
    { layers: 3, rate: 1, fall: 0, end: 1 },
    { layers: 6, rate: 0.8, fall: 0.5, end: 0.6 },
    { layers: 12, rate: 0.5, fall: 1, end: 0.01 },
  ],
  diet: {
    longest: 60,
    crossLingual: 0.25,
    english: 0.45,
    mix: { retelling: 15, question: 35, dialogue: 35, story: 15 },
  },
  adapterRows: 32,
  adapterLearningRate: 1e-3,
};

const reportEvery = 100;
const checkpointSeconds = 120;

interface Made {
  tokenizer(): string;
  positions: number;
  /** Updates of the encoder over all depths, and the share of each depth. */
  steps: number;
  shares: readonly number[];
}

/** How each encoder is made. */
const made: Readonly<Record<EncoderName, Made>> = {
  mbert: { tokenizer: wordPiece, positions: 96, steps: 20_800, shares: [0.24, 0.43, 0.33] },
  // XLM-R numbers positions from its padding token's id on.
  xlmr: { tokenizer: unigram, positions: 98, steps: 20_800, shares: [0.24, 0.43, 0.33] },
  // Fewer updates do: attention knows what is near in every layer and from the first one on.
  mdeberta: { tokenizer: debertaUnigram, positions: 96, steps: 10_000, shares: [0.192, 0.344, 0.464] },
};

type Depth = (typeof recipe.depths)[number] & { share: number };

function recipeOf(encoder: EncoderName): typeof recipe & { depths: Depth[] } {
  const depths = recipe.depths.map(({ layers, ...rate }, i) => ({
    layers,
    share: made[encoder].shares[i],
    ...rate,
  }));
  return { ...recipe, depths };
}

function shape(encoder: EncoderName, { vocabularySize, special }: Tokenizer, layers: number): EncoderConfig {
  return encoderConfig({
    ...widths,
    ...kinds[encoder].fields,
    num_hidden_layers: layers,
    vocab_size: vocabularySize,
    max_position_embeddings: made[encoder].positions,
    // A tenth, as in wide encoders, would cost a narrow one most of what it knows. Pretraining itself drops nothing.
    hidden_dropout_prob: 0.02,
    attention_probs_dropout_prob: 0.02,
    pad_token_id: special.pad,
  });
}

/** Pretrains from scratch, or goes on from the checkpoint in `out`. Throws the signal's reason when aborted, checkpoint saved. */
export async function pretrain(options: PretrainOptions): Promise<void> {
  const started = performance.now();
  const { encoder, out, seed = 1, adapterSteps = 60, languages = LANGUAGES } = options;
  const { steps = made[encoder].steps } = options;
  const tokenizerText = made[encoder].tokenizer();
  const tokenizer = loadTokenizer(tokenizerText, `${encoder} tokenizer`);
  await makeFolder(join(out, "adapters"));
  const backend = await openBackend(options.backend ?? "wasm");
  const session = new Session(options, out, started);
  const own = recipeOf(encoder);
  await session.open({ encoder, seed, steps, adapterSteps, recipe: own });
  const feed = { tokenizer, seed };
  const build = (layers: number) =>
    createModel(backend, {
      config: shape(encoder, tokenizer, layers),
      task: { kind: "masked-lm", nextSentence: encoder === "mbert" },
      seed,
    });

  const weights = join(out, "model.safetensors");
  if (!await exists(weights)) {
    const trained = await pretrainEncoder(session, build, steps, own.depths, {
      ...feed,
      rowsEach: recipe.rowsEach,
    });
    await writeAtomic(join(out, "config.json"), JSON.stringify(configJson(trained.config), null, 2) + "\n");
    await writeAtomic(join(out, "tokenizer.json"), tokenizerText);
    await writeState(weights, await trained.state());
    await session.leave();
    trained.dispose();
  }
  // What is shipped is rounded to half precision: the adapters are trained on what they will be used with.
  const model = build(recipe.depths.at(-1)!.layers);
  model.loadState((await readStateFile(await readBytes(weights), weights)).state);
  for (const language of languages) {
    const path = join(out, "adapters", `${language}.safetensors`);
    if (await exists(path)) continue;
    model.adapters.addLanguage(language);
    model.setLanguage(language);
    model.setTrainable({ language });
    await stage(session, model, { ...feed, rowsEach: recipe.adapterRows, only: language }, {
      name: language,
      steps: adapterSteps,
      learningRate: recipe.adapterLearningRate,
      rate: { fall: 0.7, end: 0 },
    });
    await writeState(path, await model.adapterState(language));
    await session.leave();
    model.adapters.removeLanguage(language);
  }
  await session.finish(backend, languages);
  backend.dispose();
}

/** From few layers to all of them. The caller removes the checkpoint once the model is kept. */
async function pretrainEncoder(
  session: Session,
  build: (layers: number) => Model,
  steps: number,
  depths: readonly Depth[],
  feed: FeedOptions,
): Promise<Model> {
  const name = (layers: number) => `encoder of ${layers} layers`;
  const reached = await session.reached();
  let at = Math.max(0, depths.findIndex(({ layers }) => name(layers) === reached));
  let model = build(depths[at].layers);
  if (at === 0) initialise(model, feed.seed);
  for (;;) {
    const { layers, share, rate, fall, end } = depths[at];
    model.setTrainable({ encoder: true, head: true });
    await stage(session, model, feed, {
      name: name(layers),
      steps: Math.round(steps * share),
      learningRate: recipe.learningRate * rate,
      rate: { fall, end },
    });
    if (++at === depths.length) return model;
    const deeper = build(depths[at].layers);
    deeper.loadState(twiceAsDeep(await model.state(), model.config));
    model.dispose();
    model = deeper;
  }
}

interface Stage {
  name: string;
  steps: number;
  learningRate: number;
  /** Over the last share `fall` of the steps the learning rate falls to this factor. */
  rate: { fall: number; end: number };
}

/** Trains whatever is trainable in the model for one stage, from its checkpoint where there is one. */
async function stage(session: Session, model: Model, feedOptions: FeedOptions, plan: Stage): Promise<void> {
  const optimizer = new AdamW({ variant: "torch", weightDecay: recipe.weightDecay, beta2: recipe.beta2 });
  optimizer.adopt(model.trainableParameters);
  const update = new TrainingStep({ model, optimizer, losses: reportEvery });
  const feed = new Feed(feedOptions, recipe.diet);
  let step = await session.resume(plan.name, model, optimizer);
  if (step === 0) await session.save(plan.name, step, model, optimizer);
  for (; step < plan.steps; step++) {
    await session.pause(plan.name, step, model, optimizer);
    const batch = await feed.batch(step);
    update.run(batch, { number: step, learningRate: plan.learningRate * rateAt(step, plan) });
    session.tokens += batch.attentionMask.reduce((sum, each) => sum + each, 0);
    if ((step + 1) % reportEvery === 0 || step + 1 === plan.steps) {
      const losses = await update.losses();
      await session.report(plan, step + 1, losses.reduce((sum, each) => sum + each, 0) / losses.length);
    }
  }
  update.dispose();
  optimizer.dispose();
}

/** Rises, stays, falls: the factor of the learning rate at this step. */
function rateAt(step: number, { steps, rate: { fall, end } }: Stage): number {
  const warm = Math.min(1, (step + 1) / recipe.warmup);
  const left = fall === 0 ? 1 : Math.min(1, (1 - step / steps) / fall);
  return warm * (end + (1 - end) * left);
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

  /** The stage that the checkpoint belongs to; null without one. */
  async reached(): Promise<string | null> {
    if (!await exists(this.#checkpoint)) return null;
    const { metadata } = await readStateFile(await readBytes(this.#checkpoint), this.#checkpoint);
    return (JSON.parse(metadata.progress) as { stage: string }).stage;
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
    await this.save(stage, step, model, optimizer);
    this.#options.signal?.throwIfAborted();
  }

  async save(stage: string, step: number, model: Model, optimizer: AdamW): Promise<void> {
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
  }

  /** The kept model stands in for the checkpoint. */
  async leave(): Promise<void> {
    await remove(this.#checkpoint);
  }

  /** Says how the folder was made. */
  async finish(backend: Backend, languages: readonly Language[]): Promise<void> {
    const { encoder } = this.#options;
    const record = {
      command: `repro pretrain ${encoder}`,
      ...this.#setting,
      backend: backend.description,
      seconds: Math.round(this.seconds),
      tokens: this.tokens,
      languages,
    };
    await writeAtomic(join(this.#folder, "pretraining.json"), JSON.stringify(record, null, 2) + "\n");
    await remove(join(this.#folder, "setting.json"));
  }
}
