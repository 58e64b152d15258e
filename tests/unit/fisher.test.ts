// Checks tr(F) on softmax regression, where it is known in closed form, and against explicit batches of one on a deeper model.
// It leaves tr(F) of whole encoders to the golden tests.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createReferenceBackend } from "../../core/backends/reference/backend.ts";
import {
  averageTrace,
  averageTraceAsCoded,
  fisherTrace,
  traceByLayer,
  type TraceOptions,
} from "../../core/fisher/trace.ts";
import { concat } from "../../core/ops/concat.ts";
import { linear } from "../../core/ops/linear.ts";
import { reshape } from "../../core/ops/reshape.ts";
import { slice } from "../../core/ops/slice.ts";
import { tanh } from "../../core/ops/unary.ts";
import { normal, philoxWord, streamKey } from "../../core/random.ts";
import { parameter, type Tensor, tensor } from "../../core/tensor.ts";

const test = suite("fisher");
const backend = createReferenceBackend();
const draw = (length: number, step: number) => [...normal(streamKey(5, "fisher-test", step), length)];
const close = (got: number, wanted: number, message = "") =>
  assert.ok(
    Math.abs(got - wanted) < 1e-10 * Math.max(1, Math.abs(wanted)),
    `${message} ${got}, wanted ${wanted}`,
  );

// Softmax regression: logits = x·Wᵀ + b with 3 classes and 4 features; the weight and the bias are two "layers".
const CLASSES = 3;
const FEATURES = 4;
const weightValues = draw(CLASSES * FEATURES, 1);
const biasValues = draw(CLASSES, 2);

interface Data {
  x: number[];
  size: number;
  labels?: number[];
}

function regression() {
  const weight = parameter(backend, weightValues, [CLASSES, FEATURES], { name: "weight" });
  const bias = parameter(backend, biasValues, [CLASSES], { name: "bias" });
  const clear = () => [weight, bias].forEach((each) => each.zeroGrad());
  const options = {
    examples: (batch: Data) => batch.size,
    logits: (batch: Data) => linear(tensor(backend, batch.x, [batch.size, FEATURES]), weight, bias),
    groups: [{ layer: 0, parameters: [weight] }, { layer: 1, parameters: [bias] }],
  };
  return { weight, bias, clear, options };
}

