// Layer normalisation of the last axis with the residual sum fused in (Ba et al., 2016).

import { emptyGradient, needsGrad, record } from "../autograd.ts";
import { fail } from "../errors.ts";
import { sameShape, showShape } from "../shape.ts";
import { empty, type Tensor } from "../tensor.ts";
import type { OpSample } from "./sample.ts";

/**
 * (s − mean) / √(var + epsilon) · gamma + beta with s = x + residual, biased variance over the last axis.
 * @param x […, H]
 * @param gamma [H]
 * @param beta [H]
 * @param residual same shape as x
 */
export function layerNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
  residual?: Tensor,
): Tensor {
  const cols = x.shape[x.shape.length - 1];
  if (gamma.size !== cols || beta.size !== cols) {
    fail(
      `layerNorm: gamma ${showShape(gamma.shape)} and beta ${showShape(beta.shape)} do not fit ${
        showShape(x.shape)
      }`,
    );
  }
  if (residual !== undefined && !sameShape(residual.shape, x.shape)) {
    fail(`layerNorm: residual ${showShape(residual.shape)} differs from x ${showShape(x.shape)}`);
  }
  const rows = x.size / cols;
  const { backend } = x;
  const out = empty(backend, x.shape), average = empty(backend, [rows]), rstd = empty(backend, [rows]);
  backend.kernels.layerNorm({
    x: x.buffer,
    residual: residual?.buffer,
    gamma: gamma.buffer,
    beta: beta.buffer,
    y: out.buffer,
    mean: average.buffer,
    rstd: rstd.buffer,
    rows,
    cols,
    epsilon,
  });
  const needX = needsGrad(x), needResidual = needsGrad(residual);
  const needGamma = needsGrad(gamma), needBeta = needsGrad(beta);
  return record(
    "layerNorm",
    out,
    [x, gamma, beta, residual],
    () => [x, average, rstd, gamma, ...(residual ? [residual] : [])],
    (dy, [keptX, keptMean, keptRstd, keptGamma, keptResidual]) => {
      const common = {
        x: keptX.buffer,
        residual: keptResidual?.buffer,
        mean: keptMean.buffer,
        rstd: keptRstd.buffer,
        dy: dy.buffer,
        rows,
        cols,
      };
      let dx: Tensor | undefined, dgamma: Tensor | undefined, dbeta: Tensor | undefined;
      if (needX || needResidual) {
        dx = empty(dy.backend, x.shape);
        dy.backend.kernels.layerNormGrad({ ...common, gamma: keptGamma.buffer, dx: dx.buffer });
      }
      if (needGamma || needBeta) {
        dgamma = needGamma ? emptyGradient(dy.backend, gamma) : empty(dy.backend, [cols]);
        dbeta = needBeta ? emptyGradient(dy.backend, beta) : empty(dy.backend, [cols]);
        dy.backend.kernels.layerNormParameterGrad({ ...common, dgamma: dgamma.buffer, dbeta: dbeta.buffer });
      }
      // The kernel gives both parameter gradients at once; a frozen one is dropped.
      return [
        needX ? dx : undefined,
        needGamma ? dgamma : undefined,
        needBeta ? dbeta : undefined,
        needResidual ? dx : undefined,
      ];
    },
  );
}

export const samples: OpSample[] = [
  {
    name: "layerNorm",
    inputs: [{ shape: [3, 4, 10] }, { shape: [10] }, { shape: [10] }],
    run: (x, gamma, beta) => layerNorm(x, gamma, beta, 1e-5),
  },
  {
    name: "layerNorm with residual",
    inputs: [{ shape: [5, 64] }, { shape: [64] }, { shape: [64] }, { shape: [5, 64] }],
    run: (x, gamma, beta, residual) => layerNorm(x, gamma, beta, 1e-12, residual),
  },
  {
    name: "layerNorm, frozen parameters",
    inputs: [{ shape: [7, 33] }, { shape: [33], grad: false }, { shape: [33], grad: false }],
    run: (x, gamma, beta) => layerNorm(x, gamma, beta, 1e-12),
  },
];
