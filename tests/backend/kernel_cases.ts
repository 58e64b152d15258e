// The cases on which backends are compared: odd sizes, broadcasts, repeated matrices, padding, ignored targets, aliases.
// It leaves running and judging them to kernels.test.ts.

import type { DeviceBuffer, DType } from "../../core/backends/backend.ts";
import type { KernelSet, UnaryOperation } from "../../core/backends/kernels.ts";
import { integerBelow, normal, philoxWord, streamKey } from "../../core/random.ts";

// deno-lint-ignore no-explicit-any
type Buffers = Record<string, any>;

export interface KernelCase {
  kernel: keyof KernelSet;
  name: string;
  inputs: Record<string, Float32Array | Int32Array>;
  /** Buffers that start as NaN. */
  outputs: Record<string, number | { length: number; dtype: DType }>;
  /** Inputs that the kernel updates in place. */
  changes?: string[];
  run(kernels: KernelSet, buffers: Buffers): void;
  /** Relative to the largest magnitude of an array; 1e-5 unless said otherwise. */
  tolerance?: number;
  /** Zeros must be exactly where the reference has them (dropout). */
  sameZeros?: boolean;
  /** This output is unspecified where the reference is infinite. */
  undefinedWhereInfinite?: string;
  /** Large enough to be split among threads or workgroups: run twice, the bits must agree. */
  heavy?: boolean;
}

let drawn = 0;
const draw = (length: number, mean = 0, deviation = 1) =>
  normal(streamKey(1, "kernel-cases", drawn++), length, mean, deviation);
const positive = (length: number) => draw(length).map((value) => 0.3 + Math.abs(value));
const whole = (length: number, below: number) => {
  const stream = streamKey(2, "kernel-cases", drawn++);
  return Int32Array.from({ length }, (_, i) => integerBelow(stream, below, i));
};
const f32 = (...values: number[]) => Float32Array.from(values);
const size = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

export const cases: KernelCase[] = [];

// Elementwise ---------------------------------------------------------------------------------------------------------

cases.push(
  {
    kernel: "fill",
    name: "f32, all and a prefix",
    inputs: { part: draw(70) },
    outputs: { all: 1003 },
    changes: ["part"],
    run: (k, b) => {
      k.fill({ out: b.all, length: 1003, value: -2.5 });
      k.fill({ out: b.part, length: 33, value: 7 });
    },
    tolerance: 0,
  },
  {
    kernel: "fill",
    name: "i32",
    inputs: {},
    outputs: { out: { length: 37, dtype: "i32" } },
    run: (k, b) => k.fill({ out: b.out, length: 37, value: -3 }),
  },
  {
    kernel: "copy",
    name: "f32 between odd offsets, f32 whole, i32",
    inputs: { x: draw(1003), y: whole(51, 1000), into: draw(77) },
    outputs: { out: 1003, z: { length: 51, dtype: "i32" } },
    changes: ["into"],
    run: (k, b) => {
      k.copy({ x: b.x, out: b.out, length: 1003, xOffset: 0, outOffset: 0 });
      k.copy({ x: b.x, out: b.into, length: 31, xOffset: 101, outOffset: 7 });
      k.copy({ x: b.y, out: b.z, length: 51, xOffset: 0, outOffset: 0 });
    },
    tolerance: 0,
  },
  {
    kernel: "cast",
    name: "both ways",
    inputs: {
      x: f32(0, 1.9, -1.9, 0.5, -0.5, 16777216, -7, 1e9),
      y: Int32Array.of(0, 1, -1, 16777215, -8388608),
    },
    outputs: { whole: { length: 8, dtype: "i32" }, real: 5 },
    run: (k, b) => {
      k.cast({ x: b.x, out: b.whole, length: 8 });
      k.cast({ x: b.y, out: b.real, length: 5 });
    },
    tolerance: 0,
  },
  {
    kernel: "roundToHalf",
    name: "ties, subnormals, overflow, random",
    inputs: {
      x: f32(
        0,
        1 + 2 ** -11,
        1 + 3 * 2 ** -11,
        2 ** -25,
        1.5 * 2 ** -24,
        -(2 ** -24),
        65504,
        65519,
        65520,
        -7e4,
        0.1,
      ),
      y: draw(1003, 0, 10),
      tiny: draw(103, 0, 1e-6),
    },
    outputs: { out: 11, half: 1003 },
    changes: ["tiny"],
    run: (k, b) => {
      k.roundToHalf({ x: b.x, out: b.out, length: 11 });
      k.roundToHalf({ x: b.y, out: b.half, length: 1003 });
      k.roundToHalf({ x: b.tiny, out: b.tiny, length: 103 });
    },
    tolerance: 0,
  },
);

