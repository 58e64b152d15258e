// Promises to turn one specification into a finished run in the store: train, evaluate in every language, keep what was made;
// or, when interrupted, a checkpoint from which the next call goes on to the same numbers.
// Leaves the loop to trainer.ts, scoring to evaluate.ts and the store's files to runs/.
import { createModel, type Model, writeSafetensors } from "../../core/mod.ts";
import type { TargetName } from "../data/datasets.ts";
import type { ExecuteRun, Metrics, RunProgress, RunWriter } from "../runs/mod.ts";
import type { RunSpec } from "../spec/mod.ts";
import { adapterOf, openBackend } from "./backend.ts";
import { targetData, trainingData, validationData } from "./data.ts";
import { evaluate } from "./evaluate.ts";
import { type Mutant, parseMutant } from "./mutants.ts";
import { Trainer } from "./trainer.ts";
import { type EncoderBundle, openData, openEncoder } from "./world.ts";

/** Seconds of training between two checkpoints: the most that an interruption can cost. */
const checkpointEvery = 30;

const heads = {
  squad: { kind: "span" },
  xnli: { kind: "classification", labels: 3 },
  copa: { kind: "choice" },
} as const;

/** Score by which the best checkpoint is chosen, as in the authors' scripts. */
const validationMetric = { squad: "f1", xnli: "accuracy", copa: "accuracy" } as const;

export const executeRun: ExecuteRun = async (spec, { store, signal, onProgress }) => {
  const mutant = parseMutant(spec.mutant);
  if (spec.adapter === "full") {
    throw new Error("run: full fine-tuning cannot be executed yet; choose mad-x or lora");
  }
  const writer = await store.begin(spec);
  if (writer === null) return;
  try {
    await execute(spec, mutant, writer, signal, onProgress);
  } catch (error) {
    if (signal.aborted) await writer.release();
    else await writer.fail(error);
    throw error;
  }
};

async function execute(
  spec: RunSpec,
  mutant: Mutant | undefined,
  writer: RunWriter,
  signal: AbortSignal,
  onProgress: (progress: RunProgress) => void,
): Promise<void> {
  onProgress({ step: 0, steps: 0, phase: "load" });
  const source = openData(spec.data);
  const bundle = await openEncoder(spec.model, spec.data);
  if (bundle.revision !== spec.modelRevision) {
    throw new Error(
      `model ${spec.model}: its files have revision ${bundle.revision.slice(0, 16)}…, the run asks for ` +
        `${
          spec.modelRevision.slice(0, 16)
        }…; the encoder has changed since the run was specified, specify it anew`,
    );
  }
  const { tokenizer } = bundle;
  const training = await trainingData(source, tokenizer, spec);
  const validation = await validationData(source, tokenizer, spec);
  const partial = new Set([...bundle.notes, ...training.partial, ...validation.partial]);

  const backend = await openBackend(spec.backend);
  try {
    const model = await buildModel(spec, mutant, bundle, backend);
    const trainer = new Trainer({
      model,
      data: training.data,
      spec,
      mutant,
      async validate() {
        const { metrics } = await evaluate(model, validation.data, signal);
        return metrics[validationMetric[spec.task]];
      },
      onLoss: (line) => writer.log("losses", line),
      onTrace: (line) => writer.log("trf", line),
    });
    await train(trainer, writer, signal, onProgress);
    const { peakBytes: trainingPeakBytes } = backend.memory();

    trainer.restoreBest();
    await writer.writeAdapter(
      writeSafetensors(await trainer.adapterState() as Map<string, { shape: number[]; data: Float32Array }>, {
        task: spec.task,
        method: spec.method,
        seed: String(spec.seed),
      }),
    );
    const metrics: Metrics = {};
    const conventions: Record<string, unknown> = {};
    const targets = Object.entries(spec.evaluate).flatMap(([dataset, languages]) =>
      languages.map((language) => ({ dataset: dataset as TargetName, language }))
    );
    for (const [done, { dataset, language }] of targets.entries()) {
      signal.throwIfAborted();
      onProgress({
        step: trainer.steps,
        steps: trainer.steps,
        phase: "evaluate",
        message: `${dataset} ${language} (${done + 1} of ${targets.length})`,
      });
      const target = await targetData(source, tokenizer, spec, dataset, language);
      for (const each of target.partial) partial.add(each);
      await useLanguage(model, bundle, mutant === "language-not-swapped" ? "en" : language);
      const result = await evaluate(model, target.data, signal);
      for (const [name, value] of Object.entries(result.metrics)) {
        metrics[`${dataset}/${language}/${name}`] = value;
      }
      if (Object.keys(result.conventions).length > 0) {
        conventions[`${dataset}/${language}`] = result.conventions;
      }
      await writer.writePredictions(dataset, language, result.predictions);
    }
    const memory = backend.memory();
    await writer.finish({
      metrics,
      schedule: [...trainer.schedule],
      steps: trainer.steps,
      provenance: {
        backend: backend.name,
        device: backend.description,
        ...await adapterOf(spec.backend),
        // Live and pooled memory at its highest: while this process trained, and with scoring.
        trainingPeakBytes,
        devicePeakBytes: memory.peakBytes,
        best: trainer.best,
        trainingItems: training.data.size,
        ...(Object.keys(conventions).length > 0 ? { conventions } : {}),
        ...(partial.size > 0 ? { partial: [...partial] } : {}),
      },
    });
    trainer.dispose();
    model.dispose();
  } finally {
    backend.dispose();
  }
}

