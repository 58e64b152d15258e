// Every operation's samples in one list, for the generated tests.

import { samples as affine } from "./affine.ts";
import { samples as attention } from "./attention.ts";
import { samples as binary } from "./binary.ts";
import { samples as cast } from "./cast.ts";
import { samples as concat } from "./concat.ts";
import { samples as crossEntropy } from "./cross_entropy.ts";
import { samples as disentangledAttention } from "./disentangled_attention.ts";
import { samples as dropout } from "./dropout.ts";
import { samples as embedding } from "./embedding.ts";
import { samples as layerNorm } from "./layer_norm.ts";
import { samples as linear } from "./linear.ts";
import { samples as matmul } from "./matmul.ts";
import { samples as reduce } from "./reduce.ts";
import { samples as reshape } from "./reshape.ts";
import type { OpSample } from "./sample.ts";
import { samples as slice } from "./slice.ts";
import { samples as softmax } from "./softmax.ts";
import { samples as sumSquares } from "./sum_squares.ts";
import { samples as transpose } from "./transpose.ts";
import { samples as unary } from "./unary.ts";

export const allSamples: readonly OpSample[] = [
  ...linear,
  ...matmul,
  ...binary,
  ...unary,
  ...affine,
  ...reshape,
  ...transpose,
  ...slice,
  ...concat,
  ...reduce,
  ...sumSquares,
  ...softmax,
  ...crossEntropy,
  ...layerNorm,
  ...attention,
  ...disentangledAttention,
  ...embedding,
  ...dropout,
  ...cast,
];
