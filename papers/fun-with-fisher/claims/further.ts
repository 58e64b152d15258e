// Promises the claims about reduced data, the reversed order, LoRA and mDeBERTa. Leaves Table 1 to main.ts.
import { above, alike, type Claim } from "../../../repro/claims/mod.ts";
import { alikeMargin, cell, claimedGain, pairs, titles } from "./cells.ts";

export const furtherClaims: readonly Claim[] = [
  {
    id: "low-data-gu",
    about: "results",
    section: "5.1, G.1",
    quote: "even with a smaller amount of training data, we still observe the advantages of GU",
    asks: "GU is above standard training at 1K, 5K and 10K examples",
    evaluate: above(
      [1000, 5000, 10000].flatMap((size) =>
        pairs(["gu", "standard"], { table: "table11", size }, { datasets: ["xquad", "xnli"] })
      ),
    ),
  },
  {
    id: "low-data-fun",
    about: "results",
    section: "G.3",
    quote: "FUN is also comparable to GU when there are fewer training instances available",
    asks: `GU and FUN differ by at most ${alikeMargin} point at 1K, 5K and 10K examples`,
    evaluate: alike(
      [1000, 5000, 10000].flatMap((size) =>
        pairs(["fun", "gu"], { table: "table13", size }, { datasets: ["xquad", "xnli"] })
      ),
      alikeMargin,
    ),
  },
  {
    id: "reversed-worse",
    about: "results",
    section: "G.2",
    quote: "The cross-lingual transfer results are significantly lower than the standard GU",
    asks: "GU is above the reversed order in every average; the reversed order has no printed spread",
    evaluate: above(
      pairs(["gu", "rev"], { table: "table12" }, { datasets: ["mlqa", "xquad", "xnli"] }),
    ),
  },
  {
    id: "reversed-english",
    about: "results",
    section: "G.2",
    quote: "however, the English results are similar",
    asks: `English differs by at most ${claimedGain} points: the gain that the paper calls an improvement`,
    evaluate: alike(
      pairs(["gu", "rev"], { table: "table12", kind: "en" }, { datasets: ["mlqa", "xquad", "xnli"] }),
      claimedGain,
    ),
  },
  {
    id: "lora-above-standard",
    about: "results",
    section: "5.3",
    quote: "both unfreezing methods consistently outperform the standard tuning of LoRA",
    asks: "GU and FUN are above standard training in every average of MLQA and XQuAD (F1 and EM)",
    evaluate: above(
      [["gu", "standard"], ["fun", "standard"]].flatMap((methods) =>
        pairs(methods as [string, string], { table: "table14" }, {
          datasets: ["mlqa", "xquad"],
          allMetrics: true,
        })
      ),
    ),
  },
  {
    id: "lora-mbert",
    about: "results",
    section: "5.3",
    quote: "FUN is better than GU for MLQA and GU is better than FUN for XQuAD with mBERT",
    asks: "the order of the averages (F1 and EM) is as said",
    evaluate: above([
      ...pairs(["fun", "gu"], { table: "table14" }, {
        models: ["mbert"],
        datasets: ["mlqa"],
        allMetrics: true,
      }),
      ...pairs(["gu", "fun"], { table: "table14" }, {
        models: ["mbert"],
        datasets: ["xquad"],
        allMetrics: true,
      }),
    ]),
  },
  {
    id: "lora-comparable",
    about: "results",
    section: "G.4",
    quote: "GU and FUN are consistently comparable",
    asks: `GU and FUN differ by at most ${alikeMargin} point in every average of LoRA`,
    evaluate: alike(pairs(["fun", "gu"], { table: "table14" }), alikeMargin),
  },
  {
    id: "lora-copa",
    about: "results",
    section: "G.4",
    quote:
      "GU is slightly worse than the standard training likely due to the extremely small training data size of COPA",
    asks: "standard training is above GU on XCOPA with LoRA, for both encoders",
    evaluate: above(pairs(["standard", "gu"], { table: "table14" }, { datasets: ["xcopa"] })),
  },
  {
    id: "mdeberta-gap",
    about: "results",
    section: "G.5",
    quote:
      "very large discrepancies in terms of transfer results for both XCOPA and XNLI when compared to the standard fine-tuning",
    asks: "full fine-tuning of mDeBERTa is above its adapters; no table prints full fine-tuning of mDeBERTa",
    evaluate: above(["xcopa", "xnli"].map((dataset) => ({
      label: `mDeBERTa ${titles[dataset]}, full − standard`,
      left: cell("mdeberta", "full", dataset, { table: "table7" }),
      right: cell("mdeberta", "standard", dataset, { table: dataset === "xcopa" ? "table17" : "table18" }),
    }))),
  },
];
