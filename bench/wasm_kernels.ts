// Prints the speed of the WASM kernels: GFLOP/s for products and attention, ns per element for the rest.
// It leaves comparisons with other engines to the other benches. Run: npx tsx bench/wasm_kernels.ts [threads] [auto|plain]

import process from "node:process";
import type { DeviceBuffer } from "../core/backends/backend.ts";
import { createWasmBackend } from "../core/backends/wasm/backend.ts";

const threads = Number(process.argv[2] ?? 1);
const simd = (process.argv[3] ?? "auto") as "auto" | "plain";
const backend = await createWasmBackend({ threads, simd });
const { kernels } = backend;

function buffer(length: number): DeviceBuffer {
  const made = backend.allocate(length, "f32");
  const data = new Float32Array(length);
  for (let i = 0; i < length; i++) data[i] = Math.sin(i * 12.9898) * 0.5;
  backend.write(made, data);
  return made;
}

interface Timing {
  median: number;
  best: number;
}

/** Milliseconds of one call: median and best of 15 samples of at least 4 ms. */
async function time(call: () => void): Promise<Timing> {
  let calls = 1;
  for (;;) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    const elapsed = performance.now() - start;
    if (elapsed > 60) break;
    calls = Math.ceil(calls * Math.min(10, 70 / Math.max(elapsed, 0.1)));
    // The optimizing compiler works beside us; let it finish.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  calls = Math.max(1, Math.ceil(calls / 15));
  const samples: number[] = [];
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    for (let j = 0; j < calls; j++) call();
    samples.push((performance.now() - start) / calls);
  }
  samples.sort((a, b) => a - b);
  return { median: samples[7]!, best: samples[0]! };
}

function print(label: string, unit: string, amount: number, { median, best }: Timing): void {
  const value = unit === "ns/element" ? (ms: number) => ms * 1e6 / amount : (ms: number) => amount / ms / 1e6;
  console.log(
    `${label.padEnd(44)} ${value(median).toFixed(2).padStart(8)} ${
      value(best).toFixed(2).padStart(8)
    } ${unit}`,
  );
}

async function matmul(batch: number, m: number, n: number, k: number, layout: string): Promise<void> {
  const a = buffer(batch * m * k);
  const b = buffer(batch * k * n);
  const out = buffer(batch * m * n);
  const [transposeA, transposeB] = [layout[0] === "T", layout[1] === "T"];
  const strideA = batch > 1 ? m * k : 0;
  const strideB = batch > 1 ? k * n : 0;
  const args = { a, b, out, batch, m, n, k, transposeA, transposeB, strideA, strideB, accumulate: false };
  const timing = await time(() => kernels.matmul(args));
  print(
    `matmul ${layout} ${batch > 1 ? `${batch} x ` : ""}${m} x ${n} x ${k}`,
    "GFLOP/s",
    2 * batch * m * n * k,
    timing,
  );
  for (const each of [a, b, out]) backend.free(each);
}

async function attention(
  batch: number,
  tokens: number,
  heads: number,
  headSize: number,
  dropout: number,
): Promise<void> {
  const size = batch * tokens * heads * headSize;
  const [q, k, v, out, dout, dq, dk, dv] = Array.from({ length: 8 }, () => buffer(size)) as DeviceBuffer[];
  const logSumExp = buffer(batch * heads * tokens);
  const random = { k0: 1, k1: 2, c1: 3, c2: 4, c3: 5 };
  const shape = { batch, tokens, heads, headSize, scale: 1 / Math.sqrt(headSize), dropout, random };
  const forward = { ...shape, q: q!, k: k!, v: v!, out: out!, logSumExp };
  const backward = { ...forward, dout: dout!, dq: dq!, dk: dk!, dv: dv! };
  const label = `${batch} x ${heads} x ${tokens} x ${headSize}${dropout ? " dropout" : ""}`;
  const flops = 4 * size * tokens;
  print(`attention ${label}`, "GFLOP/s", flops, await time(() => kernels.attention(forward)));
  print(`attentionGrad ${label}`, "GFLOP/s", 2.5 * flops, await time(() => kernels.attentionGrad(backward)));
  for (const each of [q, k, v, out, dout, dq, dk, dv, logSumExp]) backend.free(each!);
}

