// Promises the claims about Table 1's averages and English, and about full fine-tuning. Leaves the lowest languages to lowest.ts.
import {
  above,
  alike,
  type Case,
  type Claim,
  differences,
  type Evidence,
  halfWidth,
  type Outcome,
  outcome,
  type Pair,
  points,
  positive,
  statedMean,
  withNoise,
} from "../../../repro/claims/mod.ts";
import { alikeMargin, cell, claimedGain, datasets, models, pair, pairs, titles } from "./cells.ts";

/** "6 out of 8": XLM-R alone has four data sets; eight cases need both encoders. */
function englishCases(evidence: Evidence): Outcome {
  const place = { kind: "en" };
  const readings: [string, Pair[]][] = [
    ["XLM-R, one metric a data set", pairs(["fun", "gu"], place, { models: ["xlmr"] })],
    ["XLM-R, every metric", pairs(["fun", "gu"], place, { models: ["xlmr"], allMetrics: true })],
    ["both encoders, one metric a data set", pairs(["fun", "gu"], place)],
  ];
  const cases: Case[] = [];
  const absent: string[] = [];
  for (const [label, list] of readings) {
    const { found, missing } = differences(evidence, list);
    absent.push(...missing);
    if (missing.length > 0) continue;
    const signs = found.map((each) => positive(evidence, each));
    const higher = signs.filter((sign) => sign === true).length;
    const open = signs.filter((sign) => sign === null).length;
    // The words fit eight cases only; runs are asked whether FUN is higher in three quarters of them.
    const wanted = 0.75 * found.length;
    cases.push({
      label,
      cells: found.flatMap(({ left, right }) => [left, right]),
      value: higher,
      holds: evidence.source === "paper"
        ? higher === 6 && found.length === 8
        : higher >= wanted
        ? true
        : higher + open < wanted
        ? false
        : null,
      arithmetic: `${higher} of ${found.length}${open > 0 ? `, ${open} within noise` : ""}: ${
        found.map(({ a, b }) => `${a.mean.toFixed(2)} against ${b.mean.toFixed(2)}`).join(", ")
      }`,
    });
  }
  const why = cases.map(({ label, arithmetic }) => `${label} ${arithmetic.split(":")[0]}`).join("; ");
  return outcome(cases, absent, why === "" ? undefined : why);
}

/** Average over both encoders and four data sets, or one encoder: the mean gain of FUN over standard training. */
const gains = (over: string[]) => pairs(["fun", "standard"], {}, { models: over });

const lpft = (model: string, dataset: string) => cell(model, "lpft", dataset, { table: "figure2" });
const full = (model: string, dataset: string) => cell(model, "full", dataset, { table: "table7" });

/** What is said to close the gap. The paper prints no number of LPFT; runs of it are found beside the tables. */
const gapClosers = [
  { title: "GU", cell: (model: string, dataset: string) => cell(model, "gu", dataset) },
  { title: "LPFT", cell: (model: string, dataset: string) => lpft(model, dataset) },
];
const gapCases = gapClosers.flatMap((each) =>
  models.flatMap((model) => datasets.map((dataset) => [each, model, dataset] as const))
);

