// Promises the work of whole layers and encoders: one layer in four modes, training steps by open adapters, tr(F), evaluation.
import type { EncoderShape, LayerMode, LayerShape, Operation } from "./work.ts";

/** The layer that all measurements of peers share: BERT-like, 384 wide, 16 examples of 128 tokens. */
export const sharedLayer: LayerShape = { batch: 16, tokens: 128, hidden: 384, heads: 12, feedForward: 1536 };

const modes: Record<LayerMode, string> = {
  forward: "forward",
  all: "forward and all gradients",
  lora: "forward, gradients of LoRA r 8 on query and value, and of the input",
  "mad-x": "forward through language and task adapter, gradients of the task adapter and of the input",
};

export const layerOperations: Operation[] = Object.entries(modes).map(([mode, words]) => ({
  name: `layer/${mode}`,
  summary: `one encoder layer, 384 wide, 16 × 128 tokens: ${words}`,
  work: { kind: "layer", shape: sharedLayer, mode: mode as LayerMode },
}));

/**
 * The encoders: the tiny world's (64 wide, batches as its SQuAD runs have them), MiniLM's width, BERT-base's width, and XLM-R
 * base as the paper trains it. The vocabulary only sets the size of a frozen table; full fine-tuning updates all of it.
 */
export const encoders: Record<string, EncoderShape> = {
  tiny: { batch: 16, tokens: 96, hidden: 64, heads: 4, feedForward: 256, layers: 12, vocabulary: 2000 },
  "width-384": {
    batch: 4,
    tokens: 64,
    hidden: 384,
    heads: 12,
    feedForward: 1536,
    layers: 12,
    vocabulary: 2000,
  },
  minilm: {
    batch: 16,
    tokens: 128,
    hidden: 384,
    heads: 12,
    feedForward: 1536,
    layers: 12,
    vocabulary: 30522,
  },
  base: { batch: 8, tokens: 128, hidden: 768, heads: 12, feedForward: 3072, layers: 12, vocabulary: 30522 },
  "xlmr-base": {
    batch: 32,
    tokens: 384,
    hidden: 768,
    heads: 12,
    feedForward: 3072,
    layers: 12,
    vocabulary: 250002,
  },
};

const describe = ({ hidden, batch, tokens }: EncoderShape) =>
  `12 layers, ${hidden} wide, ${batch} × ${tokens} tokens`;

function step(family: string, encoder: string, open: number | "all", slow: boolean): Operation {
  const shape = encoders[encoder];
  const what = open === "all"
    ? "full fine-tuning, no adapters"
    : open === 0
    ? "only the head open"
    : `the top ${open} task adapters and the head open`;
  return {
    name: `${family}/${encoder}-${open === "all" ? "full" : `open-${open}`}`,
    summary: `training step, ${describe(shape)}: ${what}`,
    work: { kind: "step", shape, open },
    ...(slow ? { slow } : {}),
  };
}

const stages = [1, 6, 12, "all"] as const;

export const stepOperations: Operation[] = [
  ...stages.map((open) => step("step", "tiny", open, false)),
  ...["minilm", "base"].flatMap((encoder) => stages.map((open) => step("step", encoder, open, true))),
  ...([12, 1, "all"] as const).map((open) => step("step", "xlmr-base", open, true)),
];

/** Step time and memory against the FLOP count by what is open: every stage of the tiny encoder, five of the wider one. */
export const frozenOperations: Operation[] = [
  ...Array.from({ length: 13 }, (_, open) => step("frozen", "tiny", open, true)),
  step("frozen", "tiny", "all", true),
  ...([0, 1, 6, 12, "all"] as const).map((open) => step("frozen", "width-384", open, true)),
];

export const traceOperations: Operation[] = (["batch", "per-example"] as const).flatMap((gradient) =>
  ["tiny", "width-384"].map((encoder) => ({
    name: `trace/${encoder}-${gradient}`,
    summary: `tr(F) of all task adapters, gradient ${
      gradient === "batch" ? "of the batch" : "of each example"
    }, ${describe(encoders[encoder])}`,
    work: { kind: "trace", shape: encoders[encoder], gradient },
  }))
);

export const evaluationOperations: Operation[] = [
  {
    name: "evaluation/tiny",
    summary: `evaluation, ${describe({ ...encoders.tiny, batch: 42 })}`,
    work: { kind: "evaluation", shape: { ...encoders.tiny, batch: 42 } },
  },
  ...["minilm", "base", "xlmr-base"].map((encoder): Operation => ({
    name: `evaluation/${encoder}`,
    summary: `evaluation, ${describe(encoders[encoder])}`,
    work: { kind: "evaluation", shape: encoders[encoder] },
    slow: true,
  })),
];
