// Promises training steps, tr(F) and evaluation of a whole encoder on our engine, as repro/training runs them.
// Leaves data and schedules to the toolkit: weights and tokens are random here.
import {
  AdamW,
  type Backend,
  type Batch,
  createModel,
  fisherTrace,
  full,
  LossScale,
  type Model,
  scope,
  streamKey,
  Tape,
  TrainingStep,
  writeSafetensors,
} from "../../../core/mod.ts";
import { writeAtomic } from "../../../repro/runtime.ts";
import { languageReduction, taskReduction } from "../../work/work.ts";
import type { EncoderShape, Work } from "../../work/work.ts";
import type { MemoryUse, Outputs, PreparedWork } from "../engine.ts";

type EncoderWork = Extract<Work, { kind: "step" | "trace" | "evaluation" }>;

/** Small enough to leave the weights where they are over the calls of a measurement. */
const learningRate = 1e-6;
const dropout = 0.1;

export async function prepareEncoder(
  backend: Backend,
  work: EncoderWork,
  { half = false, exchange }: { half?: boolean; exchange?: string } = {},
): Promise<PreparedWork> {
  const { shape } = work;
  const model = bertLike(backend, shape, work.kind === "step" && work.open === "all");
  const batch = randomBatch(shape);
  if (exchange !== undefined) await writeExchange(model, batch, exchange);
  const resident = backend.memory().liveBytes;
  const parts = work.kind === "step"
    ? stepOf(model, batch, work.open, half)
    : work.kind === "trace"
    ? traceOf(model, batch, work.gradient)
    : evaluationOf(model, batch);
  return {
    ...parts,
    settle: () => backend.synchronize(),
    memory: (): MemoryUse => ({ resident, peak: backend.memory().peakBytes }),
    dispose() {
      parts.dispose();
      model.dispose();
      backend.dispose();
    },
  };
}

/**
 * Softmax ignores what all scores have in common: the key's bias adds the same to all scores of a query, the head's and the last
 * LayerNorm's to all tokens of an example. Their gradients are 0 but for rounding, and nothing to compare.
 */
const noEffect = (name: string, layers: number) =>
  name.endsWith("key.bias") || name === "qa_outputs.bias" ||
  name.endsWith(`layer.${layers - 1}.output.LayerNorm.bias`);

type Parts = Pick<PreparedWork, "run" | "outputs"> & { dispose(): void };

/** As often as a run reads its losses. */
const keptLosses = 20;
/** Keeps small gradients out of f16's denormals; runs find theirs (core/optim/loss_scale.ts). */
const checkedScale = 2 ** 10;

/** The update that runs make: recorded and replayed where the backend can. In half precision it waits for each norm, as theirs does. */
function stepOf(model: Model, batch: Batch, open: number | "all", half: boolean): Parts {
  const { layers } = model.config;
  model.setTrainable(
    open === "all"
      ? { encoder: true, head: true }
      : { layers: Array.from({ length: open }, (_, i) => layers - 1 - i), head: true },
  );
  const optimizer = new AdamW();
  optimizer.adopt(model.trainableParameters);
  const update = new TrainingStep({
    ...{ model, optimizer, losses: keptLosses, dropoutSeed: 1 },
    ...half ? { lossScale: new LossScale() } : {},
  });
  let number = 0;
  return {
    run() {
      const moment = { number: number++, learningRate };
      const read = () => update.waiting === keptLosses ? update.losses().then(() => {}) : undefined;
      if (half) return update.runScaled(batch, moment).then(read);
      update.run(batch, moment);
      return read();
    },
    /** Without dropout, whose draws differ from engine to engine. */
    async outputs() {
      const scale = half ? checkedScale : 1;
      const loss = scope(() => {
        const tape = new Tape();
        const loss = tape.run(() => model.loss(batch));
        tape.backward(loss, { seed: full(model.backend, loss.shape, scale) });
        return loss;
      });
      const outputs: Outputs = { loss: await loss.read() };
      loss.dispose();
      for (const { name, grad } of model.trainableParameters) {
        if (grad === null || noEffect(name!, layers)) continue;
        outputs[name!] = (await grad.read()).map((each) => each / scale);
      }
      model.zeroGrad();
      return outputs;
    },
    dispose() {
      update.dispose();
      optimizer.dispose();
    },
  };
}

