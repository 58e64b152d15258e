// Promises one post-norm encoder layer of the bench on our engine's public operations, as core/models/encoder.ts composes it.
// Leaves the numbers in it to work/inputs.ts.
import {
  add,
  attention,
  type Backend,
  gelu,
  layerNorm,
  linear,
  mul,
  parameter,
  relu,
  scope,
  sum,
  type Tensor,
} from "../../../core/mod.ts";
import {
  layerAdapters,
  layerInput,
  layerSeed,
  layerWeights,
  type Named,
  transposed,
} from "../../work/inputs.ts";
import { type LayerMode, layerNormEpsilon, type LayerShape, type Work } from "../../work/work.ts";
import type { Outputs, PreparedWork } from "../engine.ts";
import { prepared, preparedWithGradients } from "./prepared.ts";

type Weights = Record<string, Tensor>;

/** Softmax ignores what all scores of a query have in common: this gradient is 0 but for rounding, and nothing to compare. */
const withoutGradient = "keyBias";

export function prepareLayer(
  backend: Backend,
  { shape, mode }: Extract<Work, { kind: "layer" }>,
): PreparedWork {
  const weights: Weights = {};
  const leaves: string[] = [];
  const upload = (named: Record<string, Named>, trainable: boolean) => {
    for (const [name, each] of Object.entries(named)) {
      weights[name] = parameter(backend, ours(each), ourShape(each), { name, trainable });
      if (trainable) leaves.push(name);
    }
  };
  const { frozen, trained } = layerAdapters(shape, mode);
  upload(layerWeights(shape), mode === "all");
  upload(frozen, false);
  upload(trained, true);
  const dimensions = [shape.batch, shape.tokens, shape.hidden];
  const x = parameter(backend, layerInput(shape), dimensions, { trainable: mode !== "forward" });
  const seed = parameter(backend, layerSeed(shape), dimensions, { trainable: false });
  const compute = () => layer(x, weights, shape, mode);
  const inputs = [x, seed, ...Object.values(weights)];
  if (mode === "forward") {
    return prepared(backend, { inputs, compute, read: async (y) => ({ y: await y.read() }) });
  }
  return preparedWithGradients(backend, {
    inputs,
    leaves: [x, ...leaves.map((name) => weights[name])],
    seed,
    compute,
    read: async () => {
      const loss = scope(() => sum(mul(compute(), seed)));
      const outputs: Outputs = { loss: await loss.read(), x: await x.grad!.read() };
      loss.dispose();
      for (const name of leaves.filter((each) => each !== withoutGradient)) {
        const { grad, shape: [rows, cols] } = weights[name];
        const values = await grad!.read();
        outputs[name] = cols === undefined ? values : transposed(values, rows, cols);
      }
      return outputs;
    },
  });
}

/** The bench has weights as [in, out], we as [out, in]. */
const ours = ({ shape, values }: Named) =>
  shape.length === 2 ? transposed(values, shape[0], shape[1]) : values;
const ourShape = ({ shape }: Named) => shape.toReversed();

function layer(x: Tensor, w: Weights, { heads }: LayerShape, mode: LayerMode): Tensor {
  const project = (name: string, input: Tensor) => linear(input, w[`${name}Weight`], w[`${name}Bias`]);
  const adapted = (name: string) => {
    const projected = project(name, x);
    return mode === "lora" ? add(projected, linear(linear(x, w[`${name}A`]), w[`${name}B`])) : projected;
  };
  const context = attention(adapted("query"), project("key", x), adapted("value"), { heads });
  const a = layerNorm(project("output", context), w.gain1, w.shift1, layerNormEpsilon, x);
  const norm = (value: Tensor) => layerNorm(value, w.gain2, w.shift2, layerNormEpsilon, a);
  let y = project("down", gelu(project("up", a)));
  if (mode === "mad-x") {
    for (const name of ["language", "task"]) {
      y = add(project(`${name}Up`, relu(project(`${name}Down`, norm(y)))), y);
    }
  }
  return norm(y);
}
