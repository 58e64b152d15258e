// Softmax and cross-entropy by rows, with their gradients; every row is shifted by its maximum first.
// Attention has its own softmax, fused (attention.ts).

import type { KernelSet } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, type Recorder } from "../recorder.ts";
import { lowest, rowMain, rowsPerGroup } from "./rows.ts";
import { own } from "./windows.ts";

/** Declares `most` and `sum` = Σ exp(x − most) of the row that starts at `at` in `x`. */
const shiftedSum = (x: string) => `
  let at = row * p.cols;
  var most = ${lowest};
  for (var c = lane; c < p.cols; c += lanes) { most = max(most, ${x}[at + c]); }
  most = maxLanes(most, slot);
  var sum = 0.0;
  for (var c = lane; c < p.cols; c += lanes) { sum += exp(${x}[at + c] - most); }
  sum = sumLanes(sum, slot);`;

export function softmaxKernels(recorder: Recorder) {
  const { profile } = recorder;
  const groups = (rows: number) => grid(Math.ceil(rows / rowsPerGroup(profile)));
  return {
    softmax({ x, out, rows, cols, log }) {
      const program = recorder.program(`softmax/${log}`, (name) => ({
        name,
        bindings: bindings("x → out"),
        parameters: parameters("rows cols"),
        body: rowMain(
          profile,
          `${shiftedSum("x")}
  let ${log ? "shift = most + log(sum)" : "inverse = 1.0 / sum"};
  for (var c = lane; c < p.cols; c += lanes) {
    if (valid) { out[at + c] = ${log ? "x[at + c] - shift" : "exp(x[at + c] - most) * inverse"}; }
  }`,
        ),
      }));
      recorder.dispatch(program, [own(x), own(out)], [rows, cols], groups(rows));
    },
    softmaxGrad({ y, dy, dx, rows, cols, log }) {
      const program = recorder.program(`softmaxGrad/${log}`, (name) => ({
        name,
        bindings: bindings("y dy → dx"),
        parameters: parameters("rows cols"),
        body: rowMain(
          profile,
          `
  let at = row * p.cols;
  var sum = 0.0;
  for (var c = lane; c < p.cols; c += lanes) { sum += dy[at + c]${log ? "" : " * y[at + c]"}; }
  sum = sumLanes(sum, slot);
  for (var c = lane; c < p.cols; c += lanes) {
    if (valid) { dx[at + c] = ${
            log ? "dy[at + c] - exp(y[at + c]) * sum" : "y[at + c] * (dy[at + c] - sum)"
          }; }
  }`,
        ),
      }));
      recorder.dispatch(program, [own(y), own(dy), own(dx)], [rows, cols], groups(rows));
    },
    crossEntropy({ logits, targets, loss, rows, cols }) {
      const program = recorder.program("crossEntropy", (name) => ({
        name,
        bindings: bindings("logits targets:i32 → loss"),
        parameters: parameters("rows cols"),
        body: rowMain(
          profile,
          `${shiftedSum("logits")}
  if (valid && lane == 0u) {
    let label = targets[row];
    var value = 0.0;
    if (label >= 0) { value = (most - logits[at + u32(label)]) + log(sum); }
    loss[row] = value;
  }`,
        ),
      }));
      recorder.dispatch(program, [own(logits), own(targets), own(loss)], [rows, cols], groups(rows));
    },
    crossEntropyGrad({ logits, targets, dloss, dlogits, rows, cols }) {
      const program = recorder.program("crossEntropyGrad", (name) => ({
        name,
        bindings: bindings("logits targets:i32 dloss → dlogits"),
        parameters: parameters("rows cols"),
        body: rowMain(
          profile,
          `${shiftedSum("logits")}
  let label = targets[row];
  let weight = select(dloss[row], 0.0, label < 0);
  let inverse = 1.0 / sum;
  for (var c = lane; c < p.cols; c += lanes) {
    let wanted = select(0.0, 1.0, i32(c) == label);
    if (valid) { dlogits[at + c] = weight * (exp(logits[at + c] - most) * inverse - wanted); }
  }`,
        ),
      }));
      const buffers = [own(logits), own(targets), own(dloss), own(dlogits)];
      recorder.dispatch(program, buffers, [rows, cols], groups(rows));
    },
  } satisfies Partial<KernelSet>;
}
