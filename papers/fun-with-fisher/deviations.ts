// Promises every known difference between the paper's text and the code its authors published: a name, both sides, where each
// is found, and the item of a run's fidelity that switches it. Leaves acting on the items to hyperparameters.ts, if they are
// numbers of a run, else to the files that repro/spec/fidelity.ts names.
import type { Deviation } from "../../repro/paper/mod.ts";

const code = "UKPLab/naacl2024-fun";

export const deviations: Omit<Deviation, "changes">[] = [
  {
    id: "gu-second-layer",
    topic: "schedule",
    paper: "layer L−1 at the start, the next lower one at every k steps",
    authorsCode: "layer 11 at the start and once more at step k; layer 10 comes at about 2k, layer 0 at 12k",
    read: { paper: "Algorithm 1, section 4.1", code: `${code}, trainer: gradual unfreezing` },
    item: "schedule",
  },
  {
    id: "fun-second-layer",
    topic: "schedule",
    paper: "one layer at every k steps, chosen by tr(F)",
    authorsCode: "the first choice at step k, one interval before GU's second layer",
    read: { paper: "Algorithm 1, section 5.3", code: `${code}, trainer: tr(F) unfreezing` },
    item: "schedule",
  },
  {
    id: "rand-first-layer",
    topic: "schedule",
    paper: "the next layer is selected at random at every interval",
    authorsCode: "layer 11 at the start, then one random frozen layer at steps k, 2k, …, 12k",
    read: { paper: "section 5.3, Appendix F", code: `${code}, trainer: random unfreezing` },
    item: "schedule",
  },
  {
    id: "lpft-boundary",
    topic: "schedule",
    paper: "the head alone for the first k steps, then all task adapters",
    authorsCode: "the head alone until step counter + 1 equals k, then all task adapters",
    read: { paper: "section 4.1", code: `${code}, trainer: LPFT` },
    item: "schedule",
  },
  {
    id: "fisher-label",
    topic: "fisher",
    paper: "the label is sampled from the model's own distribution",
    authorsCode: "the label is the mode, the arg max of the logits; a sampled variant is commented out",
    read: { paper: "Eq. 1, Algorithm 2", code: `${code}, trainer: tr(F)` },
    item: "fisher-label",
  },
  {
    id: "fisher-gradient",
    topic: "fisher",
    paper:
      "the squared norm of each example's gradient (Eq. 1); Algorithm 2 squares the gradient of the batch",
    authorsCode:
      "the gradient of the batch-mean loss, squared, divided by the batch size, summed over batches",
    read: { paper: "Eq. 1, Algorithm 2", code: `${code}, trainer: tr(F)` },
    item: "fisher-gradient",
  },
  {
    id: "fisher-batches",
    topic: "fisher",
    paper: "at most 40 batches",
    authorsCode: "41 batches for FUN's selection (the loop stops after index 40), 40 for tracking",
    read: { paper: "footnote 12", code: `${code}, trainer: tr(F)` },
    item: "fisher-batches",
  },
  {
    id: "fisher-aggregation",
    topic: "fisher",
    paper: "by task-adapter block, then the mean over the trainable layers",
    authorsCode:
      "selection: the sum over a layer's task adapter, all task adapters switched on, no dropout; tracking: the mean over elements",
    read: { paper: "Appendix D", code: `${code}, trainer: tr(F)` },
    item: "fisher-aggregation",
  },
  {
    id: "fisher-tracking",
    topic: "fisher",
    paper: "tracked every 100 steps, 50 for XCOPA",
    authorsCode: "at every evaluation; the published function returns an undefined name and fails",
    read: { paper: "footnote 8", code: `${code}, trainer: tr(F) tracking` },
    item: null,
    note: "both: trackFisherEvery is a setting; the published behaviour, a failure, is not reproduced",
  },
  {
    id: "adamw-variant",
    topic: "optimizer",
    paper:
      "AdamW (Loshchilov and Hutter, 2019): epsilon added to the corrected root, decay before the update",
    authorsCode:
      "AdamW of transformers 4.19: step count per parameter, eps added to the uncorrected root of the second moment",
    read: { paper: "Appendix B", code: `${code}, transformers: optimization` },
    item: "adamw-variant",
  },
  {
    id: "xnli-english",
    topic: "evaluation",
    paper:
      "the size of the English validation set is given (2,490), that of the test set for all languages (5,010)",
    authorsCode: "English is scored on the validation set, the other languages on the test set",
    read: { paper: "Table 5", code: `${code}, run_xnli.py` },
    item: "english-evaluation",
  },
  {
    id: "chinese-answers",
    topic: "evaluation",
    paper: "F1 and EM, no word on segmentation",
    authorsCode:
      "a private metric script for zh that is not published; by character, as MLQA's own evaluation does",
    read: { paper: "section 4", code: `${code}, run_qa.py` },
    item: null,
    note:
      "the script is not available: MLQA's rule is used for zh, and every score is shown under both published rules (repro evaluate)",
  },
  {
    id: "copa-xlmr-pooler",
    topic: "model",
    paper: "the task adapters and the head are trained; no word on poolers",
    authorsCode:
      "XLM-R's pooler, which only COPA reads, is frozen at what the checkpoint holds, or at random values where it holds none",
    read: { paper: "section 3.1", code: `${code}, run_copa.py; size of the pinned model.safetensors` },
    item: null,
    note:
      "the text says nothing that contradicts the code: frozen in both. The pinned file of 1,115,567,652 bytes should hold a pooler: encoder, language-model head and pooler are 278,885,778 values, and the other 24,540 bytes are no more than its header; a run says what its checkpoint lacked, so the first download decides",
  },
  {
    id: "interval-200",
    topic: "settings",
    paper: "FUN with LoRA on COPA, XLM-R: k = 200",
    authorsCode: "200 is not among the intervals accepted, an unknown one silently becomes 100",
    read: { paper: "Table 15", code: `${code}, trainer: intervals` },
    item: "unknown-interval",
  },
  {
    id: "gu-interval",
    topic: "settings",
    paper: "GU's interval by task, encoder and adapter: with LoRA 50 on MNLI (mBERT) and 100 on COPA (XLM-R)",
    authorsCode: "fixed: 800 on SQuAD and MNLI; on COPA 50 (mBERT) and 1,000 (XLM-R)",
    read: { paper: "Tables 3, 4 and 15", code: `${code}, trainer: intervals` },
    item: "gu-interval",
    note:
      "Table 3 agrees with the code; with reduced data Table 4 is followed in both, 800 would be longer than 1K's training",
  },
  {
    id: "fixed-schedules",
    topic: "schedule",
    paper: "layer 11 at the start, then the permutation, one layer at every interval",
    authorsCode: "layer 11 at the start, the list's first layer at step counter + 1 = k",
    read: { paper: "footnote 9, Figure 4", code: `${code}, trainer: schedules` },
    item: "schedule",
  },
  {
    id: "rev-first-layer",
    topic: "schedule",
    paper: "bottom-up: layer 0 first",
    authorsCode: "layer 11 is switched on at the start here too, then 0, 1, …",
    read: { paper: "Appendix G.2, Table 12", code: `${code}, trainer: schedule-rev` },
    item: "schedule",
  },
  {
    id: "fisher-qa-logits",
    topic: "fisher",
    paper: "one label for an example; answers have two",
    authorsCode: "start and end logits one below the other: the mean over twice as many rows",
    read: { paper: "Eq. 1", code: `${code}, trainer: tr(F)` },
    item: "fisher-gradient",
    note: "in the paper's sense an example's log-likelihood is the sum of both",
  },
  {
    id: "fisher-mode",
    topic: "fisher",
    paper: "the model is copied; no word on dropout",
    authorsCode: "a copy in evaluation mode, all task adapters switched on for a selection",
    read: { paper: "Algorithm 2", code: `${code}, trainer: tr(F)` },
    item: null,
    note: "the text says nothing that contradicts the code: no dropout, all task adapters on, in both",
  },
  {
    id: "span-labels",
    topic: "settings",
    paper: "no word on how answers become tokens",
    authorsCode:
      "a search with two odd corners: an answer in a window's last token, and two tokens that end together",
    read: { paper: "section 4.2", code: `${code}, run_qa.py` },
    item: "span-labels",
  },
  {
    id: "training-padding",
    topic: "settings",
    paper: "no word on padding",
    authorsCode: "SQuAD and MNLI padded to the maximum length, COPA to the longest row of the batch",
    read: { paper: "section 4.2", code: `${code}, run_qa.py, run_xnli.py, run_copa.py` },
    item: "padding",
    note:
      "changes time, dropout's draws and the softmax over a window's tokens; always to the longest row at scale tiny",
  },
  {
    id: "task-invertible",
    topic: "model",
    paper: "a task adapter is a bottleneck in every layer",
    authorsCode:
      "configured with an invertible part, which is never used: only the first adapter of a stack has its own applied",
    read: { paper: "Figure 6", code: `${code}, adapters` },
    item: null,
    note: "it gets no gradient and changes no number",
  },
  {
    id: "language-adapters",
    topic: "model",
    paper: "ReLU in every adapter",
    authorsCode: "AdapterHub's files: for XLM-R ReLU, for mBERT mostly GELU; which were used is not stated",
    read: { paper: "Figure 6, footnote 5", code: "adapter_config.json of each file" },
    item: null,
    note:
      "the file decides: put the ones to be used into the encoder's adapters folder; their hashes are part of every run",
  },
];
