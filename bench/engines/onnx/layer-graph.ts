// Promises one encoder layer as an ONNX graph in all its modes, backward pass included, derived by hand.
// Leaves the parts that it shares with other graphs to graphs.ts.
import { layerAdapters, layerInput, layerSeed, layerWeights, type Named } from "../../work/inputs.ts";
import { type LayerMode, layerNormEpsilon, type LayerShape } from "../../work/work.ts";
import { attentionNodes, type GraphOfWork } from "./graphs.ts";
import { GraphBuilder, type Value } from "./model-file.ts";

export function layerGraph(shape: LayerShape, mode: LayerMode): GraphOfWork {
  const { batch, tokens, hidden, heads } = shape;
  const rows = batch * tokens, headSize = hidden / heads;
  const { frozen, trained } = layerAdapters(shape, mode);
  const weights: Record<string, Named> = { ...layerWeights(shape), ...frozen, ...trained };
  const g = new GraphBuilder();
  for (const [name, each] of Object.entries(weights)) g.input(name, each.shape);
  const feeds: GraphOfWork["feeds"] = {
    ...weights,
    x: { shape: [rows, hidden], values: layerInput(shape) },
  };
  const x = g.input("x", [rows, hidden]);

  const op = (name: string, ...inputs: Value[]) => g.node(name, inputs);
  const add = (a: Value, b: Value) => op("Add", a, b), mul = (a: Value, b: Value) => op("Mul", a, b);
  const product = (a: Value, b: Value) => op("MatMul", a, b);
  const turn = (a: Value) => g.node("Transpose", [a], { perm: [1, 0] });
  const byHead = g.integers([batch, tokens, heads, headSize]), flat = g.integers([rows, hidden]);
  const split = (a: Value) => g.node("Transpose", [op("Reshape", a, byHead)], { perm: [0, 2, 1, 3] });
  const merge = (a: Value) => op("Reshape", g.node("Transpose", [a], { perm: [0, 2, 1, 3] }), flat);

  const trains = (name: string) => mode === "all" || name in trained;
  const gradient = (name: string, value: () => Value) => {
    if (trains(name)) g.output(`d_${name}`, value(), weights[name].shape);
  };
  const sumRows = (dy: Value) => g.node("ReduceSum", [dy, g.integers([0])], { keepdims: 0 });
  /** x·W + b, and what its output's gradient gives. */
  const dense = (name: string, input: Value) => ({
    y: add(product(input, `${name}Weight`), `${name}Bias`),
    backward(dy: Value): () => Value {
      gradient(`${name}Weight`, () => product(turn(input), dy));
      gradient(`${name}Bias`, () => sumRows(dy));
      return () => product(dy, turn(`${name}Weight`));
    },
  });
  const norm = (input: Value, which: 1 | 2) => {
    const [y, mean, deviation] = g.nodes("LayerNormalization", [input, `gain${which}`, `shift${which}`], {
      axis: -1,
      epsilon: { float: layerNormEpsilon },
    }, 3);
    const backward = (dy: Value) => {
      const normed = mul(op("Sub", input, mean), deviation);
      const scaled = mul(dy, `gain${which}`);
      const average = (value: Value) => g.node("ReduceMean", [value, g.integers([-1])], { keepdims: 1 });
      const dx = mul(
        deviation,
        op("Sub", op("Sub", scaled, average(scaled)), mul(normed, average(mul(scaled, normed)))),
      );
      return { dx, gain: () => sumRows(mul(dy, normed)), shift: () => sumRows(dy) };
    };
    return { y, backward };
  };

  // Forward.
  const query = dense("query", x), key = dense("key", x), value = dense("value", x);
  const low = mode === "lora" ? { query: product(x, "queryA"), value: product(x, "valueA") } : null;
  const q = low ? add(query.y, product(low.query, "queryB")) : query.y;
  const v = low ? add(value.y, product(low.value, "valueB")) : value.y;
  const heard = attentionNodes(g, split(q), split(key.y), split(v), headSize);
  const output = dense("output", merge(heard.y));
  const norm1 = norm(add(x, output.y), 1);
  const a = norm1.y;
  const up = dense("up", a);
  const activated = op("Gelu", up.y);
  const down = dense("down", activated);
  let y = down.y;
  const adapters = mode === "mad-x" ? ["language", "task"] : [];
  const stack = adapters.map((name) => {
    const passed = norm(add(y, a), 2);
    const lower = dense(`${name}Down`, passed.y);
    const active = op("Relu", lower.y);
    const upper = dense(`${name}Up`, active);
    y = add(upper.y, y);
    return { passed, lower, active, upper };
  });
  const norm2 = norm(add(y, a), 2);
  if (mode === "forward") {
    g.output("y", norm2.y, [rows, hidden]);
    return { model: g.build(), feeds };
  }

  // Backward, from Σ y·seed.
  const seed = g.input("seed", [rows, hidden]);
  feeds.seed = { shape: [rows, hidden], values: layerSeed(shape) };
  g.output("loss", g.node("ReduceSum", [mul(norm2.y, seed), g.integers([0, 1])], { keepdims: 0 }), []);
  const normGradients = (which: 1 | 2, back: ReturnType<typeof norm1.backward>) => {
    gradient(`gain${which}`, back.gain);
    gradient(`shift${which}`, back.shift);
    return back.dx;
  };
  const throughNorm2 = normGradients(2, norm2.backward(seed));
  let dy = throughNorm2, da = throughNorm2;
  for (const { passed, lower, active, upper } of stack.toReversed()) {
    const dActive = upper.backward(dy)();
    const positive = g.node("Cast", [op("Greater", active, g.scalar(0))], { to: 1 });
    const { dx } = passed.backward(lower.backward(mul(dActive, positive))());
    dy = add(dy, dx);
    da = add(da, dx);
  }
  const dActivated = down.backward(dy)();
  const half = g.scalar(0.5), one = g.scalar(1);
  const cumulative = mul(add(op("Erf", mul(up.y, g.scalar(Math.SQRT1_2))), one), half);
  const density = mul(op("Exp", mul(mul(up.y, up.y), g.scalar(-0.5))), g.scalar(1 / Math.sqrt(2 * Math.PI)));
  const dUp = mul(dActivated, add(cumulative, mul(up.y, density)));
  da = add(da, up.backward(dUp)());
  const dAttended = normGradients(1, norm1.backward(da));
  const { dq, dk, dv } = heard.backward(split(output.backward(dAttended)()));
  const gradients = { query: merge(dq), key: merge(dk), value: merge(dv) };
  let dx = dAttended;
  for (const [name, part] of [["query", query], ["key", key], ["value", value]] as const) {
    const d = gradients[name];
    dx = add(dx, part.backward(d)());
    if (low && name !== "key") {
      const dLow = product(d, turn(`${name}B`));
      gradient(`${name}B`, () => product(turn(low[name]), d));
      gradient(`${name}A`, () => product(turn(x), dLow));
      dx = add(dx, product(dLow, turn(`${name}A`)));
    }
  }
  g.output("d_x", dx, [rows, hidden]);
  return { model: g.build(), feeds };
}
