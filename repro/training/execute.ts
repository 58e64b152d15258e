// Promises to turn one specification into a finished run in the store: train, evaluate in every language, keep what was made;
// or, when interrupted, a checkpoint from which the next call goes on to the same numbers.
// Leaves the loop to trainer.ts, models and scores to transfer.ts and language.ts, and the store's files to runs/.
import { type Backend, type Model, safetensorsParts, type State } from "../../core/mod.ts";
import type { DataSource } from "../data/source.ts";
import { fileReader, join, warn } from "../runtime.ts";
import {
  type ExecuteOptions,
  type ExecuteRun,
  files,
  type Metrics,
  type RunProgress,
  type RunWriter,
} from "../runs/mod.ts";
import { isTransfer, type RunSpec } from "../spec/mod.ts";
import type { Items } from "../tasks/task-data.ts";
import { isEncoderName } from "../tinyworld/mod.ts";
import { adapterOf, openBackend, precisionOf } from "./backend.ts";
import { type CheckpointUse, useInWords } from "./checkpoint-use.ts";
import { type Prepared, trainingData, validationData } from "./data.ts";
import { evaluate, listen } from "./evaluate.ts";
import { taskRevision } from "./identify.ts";
import { languageData, languageModel, likelihood } from "./language.ts";
import { type Mutant, parseMutant } from "./mutants.ts";
import { withRemedy } from "./run-memory.ts";
import { readStateFile } from "./state-file.ts";
import { Trainer } from "./trainer.ts";
import { evaluateTargets, metricsOf, transferModel, validationMetric } from "./transfer.ts";
import { type EncoderBundle, openData, openEncoderOf } from "./world.ts";

/**
 * Seconds of training between two checkpoints, the most that an interruption can cost: at least, and at most where saving takes
 * long. With a checkpoint the run's lock gives its sign of life, which other machines expect within 15 minutes.
 */
const checkpointEvery = { least: 30, most: 600 };
/** Seconds of training for each second that the last checkpoint took: of a whole model it is gigabytes. */
const trainingForSaving = 20;

export const executeRun: ExecuteRun = async (spec, options) => {
  const mutant = parseMutant(spec.mutant);
  const writer = await options.store.begin(spec);
  if (writer === null) return;
  try {
    await execute(spec, mutant, writer, options);
  } catch (thrown) {
    const error = withRemedy(thrown, spec, options.microBatch);
    if (options.signal.aborted) await writer.release();
    else await writer.fail(error);
    throw error;
  }
};

/** What differs between the kinds of training. */
interface Work {
  /** SHA-256 of the files that it trains on. */
  data(): Promise<string>;
  /** Read only where something is to be trained. */
  training(): Promise<{ data: Items; partial: string[] }>;
  /** Nothing in it is trained yet. */
  model(): Promise<Model>;
  /** Higher is better. */
  validate(model: Model): Promise<number>;
  /** Scores of the trained model; writes predictions. */
  score(model: Model): Promise<Scores>;
}

interface Scores {
  metrics: Metrics;
  conventions: Record<string, unknown>;
  partial: Iterable<string>;
}

interface Context {
  spec: RunSpec;
  mutant: Mutant | undefined;
  source: DataSource;
  bundle: EncoderBundle;
  backend: Backend;
  writer: RunWriter;
  signal: AbortSignal;
  onLoad(use: CheckpointUse): void;
  onTarget(what: string): void;
}

async function execute(
  spec: RunSpec,
  mutant: Mutant | undefined,
  writer: RunWriter,
  { signal, onProgress, microBatch }: ExecuteOptions,
): Promise<void> {
  onProgress({ step: 0, steps: 0, phase: "load" });
  const source = openData(spec.data);
  const bundle = await openEncoderOf(spec);
  const backend = await openBackend(spec.backend, precisionOf(spec));
  try {
    let checkpoint: CheckpointUse | undefined, steps = 0;
    const context = {
      ...{ spec, mutant, source, bundle, backend, writer, signal },
      onLoad(use: CheckpointUse) {
        checkpoint = use;
        tell(spec, use);
      },
      onTarget: (message: string) => onProgress({ step: steps, steps, phase: "evaluate", message }),
    };
    const work = await (isTransfer(spec) ? transfer : language)(context);
    let trained = await writer.trained(() => work.data());
    let model: Model, trainer: Trainer | undefined;
    if (trained !== null) {
      model = await work.model();
      model.loadState(await readTrainedState(writer.folder), { missing: "keep" });
    } else {
      const { data, partial } = await work.training();
      model = await work.model();
      trainer = new Trainer({
        ...{ model, data, spec, mutant },
        ...(microBatch === undefined ? {} : { microBatch }),
        validate: () => work.validate(model),
        onLoss: (line) => writer.log("losses", line),
        onTrace: (line) => writer.log("trf", line),
        onValidation: (line) => writer.log("validation", line),
      });
      await train(trainer, writer, signal, onProgress);
      const { peakBytes: trainingPeakBytes } = backend.memory();
      trainer.restoreBest();
      await writer.writeAdapter(
        safetensorsParts(
          await trainer.adapterState() as Map<string, { shape: number[]; data: Float32Array }>,
          { task: spec.task, method: spec.method, seed: String(spec.seed) },
        ),
      );
      const { lossScale, momentsOnHost, best, schedule } = trainer;
      const provenance = {
        // Live and pooled memory at its highest while this process trained.
        trainingPeakBytes,
        ...(momentsOnHost === 0 ? {} : { momentsOnHostBytes: momentsOnHost }),
        ...(checkpoint === undefined ? {} : { checkpoint }),
        best,
        trainingItems: data.size,
        ...(microBatch === undefined ? {} : { microBatch }),
        ...(lossScale === undefined ? {} : { lossScale: lossScale.value, skippedUpdates: lossScale.skipped }),
      };
      const read = await work.data();
      const left = { steps: trainer.steps, schedule: [...schedule], data: read, partial, provenance };
      // Whatever happens to the scores, this is not lost.
      await writer.writeTrained(left);
      trained = { ...left, format: 1, adapter: "" };
    }
    steps = trained.steps;
    const { metrics, conventions, partial: scored } = await work.score(model);
    const partial = [...new Set([...bundle.notes, ...trained.partial, ...scored])];
    await writer.finish({
      metrics,
      schedule: trained.schedule,
      steps,
      provenance: {
        backend: backend.name,
        device: backend.description,
        ...await adapterOf(spec.backend),
        ...trained.provenance,
        devicePeakBytes: backend.memory().peakBytes,
        ...(spec.languageAdapters === undefined ? {} : { languageAdapters: spec.languageAdapters }),
        ...(Object.keys(conventions).length > 0 ? { conventions } : {}),
        ...(partial.length > 0 ? { partial } : {}),
      },
    });
    trainer?.dispose();
    model.dispose();
  } finally {
    backend.dispose();
  }
}

