// Cases of softmax and layer normalisation.

import { draw, f32, type KernelCase, type Named } from "./case.ts";

export const rowsCases: KernelCase[] = [];

for (const log of [false, true]) {
  for (const [rows, cols] of [[1, 1], [3, 5], [17, 37], [130, 3], [5, 1031]]) {
    const name = `${log ? "log, " : ""}[${rows}, ${cols}]`;
    rowsCases.push(
      {
        kernel: "softmax",
        name,
        inputs: { x: draw(rows * cols, 0, 3) },
        outputs: { out: rows * cols },
        run: (k, b) => k.softmax({ x: b.x, out: b.out, rows, cols, log }),
      },
      {
        kernel: "softmaxGrad",
        name,
        inputs: { x: draw(rows * cols, 0, 3), dy: draw(rows * cols) },
        outputs: { y: rows * cols, dx: rows * cols },
        run: (k, b) => {
          k.softmax({ x: b.x, out: b.y, rows, cols, log });
          k.softmaxGrad({ y: b.y, dy: b.dy, dx: b.dx, rows, cols, log });
        },
      },
    );
  }
}
rowsCases.push({
  kernel: "softmax",
  name: "large and very unequal values",
  inputs: { x: f32(1000, 999, -1000, -1e9, 0, 0, 88, -88, 0.5, -1e4, -1e4, -1e4) },
  outputs: { out: 12 },
  run: (k, b) => k.softmax({ x: b.x, out: b.out, rows: 3, cols: 4, log: false }),
});

for (
  const [rows, cols, hasResidual] of [[1, 4, 0], [5, 7, 1], [33, 64, 1], [17, 129, 0], [300, 96, 1], [
    3,
    768,
    1,
  ]]
) {
  const length = rows * cols;
  const residual: Record<string, Float32Array> = hasResidual ? { residual: draw(length) } : {};
  const shape = { rows, cols };
  const name = `[${rows}, ${cols}]${hasResidual ? " with residual" : ""}`;
  const saved = { y: length, mean: rows, rstd: rows };
  rowsCases.push(
    {
      kernel: "layerNorm",
      name,
      inputs: { x: draw(length, 3, 2), ...residual, gamma: draw(cols, 1, 0.2), beta: draw(cols) },
      outputs: saved,
      run: (k, b) => k.layerNorm({ ...(b as Named<"layerNorm">), ...shape, epsilon: 1e-12 }),
    },
    {
      kernel: "layerNormGrad",
      name,
      inputs: {
        x: draw(length, 3, 2),
        ...residual,
        gamma: draw(cols, 1, 0.2),
        beta: draw(cols),
        dy: draw(length),
      },
      outputs: { ...saved, dx: length },
      run: (k, b) => {
        const { x, residual, gamma, beta, y, mean, rstd, dy, dx } = b;
        k.layerNorm({ x, residual, gamma, beta, y, mean, rstd, ...shape, epsilon: 1e-5 });
        k.layerNormGrad({ x, residual, gamma, mean, rstd, dy, dx, ...shape });
      },
    },
    {
      kernel: "layerNormParameterGrad",
      name,
      inputs: {
        x: draw(length, 3, 2),
        ...residual,
        gamma: draw(cols, 1, 0.2),
        beta: draw(cols),
        dy: draw(length),
      },
      outputs: { ...saved, dgamma: cols, dbeta: cols },
      run: (k, b) => {
        const { x, residual, gamma, beta, y, mean, rstd, dy, dgamma, dbeta } = b;
        k.layerNorm({ x, residual, gamma, beta, y, mean, rstd, ...shape, epsilon: 1e-5 });
        k.layerNormParameterGrad({ x, residual, mean, rstd, dy, dgamma, dbeta, ...shape });
      },
      heavy: rows >= 300,
    },
  );
}
