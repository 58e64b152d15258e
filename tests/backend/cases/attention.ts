// Cases of attention.

import type { KernelSet } from "../../../core/backends/kernels.ts";
import { philoxWord, streamKey } from "../../../core/random.ts";
import { type Buffers, draw, type KernelCase, type Named } from "./case.ts";

export const attentionCases: KernelCase[] = [];

/** Lengths of the examples; 0 = an example that is all padding. */
const attentions = [
  { batch: 1, tokens: 1, heads: 1, headSize: 1, lengths: undefined, dropout: 0 },
  { batch: 2, tokens: 5, heads: 3, headSize: 4, lengths: [5, 3], dropout: 0 },
  { batch: 3, tokens: 9, heads: 2, headSize: 8, lengths: [9, 0, 4], dropout: 0 },
  { batch: 2, tokens: 33, heads: 2, headSize: 16, lengths: [33, 20], dropout: 0.1 },
  { batch: 1, tokens: 70, heads: 2, headSize: 32, lengths: undefined, dropout: 0.5 },
  { batch: 2, tokens: 128, heads: 3, headSize: 32, lengths: [128, 77], dropout: 0.1 },
  { batch: 1, tokens: 100, heads: 1, headSize: 64, lengths: [64], dropout: 0 },
  { batch: 2, tokens: 75, heads: 2, headSize: 64, lengths: [75, 40], dropout: 0.1 },
  { batch: 1, tokens: 67, heads: 2, headSize: 36, lengths: undefined, dropout: 0.3 },
  // Lines of all heads so long that the WASM kernels gather a head's rows, of no whole number of vectors.
  { batch: 1, tokens: 67, heads: 9, headSize: 30, lengths: [61], dropout: 0.1 },
  { batch: 2, tokens: 17, heads: 2, headSize: 12, lengths: [1, 16], dropout: 0.1 },
];
for (const { batch, tokens, heads, headSize, lengths, dropout } of attentions) {
  const shape = {
    batch,
    tokens,
    heads,
    headSize,
    scale: 1 / Math.sqrt(headSize),
    dropout,
    random: { ...streamKey(77, "dropout", 12, 5), c0: 3 * tokens },
  };
  const length = batch * tokens * heads * headSize;
  const padding = lengths &&
    Int32Array.from(
      { length: batch * tokens },
      (_, i) => i % tokens < lengths[Math.floor(i / tokens)] ? 1 : 0,
    );
  const mask: Record<string, Int32Array> = padding ? { mask: padding } : {};
  const inputs = () => ({ q: draw(length, 0, 1.5), k: draw(length), v: draw(length), ...mask });
  const outputs = { out: length, logSumExp: batch * heads * tokens };
  const name = `B ${batch}, T ${tokens}, A ${heads}, D ${headSize}, lengths ${
    lengths ?? "full"
  }, dropout ${dropout}`;
  const forward = (k: KernelSet, b: Buffers) =>
    k.attention({ ...shape, q: b.q, k: b.k, v: b.v, mask: b.mask, out: b.out, logSumExp: b.logSumExp });
  attentionCases.push(
    {
      kernel: "attention",
      name,
      inputs: inputs(),
      outputs,
      run: forward,
      undefinedWhereInfinite: "logSumExp",
      heavy: tokens >= 100,
    },
    {
      kernel: "attentionGrad",
      name,
      inputs: { ...inputs(), dout: draw(length) },
      outputs: { ...outputs, dq: length, dk: length, dv: length },
      run: (k, b) => {
        forward(k, b);
        k.attentionGrad({ ...shape, ...(b as Named<"attentionGrad">) });
      },
      undefinedWhereInfinite: "logSumExp",
      heavy: tokens >= 100,
    },
  );
}
{
  // A mask with holes: not what padding gives, but what the contract allows.
  const shape = {
    batch: 2,
    tokens: 11,
    heads: 2,
    headSize: 8,
    scale: 0.4,
    dropout: 0.1,
    random: streamKey(1, "x"),
  };
  const length = 2 * 11 * 2 * 8;
  const holes = Int32Array.from({ length: 22 }, (_, i) => philoxWord(i, streamKey(5, "holes")) & 1);
  attentionCases.push({
    kernel: "attentionGrad",
    name: "a mask with holes",
    inputs: { q: draw(length), k: draw(length), v: draw(length), mask: holes, dout: draw(length) },
    outputs: { out: length, logSumExp: 44, dq: length, dk: length, dv: length },
    run: (k, b) => {
      k.attention({ ...shape, q: b.q, k: b.k, v: b.v, mask: b.mask, out: b.out, logSumExp: b.logSumExp });
      k.attentionGrad({ ...shape, ...(b as Named<"attentionGrad">) });
    },
  });
}
