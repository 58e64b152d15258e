// Cases of DeBERTa's attention.

import type { KernelSet } from "../../../core/backends/kernels.ts";
import { streamKey } from "../../../core/random.ts";
import { type Buffers, draw, type KernelCase, type Named } from "./case.ts";

export const disentangledCases: KernelCase[] = [];

const disentangled = [
  { batch: 1, tokens: 1, heads: 1, headSize: 1, rows: 1, lengths: undefined, dropout: 0, ownTables: false },
  { batch: 2, tokens: 5, heads: 3, headSize: 4, rows: 9, lengths: [5, 3], dropout: 0, ownTables: false },
  { batch: 3, tokens: 9, heads: 2, headSize: 8, rows: 7, lengths: [9, 0, 4], dropout: 0, ownTables: true },
  {
    batch: 2,
    tokens: 70,
    heads: 2,
    headSize: 16,
    rows: 31,
    lengths: [70, 20],
    dropout: 0.1,
    ownTables: false,
  },
  {
    batch: 1,
    tokens: 17,
    heads: 2,
    headSize: 12,
    rows: 40,
    lengths: undefined,
    dropout: 0.5,
    ownTables: true,
  },
  {
    batch: 2,
    tokens: 128,
    heads: 3,
    headSize: 32,
    rows: 67,
    lengths: [128, 77],
    dropout: 0.1,
    ownTables: false,
  },
];
for (const { batch, tokens, heads, headSize, rows, lengths, dropout, ownTables } of disentangled) {
  const shape = {
    ...{ batch, tokens, heads, headSize, rows, dropout, ownTables },
    scale: 1 / Math.sqrt(3 * headSize),
    random: { ...streamKey(78, "dropout", 12, 5), c0: 3 * tokens },
  };
  const length = batch * tokens * heads * headSize;
  const table = (ownTables ? batch : 1) * rows * heads * headSize;
  const ownTable = batch * rows * heads * headSize;
  // Two distances share a row; the ends are clipped.
  const relative = Int32Array.from(
    { length: 2 * tokens - 1 },
    (_, n) => Math.max(0, Math.min(rows - 1, ((n - tokens + 1) >> 1) + (rows >> 1))),
  );
  const mask: Record<string, Int32Array> = lengths
    ? {
      mask: Int32Array.from({ length: batch * tokens }, (_, i) =>
        +(i % tokens < lengths[Math.floor(i / tokens)])),
    }
    : {};
  const inputs = () => ({
    ...{ q: draw(length, 0, 1.5), k: draw(length), v: draw(length), ...mask, relative },
    ...{ positionKeys: draw(table), positionQueries: draw(table) },
  });
  const outputs = { out: length, logSumExp: batch * heads * tokens };
  const name = `B ${batch}, T ${tokens}, A ${heads}, D ${headSize}, R ${rows}${
    ownTables ? " each" : ""
  }, lengths ${lengths ?? "full"}, dropout ${dropout}`;
  const forward = (k: KernelSet, b: Buffers) =>
    k.disentangledAttention({ ...shape, ...(b as Named<"disentangledAttention">) });
  const both = (k: KernelSet, b: Buffers) => {
    forward(k, b);
    k.disentangledAttentionGrad({ ...shape, ...(b as Named<"disentangledAttentionGrad">) });
  };
  const gradients = { ...outputs, dq: length, dk: length, dv: length };
  const heavy = tokens >= 100;
  disentangledCases.push(
    { kernel: "disentangledAttention", name, inputs: inputs(), outputs, run: forward, heavy },
    {
      kernel: "disentangledAttentionGrad",
      name,
      inputs: { ...inputs(), dout: draw(length) },
      outputs: { ...gradients, dPositionKeys: ownTable, dPositionQueries: ownTable },
      run: both,
      heavy,
    },
    {
      kernel: "disentangledAttentionGrad",
      name: `frozen tables, ${name}`,
      inputs: { ...inputs(), dout: draw(length) },
      outputs: gradients,
      run: both,
    },
  );
}
