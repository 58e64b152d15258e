// LayerNorm over rows, with an optional residual added first, and its gradients by input and by parameters.
// The variance is taken around the mean in a second pass: Σx² − mean² would cancel in float32.

import type { KernelSet } from "../../kernels.ts";
import { bindings, parameters } from "../program.ts";
import { grid, linearMain, type Recorder } from "../recorder.ts";
import { reduction } from "./reduce.ts";
import { rowMain, rowsPerGroup } from "./rows.ts";
import { groupSize, own } from "./windows.ts";

/** Rows whose contributions to the parameters' gradients one invocation sums up. */
const rowsPerChunk = 32;

export function normalizationKernels(recorder: Recorder) {
  const { profile } = recorder;
  const reduce = reduction(recorder);
  const groups = (rows: number) => grid(Math.ceil(rows / rowsPerGroup(profile)));
  const summed = (residual: unknown) => residual ? "(x[at + c] + residual[at + c])" : "x[at + c]";
  const inputs = (residual: unknown) => residual ? "x residual" : "x";
  return {
    layerNorm({ x, residual, gamma, beta, y, mean, rstd, rows, cols, epsilon }) {
      const s = summed(residual);
      const program = recorder.program(`layerNorm/${residual !== undefined}`, (name) => ({
        name,
        bindings: bindings(`${inputs(residual)} gamma beta → y mean rstd`),
        parameters: parameters("rows cols epsilon:f32"),
        body: rowMain(
          profile,
          `
  let at = row * p.cols;
  let scale = 1.0 / f32(p.cols);
  var sum = 0.0;
  for (var c = lane; c < p.cols; c += lanes) { sum += ${s}; }
  let center = sumLanes(sum, slot) * scale;
  var squares = 0.0;
  for (var c = lane; c < p.cols; c += lanes) { let d = ${s} - center; squares += d * d; }
  let inverse = 1.0 / sqrt(sumLanes(squares, slot) * scale + p.epsilon);
  for (var c = lane; c < p.cols; c += lanes) {
    if (valid) { y[at + c] = (${s} - center) * inverse * gamma[c] + beta[c]; }
  }
  if (valid && lane == 0u) {
    mean[row] = center;
    rstd[row] = inverse;
  }`,
        ),
      }));
      const buffers = [x, ...(residual ? [residual] : []), gamma, beta, y, mean, rstd].map(own);
      recorder.dispatch(program, buffers, [rows, cols, epsilon], groups(rows));
    },
    layerNormGrad({ x, residual, gamma, mean, rstd, dy, dx, rows, cols }) {
      const s = summed(residual);
      const program = recorder.program(`layerNormGrad/${residual !== undefined}`, (name) => ({
        name,
        bindings: bindings(`${inputs(residual)} gamma mean rstd dy → dx`),
        parameters: parameters("rows cols"),
        body: rowMain(
          profile,
          `
  let at = row * p.cols;
  let scale = 1.0 / f32(p.cols);
  let center = mean[row];
  let inverse = rstd[row];
  var sum = 0.0;
  var product = 0.0;
  for (var c = lane; c < p.cols; c += lanes) {
    let g = dy[at + c] * gamma[c];
    sum += g;
    product += g * (${s} - center) * inverse;
  }
  sum = sumLanes(sum, slot) * scale;
  product = sumLanes(product, slot) * scale;
  for (var c = lane; c < p.cols; c += lanes) {
    let normal = (${s} - center) * inverse;
    if (valid) { dx[at + c] = inverse * (dy[at + c] * gamma[c] - sum - normal * product); }
  }`,
        ),
      }));
      const buffers = [x, ...(residual ? [residual] : []), gamma, mean, rstd, dy, dx].map(own);
      recorder.dispatch(program, buffers, [rows, cols], groups(rows));
    },
    layerNormParameterGrad({ x, residual, mean, rstd, dy, dgamma, dbeta, rows, cols }) {
      const chunks = Math.max(1, Math.ceil(rows / rowsPerChunk));
      const partial = [
        recorder.pool.allocate(chunks * cols, "f32"),
        recorder.pool.allocate(chunks * cols, "f32"),
      ];
      const program = recorder.program(`layerNormParameterGrad/${residual !== undefined}`, (name) => ({
        name,
        bindings: bindings(`${inputs(residual)} mean rstd dy → dgamma dbeta`),
        parameters: parameters("rows cols chunks"),
        body: linearMain(
          groupSize,
          `
  if (i >= p.chunks * p.cols) { return; }
  let c = i % p.cols;
  let first = (i / p.cols) * ${rowsPerChunk}u;
  var gammaSum = 0.0;
  var betaSum = 0.0;
  for (var row = first; row < min(p.rows, first + ${rowsPerChunk}u); row++) {
    let at = row * p.cols;
    let g = dy[at + c];
    gammaSum += g * (${summed(residual)} - mean[row]) * rstd[row];
    betaSum += g;
  }
  dgamma[i] = gammaSum;
  dbeta[i] = betaSum;`,
        ),
      }));
      const buffers = [...[x, ...(residual ? [residual] : []), mean, rstd, dy].map(own), ...partial];
      recorder.dispatch(program, buffers, [rows, cols, chunks], grid(Math.ceil(chunks * cols / groupSize)));
      const shape = { outer: 1, size: chunks, inner: cols, scale: 1, accumulate: false };
      reduce({ operation: "sum", x: partial[0], out: dgamma, ...shape });
      reduce({ operation: "sum", x: partial[1], out: dbeta, ...shape });
      for (const each of partial) recorder.pool.free(each);
    },
  } satisfies Partial<KernelSet>;
}
