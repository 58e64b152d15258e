// Cases of matrix products.

import { draw, type KernelCase } from "./case.ts";

export const productsCases: KernelCase[] = [];

interface Product {
  m: number;
  n: number;
  k: number;
  batch?: number;
  /** Whether a (b) is one matrix for the whole batch. */
  oneA?: boolean;
  oneB?: boolean;
  /** Extra elements between the matrices of a batch. */
  gap?: number;
  bias?: boolean;
  accumulate?: boolean;
}
const products: Product[] = [
  { m: 1, n: 1, k: 1 },
  { m: 5, n: 7, k: 3 },
  { m: 1, n: 37, k: 19, bias: true },
  { m: 33, n: 65, k: 17, bias: true },
  { m: 64, n: 64, k: 64 },
  { m: 130, n: 97, k: 101, bias: true },
  { m: 7, n: 3, k: 1000 },
  { m: 257, n: 4, k: 12 },
  { m: 9, n: 129, k: 8, accumulate: true },
  { m: 40, n: 24, k: 33, accumulate: true },
  { m: 6, n: 8, k: 5, batch: 3 },
  { m: 17, n: 16, k: 9, batch: 4, oneA: true },
  { m: 17, n: 16, k: 9, batch: 4, oneB: true, bias: true },
  { m: 11, n: 5, k: 7, batch: 5, oneB: true, accumulate: true },
  { m: 3, n: 5, k: 4, batch: 2, gap: 3 },
  { m: 128, n: 128, k: 32, batch: 6 },
  // Threads of WASM share a right side that is packed once: several blocks of columns and of k, one matrix for a batch.
  { m: 60, n: 397, k: 391, bias: true },
  { m: 50, n: 70, k: 1201, accumulate: true },
  { m: 30, n: 40, k: 900, batch: 4, oneB: true, bias: true },
];
for (const { m, n, k: inner, batch = 1, oneA, oneB, gap = 0, bias = false, accumulate = false } of products) {
  for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false], [true, true]]) {
    const strideA = oneA ? 0 : m * inner + gap;
    const strideB = oneB ? 0 : inner * n + gap;
    const flags = [
      transposeA && "transposeA",
      transposeB && "transposeB",
      batch > 1 && `batch ${batch}`,
      oneA && "one a",
      oneB && "one b",
      gap && `gap ${gap}`,
      bias && "bias",
      accumulate && "accumulate",
    ];
    productsCases.push({
      kernel: "matmul",
      name: [`${m}×${inner} · ${inner}×${n}`, ...flags.filter(Boolean)].join(", "),
      inputs: {
        a: draw(strideA * (batch - 1) + m * inner),
        b: draw(strideB * (batch - 1) + inner * n),
        ...(bias ? { bias: draw(n) } : {}),
        ...(accumulate ? { out: draw(batch * m * n) } : {}),
      },
      outputs: accumulate ? {} : { out: batch * m * n },
      changes: ["out"],
      run: (k, b) =>
        k.matmul({
          a: b.a,
          b: b.b,
          bias: b.bias,
          out: b.out,
          batch,
          m,
          n,
          k: inner,
          transposeA,
          transposeB,
          strideA,
          strideB,
          accumulate,
        }),
      heavy: m * n * inner > 500000,
    });
  }
}