function probabilities(x: readonly number[]): number[] {
  const powers = biasValues.map((b, c) =>
    Math.exp(b + x.reduce((sum, value, f) => sum + value * weightValues[c * FEATURES + f], 0))
  );
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

const rowsOf = (batch: Data) =>
  Array.from({ length: batch.size }, (_, r) => batch.x.slice(r * FEATURES, (r + 1) * FEATURES));
const squared = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
const error = (x: readonly number[], label: number) =>
  probabilities(x).map((p, c) => p - (c === label ? 1 : 0));
const mode = (x: readonly number[]) => {
  const p = probabilities(x);
  return p.indexOf(Math.max(...p));
};

const batches: Data[] = [{ x: draw(5 * FEATURES, 3), size: 5, labels: [0, 1, 2, 0, 1] }, {
  x: draw(2 * FEATURES, 4),
  size: 2,
  labels: [2, 2],
}];

test("sampled labels: the mean over many draws is E‖∇‖² = ‖x‖²(1 − Σp²) for the weight, 1 − Σp² for the bias", async () => {
  const { options, clear } = regression();
  const example = draw(FEATURES, 6);
  const copies = 500;
  const repeated: Data = { x: Array.from({ length: copies }, () => example).flat(), size: copies };
  const results = await fisherTrace({
    ...options,
    batches: Array.from({ length: 20 }, () => repeated),
    label: "sampled",
    random: (i) => streamKey(1, "fisher-labels", 7, i),
    gradient: "per-example",
  }, clear);
  const spread = 1 - squared(probabilities(example));
  const [weight, bias] = traceByLayer(results);
  assert.ok(Math.abs(bias / spread - 1) < 0.03, `bias ${bias}, closed form ${spread}`);
  assert.ok(Math.abs(weight / (squared(example) * spread) - 1) < 0.03, `weight ${weight}`);
  close(weight / bias, squared(example), "the ratio is exact:");
});

test("sampled labels come from the named stream, row r from word r", async () => {
  const { options, clear } = regression();
  const random = (i: number) => streamKey(3, "fisher-labels", 11, i);
  const sampled = { ...options, batches, label: "sampled", random, gradient: "per-example" } as const;
  let wanted = 0;
  batches.forEach((batch, i) =>
    rowsOf(batch).forEach((x, r) => {
      const u = philoxWord(r, random(i)) / 2 ** 32;
      const p = probabilities(x);
      const label = u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2;
      wanted += squared(error(x, label)) / 7;
    })
  );
  close(traceByLayer(await fisherTrace(sampled, clear))[1], wanted);
});

for (const label of ["mode", "data"] as const) {
  const labelOf = (batch: Data, x: number[], r: number) => label === "mode" ? mode(x) : batch.labels![r];

  test(`label ${label}, per example: the mean over all examples of ‖x‖²‖p − e‖²`, async () => {
    const { options, clear } = regression();
    const results = await fisherTrace({
      ...options,
      batches,
      label,
      labels: (batch) => Int32Array.from(batch.labels!),
      gradient: "per-example",
    }, clear);
    let weight = 0, bias = 0;
    for (const batch of batches) {
      rowsOf(batch).forEach((x, r) => {
        const square = squared(error(x, labelOf(batch, x, r)));
        weight += squared(x) * square / 7;
        bias += square / 7;
      });
    }
    close(traceByLayer(results)[0], weight);
    close(traceByLayer(results)[1], bias);
  });

  test(`label ${label}, per batch: Σ over batches of ‖gradient of the mean NLL‖² / |b|`, async () => {
    const { options, clear } = regression();
    const results = await fisherTrace({
      ...options,
      batches,
      label,
      labels: (batch) => Int32Array.from(batch.labels!),
      gradient: "batch",
    }, clear);
    let weight = 0, bias = 0;
    for (const batch of batches) {
      const meanWeight = new Array(CLASSES * FEATURES).fill(0), meanBias = new Array(CLASSES).fill(0);
      rowsOf(batch).forEach((x, r) =>
        error(x, labelOf(batch, x, r)).forEach((e, c) => {
          meanBias[c] += e / batch.size;
          x.forEach((value, f) => meanWeight[c * FEATURES + f] += e * value / batch.size);
        })
      );
      weight += squared(meanWeight) / batch.size;
      bias += squared(meanBias) / batch.size;
    }
    close(traceByLayer(results)[0], weight);
    close(traceByLayer(results)[1], bias);
  });
}

test("the two gradients, the labels of the data and F itself are four different numbers", async () => {
  const { options, clear } = regression();
  const labels = (batch: Data) => Int32Array.from(batch.labels!);
  const values = new Set<string>();
  for (const label of ["mode", "data"] as const) {
    for (const gradient of ["per-example", "batch"] as const) {
      const results = await fisherTrace({ ...options, batches, label, labels, gradient }, clear);
      values.add(traceByLayer(results)[0].toPrecision(3));
    }
  }
  assert.is(values.size, 4, [...values].join(" "));
});

// A deeper model with several tokens for each example, and logits in two halves as for spans: all starts, then all ends.
const TOKENS = 3;
function spans() {
  const hidden = 5;
  const make = (name: string, shape: number[], step: number) =>
    parameter(backend, draw(shape.reduce((a, b) => a * b), step), shape, { name });
  const down = make("down", [hidden, FEATURES], 20), downBias = make("downBias", [hidden], 21);
  const up = make("up", [2, hidden], 22), upBias = make("upBias", [2], 23);
  const all = [down, downBias, up, upBias];
  const options = {
    examples: (batch: Data) => batch.size,
    logits: (batch: Data): Tensor => {
      const x = tensor(backend, batch.x, [batch.size, TOKENS, FEATURES]);
      const both = linear(tanh(linear(x, down, downBias)), up, upBias);
      const half = (i: number) => reshape(slice(both, 2, i, i + 1), [batch.size, TOKENS]);
      return concat([half(0), half(1)], 0);
    },
    groups: [{ layer: 0, parameters: [down, downBias] }, { layer: 1, parameters: [up, upBias] }],
  };
  return { all, options, clear: () => all.forEach((each) => each.zeroGrad()) };
}

test("per example in one batch equals explicit batches of one, for span logits of several tokens", async () => {
  const { options, clear } = spans();
  const size = 6;
  const width = TOKENS * FEATURES;
  const whole: Data = { x: draw(size * width, 30), size };
  const single = Array.from(
    { length: size },
    (_, i) => ({ x: whole.x.slice(i * width, (i + 1) * width), size: 1 }),
  );
  const shared: Omit<TraceOptions<Data>, "batches"> = { ...options, label: "mode", gradient: "per-example" };
  const together = await fisherTrace({ ...shared, batches: [whole] }, clear);
  const apart = await fisherTrace({ ...shared, batches: single }, clear);
  // In a batch of one the two rows' mean is half of their sum: a quarter of the square.
  const halves = await fisherTrace({ ...shared, batches: single, gradient: "batch" }, clear);
  for (const layer of [0, 1]) {
    close(traceByLayer(together)[layer], traceByLayer(apart)[layer], `layer ${layer}:`);
    close(traceByLayer(halves)[layer] * 4 / size, traceByLayer(apart)[layer], `layer ${layer}:`);
  }
});

test("aggregates: paper's mean over blocks; as coded, means over elements", () => {
  const results = [{ layer: 10, squares: [6, 1], sizes: [3, 1] }, {
    layer: 11,
    squares: [8, 4],
    sizes: [2, 4],
  }];
  assert.equal(traceByLayer(results), [7, 12]);
  assert.is(averageTrace(results), 9.5);
  assert.is(averageTraceAsCoded(results, 40), ((2 + 1) / 40 + (4 + 1) / 40) / 2);
});

test("parameters and gradients are as before, and no buffer is left over", async () => {
  const { weight, bias, options, clear } = regression();
  const before = backend.memory().liveBuffers;
  await fisherTrace({ ...options, batches, label: "mode", gradient: "per-example" }, clear);
  assert.is(backend.memory().liveBuffers, before);
  assert.is(weight.grad, null);
  assert.is(bias.grad, null);
  assert.equal([...await weight.read()], weightValues);
});

test("no batches, a frozen group, a missing stream and missing labels are refused", async () => {
  const { weight, options, clear } = regression();
  const refused = async (change: Partial<TraceOptions<Data>>, pattern: RegExp) => {
    try {
      await fisherTrace({ ...options, batches, label: "mode", gradient: "batch", ...change }, clear);
    } catch (problem) {
      return assert.match((problem as Error).message, pattern);
    }
    assert.unreachable(`accepted, wanted ${pattern}`);
  };
  await refused({ batches: [] }, /no batches/);
  await refused({ label: "sampled" }, /sampled labels need/);
  await refused({ label: "data" }, /label data needs/);
  await refused({ label: "data", labels: () => Int32Array.of(1) }, /1 labels for 5 rows/);
  weight.trainable = false;
  await refused({}, /weight of layer 0 has no gradient; unfreeze it/);
});

test.run();
