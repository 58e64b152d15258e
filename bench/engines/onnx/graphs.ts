// Promises the bench's parts as ONNX graphs: products, LayerNorm with GELU, attention with its gradients written out by hand.
// Leaves whole layers to layer-graph.ts and running them to engine.ts.
// Weights are inputs of the graph, as in training, where they change from step to step.
import { values } from "../../work/inputs.ts";
import { layerNormEpsilon, type Work } from "../../work/work.ts";
import { GraphBuilder, type Value } from "./model-file.ts";
import { layerGraph } from "./layer-graph.ts";

export interface Feed {
  shape: number[];
  values: Float32Array;
}

export interface GraphOfWork {
  model: Uint8Array;
  feeds: Record<string, Feed>;
}

type WorkOf<K extends Work["kind"]> = Extract<Work, { kind: K }>;

/** null where runtimes for inference offer nothing comparable. */
export function graphOf(work: Work): GraphOfWork | null {
  switch (work.kind) {
    case "matmul":
      return matmulGraph(work);
    case "layer-norm-gelu":
      return layerNormGeluGraph(work);
    case "attention":
      return attentionGraph(work);
    case "layer":
      return layerGraph(work.shape, work.mode);
    default:
      return null;
  }
}

function matmulGraph({ layout, batch, m, n, k }: WorkOf<"matmul">): GraphOfWork {
  const g = new GraphBuilder();
  const leading = batch > 1 ? [batch] : [];
  const shapeA = [...leading, ...(layout[0] === "T" ? [k, m] : [m, k])];
  const shapeB = [...leading, ...(layout[1] === "T" ? [n, k] : [k, n])];
  const a = g.input("a", shapeA), b = g.input("b", shapeB);
  // Gemm transposes as it goes; a batch needs Transpose, which the runtime fuses where it can.
  const last = batch > 1 ? [0, 2, 1] : [1, 0];
  const turn = (x: Value, wanted: boolean) => wanted ? g.node("Transpose", [x], { perm: last }) : x;
  const y = batch > 1
    ? g.node("MatMul", [turn(a, layout[0] === "T"), turn(b, layout[1] === "T")])
    : g.node("Gemm", [a, b], { transA: Number(layout[0] === "T"), transB: Number(layout[1] === "T") });
  g.output("y", y, [...leading, m, n]);
  return {
    model: g.build(),
    feeds: {
      a: { shape: shapeA, values: values(batch * m * k, 1) },
      b: { shape: shapeB, values: values(batch * k * n, 2) },
    },
  };
}

function layerNormGeluGraph({ rows, cols }: WorkOf<"layer-norm-gelu">): GraphOfWork {
  const g = new GraphBuilder();
  const x = g.input("x", [rows, cols]), gain = g.input("gain", [cols]), shift = g.input("shift", [cols]);
  const normed = g.node("LayerNormalization", [x, gain, shift], {
    axis: -1,
    epsilon: { float: layerNormEpsilon },
  });
  g.output("y", g.node("Gelu", [normed]), [rows, cols]);
  return {
    model: g.build(),
    feeds: {
      x: { shape: [rows, cols], values: values(rows * cols, 3, 2) },
      gain: { shape: [cols], values: values(cols, 4, 0.1).map((value) => 1 + value) },
      shift: { shape: [cols], values: values(cols, 5, 0.1) },
    },
  };
}

/** Attention on [B, A, T, D]: the output, and a function that adds the gradients by q, k and v for one of the output. */
export function attentionNodes(g: GraphBuilder, q: Value, k: Value, v: Value, headSize: number) {
  const turn = (x: Value) => g.node("Transpose", [x], { perm: [0, 1, 3, 2] });
  const product = (a: Value, b: Value) => g.node("MatMul", [a, b]);
  const scale = g.scalar(1 / Math.sqrt(headSize));
  const weights = g.node("Softmax", [g.node("Mul", [product(q, turn(k)), scale])], { axis: -1 });
  const backward = (dy: Value) => {
    const dWeights = product(dy, turn(v));
    const inner = g.node("ReduceSum", [g.node("Mul", [dWeights, weights]), g.integers([-1])], {
      keepdims: 1,
    });
    const dScores = g.node("Mul", [g.node("Mul", [weights, g.node("Sub", [dWeights, inner])]), scale]);
    return {
      dq: product(dScores, k),
      dk: product(turn(dScores), q),
      dv: product(turn(weights), dy),
    };
  };
  return { y: product(weights, v), backward };
}

function attentionGraph(
  { batch, heads, tokens, headSize, gradients }: WorkOf<"attention">,
): GraphOfWork {
  const g = new GraphBuilder();
  const shape = [batch, heads, tokens, headSize];
  const feeds: Record<string, Feed> = {};
  const input = (name: string, seed: number) => {
    feeds[name] = { shape, values: values(batch * heads * tokens * headSize, seed) };
    return g.input(name, shape);
  };
  const { y, backward } = attentionNodes(g, input("q", 6), input("k", 7), input("v", 8), headSize);
  if (gradients) {
    for (const [name, value] of Object.entries(backward(input("dy", 9)))) g.output(name, value, shape);
  } else g.output("y", y, shape);
  return { model: g.build(), feeds };
}
