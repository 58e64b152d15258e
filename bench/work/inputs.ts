// Promises the same numbers in every engine and language: inputs from a linear congruential generator, weights of a layer by name.
// Leaves layouts that an engine prefers to its adapter. peers/torch_work.py is this file's twin.
import { languageReduction, type LayerMode, type LayerShape, loraRank, taskReduction } from "./work.ts";

/** `length` numbers uniform in [−scale, scale) by s ← 1664525·s + 1013904223 mod 2³² (Numerical Recipes). */
export function values(length: number, seed: number, scale = 1): Float32Array {
  const out = new Float32Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = (state / 4294967296 * 2 - 1) * scale;
  }
  return out;
}

export interface Named {
  shape: number[];
  values: Float32Array;
}

/** Weights as x·W wants them: [in, out]. */
function weight(rows: number, cols: number, seed: number): Named {
  return { shape: [rows, cols], values: values(rows * cols, seed, 1 / Math.sqrt(rows)) };
}

const bias = (size: number, seed: number): Named => ({ shape: [size], values: values(size, seed, 0.02) });

/** Around 1, as a trained LayerNorm's. */
const gain = (size: number, seed: number): Named => ({
  shape: [size],
  values: values(size, seed, 0.1).map((value) => 1 + value),
});

const shift = (size: number, seed: number): Named => ({ shape: [size], values: values(size, seed, 0.1) });

/** Everything a layer is made of beside its adapters. */
export function layerWeights({ hidden, feedForward }: LayerShape): Record<string, Named> {
  return {
    queryWeight: weight(hidden, hidden, 101),
    keyWeight: weight(hidden, hidden, 102),
    valueWeight: weight(hidden, hidden, 103),
    outputWeight: weight(hidden, hidden, 104),
    upWeight: weight(hidden, feedForward, 110),
    downWeight: weight(feedForward, hidden, 111),
    queryBias: bias(hidden, 125),
    keyBias: bias(hidden, 126),
    valueBias: bias(hidden, 127),
    outputBias: bias(hidden, 128),
    downBias: bias(hidden, 129),
    upBias: bias(feedForward, 140),
    gain1: gain(hidden, 160),
    gain2: gain(hidden, 161),
    shift1: shift(hidden, 172),
    shift2: shift(hidden, 173),
  };
}

function bottleneck(name: string, hidden: number, reduction: number, seed: number): Record<string, Named> {
  const size = Math.floor(hidden / reduction);
  return {
    [`${name}DownWeight`]: weight(hidden, size, seed),
    [`${name}DownBias`]: bias(size, seed + 1),
    [`${name}UpWeight`]: weight(size, hidden, seed + 2),
    [`${name}UpBias`]: bias(hidden, seed + 3),
  };
}

/** What a mode adds to the layer: frozen adapters, and those that train. */
export function layerAdapters(
  { hidden }: LayerShape,
  mode: LayerMode,
): { frozen: Record<string, Named>; trained: Record<string, Named> } {
  switch (mode) {
    case "lora":
      return {
        frozen: {},
        trained: {
          queryA: weight(hidden, loraRank, 200),
          queryB: { shape: [loraRank, hidden], values: values(loraRank * hidden, 211, 0.05) },
          valueA: weight(hidden, loraRank, 202),
          valueB: { shape: [loraRank, hidden], values: values(loraRank * hidden, 213, 0.05) },
        },
      };
    case "mad-x":
      return {
        frozen: bottleneck("language", hidden, languageReduction, 220),
        trained: bottleneck("task", hidden, taskReduction, 230),
      };
    default:
      return { frozen: {}, trained: {} };
  }
}

/** Input of the layer and the gradient of its output, [B·T, H]. */
export const layerInput = (s: LayerShape): Float32Array => values(s.batch * s.tokens * s.hidden, 300);
export const layerSeed = (s: LayerShape): Float32Array => values(s.batch * s.tokens * s.hidden, 301);

/** [rows, cols] → [cols, rows]. */
export function transposed(matrix: ArrayLike<number>, rows: number, cols: number): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = matrix[i * cols + j];
  return out;
}

/** [B, A, T, D] → [B, T, A, D]; with A and T exchanged it goes back. */
export function headsInside(
  x: ArrayLike<number>,
  batch: number,
  heads: number,
  tokens: number,
  size: number,
): Float32Array {
  const out = new Float32Array(batch * heads * tokens * size);
  for (let b = 0; b < batch; b++) {
    for (let a = 0; a < heads; a++) {
      for (let t = 0; t < tokens; t++) {
        const from = ((b * heads + a) * tokens + t) * size, to = ((b * tokens + t) * heads + a) * size;
        for (let d = 0; d < size; d++) out[to + d] = x[from + d];
      }
    }
  }
  return out;
}
