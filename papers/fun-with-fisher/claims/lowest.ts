// Promises the claims about the lowest-performing languages, as headed and as they really are. Leaves averages to main.ts.
import {
  above,
  type Case,
  type CellName,
  type CellValue,
  type Claim,
  counted,
  type Evidence,
  halfWidth,
  type Outcome,
  outcome,
  positive,
  statedMean,
  withNoise,
} from "../../../repro/claims/mod.ts";
import { alikeMargin, cell, datasets, models, pair, pairs, titles } from "./cells.ts";

/** The lowest of a row's target languages, from the tables by language; undefined unless all are there. */
function lowest(evidence: Evidence, model: string, method: string, dataset: string) {
  const [table, languages] = byLanguage[dataset];
  let least: { language: string; value: CellValue; name: CellName } | undefined;
  for (const language of languages.split(" ")) {
    const name = cell(model, method, dataset, { table, kind: language });
    const value = evidence.cell(name);
    if (!value) return undefined;
    if (!least || value.mean < least.value.mean) least = { language, value, name };
  }
  return least;
}

const byLanguage: Record<string, [table: string, languages: string]> = {
  mlqa: ["table8", "ar de es hi vi zh"],
  xquad: ["table8", "ar de el es hi ru th tr vi zh"],
  xcopa: ["table9", "et ht it id qu sw zh ta th tr vi"],
  xnli: ["table10", "ar de el es hi ru sw th tr vi zh"],
};

/** Whatever language is lowest under each method, not the one that heads the column. */
function lowestLanguageReally(evidence: Evidence): Outcome {
  const cases: Case[] = [];
  const missing: string[] = [];
  for (const model of models) {
    for (const dataset of datasets) {
      const standard = lowest(evidence, model, "standard", dataset);
      for (const method of ["gu", "fun"]) {
        const ours = lowest(evidence, model, method, dataset);
        const label = `${titles[model]} ${titles[dataset]}, ${method} − standard`;
        if (!ours || !standard) {
          missing.push(`languages of ${label}`);
          continue;
        }
        const value = ours.value.mean - standard.value.mean;
        const width = halfWidth(ours.value, standard.value);
        cases.push({
          label,
          cells: [ours.name, standard.name],
          value,
          halfWidth: width,
          holds: positive(evidence, { value, halfWidth: width }),
          arithmetic: `${ours.language} ${ours.value.mean.toFixed(2)} − ${standard.language} ${
            standard.value.mean.toFixed(2)
          } = ${withNoise(value, width)}`,
        });
      }
    }
  }
  return outcome(cases, missing);
}

export const lowestClaims: readonly Claim[] = [
  {
    id: "lowest-fun-mbert",
    about: "results",
    section: "5.3",
    quote:
      "FUN improved the lowest-performing language under standard adapter training in all 4 cases for the mBERT",
    asks: "in the language that heads the column FUN is above standard training in 4 of 4",
    evaluate: counted(pairs(["fun", "standard"], { kind: "lowest" }, { models: ["mbert"] }), 4, "mBERT"),
  },
  {
    id: "lowest-fun-xlmr",
    about: "results",
    section: "5.3",
    quote: "and in 3 out of 4 cases for XLM-R",
    asks: "in the language that heads the column FUN is above standard training in 3 of 4",
    evaluate: counted(pairs(["fun", "standard"], { kind: "lowest" }, { models: ["xlmr"] }), 3, "XLM-R"),
  },
  {
    id: "lowest-across-the-board",
    about: "results",
    section: "5.3",
    quote:
      "scheduled unfreezing improved transfer results for the lowest-performing language across the board",
    asks: 'GU and FUN are above standard training in every "lowest" cell (F1, accuracy)',
    evaluate: above([
      ...pairs(["gu", "standard"], { kind: "lowest" }),
      ...pairs(["fun", "standard"], { kind: "lowest" }),
    ]),
  },
  {
    id: "lowest-language-really",
    about: "results",
    section: "5.3",
    quote:
      "scheduled unfreezing improved transfer results for the lowest-performing language across the board",
    asks: "the same with the language that is lowest under each method by itself (Tables 8 to 10)",
    evaluate: lowestLanguageReally,
  },
  {
    id: "gu-xquad-lowest",
    about: "results",
    section: "5.3",
    quote: "scheduled unfreezing improved transfer results for the lowest-performing language",
    asks: 'GU is above standard training in XQuAD\'s "lowest" F1',
    evaluate: above(pairs(["gu", "standard"], { kind: "lowest" }, { datasets: ["xquad"] })),
  },
  {
    id: "thai",
    about: "results",
    section: "5.3",
    quote: "Thai with mBERT increased from 34.53 to 42.55",
    asks:
      `FUN − standard in XQuAD's "lowest" F1 of mBERT is 8.02; of runs: within ${alikeMargin} point of it`,
    evaluate: statedMean([
      {
        label: "mBERT Th",
        pairs: [pair("mbert", "xquad", ["fun", "standard"], { kind: "lowest" })],
        stated: 8.02,
        decimals: 2,
        relation: { within: alikeMargin },
      },
    ]),
  },
];
