// Promises the matrix products of training: every layout at the widths of the tiny encoder, MiniLM and BERT-base, bottlenecks
// of adapters, and the batched products of attention heads and per-example gradients.
import type { Layout, Operation } from "./work.ts";

type Size = readonly [layout: Layout, m: number, n: number, k: number, batch?: number];

/** Tokens: 1,024 for width 64 (32 examples of 32), 2,048 for 384 (16 of 128), 1,024 for 768 (8 of 128). */
const sizes: Record<string, readonly Size[]> = {
  "64": [
    ["NT", 1024, 64, 64],
    ["NT", 1024, 256, 64],
    ["NT", 1024, 64, 256],
    ["NN", 1024, 64, 256],
    ["NN", 1024, 256, 64],
    ["TN", 64, 256, 1024],
  ],
  "384": [
    ["NN", 2048, 384, 384],
    ["NT", 2048, 384, 384],
    ["NT", 2048, 1536, 384],
    ["NT", 2048, 384, 1536],
    ["NN", 2048, 384, 1536],
    ["TN", 384, 1536, 2048],
  ],
  "768": [
    ["NN", 1024, 768, 768],
    ["NT", 1024, 768, 768],
    ["TN", 768, 768, 1024],
    ["NN", 1024, 3072, 768],
    ["NT", 1024, 3072, 768],
    ["NT", 1024, 768, 3072],
  ],
  bottleneck: [
    ["NT", 1024, 4, 64],
    ["NT", 1024, 64, 4],
    ["NN", 1024, 64, 4],
    ["TN", 4, 64, 1024],
    ["TN", 64, 4, 1024],
    ["NT", 1024, 32, 64],
    ["NT", 2048, 24, 384],
    ["NT", 2048, 384, 24],
    ["TN", 24, 384, 2048],
    ["NT", 1024, 48, 768],
    ["NT", 1024, 768, 48],
    ["TN", 48, 768, 1024],
    ["NT", 8, 768, 768],
    ["NN", 1, 768, 768],
  ],
  batched: [
    ["NT", 32, 32, 16, 128],
    ["NN", 32, 16, 32, 128],
    ["NT", 128, 128, 32, 192],
    ["NN", 128, 32, 128, 192],
    ["TN", 128, 32, 128, 192],
    ["TN", 4, 64, 32, 32],
    ["TN", 24, 384, 128, 16],
  ],
};

export const matmulOperations: Operation[] = Object.entries(sizes).flatMap(([group, list]) =>
  list.map(([layout, m, n, k, batch = 1]) => {
    const label = `${batch > 1 ? `${batch}x` : ""}${m}x${n}x${k}`;
    return {
      name: `matmul/${group}-${layout.toLowerCase()}-${label}`,
      summary: `${batch > 1 ? `${batch} products` : "product"} ${layout}, [${m}, ${k}] × [${k}, ${n}]`,
      work: { kind: "matmul", layout, m, n, k, batch },
    };
  })
);
