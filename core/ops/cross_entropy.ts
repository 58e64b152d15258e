// Negative log-likelihood of integer targets under softmax(logits), one value a row.

import { record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/**
 * −log softmax(logits)[target] for each row; rows with a negative target are ignored and give 0.
 * @param logits [rows, classes]
 * @param targets i32 [rows], each < classes
 * @returns [rows]; take sum() or mean(), or divide by the number of rows that count
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  if (logits.shape.length !== 2 || targets.size !== logits.shape[0] || targets.dtype !== "i32") {
    fail(
      `crossEntropy: logits ${showShape(logits.shape)} and targets ${targets.dtype} ${
        showShape(targets.shape)
      }; ` +
        `wanted [rows, classes] and i32 [rows]`,
    );
  }
  const [rows, cols] = logits.shape;
  const out = empty(logits.backend, [rows]);
  logits.backend.kernels.crossEntropy({
    logits: logits.buffer,
    targets: targets.buffer,
    loss: out.buffer,
    rows,
    cols,
  });
  return record("crossEntropy", out, [logits], () => [logits, targets], (dy, [keptLogits, keptTargets]) => {
    const dlogits = empty(dy.backend, [rows, cols]);
    dy.backend.kernels.crossEntropyGrad({
      logits: keptLogits.buffer,
      targets: keptTargets.buffer,
      dloss: dy.buffer,
      dlogits: dlogits.buffer,
      rows,
      cols,
    });
    return [dlogits];
  });
}

export const samples: OpSample[] = [
  {
    name: "crossEntropy",
    inputs: [{ shape: [4, 3] }, { shape: [4], dtype: "i32", values: [0, 2, 1, 2] }],
    run: crossEntropy,
  },
  {
    name: "crossEntropy, ignored rows, many classes",
    inputs: [{ shape: [3, 70] }, { shape: [3], dtype: "i32", values: [69, -100, 5] }],
    run: crossEntropy,
  },
];