async function train(
  trainer: Trainer,
  writer: RunWriter,
  signal: AbortSignal,
  onProgress: (progress: RunProgress) => void,
): Promise<void> {
  const checkpoint = await writer.resume();
  if (checkpoint !== null) await trainer.restore(checkpoint.bytes);
  let saved = performance.now();
  while (trainer.step < trainer.steps) {
    if (signal.aborted) {
      await writer.saveCheckpoint(trainer.step, trainer.steps, await trainer.save());
      signal.throwIfAborted();
    }
    await trainer.advance();
    onProgress({ step: trainer.step, steps: trainer.steps, phase: "train" });
    // The synchronous backends never wait: without this the process could not hear that it is asked to stop.
    await new Promise((done) => setTimeout(done));
    if (performance.now() - saved > checkpointEvery * 1000) {
      await writer.saveCheckpoint(trainer.step, trainer.steps, await trainer.save());
      saved = performance.now();
    }
  }
}

/** Encoder, English language adapter, task adapter and head; nothing trainable yet. */
async function buildModel(
  spec: RunSpec,
  mutant: Mutant | undefined,
  bundle: EncoderBundle,
  backend: Awaited<ReturnType<typeof openBackend>>,
): Promise<Model> {
  const { adapter, hyperparameters: hp } = spec;
  const english = await bundle.language("en");
  const model = createModel(backend, {
    config: bundle.config,
    task: heads[spec.task],
    adapters: {
      languages: { en: english.config },
      task: adapter === "lora"
        ? { kind: "lora", rank: hp.loraRank ?? 8, alpha: hp.loraAlpha ?? 8 }
        : { kind: "bottleneck", reduction: hp.reductionFactor, nonLinearity: "relu" },
    },
    seed: spec.seed,
    layerNormPasses: mutant === "single-layer-norm" ? "first" : "every",
    initialEncoder: "empty",
  });
  if (bundle.weights === null) model.loadEncoder(await untrainedWeights(bundle, backend));
  else await model.streamEncoder(bundle.weights);
  await useLanguage(model, bundle, "en");
  return model;
}

/** The same random encoder for every seed: only head and task adapters may differ from run to run. */
async function untrainedWeights(bundle: EncoderBundle, backend: Awaited<ReturnType<typeof openBackend>>) {
  const model = createModel(backend, { config: bundle.config, task: { kind: "span" }, seed: 0 });
  const state = await model.state();
  model.dispose();
  return state;
}

async function useLanguage(model: Model, bundle: EncoderBundle, code: string): Promise<void> {
  const known = model.adapters.languages.includes(code);
  if (!known || code === "en") {
    const { config, state } = await bundle.language(code);
    if (!known) model.adapters.addLanguage(code, config);
    if (state !== null) model.loadAdapter(code, state);
  }
  model.setLanguage(code);
}
