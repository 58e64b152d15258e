// Promises the models, data sets and languages of the paper, and how large everything is, for runs and for plans without data.
// Leaves which table shows what to tables/ and downloads to pins.ts.
import type { PaperDataset, PaperModel, TaskSize } from "../../repro/paper/mod.ts";
import type { TaskName } from "../../repro/spec/mod.ts";
import pins from "./pins.json" with { type: "json" };

const pinned = (id: keyof typeof pins.models) => `${pins.models[id].repo}@${pins.models[id].revision}`;

const base = { layers: 12, hidden: 768, feedForward: 3072, heads: 12 };

export const models: readonly PaperModel[] = [
  {
    id: "mbert",
    title: "mBERT",
    hub: pinned("mbert"),
    tiny: "mbert",
    shape: { ...base, vocabulary: 119_547 },
  },
  {
    id: "xlmr",
    title: "XLM-R",
    hub: pinned("xlmr"),
    tiny: "xlmr",
    shape: { ...base, vocabulary: 250_002 },
  },
  {
    id: "mdeberta",
    title: "mDeBERTa",
    hub: pinned("mdeberta"),
    tiny: "mdeberta",
    shape: { ...base, vocabulary: 251_000, relativePositions: 512 },
  },
];

/** In the order of the printed tables; languages as in Tables 8 to 10, English first. */
export const datasets: readonly PaperDataset[] = [
  {
    id: "mlqa",
    title: "MLQA",
    task: "squad",
    metrics: ["f1", "em"],
    languages: "en ar de es hi vi zh".split(" "),
  },
  {
    id: "xquad",
    title: "XQuAD",
    task: "squad",
    metrics: ["f1", "em"],
    languages: "en ar de el es hi ru th tr vi zh".split(" "),
  },
  {
    id: "xcopa",
    title: "XCOPA",
    task: "copa",
    metrics: ["accuracy"],
    languages: "en et ht it id qu sw zh ta th tr vi".split(" "),
  },
  {
    id: "xnli",
    title: "XNLI",
    task: "xnli",
    metrics: ["accuracy"],
    languages: "en ar de el es hi ru sw th tr vi zh".split(" "),
  },
];

/** Table 5 and the data sets' own papers; MLQA's test sets are of different sizes, their average stands here. */
export const sizes: Partial<Record<TaskName, TaskSize>> = {
  squad: {
    train: 87_599,
    validation: 10_570,
    trainTokens: 384,
    scoreTokens: 240,
    test: { xquad: 1_190, mlqa: 6_035 },
    read:
      "Table 5; training padded to 384 tokens as in the published script, scoring to the longest of a batch",
  },
  xnli: {
    train: 392_702,
    validation: 2_490,
    trainTokens: 128,
    scoreTokens: 55,
    test: { xnli: 5_010 },
    read:
      "Table 5; training padded to 128 tokens as in the published script, scoring to the longest of a batch",
  },
  copa: {
    train: 400,
    validation: 100,
    // Two inputs, one for each choice.
    trainTokens: 2 * 30,
    scoreTokens: 2 * 35,
    test: { xcopa: 500 },
    read: "Table 5; both choices of an example, padded to the longest of a batch",
  },
};