const unaryOperations: UnaryOperation[] = [
  "neg",
  "abs",
  "exp",
  "log",
  "sqrt",
  "reciprocal",
  "square",
  "tanh",
  "sigmoid",
  "relu",
  "gelu",
];

for (const operation of unaryOperations) {
  const restricted = operation === "log" || operation === "sqrt" || operation === "reciprocal";
  const values = (length: number) => restricted ? positive(length) : draw(length, 0, 2);
  cases.push(
    {
      kernel: "unary",
      name: operation,
      inputs: { x: values(1003), same: values(70) },
      outputs: { out: 1003 },
      changes: ["same"],
      run: (k, b) => {
        k.unary({ operation, x: b.x, out: b.out, length: 1003 });
        k.unary({ operation, x: b.same, out: b.same, length: 70 });
      },
    },
    {
      kernel: "unaryGrad",
      name: operation,
      inputs: { x: values(1003), dy: draw(1003), same: draw(1003) },
      outputs: { y: 1003, dx: 1003 },
      changes: ["same"],
      run: (k, b) => {
        k.unary({ operation, x: b.x, out: b.y, length: 1003 });
        k.unaryGrad({ operation, x: b.x, y: b.y, dy: b.dy, dx: b.dx, length: 1003 });
        k.unaryGrad({ operation, x: b.x, y: b.y, dy: b.same, dx: b.same, length: 1003 });
      },
    },
  );
}

cases.push(
  {
    kernel: "unary",
    name: "extremes stay finite: sigmoid, tanh and gelu of ±100, exp of −200, relu of ±0",
    inputs: { x: f32(-100, -30, -10, -5, 0, 5, 10, 30, 100), low: f32(-200, -90, -10) },
    outputs: { sigmoid: 9, tanh: 9, gelu: 9, relu: 9, exp: 3 },
    run: (k, b) => {
      for (const operation of ["sigmoid", "tanh", "gelu", "relu"] as const) {
        k.unary({ operation, x: b.x, out: b[operation], length: 9 });
      }
      k.unary({ operation: "exp", x: b.low, out: b.exp, length: 3 });
    },
  },
  {
    kernel: "unaryGrad",
    name: "extremes stay finite: gelu of ±100, relu at 0",
    inputs: { x: f32(-100, -30, -10, -5, 0, 5, 10, 30, 100), dy: draw(9) },
    outputs: { gelu: 9, relu: 9 },
    run: (k, b) => {
      k.unaryGrad({ operation: "gelu", x: b.x, dy: b.dy, dx: b.gelu, length: 9 });
      k.unaryGrad({ operation: "relu", x: b.x, dy: b.dy, dx: b.relu, length: 9 });
    },
  },
  {
    kernel: "unary",
    name: "gelu, 70 001 elements",
    inputs: { x: draw(70001, 0, 2) },
    outputs: { out: 70001 },
    run: (k, b) => k.unary({ operation: "gelu", x: b.x, out: b.out, length: 70001 }),
    heavy: true,
  },
  {
    kernel: "affine",
    name: "apart and in place",
    inputs: { x: draw(1003), same: draw(5) },
    outputs: { out: 1003 },
    changes: ["same"],
    run: (k, b) => {
      k.affine({ x: b.x, out: b.out, length: 1003, scale: -0.37, shift: 2 });
      k.affine({ x: b.same, out: b.same, length: 5, scale: 3, shift: -1 });
    },
  },
  {
    kernel: "addTo",
    name: "odd length",
    inputs: { x: draw(1003), out: draw(1003) },
    outputs: {},
    changes: ["out"],
    run: (k, b) => k.addTo({ x: b.x, out: b.out, length: 1003, scale: -1.75 }),
  },
);