async function flat(): Promise<void> {
  const rows = 4096, cols = 768, length = rows * cols;
  const x = buffer(length), y = buffer(length), z = buffer(length), g = buffer(cols), h = buffer(cols);
  const mean = buffer(rows), rstd = buffer(rows);
  const random = { k0: 1, k1: 2, c1: 3, c2: 4, c3: 5 };
  const report = async (name: string, call: () => void) =>
    print(name, "ns/element", length, await time(call));
  await report("gelu", () => kernels.unary({ operation: "gelu", x, out: y, length }));
  await report("gelu gradient", () => kernels.unaryGrad({ operation: "gelu", x, dy: y, dx: z, length }));
  await report("tanh", () => kernels.unary({ operation: "tanh", x, out: y, length }));
  await report("exp", () => kernels.unary({ operation: "exp", x, out: y, length }));
  await report("dropout", () => kernels.dropout({ x, out: y, length, probability: 0.1, random }));
  const norm = { x, residual: z, gamma: g, beta: h, y, mean, rstd, rows, cols, epsilon: 1e-12 };
  await report("layerNorm with residual", () => kernels.layerNorm(norm));
  await report(
    "layerNormGrad with residual",
    () => kernels.layerNormGrad({ x, residual: z, gamma: g, mean, rstd, dy: y, dx: y, rows, cols }),
  );
  await report(
    "layerNormParameterGrad with residual",
    () =>
      kernels.layerNormParameterGrad({ x, residual: z, mean, rstd, dy: y, dgamma: g, dbeta: h, rows, cols }),
  );
  await report("softmax", () => kernels.softmax({ x, out: y, rows, cols, log: false }));
  const same = { shape: [rows, cols], aStrides: [cols, 1], bStrides: [cols, 1] };
  await report("binary add", () => kernels.binary({ operation: "add", a: x, b: z, out: y, ...same }));
  await report(
    "binary add of a row",
    () =>
      kernels.binary({
        operation: "add",
        a: x,
        b: g,
        out: y,
        shape: [rows, cols],
        aStrides: [cols, 1],
        bStrides: [0, 1],
      }),
  );
  const sum = {
    operation: "sum",
    x,
    out: g,
    outer: 1,
    size: rows,
    inner: cols,
    scale: 1,
    accumulate: false,
  } as const;
  await report("reduce over rows", () => kernels.reduce(sum));
  await report(
    "sumSquares",
    () => kernels.sumSquares({ x, out: mean, rows: 1, cols: length, accumulate: false }),
  );
  const parameter = { parameter: x, gradient: y, firstMoment: z, secondMoment: buffer(length) };
  const adam = {
    beta1: 0.9,
    beta2: 0.999,
    stepSize: 0,
    secondMomentScale: 1,
    epsilon: 1e-8,
    decayBefore: 0,
    decayAfter: 0,
  };
  kernels.fill({ out: parameter.secondMoment, length, value: 0.01 });
  await report("adamw", () => kernels.adamw({ ...parameter, length, ...adam }));
}

console.log(`${backend.description}; columns: median, best`);
for (const layout of ["NN", "NT", "TN", "TT"]) await matmul(1, 1024, 768, 768, layout);
await matmul(1, 1024, 3072, 768, "NT");
await matmul(1, 8, 768, 768, "NT");
await matmul(1, 1, 768, 768, "NN");
for (const m of [256, 1024]) {
  for (
    const [n, k] of [
      [64, 64],
      [256, 64],
      [64, 256],
      [192, 64],
      [32, 64],
      [64, 32],
      [4, 64],
      [64, 4],
      [6, 64],
      [64, 6],
      [16, 64],
    ]
  ) {
    await matmul(1, m, n!, k!, "NT");
  }
}
// Gradients: dX = dY · W (NN) and dW = dYᵀ · X (TN) of the same layers.
for (const [n, k] of [[64, 256], [256, 64], [64, 4], [4, 64]]) await matmul(1, 1024, n!, k!, "NN");
for (const [m, n] of [[64, 64], [256, 64], [64, 256], [4, 64], [64, 4]]) await matmul(1, m!, n!, 1024, "TN");
await matmul(64, 32, 32, 16, "NT");
await matmul(64, 32, 16, 32, "NN");
for (const dropout of [0, 0.1]) {
  await attention(32, 32, 4, 16, dropout);
  await attention(8, 128, 12, 64, dropout);
}
await attention(2, 384, 12, 64, 0);
await flat();
const tiny = buffer(4), tinyOut = buffer(4);
const call = await time(() => kernels.affine({ x: tiny, out: tinyOut, length: 4, scale: 2, shift: 1 }));
console.log(`one call of a kernel on 4 elements: ${(call.median * 1e6).toFixed(0)} ns`);
backend.dispose();
