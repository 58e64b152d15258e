// Promises initial values with which a narrow deep encoder learns to look things up in minutes instead of hours: half of the
// heads attend to near positions, half to equal words, as trained encoders do (after Trockman and Kolter, 2023).
// Leaves training from there to pretrain.ts.
import { type EncoderConfig, type Model, normal, streamKey } from "../../core/mod.ts";

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
  const prefix = config.modelType === "bert" ? "bert" : "roberta";
  const set = (name: string, values: Float32Array) => parameters.get(name)!.write(values);
  const draw = (name: string, length: number, deviation = noise) =>
    normal(streamKey(seed, "structured-initialisation", 0, name), length, 0, deviation);

  set(`${prefix}.embeddings.position_embeddings.weight`, positions(config, draw));
  set(`${prefix}.embeddings.word_embeddings.weight`, words(config, draw));
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `${prefix}.encoder.layer.${layer}.attention`;
    const [query, key, value, output] = heads(
      config,
      layer,
      (part, length) => draw(`${name}.${part}`, length),
    );
    set(`${name}.self.query.weight`, query);
    set(`${name}.self.key.weight`, key);
    set(`${name}.self.value.weight`, value);
    set(`${name}.output.dense.weight`, output);
  }
  const { hiddenSize } = config;
  const identity = (name: string) => {
    const out = draw(name, hiddenSize * hiddenSize);
    for (let i = 0; i < hiddenSize; i++) out[i * hiddenSize + i] += 1;
    return out;
  };
  const transform = prefix === "bert" ? "cls.predictions.transform.dense.weight" : "lm_head.dense.weight";
  set(transform, identity(transform));
  // The pooler is frozen under a task's head: it must pass on what the first position knows.
  const pooler = `${prefix}.pooler.dense.weight`;
  if (parameters.has(pooler)) set(pooler, identity(pooler));
}

type Draw = (name: string, length: number, deviation?: number) => Float32Array;

/** Sines and cosines in the first half of the dimensions. */
function positions({ maximumPositions, hiddenSize }: EncoderConfig, draw: Draw): Float32Array {
  const out = draw("positions", maximumPositions * hiddenSize, 0.005);
  const pairs = hiddenSize / 4;
  for (let position = 0; position < maximumPositions; position++) {
    for (let i = 0; i < pairs; i++) {
      const angle = position * wavelengths ** (-i / (pairs - 1));
      const at = position * hiddenSize + 2 * i;
      out[at] += features * Math.SQRT2 * Math.sin(angle);
      out[at + 1] += features * Math.SQRT2 * Math.cos(angle);
    }
  }
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