// Broadcasting --------------------------------------------------------------------------------------------------------

type Broadcast = { name: string; shape: number[]; a: [number, number[]]; b: [number, number[]] };
const broadcasts: Broadcast[] = [
  { name: "dense", shape: [1003], a: [1003, [1]], b: [1003, [1]] },
  { name: "a row", shape: [13, 37], a: [481, [37, 1]], b: [37, [0, 1]] },
  { name: "a column", shape: [13, 37], a: [481, [37, 1]], b: [13, [1, 0]] },
  { name: "a scalar on the left", shape: [5, 7], a: [1, [0, 0]], b: [35, [7, 1]] },
  { name: "transposed", shape: [9, 17], a: [153, [17, 1]], b: [153, [1, 9]] },
  {
    name: "both ways over five axes",
    shape: [2, 3, 4, 5, 3],
    a: [72, [36, 12, 3, 0, 1]],
    b: [30, [15, 0, 0, 3, 1]],
  },
  { name: "no axes", shape: [], a: [1, []], b: [1, []] },
];
for (const operation of ["add", "sub", "mul", "div", "max", "min"] as const) {
  for (const each of broadcasts) {
    cases.push({
      kernel: "binary",
      name: `${operation}, ${each.name} [${each.shape}]`,
      inputs: { a: draw(each.a[0]), b: operation === "div" ? positive(each.b[0]) : draw(each.b[0]) },
      outputs: { out: size(each.shape) },
      run: (k, b) =>
        k.binary({
          operation,
          a: b.a,
          b: b.b,
          out: b.out,
          shape: each.shape,
          aStrides: each.a[1],
          bStrides: each.b[1],
        }),
    });
  }
  cases.push({
    kernel: "binary",
    name: `${operation}, in place on the left, a row on the right`,
    inputs: { a: draw(481), b: operation === "div" ? positive(37) : draw(37) },
    outputs: {},
    changes: ["a"],
    run: (k, b) =>
      k.binary({
        operation,
        a: b.a,
        b: b.b,
        out: b.a,
        shape: [13, 37],
        aStrides: [37, 1],
        bStrides: [0, 1],
      }),
  });
}
cases.push({
  kernel: "binary",
  name: "sub in place on the right, and of a buffer from itself",
  inputs: { a: draw(99), b: draw(99) },
  outputs: {},
  changes: ["a", "b"],
  run: (k, b) => {
    const dense = { operation: "sub", shape: [99], aStrides: [1], bStrides: [1] } as const;
    k.binary({ ...dense, a: b.a, b: b.b, out: b.b });
    k.binary({ ...dense, a: b.a, b: b.a, out: b.a });
  },
});

cases.push(
  {
    kernel: "stridedCopy",
    name: "transposes of two, three and five axes",
    inputs: { x: draw(221), y: draw(3 * 5 * 7), z: draw(2 * 3 * 4 * 3 * 2) },
    outputs: { xt: 221, yt: 105, zt: 144 },
    run: (k, b) => {
      const whole = { xOffset: 0, outOffset: 0 };
      k.stridedCopy({ ...whole, x: b.x, out: b.xt, shape: [17, 13], xStrides: [1, 17], outStrides: [13, 1] });
      k.stridedCopy({
        ...whole,
        x: b.y,
        out: b.yt,
        shape: [7, 3, 5],
        xStrides: [1, 35, 7],
        outStrides: [15, 5, 1],
      });
      k.stridedCopy({
        ...whole,
        x: b.z,
        out: b.zt,
        shape: [4, 2, 2, 3, 3],
        xStrides: [6, 72, 1, 24, 2],
        outStrides: [36, 18, 9, 3, 1],
      });
    },
    tolerance: 0,
  },
  {
    kernel: "stridedCopy",
    name: "a slice, a concatenation into a larger buffer, i32",
    inputs: { x: draw(15 * 9), y: whole(24, 100), into: draw(15 * 20) },
    outputs: { slice: 15 * 4, column: { length: 6, dtype: "i32" } },
    changes: ["into"],
    run: (k, b) => {
      k.stridedCopy({
        x: b.x,
        out: b.slice,
        shape: [15, 4],
        xStrides: [9, 1],
        outStrides: [4, 1],
        xOffset: 3,
        outOffset: 0,
      });
      k.stridedCopy({
        x: b.x,
        out: b.into,
        shape: [15, 9],
        xStrides: [9, 1],
        outStrides: [20, 1],
        xOffset: 0,
        outOffset: 11,
      });
      k.stridedCopy({
        x: b.y,
        out: b.column,
        shape: [6],
        xStrides: [4],
        outStrides: [1],
        xOffset: 2,
        outOffset: 0,
      });
    },
    tolerance: 0,
  },
);

