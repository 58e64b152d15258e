// Reference kernels of LayerNorm (Ba et al. 2016) with an optional residual input, and of its gradients.
// It leaves the choice of epsilon to the model.

import type { KernelSet } from "../kernels.ts";
import { Arguments } from "./buffers.ts";

type LayerNorm = Pick<KernelSet, "layerNorm" | "layerNormGrad" | "layerNormParameterGrad">;

export const layerNorm: LayerNorm = {
  layerNorm({ x, residual, gamma, beta, y, mean, rstd, rows, cols, epsilon }) {
    const args = new Arguments("layerNorm");
    args.distinct({ y, mean, rstd }, { x, residual, gamma, beta });
    args.number("epsilon", epsilon);
    const length = args.count("rows", rows) * args.count("cols", cols);
    const from = args.f32("x", x, length);
    const other = residual && args.f32("residual", residual, length);
    const scale = args.f32("gamma", gamma, cols);
    const shift = args.f32("beta", beta, cols);
    const to = args.f32("y", y, length);
    const means = args.f32("mean", mean, rows);
    const inverses = args.f32("rstd", rstd, rows);
    const s = (i: number) => from[i] + (other ? other[i] : 0);
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let c = 0; c < cols; c++) sum += s(r * cols + c);
      const average = sum / cols;
      let squares = 0;
      for (let c = 0; c < cols; c++) squares += (s(r * cols + c) - average) ** 2;
      const inverse = 1 / Math.sqrt(squares / cols + epsilon);
      for (let c = 0; c < cols; c++) {
        to[r * cols + c] = (s(r * cols + c) - average) * inverse * scale[c] + shift[c];
      }
      means[r] = average;
      inverses[r] = inverse;
    }
  },

  layerNormGrad({ x, residual, gamma, mean, rstd, dy, dx, rows, cols }) {
    const args = new Arguments("layerNormGrad");
    args.distinct({ dx }, { x, residual, gamma, mean, rstd, dy });
    const length = args.count("rows", rows) * args.count("cols", cols);
    const from = args.f32("x", x, length);
    const other = residual && args.f32("residual", residual, length);
    const scale = args.f32("gamma", gamma, cols);
    const means = args.f32("mean", mean, rows);
    const inverses = args.f32("rstd", rstd, rows);
    const upper = args.f32("dy", dy, length);
    const to = args.f32("dx", dx, length);
    for (let r = 0; r < rows; r++) {
      const normalised = (c: number) => {
        const i = r * cols + c;
        return (from[i] + (other ? other[i] : 0) - means[r]) * inverses[r];
      };
      // dx = rstd · (g − mean(g) − x̂ · mean(g·x̂)) with g = dy · gamma.
      let meanG = 0;
      let meanGx = 0;
      for (let c = 0; c < cols; c++) {
        const g = upper[r * cols + c] * scale[c];
        meanG += g / cols;
        meanGx += g * normalised(c) / cols;
      }
      for (let c = 0; c < cols; c++) {
        const g = upper[r * cols + c] * scale[c];
        to[r * cols + c] = inverses[r] * (g - meanG - normalised(c) * meanGx);
      }
    }
  },

  layerNormParameterGrad({ x, residual, mean, rstd, dy, dgamma, dbeta, rows, cols }) {
    const args = new Arguments("layerNormParameterGrad");
    args.distinct({ dgamma, dbeta }, { x, residual, mean, rstd, dy });
    const length = args.count("rows", rows) * args.count("cols", cols);
    const from = args.f32("x", x, length);
    const other = residual && args.f32("residual", residual, length);
    const means = args.f32("mean", mean, rows);
    const inverses = args.f32("rstd", rstd, rows);
    const upper = args.f32("dy", dy, length);
    const toGamma = args.f32("dgamma", dgamma, cols);
    const toBeta = args.f32("dbeta", dbeta, cols);
    for (let c = 0; c < cols; c++) {
      let gammaSum = 0;
      let betaSum = 0;
      for (let r = 0; r < rows; r++) {
        const i = r * cols + c;
        gammaSum += upper[i] * (from[i] + (other ? other[i] : 0) - means[r]) * inverses[r];
        betaSum += upper[i];
      }
      toGamma[c] = gammaSum;
      toBeta[c] = betaSum;
    }
  },
};
