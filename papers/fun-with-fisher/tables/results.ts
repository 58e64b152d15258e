// Promises the tables of results, each from what the paper prints: its title, which data sets stand side by side, and where rows
// are no words of a run. Leaves rows, columns and numbers to numbers/ and everything else to the toolkit.
import { type ResultOptions, resultTable } from "../../../repro/paper/mod.ts";
import { printed } from "../printed.ts";
import { models } from "../world.ts";

const titles = Object.fromEntries(models.map(({ id, title }) => [id, title]));

const result = (id: string, title: string, options: Partial<ResultOptions> = {}) =>
  resultTable(printed.results(id), { title, models: titles, ...options });

const halves = [["mlqa", "xquad"], ["xcopa", "xnli"]];
const eachAlone = [["mlqa"], ["xquad"]];

export const results = [
  result("table1", "zero-shot cross-lingual transfer", { blocks: halves }),
  result("table2", "zero-shot transfer with LoRA adapters, MLQA and XQuAD"),
  result("table7", "full fine-tuning, the baseline of Figure 2", {
    together: true,
    run: () => ({ method: "standard", adapter: "full" }),
  }),
  result("table8", "zero-shot transfer by language, MLQA and XQuAD", { blocks: eachAlone }),
  result("table9", "zero-shot transfer by language, XCOPA"),
  result("table10", "zero-shot transfer by language, XNLI"),
  result("table11", "transfer from 1K, 5K and 10K training examples", { together: true }),
  result("table12", "gradual unfreezing in reverse order", { together: true }),
  result("table13", "transfer from 1K, 5K and 10K training examples, with FUN", { together: true }),
  result("table14", "zero-shot transfer with LoRA adapters, four data sets", { blocks: halves }),
  result("table16", "mDeBERTa by language, MLQA and XQuAD", { blocks: eachAlone }),
  result("table17", "mDeBERTa by language, XCOPA"),
  result("table18", "mDeBERTa by language, XNLI"),
];