for (const probability of [0.1, 0.5]) {
  cases.push({
    kernel: "dropout",
    name: `p = ${probability}, apart and in place`,
    inputs: { x: positive(70003), same: positive(1003) },
    outputs: { out: 70003 },
    changes: ["same"],
    run: (k, b) => {
      const random = { k0: 0xdeadbeef, k1: 7, c1: 0xffffffff, c2: 3, c3: 0x80000001 };
      k.dropout({ x: b.x, out: b.out, length: 70003, probability, random });
      k.dropout({
        x: b.same,
        out: b.same,
        length: 1003,
        probability,
        random: { ...streamKey(3, "dropout", 1), c0: 77 },
      });
    },
    sameZeros: true,
    heavy: true,
  });
}
cases.push({
  kernel: "dropout",
  name: "p = 0 keeps everything",
  inputs: { x: draw(101) },
  outputs: { out: 101 },
  run: (k, b) =>
    k.dropout({ x: b.x, out: b.out, length: 101, probability: 0, random: streamKey(3, "dropout") }),
});

// Reductions ----------------------------------------------------------------------------------------------------------

const reductions = [[1, 1003, 1], [13, 37, 1], [1, 37, 13], [3, 5, 7], [300, 3, 65], [1, 50021, 1], [
  5,
  1,
  4,
]];
for (const [outer, length, inner] of reductions) {
  for (const operation of ["sum", "max"] as const) {
    cases.push({
      kernel: "reduce",
      name: `${operation} of the middle of [${outer}, ${length}, ${inner}]`,
      inputs: { x: draw(outer * length * inner) },
      outputs: { out: outer * inner },
      run: (k, b) =>
        k.reduce({
          operation,
          x: b.x,
          out: b.out,
          outer,
          size: length,
          inner,
          scale: -0.25,
          accumulate: false,
        }),
      heavy: length > 50000,
    });
  }
  cases.push({
    kernel: "reduce",
    name: `sum added to what was there, [${outer}, ${length}, ${inner}]`,
    inputs: { x: draw(outer * length * inner), out: draw(outer * inner) },
    outputs: {},
    changes: ["out"],
    run: (k, b) =>
      k.reduce({
        operation: "sum",
        x: b.x,
        out: b.out,
        outer,
        size: length,
        inner,
        scale: 0.5,
        accumulate: true,
      }),
  });
}
for (const [rows, cols] of [[1, 1003], [17, 37], [129, 3], [1, 100003], [7, 1], [300, 257]]) {
  for (const accumulate of [false, true]) {
    const out = accumulate ? { inputs: { out: positive(rows) }, outputs: {} } : { outputs: { out: rows } };
    cases.push({
      kernel: "sumSquares",
      name: `[${rows}, ${cols}]${accumulate ? " added" : ""}`,
      inputs: { x: draw(rows * cols), ...out.inputs },
      outputs: out.outputs as Record<string, number>,
      changes: ["out"],
      run: (k, b) => k.sumSquares({ x: b.x, out: b.out, rows, cols, accumulate }),
      heavy: cols > 100000,
    });
  }
}

// Matrix products -----------------------------------------------------------------------------------------------------

