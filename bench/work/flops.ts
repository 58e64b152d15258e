// Promises the floating-point operations, the bytes and the tokens of every piece of work: formulas stated here and nowhere else.
// Leaves timing and rates to the measurement.
import {
  type EncoderShape,
  languageReduction,
  type LayerMode,
  type LayerShape,
  loraRank,
  taskReduction,
  type Work,
} from "./work.ts";

// Only matrix products count (2 per multiply-add), each as often as the definition of the work needs it: what an engine
// computes again to save memory does not count, nor do softmax, LayerNorm and other work per element.
// Letters: R = B·T rows (tokens of the batch), H hidden, F feed-forward, T tokens of an example, L layers.

/** One product [m, k] × [k, n]. */
export const product = (m: number, n: number, k: number): number => 2 * m * n * k;

const rowsOf = ({ batch, tokens }: LayerShape) => batch * tokens;

/** Q, K, V, output (4·H²) and the two of the feed-forward (2·H·F): 2·R·(4H² + 2HF). Their input gradients cost the same. */
export const denseFlops = (s: LayerShape): number =>
  2 * rowsOf(s) * (4 * s.hidden ** 2 + 2 * s.hidden * s.feedForward);

/** Q·Kᵀ and P·V over all heads: 2 · 2·B·T²·H. The backward pass has four such products: twice as much. */
export const attentionFlops = (s: { batch: number; tokens: number; hidden: number }): number =>
  4 * s.batch * s.tokens ** 2 * s.hidden;

/** Down and up: 2 · 2·R·H·b. Input gradients cost the same, weight gradients the same again. */
const bottleneckFlops = (s: LayerShape, reduction: number) =>
  4 * rowsOf(s) * s.hidden * Math.floor(s.hidden / reduction);

/** LoRA on query and value: two pairs of [H, r] and [r, H]. */
const loraFlops = (s: LayerShape) => 2 * 4 * rowsOf(s) * s.hidden * loraRank;

/** The stack of a frozen language adapter and the task adapter. */
const madxFlops = (s: LayerShape) =>
  bottleneckFlops(s, languageReduction) + bottleneckFlops(s, taskReduction);

export function layerFlops(s: LayerShape, mode: LayerMode): number {
  const dense = denseFlops(s), attention = attentionFlops(s);
  switch (mode) {
    case "forward":
      return dense + attention;
    case "all": // forward, input gradients, weight gradients; attention forward and twice that backward
      return 3 * dense + 3 * attention;
    case "lora": // the frozen weights have no gradient of their own
      return 2 * dense + 3 * attention + 3 * loraFlops(s);
    case "mad-x":
      return 2 * dense + 3 * attention + 2 * bottleneckFlops(s, languageReduction) +
        3 * bottleneckFlops(s, taskReduction);
  }
}

/** F and G of the invertible block: each [H/2 → H/4 → H/2]. */
const invertibleFlops = (s: LayerShape) => {
  const half = Math.floor(s.hidden / 2);
  return 2 * 4 * rowsOf(s) * half * Math.floor(half / languageReduction);
};

/** Start and end score of every token. */
const headFlops = (s: LayerShape) => product(rowsOf(s), 2, s.hidden);

/** The encoder's forward pass with its head; with or without adapters. */
export function forwardFlops(s: EncoderShape, adapters = true): number {
  const layer = denseFlops(s) + attentionFlops(s) + (adapters ? madxFlops(s) : 0);
  return s.layers * layer + headFlops(s) + (adapters ? invertibleFlops(s) : 0);
}

/**
 * Backward pass with the task adapters of the top `open` layers and the head trained: the gradient runs down through whole
 * layers (input gradients of everything frozen, attention twice) and ends in the task adapter of the lowest open one, where
 * both weights need a gradient (2 halves of a bottleneck) and only the upper projection passes one on (1 half).
 */
function adapterBackwardFlops(s: EncoderShape, open: number): number {
  const head = headFlops(s);
  if (open === 0) return head;
  const task = bottleneckFlops(s, taskReduction);
  const through = denseFlops(s) + 2 * attentionFlops(s) + bottleneckFlops(s, languageReduction) + 2 * task;
  return 2 * head + (open - 1) * through + 1.5 * task;
}

/** A training step: forward and backward. Full fine-tuning has no adapters; its first layer's input leads to the embeddings. */
export function stepFlops(s: EncoderShape, open: number | "all"): number {
  if (open !== "all") return forwardFlops(s) + adapterBackwardFlops(s, open);
  return 3 * s.layers * (denseFlops(s) + attentionFlops(s)) + 3 * headFlops(s);
}

/** Floating-point operations of one call; null where the work is bound by memory and has none worth counting. */
export function flopsOf(work: Work): number | null {
  switch (work.kind) {
    case "matmul":
      return work.batch * product(work.m, work.n, work.k);
    case "attention": {
      const { batch, tokens, heads, headSize, gradients } = work;
      return (gradients ? 3 : 1) * attentionFlops({ batch, tokens, hidden: heads * headSize });
    }
    case "layer":
      return layerFlops(work.shape, work.mode);
    case "step":
      return stepFlops(work.shape, work.open);
    case "trace": // per example or per batch: the same products, differently grouped
      return stepFlops(work.shape, work.shape.layers);
    case "evaluation":
      return forwardFlops(work.shape);
    case "flat":
    case "layer-norm-gelu":
    case "adamw":
      return null;
  }
}

/** Elements read and written by a kernel alone, as multiples of rows·cols; single rows and columns are left out. */
const passes = {
  "copy": 2,
  "gelu": 2,
  "gelu-grad": 3,
  "tanh": 2,
  "exp": 2,
  "dropout": 2,
  "layer-norm": 3, // with a residual
  "layer-norm-grad": 4, // the same, and dy
  "layer-norm-parameter-grad": 3,
  "softmax": 2,
  "add": 3,
  "add-row": 2,
  "sum-rows": 1,
  "sum-squares": 1,
};

/** Bytes (f32) that must cross memory at least once; null where the work is bound by arithmetic. */
export function bytesOf(work: Work): number | null {
  switch (work.kind) {
    case "flat":
      return 4 * passes[work.kernel] * work.rows * work.cols;
    case "layer-norm-gelu": // read x, write y
      return 4 * 2 * work.rows * work.cols;
    case "adamw": // norm: read g; update: read p, g, m, v and write p, m, v
      return 4 * 8 * work.tensors * work.size;
    default:
      return null;
  }
}

/** Tokens of one call, for the work whose speed people state in tokens per second. */
export function tokensOf(work: Work): number | null {
  return work.kind === "step" || work.kind === "trace" || work.kind === "evaluation"
    ? rowsOf(work.shape)
    : null;
}
