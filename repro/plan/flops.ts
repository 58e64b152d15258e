// Promises the floating-point operations of an encoder's layers, steps and evaluations: formulas stated here and nowhere else.
// Leaves how many steps a run has to work.ts and timing to probe.ts and the bench.
import type { EncoderShape as Widths } from "../paper/paper.ts";

// Only matrix products count (2 per multiply-add), each as often as the definition of the work needs it: what an engine
// computes again to save memory does not count, nor do softmax, LayerNorm and other work per element.
// Letters: R = B·T rows (tokens of the batch), H hidden, F feed-forward, T tokens of an example, L layers.

/** One post-norm encoder layer: B examples of T tokens. */
export interface LayerShape {
  batch: number;
  tokens: number;
  hidden: number;
  heads: number;
  feedForward: number;
  relativePositions?: number;
}

/** A whole encoder with its embeddings, a span head and, unless all of it trains, adapters in every layer. */
export interface EncoderShape extends LayerShape, Widths {}

/** What is trained in each layer. */
export type TaskAdapter = { kind: "bottleneck"; reduction: number } | { kind: "lora"; rank: number };

/** Bottleneck of MAD-X's language adapters: hidden / 2. */
export const languageReduction = 2;
const madx: TaskAdapter = { kind: "bottleneck", reduction: 16 };

/** One product [m, k] × [k, n]. */
export const product = (m: number, n: number, k: number): number => 2 * m * n * k;

export const rowsOf = ({ batch, tokens }: LayerShape): number => batch * tokens;

/** Q, K, V, output (4·H²) and the two of the feed-forward (2·H·F): 2·R·(4H² + 2HF). Their input gradients cost the same. */
export const denseFlops = (s: LayerShape): number =>
  2 * rowsOf(s) * (4 * s.hidden ** 2 + 2 * s.hidden * s.feedForward);

/**
 * Q·Kᵀ and P·V over all heads: 2 · 2·B·T²·H. The backward pass has four such products: twice as much. Disentangled attention
 * (DeBERTa) adds queries and keys against D relative positions, 2 · 2·B·T·D·H, and the projection of those positions, 2 · 2·D·H².
 */
export function attentionFlops(
  s: { batch: number; tokens: number; hidden: number; relativePositions?: number },
): number {
  const positions = s.relativePositions ?? 0;
  return 4 * s.batch * s.tokens * (s.tokens + positions) * s.hidden + 4 * positions * s.hidden ** 2;
}

/** Down and up: 2 · 2·R·H·b. Input gradients cost the same, weight gradients the same again. */
export const bottleneckFlops = (s: LayerShape, reduction: number): number =>
  4 * rowsOf(s) * s.hidden * Math.floor(s.hidden / reduction);

/** LoRA on query and value: two pairs of [H, r] and [r, H]. */
export const loraFlops = (s: LayerShape, rank: number): number => 2 * 4 * rowsOf(s) * s.hidden * rank;

const taskFlops = (s: LayerShape, task: TaskAdapter) =>
  task.kind === "lora" ? loraFlops(s, task.rank) : bottleneckFlops(s, task.reduction);

/** F and G of the invertible block: each [H/2 → H/4 → H/2]. */
const invertibleFlops = (s: LayerShape) => {
  const half = Math.floor(s.hidden / 2);
  return 2 * 4 * rowsOf(s) * half * Math.floor(half / languageReduction);
};

/** Start and end score of every token. */
const headFlops = (s: LayerShape) => product(rowsOf(s), 2, s.hidden);

/** The encoder's forward pass with its head; with language and task adapters, or without any. */
export function forwardFlops(s: EncoderShape, task: TaskAdapter | null = madx): number {
  const adapters = task === null ? 0 : bottleneckFlops(s, languageReduction) + taskFlops(s, task);
  const layer = denseFlops(s) + attentionFlops(s) + adapters;
  return s.layers * layer + headFlops(s) + (task === null ? 0 : invertibleFlops(s));
}

/**
 * Backward pass with the task adapters of the top `open` layers and the head trained: the gradient runs down through whole
 * layers (input gradients of everything frozen, attention twice) and ends in the task adapter of the lowest open one, where
 * both weights need a gradient (2 halves of a bottleneck) and only the upper projection passes one on (1 half). LoRA lies inside
 * attention: there the lowest layer's own attention and value and query gradients count too.
 */
function adapterBackwardFlops(s: EncoderShape, open: number, task: TaskAdapter): number {
  const head = headFlops(s);
  if (open === 0) return head;
  const trained = taskFlops(s, task);
  const through = denseFlops(s) + 2 * attentionFlops(s) + bottleneckFlops(s, languageReduction) + 2 * trained;
  const lowest = task.kind === "lora" ? through : 1.5 * trained;
  return 2 * head + (open - 1) * through + lowest;
}

/** A training step: forward and backward. Full fine-tuning has no adapters; its first layer's input leads to the embeddings. */
export function stepFlops(s: EncoderShape, open: number | "all", task: TaskAdapter = madx): number {
  if (open !== "all") return forwardFlops(s, task) + adapterBackwardFlops(s, open, task);
  return 3 * s.layers * (denseFlops(s) + attentionFlops(s)) + 3 * headFlops(s);
}
