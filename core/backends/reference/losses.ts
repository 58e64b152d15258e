// Reference kernels of table look-up and cross-entropy.
// It leaves the optimizer to optimizer.ts.

import type { DeviceBuffer } from "../backend.ts";
import type { KernelSet } from "../kernels.ts";
import { Arguments } from "./buffers.ts";
import { rowLogSumExp } from "./reductions.ts";

type Remaining = Pick<
  KernelSet,
  "embedding" | "embeddingGrad" | "crossEntropy" | "crossEntropyGrad"
>;

function readIndices(args: Arguments, indices: DeviceBuffer, count: number, rows: number): Int32Array {
  const data = args.i32("indices", indices, args.count("count", count));
  for (const index of data) {
    if (index < 0 || index >= rows) args.fail(`index ${index} is outside the table of ${rows} rows`);
  }
  return data;
}

function readTargets(args: Arguments, targets: DeviceBuffer, rows: number, cols: number): Int32Array {
  const data = args.i32("targets", targets, args.count("rows", rows));
  for (const target of data) {
    if (target >= cols) {
      args.fail(`target ${target} is outside the ${cols} classes; use a negative one to ignore a row`);
    }
  }
  return data;
}

export const losses: Remaining = {
  embedding({ table, indices, out, count, rows, width }) {
    const args = new Arguments("embedding");
    args.distinct({ out }, { table, indices });
    const from = args.f32("table", table, args.count("rows", rows) * args.count("width", width));
    const chosen = readIndices(args, indices, count, rows);
    const to = args.f32("out", out, count * width);
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < width; c++) to[i * width + c] = from[chosen[i] * width + c];
    }
  },

  embeddingGrad({ dy, indices, dtable, count, rows, width, ignored }) {
    const args = new Arguments("embeddingGrad");
    args.distinct({ dtable }, { dy, indices });
    const upper = args.f32("dy", dy, count * args.count("width", width));
    const chosen = readIndices(args, indices, count, rows);
    const to = args.f32("dtable", dtable, args.count("rows", rows) * width).fill(0);
    for (let i = 0; i < count; i++) {
      if (chosen[i] === ignored) continue;
      for (let c = 0; c < width; c++) to[chosen[i] * width + c] += upper[i * width + c];
    }
  },

  crossEntropy({ logits, targets, loss, rows, cols }) {
    const args = new Arguments("crossEntropy");
    args.distinct({ loss }, { logits, targets });
    const from = args.f32("logits", logits, rows * args.count("cols", cols));
    const wanted = readTargets(args, targets, rows, cols);
    const to = args.f32("loss", loss, rows);
    for (let r = 0; r < rows; r++) {
      to[r] = wanted[r] < 0 ? 0 : rowLogSumExp(from, r * cols, cols) - from[r * cols + wanted[r]];
    }
  },

  crossEntropyGrad({ logits, targets, dloss, dlogits, rows, cols }) {
    const args = new Arguments("crossEntropyGrad");
    args.distinct({ dlogits }, { logits, targets, dloss });
    const from = args.f32("logits", logits, rows * args.count("cols", cols));
    const wanted = readTargets(args, targets, rows, cols);
    const upper = args.f32("dloss", dloss, rows);
    const to = args.f32("dlogits", dlogits, rows * cols);
    for (let r = 0; r < rows; r++) {
      const normaliser = rowLogSumExp(from, r * cols, cols);
      for (let c = 0; c < cols; c++) {
        const i = r * cols + c;
        const difference = Math.exp(from[i] - normaliser) - (c === wanted[r] ? 1 : 0);
        to[i] = wanted[r] < 0 ? 0 : upper[r] * difference;
      }
    }
  },
};
