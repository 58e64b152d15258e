// Promises what a piece of work is, as plain data that every engine reads: shapes and what is asked of them.
// Leaves which pieces are measured to the families beside this file and how they are computed to the engines.

import { type EncoderShape, languageReduction, type LayerShape } from "../../repro/plan/flops.ts";

export { type EncoderShape, languageReduction, type LayerShape };

export type Layout = "NN" | "NT" | "TN";

/**
 * What is computed of a layer: its output; gradients of the input and of every weight; of the input and a LoRA of rank 8 on
 * query and value; of the input and the task adapter of a MAD-X stack (language adapter and the rest frozen).
 */
export type LayerMode = "forward" | "all" | "lora" | "mad-x";

export const flatKernels = [
  "copy",
  "gelu",
  "gelu-grad",
  "tanh",
  "exp",
  "dropout",
  "layer-norm",
  "layer-norm-grad",
  "layer-norm-parameter-grad",
  "softmax",
  "add",
  "add-row",
  "sum-rows",
  "sum-squares",
] as const;
export type FlatKernel = (typeof flatKernels)[number];

export type Work =
  /** out[m, n] = op(a) × op(b), `batch` times; T: stored transposed. */
  | { kind: "matmul"; layout: Layout; batch: number; m: number; n: number; k: number }
  /** One memory-bound kernel of ours alone, on [rows, cols]. */
  | { kind: "flat"; kernel: FlatKernel; rows: number; cols: number }
  /** gelu(layerNorm(x)) on [rows, cols]. */
  | { kind: "layer-norm-gelu"; rows: number; cols: number }
  /** softmax(q·kᵀ/√d)·v for `heads` heads; with `gradients`, those of q, k and v as well. */
  | { kind: "attention"; batch: number; heads: number; tokens: number; headSize: number; gradients: boolean }
  | { kind: "layer"; shape: LayerShape; mode: LayerMode }
  /** Forward, backward, clipping and AdamW, with the task adapters of the top `open` layers and the head open, or all weights. */
  | { kind: "step"; shape: EncoderShape; open: number | "all" }
  /** tr(F) of all task adapters on one batch: gradient of the batch, or of each example. */
  | { kind: "trace"; shape: EncoderShape; gradient: "batch" | "per-example" }
  /** Logits without gradients. */
  | { kind: "evaluation"; shape: EncoderShape }
  /** One update, clipping included, of `tensors` parameters of `size` elements each. */
  | { kind: "adamw"; tensors: number; size: number };

export interface Operation {
  /** "family/what", as --ops takes it. */
  name: string;
  /** For people: what is computed. */
  summary: string;
  work: Work;
  /** Long or large: measured only when named, or with --all. */
  slow?: boolean;
}

/** Bottleneck of the task adapter: hidden / 16 (the paper's), of the language adapter: hidden / 2 (MAD-X's). */
export const taskReduction = 16;
export const loraRank = 8;
export const layerNormEpsilon = 1e-5;
