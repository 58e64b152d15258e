// Promises which encoders the tiny world has, and their shapes as fields of config.json: common widths, and what each kind of
// encoder has of its own. Leaves vocabularies to vocabulary.ts and making the weights to pretrain.ts.

export const encoderNames = ["mbert", "xlmr", "mdeberta"] as const;
export type EncoderName = typeof encoderNames[number];

export const isEncoderName = (name: string): name is EncoderName =>
  (encoderNames as readonly string[]).includes(name);

/** 12 layers, so that schedules mean what they mean in the paper. */
export const widths = {
  num_hidden_layers: 12,
  hidden_size: 64,
  num_attention_heads: 4,
  intermediate_size: 256,
};

/** Up to half of them each distance has its own row, farther ones share: mDeBERTa has 256. */
const positionBuckets = 32;

/** Rows of the table of relative positions, where the encoder has one. */
export const relativePositions: Readonly<Partial<Record<EncoderName, number>>> = {
  mdeberta: 2 * positionBuckets,
};

/** Fields of config.json but for widths, the vocabulary and how many positions there are. */
export const kinds: Readonly<
  Record<EncoderName, { title: string; fields: Readonly<Record<string, unknown>> }>
> = {
  mbert: { title: "BERT", fields: { model_type: "bert", type_vocab_size: 2, layer_norm_eps: 1e-12 } },
  xlmr: { title: "XLM-R", fields: { model_type: "xlm-roberta", type_vocab_size: 1, layer_norm_eps: 1e-5 } },
  mdeberta: {
    title: "DeBERTa",
    fields: {
      model_type: "deberta-v2",
      type_vocab_size: 0,
      layer_norm_eps: 1e-7,
      relative_attention: true,
      position_biased_input: false,
      share_att_key: true,
      pos_att_type: "p2c|c2p",
      position_buckets: positionBuckets,
      max_relative_positions: -1,
      norm_rel_ebd: "layer_norm",
    },
  },
};