function traceOf(model: Model, batch: Batch, gradient: "batch" | "per-example"): Parts {
  const groups = model.taskGroups;
  model.setTrainable({ layers: groups.map(({ layer }) => layer), head: true });
  const trace = () =>
    fisherTrace({
      batches: [batch],
      examples: (each: Batch) => each.examples,
      logits: (each: Batch) => model.logits(each),
      groups,
      label: gradient === "batch" ? "mode" : "sampled",
      random: (i) => streamKey(1, "fisher-labels", 0, i),
      gradient,
    }, () => model.zeroGrad());
  return {
    run: () => trace().then(() => {}),
    async outputs() {
      const results = await trace();
      return { trace: results.map(({ squares }) => squares.reduce((total, each) => total + each, 0)) };
    },
    dispose() {},
  };
}

function evaluationOf(model: Model, batch: Batch): Parts {
  // As after a training: in half precision what is frozen is stored in f16.
  model.setTrainable({ head: true });
  return {
    // Read back, as an evaluation needs its logits.
    async run() {
      const logits = scope(() => model.logits(batch));
      await logits.read();
      logits.dispose();
    },
    async outputs() {
      const logits = scope(() => model.logits(batch));
      const outputs = { logits: await logits.read() };
      logits.dispose();
      return outputs;
    },
    dispose() {},
  };
}

function bertLike(backend: Backend, shape: EncoderShape, bare: boolean): Model {
  return createModel(backend, {
    config: {
      modelType: "bert",
      hiddenSize: shape.hidden,
      layers: shape.layers,
      heads: shape.heads,
      intermediateSize: shape.feedForward,
      vocabularySize: shape.vocabulary,
      maximumPositions: 512,
      typeVocabularySize: 2,
      layerNormEpsilon: 1e-12,
      hiddenActivation: "gelu",
      hiddenDropout: dropout,
      attentionDropout: dropout,
      classifierDropout: null,
      padTokenId: 0,
      initializerRange: 0.02,
    },
    task: { kind: "span" },
    adapters: bare ? undefined : {
      languages: { en: { reduction: languageReduction } },
      task: { kind: "bottleneck", reduction: taskReduction, nonLinearity: "relu" },
    },
    seed: 1,
  });
}

/** Every token counts: no padding, so that tokens per second mean what they say. */
function randomBatch({ batch, tokens, vocabulary }: EncoderShape): Batch {
  let state = 7;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * limit);
  };
  const integers = (length: number, limit: number, from = 0) =>
    Int32Array.from({ length }, () => from + below(limit - from));
  return {
    examples: batch,
    tokens,
    inputIds: integers(batch * tokens, vocabulary, 1),
    attentionMask: new Int32Array(batch * tokens).fill(1),
    startPositions: integers(batch, tokens),
    endPositions: integers(batch, tokens),
  };
}

/** Parameters by their Hugging Face names, and the batch, as one safetensors file. */
async function writeExchange(model: Model, batch: Batch, path: string): Promise<void> {
  const state = await model.state();
  const rows = [batch.examples, batch.tokens];
  await writeAtomic(
    `${path}.safetensors`,
    writeSafetensors(
      new Map([
        ...[...state].map(([name, { shape, data }]) => [name, { shape, data }] as const),
        ["batch/inputIds", { shape: rows, data: batch.inputIds }],
        ["batch/startPositions", { shape: [batch.examples], data: batch.startPositions! }],
        ["batch/endPositions", { shape: [batch.examples], data: batch.endPositions! }],
      ]),
    ),
  );
}
