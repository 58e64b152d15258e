// Promises a deeper encoder that computes nearly what the shallower one does, so that most of a pretraining can be made with few
// layers (progressive stacking: Gong et al., 2019). Leaves training on from there to pretrain.ts.
import type { EncoderConfig, State } from "../../core/mod.ts";

/** What a new layer adds to its input, as a share of what the layer it is copied from adds. */
const share = 0.1;

/**
 * The state of an encoder with twice the layers. Behind every layer comes a copy of it whose two sublayers add little and whose
 * LayerNorms give back what the norm before them gave: its gain is that norm's deviation and its bias that norm's mean.
 */
export function twiceAsDeep(state: State, { layers, hiddenSize }: EncoderConfig): State {
  const grown = new Map(state);
  const layer = /^(.*\.encoder\.layer\.)(\d+)(\..*)$/;
  for (const name of state.keys()) if (layer.test(name)) grown.delete(name);
  const values = (name: string) => state.get(name)!.data as Float32Array;
  for (const [name, { shape, data }] of state) {
    const match = layer.exec(name);
    if (match === null) continue;
    const [, before, number, part] = match;
    const index = Number(number);
    if (index >= layers) throw new Error(`grow: ${name} does not belong to an encoder of ${layers} layers`);
    grown.set(`${before}${2 * index}${part}`, { shape, data });
    const norm = `${before}${index}.output.LayerNorm`;
    const copied = (data as Float32Array).slice();
    if (part.includes("output.dense")) copied.forEach((value, i) => copied[i] = share * value);
    else if (part.endsWith("LayerNorm.weight")) {
      copied.fill(deviation(values(`${norm}.weight`), values(`${norm}.bias`), hiddenSize));
    } else if (part.endsWith("LayerNorm.bias")) copied.fill(average(values(`${norm}.bias`)));
    grown.set(`${before}${2 * index + 1}${part}`, { shape, data: copied });
  }
  return grown;
}

const average = (values: Float32Array) => values.reduce((sum, each) => sum + each, 0) / values.length;

/** Deviation over the hidden dimensions of γ·z + β for a normalised z. */
function deviation(gamma: Float32Array, beta: Float32Array, width: number): number {
  const middle = average(beta);
  let sum = 0;
  for (let i = 0; i < width; i++) sum += gamma[i] ** 2 + (beta[i] - middle) ** 2;
  return Math.sqrt(sum / width);
}