async function readTrainedState(folder: string): Promise<State> {
  const path = join(folder, files.adapter);
  return (await readStateFile(await fileReader(path), path)).state;
}

const told = new Set<string>();

/** Once for each encoder and kind of run; the tiny world's own encoders have nothing to wonder about. */
function tell({ model }: RunSpec, use: CheckpointUse): void {
  const text = useInWords(use, model);
  if (text === null || told.has(text) || isEncoderName(model)) return;
  told.add(text);
  warn(text);
}

function transfer({ spec, mutant, source, bundle, backend, writer, ...rest }: Context): Work {
  if (!isTransfer(spec)) throw new Error(`transfer: ${spec.task} is no task that is transferred`);
  let validation: Prepared;
  return {
    data: () => taskRevision(spec.data, spec.task, {}),
    async training() {
      const { data, partial } = await trainingData(source, bundle.tokenizer, spec);
      validation = await validationData(source, bundle.tokenizer, spec);
      return { data, partial: [...partial, ...validation.partial] };
    },
    model: () => transferModel(spec, mutant, bundle, backend, rest.onLoad),
    async validate(model) {
      return (await evaluate(model, validation.data, rest.signal)).metrics[validationMetric[spec.task]];
    },
    async score(model) {
      const metrics: Metrics = {};
      const conventions: Record<string, unknown> = {};
      const partial: string[] = [];
      // The disk takes its time; meanwhile the next language is computed.
      const writing: Promise<void>[] = [];
      try {
        for await (const result of evaluateTargets({ spec, mutant, model, bundle, source, ...rest })) {
          const { dataset, language } = result;
          Object.assign(metrics, metricsOf(result));
          if (Object.keys(result.conventions).length > 0) {
            conventions[`${dataset}/${language}`] = result.conventions;
          }
          partial.push(...result.partial);
          const written = writer.writePredictions(dataset, language, result.predictions);
          // Its failure is told below; until then it must not end the process as one that nobody hears of.
          written.catch(() => {});
          writing.push(written);
        }
      } finally {
        await Promise.allSettled(writing);
      }
      await Promise.all(writing);
      return { metrics, conventions, partial };
    },
  };
}

async function language({ spec, source, bundle, backend, signal, onLoad }: Context): Promise<Work> {
  const { training, validation } = await languageData(source, bundle, spec);
  const validate = (model: Model) => likelihood(model, validation, signal);
  return {
    data: () => Promise.resolve(spec.dataRevision),
    training: () => Promise.resolve({ data: training, partial: [] }),
    model: () => languageModel(spec, bundle, backend, onLoad),
    validate,
    score: async (model) => ({
      metrics: { [`text/${spec.language}/likelihood`]: await validate(model) },
      conventions: {},
      partial: [],
    }),
  };
}

async function train(
  trainer: Trainer,
  writer: RunWriter,
  signal: AbortSignal,
  onProgress: (progress: RunProgress) => void,
): Promise<void> {
  const checkpoint = await writer.resume();
  if (checkpoint !== null) await trainer.restore(checkpoint.content);
  let wait = checkpointEvery.least * 1000, saved = performance.now();
  const save = async () => {
    const begun = performance.now();
    await writer.saveCheckpoint(trainer.step, trainer.steps, await trainer.save());
    saved = performance.now();
    const { least, most } = checkpointEvery;
    wait = Math.min(most * 1000, Math.max(least * 1000, trainingForSaving * (saved - begun)));
  };
  while (trainer.step < trainer.steps) {
    if (signal.aborted) {
      await save();
      signal.throwIfAborted();
    }
    await trainer.advance();
    onProgress({ step: trainer.step, steps: trainer.steps, phase: "train" });
    await listen();
    if (performance.now() - saved > wait) await save();
  }
}
