// Promises how large the tiny world's tasks are, for plans: examples as tasks.ts makes them, tokens as the tiny encoders' own
// vocabularies cut them. Leaves making them to tasks.ts.
import { isEncoderName, relativePositions, widths } from "./encoders.ts";
import { SIZES } from "./tasks.ts";

/** Average tokens of an input, padded to the longest of a batch in training; both choices of a COPA item. */
export const tinySizes = {
  squad: {
    train: SIZES.squadTrain,
    validation: SIZES.squadDev,
    trainTokens: 50,
    scoreTokens: 38,
    test: { xquad: SIZES.xquad, mlqa: SIZES.mlqa },
    read: "counted in the tiny world",
  },
  xnli: {
    train: SIZES.mnliTrain,
    validation: SIZES.xnliDev,
    trainTokens: 36,
    scoreTokens: 28,
    test: { xnli: SIZES.xnliTest },
    read: "counted in the tiny world",
  },
  copa: {
    train: SIZES.copaTrain,
    validation: SIZES.copaDev,
    trainTokens: 2 * 28,
    scoreTokens: 2 * 26,
    test: { xcopa: SIZES.xcopaTest },
    read: "counted in the tiny world",
  },
};

/** Width and depth of a tiny encoder; the vocabulary is mBERT's, the others' is 4 % smaller. */
export const tinyShape = (encoder: string) => ({
  layers: widths.num_hidden_layers,
  hidden: widths.hidden_size,
  feedForward: widths.intermediate_size,
  heads: widths.num_attention_heads,
  vocabulary: 3506,
  ...(isEncoderName(encoder) ? { relativePositions: relativePositions[encoder] } : {}),
});
