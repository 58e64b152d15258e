// Promises every known difference between the paper's text and the code its authors published: a name, both sides, where each
// is found, and the switch. Leaves acting on the switch to training, Fisher information and unfreezing.

export interface Deviation {
  id: string;
  topic: "schedule" | "fisher" | "optimizer" | "model" | "evaluation" | "settings";
  paper: string;
  authorsCode: string;
  /** Where each side is found. */
  read: { paper: string; code: string };
  /** The setting of a run that chooses between them, or why there is none. */
  switch: string;
}

const fidelity = "fidelity: paper | authors-code";
const code = "UKPLab/naacl2024-fun";

export const deviations: Deviation[] = [
  {
    id: "gu-second-layer",
    topic: "schedule",
    paper: "layer L−1 at the start, the next lower one at every k steps",
    authorsCode: "layer 11 at the start and once more at step k; layer 10 comes at about 2k, layer 0 at 12k",
    read: { paper: "Algorithm 1, section 4.1", code: `${code}, trainer: gradual unfreezing` },
    switch: fidelity,
  },
  {
    id: "fun-second-layer",
    topic: "schedule",
    paper: "one layer at every k steps, chosen by tr(F)",
    authorsCode: "the first choice at step k, one interval before GU's second layer",
    read: { paper: "Algorithm 1, section 5.3", code: `${code}, trainer: tr(F) unfreezing` },
    switch: fidelity,
  },
  {
    id: "rand-first-layer",
    topic: "schedule",
    paper: "the next layer is selected at random at every interval",
    authorsCode: "layer 11 at the start, then one random frozen layer at steps k, 2k, …, 12k",
    read: { paper: "section 5.3, Appendix F", code: `${code}, trainer: random unfreezing` },
    switch: fidelity,
  },
  {
    id: "lpft-boundary",
    topic: "schedule",
    paper: "the head alone for the first k steps, then all task adapters",
    authorsCode: "the head alone until step counter + 1 equals k, then all task adapters",
    read: { paper: "section 4.1", code: `${code}, trainer: LPFT` },
    switch: fidelity,
  },
  {
    id: "fisher-label",
    topic: "fisher",
    paper: "the label is sampled from the model's own distribution",
    authorsCode: "the label is the mode, the arg max of the logits; a sampled variant is commented out",
    read: { paper: "Eq. 1, Algorithm 2", code: `${code}, trainer: tr(F)` },
    switch: fidelity,
  },
  {
    id: "fisher-gradient",
    topic: "fisher",
    paper:
      "the squared norm of each example's gradient (Eq. 1); Algorithm 2 squares the gradient of the batch",
    authorsCode:
      "the gradient of the batch-mean loss, squared, divided by the batch size, summed over batches",
    read: { paper: "Eq. 1, Algorithm 2", code: `${code}, trainer: tr(F)` },
    switch: fidelity,
  },
  {
    id: "fisher-batches",
    topic: "fisher",
    paper: "at most 40 batches",
    authorsCode: "41 batches for FUN's selection (the loop stops after index 40), 40 for tracking",
    read: { paper: "footnote 12", code: `${code}, trainer: tr(F)` },
    switch: fidelity,
  },
  {
    id: "fisher-aggregation",
    topic: "fisher",
    paper: "by task-adapter block, then the mean over the trainable layers",
    authorsCode:
      "selection: the sum over a layer's task adapter, all task adapters switched on, no dropout; tracking: the mean over elements",
    read: { paper: "Appendix D", code: `${code}, trainer: tr(F)` },
    switch: fidelity,
  },
  {
    id: "fisher-tracking",
    topic: "fisher",
    paper: "tracked every 100 steps, 50 for XCOPA",
    authorsCode: "at every evaluation; the published function returns an undefined name and fails",
    read: { paper: "footnote 8", code: `${code}, trainer: tr(F) tracking` },
    switch: "trackFisherEvery; the published behaviour, a failure, is not reproduced",
  },
  {
    id: "adamw-variant",
    topic: "optimizer",
    paper: "AdamW",
    authorsCode:
      "AdamW of transformers 4.19: step count per parameter, eps added to the uncorrected root of the second moment",
    read: { paper: "Appendix B", code: `${code}, transformers: optimization` },
    switch: "none: the text says nothing that contradicts the code; both fidelities use the authors' variant",
  },
  {
    id: "xnli-english",
    topic: "evaluation",
    paper:
      "the size of the English validation set is given (2,490), that of the test set for all languages (5,010)",
    authorsCode: "English is scored on the validation set, the other languages on the test set",
    read: { paper: "Table 5", code: `${code}, run_xnli.py` },
    switch: fidelity,
  },
  {
    id: "chinese-answers",
    topic: "evaluation",
    paper: "F1 and EM, no word on segmentation",
    authorsCode:
      "a private metric script for zh that is not published; by character, as MLQA's own evaluation does",
    read: { paper: "section 4", code: `${code}, run_qa.py` },
    switch: "none: the script is not available; MLQA's rule is used for zh",
  },
  {
    id: "copa-xlmr-pooler",
    topic: "model",
    paper: "the task adapters and the head are trained; no word on poolers",
    authorsCode: "XLM-R's pooler is newly initialised for COPA and frozen at its random values",
    read: { paper: "section 3.1", code: `${code}, run_copa.py` },
    switch: "none: the text says nothing that contradicts the code; the pooler stays frozen in both",
  },
  {
    id: "interval-200",
    topic: "settings",
    paper: "FUN with LoRA on COPA, XLM-R: k = 200",
    authorsCode: "200 is not among the intervals accepted, an unknown one silently becomes 100",
    read: { paper: "Table 15", code: `${code}, trainer: intervals` },
    switch: fidelity,
  },
];
