// Promises the parts of a layer: LayerNorm with GELU, attention, memory-bound kernels alone, AdamW.
import { flatKernels, type Operation } from "./work.ts";

export const rowOperations: Operation[] = [
  {
    name: "norm/layer-norm-gelu-4096x768",
    summary: "LayerNorm, then exact GELU, of [4096, 768]",
    work: { kind: "layer-norm-gelu", rows: 4096, cols: 768 },
  },
  {
    name: "norm/layer-norm-gelu-1024x64",
    summary: "LayerNorm, then exact GELU, of [1024, 64]",
    work: { kind: "layer-norm-gelu", rows: 1024, cols: 64 },
  },
];

/** Batch, heads, tokens, head size. */
const attentionShapes = [[8, 12, 128, 64], [16, 12, 128, 32], [32, 4, 32, 16], [2, 12, 384, 64]] as const;

export const attentionOperations: Operation[] = attentionShapes.flatMap(([batch, heads, tokens, headSize]) =>
  [false, true].map((gradients) => ({
    name: `attention/${gradients ? "backward" : "forward"}-${batch}x${heads}x${tokens}x${headSize}`,
    summary: `attention ${
      gradients ? "forward and backward" : "forward"
    }, ${batch} examples, ${heads} heads, ${tokens} tokens, head size ${headSize}`,
    work: { kind: "attention", batch, heads, tokens, headSize, gradients },
  }))
);

export const kernelOperations: Operation[] = flatKernels.map((kernel) => ({
  name: `kernel/${kernel}`,
  summary: `our kernel ${kernel} alone, [4096, 768]`,
  work: { kind: "flat", kernel, rows: 4096, cols: 768 },
}));

/** What the machine gives at most, near enough: a product and a copy too large for any overhead or cache to matter. */
export const ceilingOperations: Operation[] = [
  {
    name: "ceiling/matmul-4096",
    summary: "product NN of two [4096, 4096]: the arithmetic that this engine reaches here",
    work: { kind: "matmul", layout: "NN", batch: 1, m: 4096, n: 4096, k: 4096 },
    slow: true,
  },
  {
    name: "ceiling/copy-128mib",
    summary: "copy of 128 MiB: the memory's speed",
    work: { kind: "flat", kernel: "copy", rows: 8192, cols: 4096 },
    slow: true,
  },
];

/** The task adapters of 12 layers have 4 tensors each; width 768 with bottleneck 48, and a whole MiniLM-like encoder. */
export const optimizerOperations: Operation[] = [
  {
    name: "adamw/adapters-64",
    summary: "AdamW with clipping on 48 tensors of 256 elements (task adapters of the 64-wide encoder)",
    work: { kind: "adamw", tensors: 48, size: 256 },
  },
  {
    name: "adamw/adapters-768",
    summary: "AdamW with clipping on 24 tensors of 36,864 elements (task adapters of the 768-wide encoder)",
    work: { kind: "adamw", tensors: 24, size: 36864 },
  },
  {
    name: "adamw/encoder-384",
    summary: "AdamW with clipping on 72 tensors of 294,912 elements (the weights of a 384-wide encoder)",
    work: { kind: "adamw", tensors: 72, size: 294912 },
  },
];
