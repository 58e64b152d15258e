// Softmax and log-softmax of the last axis.

import { record } from "../autograd.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/** exp(x) / Σ exp(x) over the last axis, computed from x − max. */
export const softmax = (x: Tensor): Tensor => run(x, false);

/** x − log Σ exp(x) over the last axis. */
export const logSoftmax = (x: Tensor): Tensor => run(x, true);

function run(x: Tensor, log: boolean): Tensor {
  const cols = x.shape[x.shape.length - 1];
  const rows = x.size / cols;
  const out = empty(x.backend, x.shape);
  x.backend.kernels.softmax({ x: x.buffer, out: out.buffer, rows, cols, log });
  return record(log ? "logSoftmax" : "softmax", out, [x], () => [out], (dy, [y]) => {
    const dx = empty(dy.backend, dy.shape);
    dy.backend.kernels.softmaxGrad({ y: y.buffer, dy: dy.buffer, dx: dx.buffer, rows, cols, log });
    return [dx];
  });
}

export const samples: OpSample[] = [
  { name: "softmax", inputs: [{ shape: [2, 3, 7] }], run: softmax },
  { name: "softmax, wide", inputs: [{ shape: [3, 130] }], run: softmax },
  { name: "logSoftmax", inputs: [{ shape: [4, 9] }], run: logSoftmax },
];
