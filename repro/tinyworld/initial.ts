// Promises initial values with which a narrow deep encoder learns to look things up in minutes instead of hours: half of the
// heads attend to near positions, half to equal words, as trained encoders do (after Trockman and Kolter, 2023). Where positions are
// relative (DeBERTa), near means near distance 0 in the table that all layers read.
// Leaves training from there to pretrain.ts.
import {
  architectureOf,
  type EncoderConfig,
  type Model,
  normal,
  type RelativePositions,
  streamKey,
  tableRows,
} from "../../core/mod.ts";

/** Deviation of all noise. */
const noise = 0.02;
/** Size of position and word features, each in its own half of the hidden dimensions. */
const features = 0.12;
/** Weight of what a head copies, in the lower and in the upper half of the layers. */
const copied = [0.5, 0.15];
/** Longest wavelength of the positions, in units of the shortest. */
const wavelengths = 30;

/** Overwrites the initial values of a masked-LM model. A pure function of the seed. */
export function initialise(model: Model, seed: number): void {
  const { config, parameters } = model;
  const { prefix, names, lmHead } = architectureOf(config);
  const set = (name: string, values: Float32Array) => parameters.get(name)!.write(values);
  const draw = (name: string, length: number, deviation = noise) =>
    normal(streamKey(seed, "structured-initialisation", 0, name), length, 0, deviation);

  if (config.relative === undefined) {
    const absolute = Array.from({ length: config.maximumPositions }, (_, position) => position);
    set(`${prefix}.embeddings.position_embeddings.weight`, positions(config, absolute, draw));
  } else set(`${prefix}.encoder.rel_embeddings.weight`, positions(config, distances(config.relative), draw));
  set(`${prefix}.embeddings.word_embeddings.weight`, words(config, draw));
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `${prefix}.encoder.layer.${layer}`;
    const [query, key, value, output] = heads(
      config,
      layer,
      (part, length) => draw(`${name}.attention.${part}`, length),
    );
    set(`${name}.${names.query}.weight`, query);
    set(`${name}.${names.key}.weight`, key);
    set(`${name}.${names.value}.weight`, value);
    set(`${name}.${names.attentionOutput}.weight`, output);
    if (config.relative !== undefined) {
      for (const part of [names.query, names.key]) set(`${name}.${part}.bias`, nearby(config));
    }
  }
  const { hiddenSize } = config;
  const identity = (name: string) => {
    const out = draw(name, hiddenSize * hiddenSize);
    for (let i = 0; i < hiddenSize; i++) out[i * hiddenSize + i] += 1;
    return out;
  };
  const transform = `${lmHead.dense}.weight`;
  set(transform, identity(transform));
  // The pooler is frozen under a task's head: it must pass on what the first position knows.
  const pooler = `${prefix}.pooler.dense.weight`;
  if (parameters.has(pooler)) set(pooler, identity(pooler));
}

/** Size of the biases that prefer near positions, where those are relative: scores as high as absolute positions give. */
const nearness = 0.87;

type Draw = (name: string, length: number, deviation?: number) => Float32Array;

/** Angle of pair `i` of the dimensions that tell positions, at a position. */
const angle = ({ hiddenSize }: EncoderConfig, position: number, i: number) =>
  position * wavelengths ** (-i / (hiddenSize / 4 - 1));

/** The table of relative positions goes through a LayerNorm of its own: alternating signs leave its mean at 0. */
const sign = ({ relative }: EncoderConfig, i: number) => relative !== undefined && i % 2 === 1 ? -1 : 1;

/** Sines and cosines in the first half of the dimensions. */
function positions(config: EncoderConfig, at: readonly number[], draw: Draw): Float32Array {
  const { hiddenSize } = config;
  const out = draw("positions", at.length * hiddenSize, 0.005);
  at.forEach((position, row) => {
    for (let i = 0; i < hiddenSize / 4; i++) {
      const place = row * hiddenSize + 2 * i;
      const size = features * Math.SQRT2 * sign(config, i);
      out[place] += size * Math.sin(angle(config, position, i));
      out[place + 1] += size * Math.cos(angle(config, position, i));
    }
  });
  return out;
}

/** What each row of a table of relative positions counts as: distances that share a row as one step. */
function distances(relative: RelativePositions): number[] {
  const rows = tableRows(relative);
  return Array.from({ length: rows }, (_, row) => row - rows / 2);
}

/**
 * Bias of query and of key: in the heads for positions what the table says of distance 0, whatever the words, so that both the
 * content's look at positions and the positions' look at content prefer what is near.
 */
function nearby(config: EncoderConfig): Float32Array {
  const { hiddenSize } = config;
  const out = new Float32Array(hiddenSize);
  for (let i = 0; i < hiddenSize / 4; i++) out[2 * i + 1] = nearness * sign(config, i);
  return out;
}

/** Random vectors, strong in the second half of the dimensions. */
function words({ vocabularySize, hiddenSize, padTokenId }: EncoderConfig, draw: Draw): Float32Array {
  const out = draw("words", vocabularySize * hiddenSize, 1);
  const half = hiddenSize / 2;
  for (let i = 0; i < out.length; i++) out[i] *= i % hiddenSize < half ? noise : features;
  out.fill(0, padTokenId * hiddenSize, (padTokenId + 1) * hiddenSize);
  return out;
}

/** Query and key of a head pick the same dimensions: of positions in the first half of the heads, of words in the others. */
function heads(
  { hiddenSize, heads, layers }: EncoderConfig,
  layer: number,
  draw: (part: string, length: number) => Float32Array,
): Float32Array[] {
  const size = hiddenSize * hiddenSize;
  const [query, key, value, output] = ["query", "key", "value", "output"].map((part) => draw(part, size));
  const width = hiddenSize / heads, half = hiddenSize / 2;
  const weight = copied[layer < layers / 2 ? 0 : 1];
  for (let head = 0; head < heads; head++) {
    const first = (head % (heads / 2)) * width;
    const matched = head < heads / 2 ? first : half + first;
    for (let i = 0; i < width; i++) {
      const row = head * width + i;
      query[row * hiddenSize + matched + i] += 1;
      key[row * hiddenSize + matched + i] += 1;
      value[row * hiddenSize + half + first + i] += 1;
      output[(half + first + i) * hiddenSize + row] += weight;
    }
  }
  return [query, key, value, output];
}