interface Product {
  m: number;
  n: number;
  k: number;
  batch?: number;
  /** Whether a (b) is one matrix for the whole batch. */
  oneA?: boolean;
  oneB?: boolean;
  /** Extra elements between the matrices of a batch. */
  gap?: number;
  bias?: boolean;
  accumulate?: boolean;
}
const products: Product[] = [
  { m: 1, n: 1, k: 1 },
  { m: 5, n: 7, k: 3 },
  { m: 1, n: 37, k: 19, bias: true },
  { m: 33, n: 65, k: 17, bias: true },
  { m: 64, n: 64, k: 64 },
  { m: 130, n: 97, k: 101, bias: true },
  { m: 7, n: 3, k: 1000 },
  { m: 257, n: 4, k: 12 },
  { m: 9, n: 129, k: 8, accumulate: true },
  { m: 40, n: 24, k: 33, accumulate: true },
  { m: 6, n: 8, k: 5, batch: 3 },
  { m: 17, n: 16, k: 9, batch: 4, oneA: true },
  { m: 17, n: 16, k: 9, batch: 4, oneB: true, bias: true },
  { m: 11, n: 5, k: 7, batch: 5, oneB: true, accumulate: true },
  { m: 3, n: 5, k: 4, batch: 2, gap: 3 },
  { m: 128, n: 128, k: 32, batch: 6 },
];
for (const { m, n, k: inner, batch = 1, oneA, oneB, gap = 0, bias = false, accumulate = false } of products) {
  for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false], [true, true]]) {
    const strideA = oneA ? 0 : m * inner + gap;
    const strideB = oneB ? 0 : inner * n + gap;
    const flags = [
      transposeA && "transposeA",
      transposeB && "transposeB",
      batch > 1 && `batch ${batch}`,
      oneA && "one a",
      oneB && "one b",
      gap && `gap ${gap}`,
      bias && "bias",
      accumulate && "accumulate",
    ];
    cases.push({
      kernel: "matmul",
      name: [`${m}×${inner} · ${inner}×${n}`, ...flags.filter(Boolean)].join(", "),
      inputs: {
        a: draw(strideA * (batch - 1) + m * inner),
        b: draw(strideB * (batch - 1) + inner * n),
        ...(bias ? { bias: draw(n) } : {}),
        ...(accumulate ? { out: draw(batch * m * n) } : {}),
      },
      outputs: accumulate ? {} : { out: batch * m * n },
      changes: ["out"],
      run: (k, b) =>
        k.matmul({
          a: b.a,
          b: b.b,
          bias: b.bias,
          out: b.out,
          batch,
          m,
          n,
          k: inner,
          transposeA,
          transposeB,
          strideA,
          strideB,
          accumulate,
        }),
      heavy: m * n * inner > 500000,
    });
  }
}

// Softmax and normalisation -------------------------------------------------------------------------------------------

