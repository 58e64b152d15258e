// Promises matrix products, LayerNorm with GELU, attention and AdamW on our engine's public operations.
// Leaves kernels without an operation of their own to flat.ts, whole layers to layer.ts.
import {
  AdamW,
  attention,
  type Backend,
  gelu,
  layerNorm,
  matmul,
  parameter,
  tensor,
} from "../../../core/mod.ts";
import { headsInside, values } from "../../work/inputs.ts";
import { layerNormEpsilon, type Work } from "../../work/work.ts";
import type { PreparedWork } from "../engine.ts";
import { prepared, preparedWithGradients } from "./prepared.ts";

type WorkOf<K extends Work["kind"]> = Extract<Work, { kind: K }>;

export function prepareMatmul(
  backend: Backend,
  { layout, batch, m, n, k }: WorkOf<"matmul">,
): PreparedWork {
  const transposeA = layout[0] === "T", transposeB = layout[1] === "T";
  const leading = batch > 1 ? [batch] : [];
  const a = tensor(backend, values(batch * m * k, 1), [...leading, ...(transposeA ? [k, m] : [m, k])]);
  const b = tensor(backend, values(batch * k * n, 2), [...leading, ...(transposeB ? [n, k] : [k, n])]);
  return prepared(backend, {
    inputs: [a, b],
    compute: () => matmul(a, b, { transposeA, transposeB }),
    read: async (y) => ({ y: await y.read() }),
  });
}

export function prepareLayerNormGelu(
  backend: Backend,
  { rows, cols }: WorkOf<"layer-norm-gelu">,
): PreparedWork {
  const x = tensor(backend, values(rows * cols, 3, 2), [rows, cols]);
  const gamma = tensor(backend, values(cols, 4, 0.1).map((value) => 1 + value));
  const beta = tensor(backend, values(cols, 5, 0.1));
  return prepared(backend, {
    inputs: [x, gamma, beta],
    compute: () => gelu(layerNorm(x, gamma, beta, layerNormEpsilon)),
    read: async (y) => ({ y: await y.read() }),
  });
}

export function prepareAttention(
  backend: Backend,
  { batch, heads, tokens, headSize, gradients }: WorkOf<"attention">,
): PreparedWork {
  const length = batch * heads * tokens * headSize;
  // The bench's layout is [B, A, T, D], ours [B, T, A·D].
  const [q, k, v, seed] = [6, 7, 8, 9].map((number) =>
    parameter(backend, headsInside(values(length, number), batch, heads, tokens, headSize), [
      batch,
      tokens,
      heads * headSize,
    ], { trainable: gradients && number < 9 })
  );
  const outside = (x: ArrayLike<number>) => headsInside(x, batch, tokens, heads, headSize);
  const compute = () => attention(q, k, v, { heads });
  const inputs = [q, k, v, seed];
  if (!gradients) {
    return prepared(backend, { inputs, compute, read: async (y) => ({ y: outside(await y.read()) }) });
  }
  return preparedWithGradients(backend, {
    inputs,
    leaves: [q, k, v],
    seed,
    compute,
    read: async () => ({
      dq: outside(await q.grad!.read()),
      dk: outside(await k.grad!.read()),
      dv: outside(await v.grad!.read()),
    }),
  });
}

export function prepareAdamW(backend: Backend, { tensors, size }: WorkOf<"adamw">): PreparedWork {
  const parameters = Array.from({ length: tensors }, (_, i) => {
    const made = parameter(backend, values(size, 400 + i), [size]);
    made.grad = tensor(backend, values(size, 500 + i, 0.01));
    return made;
  });
  const optimizer = new AdamW();
  const run = () => optimizer.step(parameters, 1e-3);
  return {
    run,
    settle: () => backend.synchronize(),
    async outputs() {
      run();
      return { first: await parameters[0].read(), last: await parameters[tensors - 1].read() };
    },
    dispose() {
      optimizer.dispose();
      for (const each of parameters) {
        each.zeroGrad();
        each.dispose();
      }
    },
  };
}
