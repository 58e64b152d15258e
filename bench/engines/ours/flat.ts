// Promises our memory-bound kernels one by one, without the tensors and scopes around them.
// Leaves comparisons to work that other engines have too: nobody else's API offers these alone.
import type { Backend, RandomStream } from "../../../core/mod.ts";
import { values } from "../../work/inputs.ts";
import type { FlatKernel, Work } from "../../work/work.ts";
import type { PreparedWork } from "../engine.ts";

const random: RandomStream = { k0: 1, k1: 2, c1: 3, c2: 4, c3: 5 };

export function prepareFlat(
  backend: Backend,
  { kernel, rows, cols }: Extract<Work, { kind: "flat" }>,
): PreparedWork {
  const length = rows * cols;
  const buffers = [length, length, cols, cols, rows, rows, length].map((size, i) => {
    const made = backend.allocate(size, "f32");
    backend.write(made, values(size, 10 + i));
    return made;
  });
  const [x, y, gamma, beta, mean, rstd, out] = buffers;
  const { kernels } = backend;
  const norm = { x, residual: y, gamma, beta, mean, rstd, rows, cols };
  const calls: Record<FlatKernel, () => void> = {
    "copy": () => kernels.copy({ x, out, length, xOffset: 0, outOffset: 0 }),
    "gelu": () => kernels.unary({ operation: "gelu", x, out, length }),
    "gelu-grad": () => kernels.unaryGrad({ operation: "gelu", x, dy: y, dx: out, length }),
    "tanh": () => kernels.unary({ operation: "tanh", x, out, length }),
    "exp": () => kernels.unary({ operation: "exp", x, out, length }),
    "dropout": () => kernels.dropout({ x, out, length, probability: 0.1, random }),
    "layer-norm": () => kernels.layerNorm({ ...norm, y: out, epsilon: 1e-12 }),
    "layer-norm-grad": () => kernels.layerNormGrad({ ...norm, dy: y, dx: out }),
    "layer-norm-parameter-grad": () =>
      kernels.layerNormParameterGrad({ ...norm, dy: y, dgamma: gamma, dbeta: beta }),
    "softmax": () => kernels.softmax({ x, out, rows, cols, log: false }),
    "add": () => binary([cols, 1], y),
    "add-row": () => binary([0, 1], gamma),
    "sum-rows": () =>
      kernels.reduce({
        operation: "sum",
        x,
        out: gamma,
        outer: 1,
        size: rows,
        inner: cols,
        scale: 1,
        accumulate: false,
      }),
    "sum-squares": () => kernels.sumSquares({ x, out: mean, rows: 1, cols: length, accumulate: false }),
  };
  const binary = (bStrides: number[], b: typeof x) =>
    kernels.binary({ operation: "add", a: x, b, out, shape: [rows, cols], aStrides: [cols, 1], bStrides });
  const result = { "layer-norm-parameter-grad": gamma, "sum-rows": gamma, "sum-squares": mean }[
    kernel as string
  ] ?? out;
  return {
    run: calls[kernel],
    settle: () => backend.synchronize(),
    async outputs() {
      calls[kernel]();
      return { out: await backend.read(result) };
    },
    dispose() {
      for (const each of buffers) backend.free(each);
    },
  };
}