for (const log of [false, true]) {
  for (const [rows, cols] of [[1, 1], [3, 5], [17, 37], [130, 3], [5, 1031]]) {
    const name = `${log ? "log, " : ""}[${rows}, ${cols}]`;
    cases.push(
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
cases.push({
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
  cases.push(
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
type Named<K extends keyof KernelSet> = Parameters<NonNullable<KernelSet[K]>>[0];

// Attention -----------------------------------------------------------------------------------------------------------

/** Lengths of the examples; 0 = an example that is all padding. */
const attentions = [
  { batch: 1, tokens: 1, heads: 1, headSize: 1, lengths: undefined, dropout: 0 },
  { batch: 2, tokens: 5, heads: 3, headSize: 4, lengths: [5, 3], dropout: 0 },
  { batch: 3, tokens: 9, heads: 2, headSize: 8, lengths: [9, 0, 4], dropout: 0 },
  { batch: 2, tokens: 33, heads: 2, headSize: 16, lengths: [33, 20], dropout: 0.1 },
  { batch: 1, tokens: 70, heads: 2, headSize: 32, lengths: undefined, dropout: 0.5 },
  { batch: 2, tokens: 128, heads: 3, headSize: 32, lengths: [128, 77], dropout: 0.1 },
  { batch: 1, tokens: 100, heads: 1, headSize: 64, lengths: [64], dropout: 0 },
  { batch: 2, tokens: 17, heads: 2, headSize: 12, lengths: [1, 16], dropout: 0.1 },
];
for (const { batch, tokens, heads, headSize, lengths, dropout } of attentions) {
  const shape = {
    batch,
    tokens,
    heads,
    headSize,
    scale: 1 / Math.sqrt(headSize),
    dropout,
    random: { ...streamKey(77, "dropout", 12, 5), c0: 3 * tokens },
  };
  const length = batch * tokens * heads * headSize;
  const padding = lengths &&
    Int32Array.from(
      { length: batch * tokens },
      (_, i) => i % tokens < lengths[Math.floor(i / tokens)] ? 1 : 0,
    );
  const mask: Record<string, Int32Array> = padding ? { mask: padding } : {};
  const inputs = () => ({ q: draw(length, 0, 1.5), k: draw(length), v: draw(length), ...mask });
  const outputs = { out: length, logSumExp: batch * heads * tokens };
  const name = `B ${batch}, T ${tokens}, A ${heads}, D ${headSize}, lengths ${
    lengths ?? "full"
  }, dropout ${dropout}`;
  const forward = (k: KernelSet, b: Buffers) =>
    k.attention({ ...shape, q: b.q, k: b.k, v: b.v, mask: b.mask, out: b.out, logSumExp: b.logSumExp });
  cases.push(
    {
      kernel: "attention",
      name,
      inputs: inputs(),
      outputs,
      run: forward,
      undefinedWhereInfinite: "logSumExp",
      heavy: tokens >= 100,
    },
    {
      kernel: "attentionGrad",
      name,
      inputs: { ...inputs(), dout: draw(length) },
      outputs: { ...outputs, dq: length, dk: length, dv: length },
      run: (k, b) => {
        forward(k, b);
        k.attentionGrad({ ...shape, ...(b as Named<"attentionGrad">) });
      },
      undefinedWhereInfinite: "logSumExp",
      heavy: tokens >= 100,
    },
  );
}
{
  // A mask with holes: not what padding gives, but what the contract allows.
  const shape = {
    batch: 2,
    tokens: 11,
    heads: 2,
    headSize: 8,
    scale: 0.4,
    dropout: 0.1,
    random: streamKey(1, "x"),
  };
  const length = 2 * 11 * 2 * 8;
  const holes = Int32Array.from({ length: 22 }, (_, i) => philoxWord(i, streamKey(5, "holes")) & 1);
  cases.push({
    kernel: "attentionGrad",
    name: "a mask with holes",
    inputs: { q: draw(length), k: draw(length), v: draw(length), mask: holes, dout: draw(length) },
    outputs: { out: length, logSumExp: 44, dq: length, dk: length, dv: length },
    run: (k, b) => {
      k.attention({ ...shape, q: b.q, k: b.k, v: b.v, mask: b.mask, out: b.out, logSumExp: b.logSumExp });
      k.attentionGrad({ ...shape, ...(b as Named<"attentionGrad">) });
    },
  });
}

// Disentangled attention ----------------------------------------------------------------------------------------------

const disentangled = [
  { batch: 1, tokens: 1, heads: 1, headSize: 1, rows: 1, lengths: undefined, dropout: 0, ownTables: false },
  { batch: 2, tokens: 5, heads: 3, headSize: 4, rows: 9, lengths: [5, 3], dropout: 0, ownTables: false },
  { batch: 3, tokens: 9, heads: 2, headSize: 8, rows: 7, lengths: [9, 0, 4], dropout: 0, ownTables: true },
  {
    batch: 2,
    tokens: 70,
    heads: 2,
    headSize: 16,
    rows: 31,
    lengths: [70, 20],
    dropout: 0.1,
    ownTables: false,
  },
  {
    batch: 1,
    tokens: 17,
    heads: 2,
    headSize: 12,
    rows: 40,
    lengths: undefined,
    dropout: 0.5,
    ownTables: true,
  },
  {
    batch: 2,
    tokens: 128,
    heads: 3,
    headSize: 32,
    rows: 67,
    lengths: [128, 77],
    dropout: 0.1,
    ownTables: false,
  },
];
for (const { batch, tokens, heads, headSize, rows, lengths, dropout, ownTables } of disentangled) {
  const shape = {
    ...{ batch, tokens, heads, headSize, rows, dropout, ownTables },
    scale: 1 / Math.sqrt(3 * headSize),
    random: { ...streamKey(78, "dropout", 12, 5), c0: 3 * tokens },
  };
  const length = batch * tokens * heads * headSize;
  const table = (ownTables ? batch : 1) * rows * heads * headSize;
  const ownTable = batch * rows * heads * headSize;
  // Two distances share a row; the ends are clipped.
  const relative = Int32Array.from(
    { length: 2 * tokens - 1 },
    (_, n) => Math.max(0, Math.min(rows - 1, ((n - tokens + 1) >> 1) + (rows >> 1))),
  );
  const mask: Record<string, Int32Array> = lengths
    ? {
      mask: Int32Array.from({ length: batch * tokens }, (_, i) =>
        +(i % tokens < lengths[Math.floor(i / tokens)])),
    }
    : {};
  const inputs = () => ({
    ...{ q: draw(length, 0, 1.5), k: draw(length), v: draw(length), ...mask, relative },
    ...{ positionKeys: draw(table), positionQueries: draw(table) },
  });
  const outputs = { out: length, logSumExp: batch * heads * tokens };
  const name = `B ${batch}, T ${tokens}, A ${heads}, D ${headSize}, R ${rows}${
    ownTables ? " each" : ""
  }, lengths ${lengths ?? "full"}, dropout ${dropout}`;
  const forward = (k: KernelSet, b: Buffers) =>
    k.disentangledAttention({ ...shape, ...(b as Named<"disentangledAttention">) });
  const both = (k: KernelSet, b: Buffers) => {
    forward(k, b);
    k.disentangledAttentionGrad({ ...shape, ...(b as Named<"disentangledAttentionGrad">) });
  };
  const gradients = { ...outputs, dq: length, dk: length, dv: length };
  const heavy = tokens >= 100;
  cases.push(
    { kernel: "disentangledAttention", name, inputs: inputs(), outputs, run: forward, heavy },
    {
      kernel: "disentangledAttentionGrad",
      name,
      inputs: { ...inputs(), dout: draw(length) },
      outputs: { ...gradients, dPositionKeys: ownTable, dPositionQueries: ownTable },
      run: both,
      heavy,
    },
    {
      kernel: "disentangledAttentionGrad",
      name: `frozen tables, ${name}`,
      inputs: { ...inputs(), dout: draw(length) },
      outputs: gradients,
      run: both,
    },
  );
}

// Look-up, losses, optimizer ------------------------------------------------------------------------------------------

for (const [count, rows, width] of [[1, 1, 1], [7, 5, 3], [130, 50, 37], [1000, 300, 64]]) {
  cases.push(
    {
      kernel: "embedding",
      name: `${count} of [${rows}, ${width}]`,
      inputs: { table: draw(rows * width), indices: whole(count, rows) },
      outputs: { out: count * width },
      run: (k, b) => k.embedding({ ...(b as Named<"embedding">), count, rows, width }),
      tolerance: 0,
    },
    {
      kernel: "embeddingGrad",
      name: `${count} into [${rows}, ${width}], repeated and untouched rows, one ignored`,
      inputs: { dy: draw(count * width), indices: whole(count, Math.max(1, rows >> 1)) },
      outputs: { dtable: rows * width },
      run: (k, b) =>
        k.embeddingGrad({ ...(b as Named<"embeddingGrad">), count, rows, width, ignored: width % 2 }),
      heavy: count >= 1000,
    },
  );
}
for (const [rows, cols] of [[1, 2], [5, 3], [33, 97], [4, 5003]]) {
  const targets = () => whole(rows, cols).map((target, r) => r % 3 === 1 ? -100 : target);
  cases.push(
    {
      kernel: "crossEntropy",
      name: `[${rows}, ${cols}], every third row ignored`,
      inputs: { logits: draw(rows * cols, 0, 4), targets: targets() },
      outputs: { loss: rows },
      run: (k, b) => k.crossEntropy({ ...(b as Named<"crossEntropy">), rows, cols }),
    },
    {
      kernel: "crossEntropyGrad",
      name: `[${rows}, ${cols}], every third row ignored`,
      inputs: { logits: draw(rows * cols, 0, 4), targets: targets(), dloss: draw(rows) },
      outputs: { dlogits: rows * cols },
      run: (k, b) => k.crossEntropyGrad({ ...(b as Named<"crossEntropyGrad">), rows, cols }),
    },
  );
}
for (const normSquared of [0, 0.25, 25, 1e8]) {
  cases.push({
    kernel: "clipScale",
    name: `norm² ${normSquared}`,
    inputs: { normSquared: f32(normSquared) },
    outputs: { out: 1 },
    run: (k, b) => k.clipScale({ normSquared: b.normSquared, out: b.out, maximum: 1 }),
  });
}
/** Three segments with gaps between and around them; what lies in the gaps must stay as it is. */
const segments = { starts: [64, 192, 1600], lengths: [37, 1300, 3], length: 1700 };
const segmentTable = Int32Array.from(segments.starts.flatMap((start, i) => [start, segments.lengths[i]]));
const longest = Math.max(...segments.lengths);

for (const accumulate of [false, true]) {
  const x = draw(segments.length);
  // A gap that is read would show at once.
  x[63] = x[101] = 1e6;
  cases.push({
    kernel: "packedSumSquares",
    name: accumulate ? "three segments, added" : "three segments",
    inputs: { x, segments: segmentTable, out: f32(accumulate ? 3 : NaN) },
    outputs: {},
    changes: ["out"],
    run: (k, b) =>
      k.packedSumSquares({ x: b.x, segments: b.segments, count: 3, longest, out: b.out, accumulate }),
    heavy: true,
  });
}
cases.push({
  kernel: "packedSumSquares",
  name: "the first two of three segments, one of them long",
  inputs: {
    x: draw(300_000),
    segments: Int32Array.of(0, 5, 64, 299_000, 299_200, 64),
  },
  outputs: { out: 1 },
  run: (k, b) =>
    k.packedSumSquares({
      ...{ x: b.x, segments: b.segments, count: 2, longest: 299_000, out: b.out, accumulate: false },
    }),
  heavy: true,
});

type AdamwBuffers = Record<
  "parameter" | "gradient" | "firstMoment" | "secondMoment" | "segments" | "scalars",
  DeviceBuffer
>;

for (const scaled of [false, true]) {
  cases.push({
    kernel: "adamw",
    name: scaled ? "with a gradient scale and both decays" : "plain",
    inputs: {
      parameter: draw(segments.length),
      gradient: draw(segments.length, 0, 0.1),
      firstMoment: draw(segments.length, 0, 0.1),
      secondMoment: positive(segments.length),
      segments: segmentTable,
      scalars: scaled
        ? f32(...[0.05, 3.5, 0.99, 0.98], ...[0.01, 1, 1, 0.9], ...[0.2, 2, 0.5, 1])
        : f32(...[0.01, 1, 1, 1], ...[0.02, 1, 1, 1], ...[0.03, 1, 1, 1]),
      ...(scaled ? { gradientScale: f32(0.37) } : {}),
    },
    outputs: {},
    changes: ["parameter", "firstMoment", "secondMoment"],
    run: (k, b) =>
      k.adamw({
        ...(b as AdamwBuffers & { gradientScale?: DeviceBuffer }),
        ...{ count: 3, longest, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      }),
  });
}
cases.push({
  kernel: "adamw",
  name: "a first step from zero moments with zero gradients in between; the second segment stands still",
  inputs: {
    parameter: draw(164),
    gradient: draw(164).map((value, i) => i % 3 === 0 ? 0 : value),
    firstMoment: new Float32Array(164),
    secondMoment: new Float32Array(164),
    segments: Int32Array.of(0, 37, 64, 100),
    scalars: f32(1e-3 * Math.sqrt(1 - 0.999) / (1 - 0.9), 1, 1, 1),
  },
  outputs: {},
  changes: ["parameter", "firstMoment", "secondMoment"],
  run: (k, b) =>
    k.adamw({ ...(b as AdamwBuffers), count: 1, longest: 37, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }),
});
