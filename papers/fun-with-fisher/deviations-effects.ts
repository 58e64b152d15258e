// Promises for every known difference between text and code what of a result or a run it changes, in a sentence.
// Leaves the difference itself to deviations.ts; a test holds that none is without its effect.

export const effects: Readonly<Record<string, string>> = {
  "gu-second-layer":
    "GU opens its second layer one interval later than the text says and its last at 12k instead of 11k, so fewer layers train at any step.",
  "fun-second-layer":
    "FUN's first layer is always the top one instead of the one with the largest tr(F), and FUN runs one interval ahead of the GU that it is compared with.",
  "rand-first-layer": "A random schedule never starts anywhere but at the top layer.",
  "lpft-boundary": "The adapters open one update earlier.",
  "fisher-label":
    "tr(F) is that of the most likely label: while the model is unsure, curves have another height and FUN may choose other layers.",
  "fisher-gradient":
    "Gradients of different examples cancel within a batch, so tr(F) has another scale and depends on the batch size; FUN may choose other layers.",
  "fisher-batches": "FUN's selection sees one batch more; another draw, no systematic change.",
  "fisher-aggregation":
    "Tracked curves have another scale; the order of the layers stays, since all task adapters have one size.",
  "fisher-tracking":
    "The points of Figures 3 and 4 lie as far apart as evaluations do, 500 steps unless set otherwise.",
  "adamw-variant":
    "Bias correction starts when a layer opens, and epsilon weighs more in a parameter's first updates: late-opened layers take other first steps.",
  "xnli-english":
    "English XNLI is scored on 2,490 validation pairs that also chose the checkpoint, so the En columns of Tables 1, 10, 12, 14 and 18 are no test scores and may be too high.",
  "chinese-answers":
    "EM and F1 of Chinese, and through them the averages of MLQA and XQuAD, by an amount that cannot be known.",
  "copa-xlmr-pooler":
    "Nothing where the text is silent: XLM-R's COPA head reads a projection that COPA does not train. From a checkpoint without a pooler it would be a random one, another for each seed.",
  "interval-200":
    "Whoever runs the code with Table 15's 200 gets a schedule twice as fast, without a word: the XCOPA row of XLM-R with LoRA and FUN.",
  "gu-interval":
    "Whoever runs the code gets GU at the fixed interval, not at that of Table 15: the LoRA rows of GU on XNLI (mBERT) and XCOPA (XLM-R).",
  "fixed-schedules": "Every layer of a list opens one update earlier than in Algorithm 1 (Figure 4).",
  "rev-first-layer":
    "The reversed order is not purely bottom-up: the top layer trains from the start (Table 12).",
  "fisher-qa-logits":
    "For answers tr(F) averages over twice as many rows, a start and an end for each window: another scale.",
  "fisher-mode": "Nothing where the text is silent: with dropout tr(F) would be noisier.",
  "span-labels": "The labels of a few training windows of SQuAD.",
  "training-padding":
    "Time, and by a little every number: dropout's draws and the number of positions that an answer is chosen among.",
  "task-invertible": "No number; the task adapter's file is larger than what is trained.",
  "language-adapters":
    "All mBERT results: its published language adapters mostly have another non-linearity than the text says, and which of several files was used is not stated.",
};
