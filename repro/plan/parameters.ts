// Promises how many parameters an encoder and its parts have, from widths alone. Leaves out biases, LayerNorms and positions, which are
// under one in a hundred of them.
import type { EncoderShape } from "../paper/paper.ts";

/** Word embeddings, and per layer Q, K, V, output and both products of the feed-forward. */
export const encoderParameters = ({ layers, hidden, feedForward, vocabulary }: EncoderShape): number =>
  vocabulary * hidden + layers * (4 * hidden ** 2 + 2 * hidden * feedForward);

/** Down and up in every layer. */
export const bottleneckParameters = ({ layers, hidden }: EncoderShape, reduction: number): number =>
  layers * 2 * hidden * Math.floor(hidden / reduction);

/** A language adapter of MAD-X: bottlenecks of half the width, and the two halves of the invertible block, each down to half and up. */
export const languageAdapterParameters = (shape: EncoderShape): number =>
  bottleneckParameters(shape, 2) + 2 * 2 * (shape.hidden / 2) * (shape.hidden / 4);
