// Promises how fast this device trains an encoder of some width: a few timed updates of two of its layers, in seconds.
// Leaves what follows for a plan to plan.ts.
import { AdamW, type Backend, createModel, TrainingStep } from "../../core/mod.ts";
import type { EncoderShape } from "../paper/mod.ts";
import { stepFlops } from "./flops.ts";

export interface Probe {
  /** Floating-point operations a second, of matrix products alone. */
  flopsPerSecond: number;
  device: string;
  /** What was timed. */
  what: string;
}

/** Layers, words and tokens that the probe makes do with: neither changes the speed of a layer much. */
const probed = { layers: 2, vocabulary: 512 };
/** At least so many updates, for at least so long; the fastest counts, because whatever else runs here only slows. */
const least = { updates: 3, seconds: 0.5 };

export async function probe(backend: Backend, shape: EncoderShape, tokens: number): Promise<Probe> {
  const layers = Math.min(probed.layers, shape.layers);
  const batch = Math.max(1, Math.round(512 / tokens));
  const model = createModel(backend, {
    config: {
      modelType: "bert",
      hiddenSize: shape.hidden,
      layers,
      heads: shape.heads,
      intermediateSize: shape.feedForward,
      vocabularySize: probed.vocabulary,
      maximumPositions: Math.max(64, tokens),
      typeVocabularySize: 2,
      layerNormEpsilon: 1e-12,
      hiddenActivation: "gelu",
      hiddenDropout: 0.1,
      attentionDropout: 0.1,
      classifierDropout: null,
      padTokenId: 0,
      initializerRange: 0.02,
    },
    task: { kind: "span" },
    adapters: { languages: { en: {} }, task: { kind: "bottleneck", reduction: 16, nonLinearity: "relu" } },
    seed: 1,
  });
  model.setLanguage("en");
  model.setTrainable({ layers: Array.from({ length: layers }, (_, i) => i), head: true });
  const optimizer = new AdamW({ weightDecay: 0, maximumGradientNorm: 1 });
  optimizer.adopt([...model.taskGroups.flatMap(({ parameters }) => parameters), ...model.headParameters]);
  const step = new TrainingStep({ model, optimizer, losses: 1, dropoutSeed: 1 });
  const inputs = {
    examples: batch,
    tokens,
    inputIds: Int32Array.from({ length: batch * tokens }, (_, i) => 1 + (i * 7919) % (probed.vocabulary - 1)),
    attentionMask: new Int32Array(batch * tokens).fill(1),
    startPositions: new Int32Array(batch),
    endPositions: new Int32Array(batch).fill(1),
  };
  let number = 0;
  const once = async () => {
    step.run(inputs, { number: number++, learningRate: 1e-4 });
    await step.losses();
  };
  // Twice before the clock starts: pools fill, and a device that records steps has recorded this one.
  for (let i = 0; i < 2; i++) await once();
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  let times = 0, fastest = Infinity;
  while (times < least.updates || elapsed() < least.seconds) {
    const before = elapsed();
    await once();
    fastest = Math.min(fastest, elapsed() - before);
    times++;
  }
  step.dispose();
  optimizer.dispose();
  model.dispose();
  const work = stepFlops({ ...shape, layers, vocabulary: probed.vocabulary, batch, tokens }, layers);
  return {
    flopsPerSecond: work / fastest,
    device: backend.description,
    what:
      `the fastest of ${times} updates of ${layers} layers, ${shape.hidden} wide, on ${batch} × ${tokens} tokens`,
  };
}