export const mainClaims: readonly Claim[] = [
  {
    id: "gain-average",
    about: "results",
    section: "abstract",
    quote: "achieves an average of 2 points improvement over four datasets compared to standard fine-tuning",
    asks: "the mean over the four data sets of FUN − standard (F1, accuracy) is at least 2 points",
    evaluate: statedMean([
      { label: "mBERT", pairs: gains(["mbert"]), stated: claimedGain, decimals: 2, relation: "at least" },
      { label: "XLM-R", pairs: gains(["xlmr"]), stated: claimedGain, decimals: 2, relation: "at least" },
      { label: "both", pairs: gains(models), stated: claimedGain, decimals: 2, relation: "at least" },
    ]),
  },
  {
    id: "gain-mbert-xnli",
    about: "results",
    section: "5.3",
    quote: "improving mBERT from standard training on XNLI for 3.58 points",
    asks: `FUN − standard of mBERT on XNLI is 3.58; of runs: within ${alikeMargin} point of it`,
    evaluate: statedMean([
      {
        label: "mBERT XNLI",
        pairs: [pair("mbert", "xnli", ["fun", "standard"])],
        stated: 3.58,
        decimals: 2,
        relation: { within: alikeMargin },
      },
    ]),
  },
  {
    id: "gain-mbert-average",
    about: "results",
    section: "5.3",
    quote: "or the average of 2.03 points across all 4 datasets",
    asks:
      `the mean of FUN − standard of mBERT over the four data sets is 2.03; of runs: within ${alikeMargin} point of it`,
    evaluate: statedMean([{
      label: "mBERT",
      pairs: gains(["mbert"]),
      stated: 2.03,
      decimals: 2,
      relation: { within: alikeMargin },
    }]),
  },
  {
    id: "fun-at-least-rand",
    about: "results",
    section: "5.3",
    quote: "The results are well above the random unfreezing baselines",
    asks: "FUN is above Rand in every average (F1, accuracy)",
    evaluate: above(pairs(["fun", "rand"])),
  },
  {
    id: "fun-well-above-rand",
    about: "results",
    section: "5.3",
    quote: "The results are well above the random unfreezing baselines",
    asks: "read strictly: FUN is above Rand by more than the 95 % half-width of the difference",
    evaluate: above(pairs(["fun", "rand"]), { clearly: true }),
  },
  {
    id: "fun-above-standard",
    about: "results",
    section: "5.3",
    quote: "The results are well above … standard training",
    asks: "FUN is above standard training in every average (F1, accuracy)",
    evaluate: above(pairs(["fun", "standard"])),
  },
  {
    id: "gu-fun-comparable",
    about: "results",
    section: "5.3",
    quote:
      "the FUN scheduler achieves near-identical results as GU with the mBERT model … comparable results as GU with XLM-R",
    asks: `GU and FUN differ by at most ${alikeMargin} point in every average: half of the claimed gain`,
    evaluate: alike(pairs(["fun", "gu"]), alikeMargin),
  },
  {
    id: "gap-to-full",
    about: "results",
    section: "5.1",
    quote:
      "both LPFT and GU are effective in closing the gap to full fine-tuning across all tasks and models",
    asks:
      "LPFT and GU are nearer to full fine-tuning than standard training is, or above it, on every data set (Table 7; four of its cells are not legible, and LPFT is drawn in Figure 2 alone)",
    evaluate(evidence) {
      const cases: Case[] = [];
      const missing = new Set<string>();
      for (const [scheduled, model, dataset] of gapCases) {
        const names = [
          full(model, dataset),
          cell(model, "standard", dataset),
          scheduled.cell(model, dataset),
        ];
        const [whole, standard, after] = names.map((name) => evidence.cell(name));
        if (!whole || !standard || !after) {
          for (const name of names) {
            if (evidence.cell(name) === undefined) missing.add(`${name.table} ${name.row} ${name.column}`);
          }
          continue;
        }
        const [wide, left] = [whole.mean - standard.mean, whole.mean - after.mean];
        // The gaps differ by scheduled − standard: full fine-tuning is the same number in both.
        const closed = { value: wide - left, halfWidth: halfWidth(after, standard) };
        cases.push({
          label: `${titles[model]} ${titles[dataset]}, ${scheduled.title}`,
          cells: names,
          ...closed,
          holds: positive(evidence, closed),
          arithmetic: `gap ${points(whole.mean)} − ${points(standard.mean)} = ${points(wide)} becomes ${
            points(whole.mean)
          } − ${points(after.mean)} = ${points(left)}, closed by ${
            withNoise(closed.value, closed.halfWidth)
          }`,
        });
      }
      return outcome(cases, [...missing]);
    },
  },
  {
    id: "gu-exceeds-full",
    about: "results",
    section: "5.1",
    quote:
      "GU-trained task adapters perform better, even exceeding the performance of full fine-tuning in some cases",
    asks: "GU is above full fine-tuning in at least one case (Table 7, as far as it is legible)",
    evaluate(evidence) {
      const list = models.flatMap((model) =>
        datasets.map((dataset): Pair => ({
          label: `${titles[model]} ${titles[dataset]}, gu − full`,
          left: cell(model, "gu", dataset),
          right: full(model, dataset),
        }))
      );
      // "In some cases": one is enough.
      return above(list, { of: "some" })(evidence);
    },
  },
  {
    id: "gu-better-than-lpft",
    about: "results",
    section: "5.1",
    quote: "GU … produced better empirical results than LPFT",
    asks: "GU is above LPFT in every average; the paper draws LPFT in Figure 2 and prints no number of it",
    evaluate: above(
      models.flatMap((model) =>
        datasets.map((dataset): Pair => ({
          label: `${titles[model]} ${titles[dataset]}, gu − lpft`,
          left: cell(model, "gu", dataset),
          right: lpft(model, dataset),
        }))
      ),
    ),
  },
  {
    id: "fun-english",
    about: "results",
    section: "5.3",
    quote: "XLM-R with FUN is better than GU in English for 6 out of 8 cases",
    asks: "of eight English cases six are higher with FUN, for XLM-R",
    evaluate: englishCases,
  },
];
