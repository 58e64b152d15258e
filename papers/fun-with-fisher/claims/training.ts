// Promises the claims about tr(F) curves and schedules, which need the logs of runs. Leaves results to the files beside it.
import { areaAgainstTransfer, type Claim, higherAtFirst, hills, topDown } from "../../../repro/claims/mod.ts";

const trained = [
  { label: "mBERT SQuAD", model: "mbert", task: "squad" },
  { label: "XLM-R SQuAD", model: "xlmr", task: "squad" },
  { label: "mBERT COPA", model: "mbert", task: "copa" },
  { label: "XLM-R COPA", model: "xlmr", task: "copa" },
  { label: "mBERT MNLI", model: "mbert", task: "xnli" },
  { label: "XLM-R MNLI", model: "xlmr", task: "xnli" },
];
const rowsOf = (method: string) =>
  trained.map(({ label, model, task }) => ({ label, row: `${model}/${method}`, task }));

const schedules = (model: string) => Array.from({ length: 10 }, (_, i) => `${model}/schedule-${i}`);

export const trainingClaims: readonly Claim[] = [
  {
    id: "hill",
    about: "training",
    section: "5.2",
    quote: 'The training process induces a tr(F) curve that has a distinctive "hill" shape',
    asks:
      "under GU the smoothed tr(F) curve of most seeds peaks inside training, at 1.5 times its value at either end or more",
    evaluate: hills(rowsOf("gu"), 1.5),
  },
  {
    id: "gu-curve-higher",
    about: "training",
    section: "5.2",
    quote: "With GU … the tr(F) curve is higher than in standard fine-tuning",
    asks: "over the first fifth of the steps the mean tr(F) per open adapter is higher under GU",
    evaluate: higherAtFirst(
      rowsOf("gu").map((each) => ({ ...each, other: each.row.replace("gu", "standard") })),
      0.2,
    ),
  },
  {
    id: "fun-recovers-order",
    about: "training",
    section: "5.3",
    quote: "FUN nearly perfectly recovers the top-down schedule of GU for mBERT",
    asks:
      "the layers that FUN opens correlate with the top-down order at 0.9 or more (Spearman, mean over seeds)",
    evaluate: topDown(rowsOf("fun").filter(({ row }) => row.startsWith("mbert")), 0.9),
  },
  {
    id: "fun-largely-top-down",
    about: "training",
    section: "5.3",
    quote: "The XLM-R-based experiments largely follow the top-down order with more variance",
    asks:
      "the layers that FUN opens correlate with the top-down order at 0.5 or more (Spearman, mean over seeds)",
    evaluate: topDown(rowsOf("fun").filter(({ row }) => row.startsWith("xlmr")), 0.5),
  },
  {
    id: "larger-trace-transfers-better",
    about: "training",
    section: "5.2",
    quote:
      "a wider tr(F) curve … often accompanies a large peak tr(F) value during the early phase of learning, and leads to better cross-lingual generalization",
    asks:
      "over the fixed schedules the area under the tr(F) curve, which height and width both make larger, correlates positively with the average transfer (Spearman)",
    evaluate: areaAgainstTransfer([
      {
        label: "XLM-R XQuAD",
        rows: schedules("xlmr"),
        task: "squad",
        table: "figure4",
        column: "xquad/average/f1",
      },
      {
        label: "mBERT XNLI",
        rows: schedules("mbert"),
        task: "xnli",
        table: "figure4",
        column: "xnli/average/accuracy",
      },
    ]),
  },
];
