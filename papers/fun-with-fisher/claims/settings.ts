// Promises what the paper claims in prose about its own settings and counts, recomputed from its printed tables of settings.
// Leaves claims about results to the files beside it; runs have no part in these.
import { type Case, type Claim, outcome } from "../../../repro/claims/mod.ts";
import { printed } from "../printed.ts";

const textCell = (table: string, row: string, column: string) => {
  const found = printed.text(table).cells.find((each) => each.row === row && each.column === column);
  if (!found) throw new Error(`claims: ${table} has no cell ${row} ${column}`);
  return found;
};
const name = (table: string, row: string, column: string) => ({ table, row, column });
/** Printed x/y is standard training / scheduled unfreezing. */
const scheduled = (values: readonly number[]) => values[values.length - 1];

const layers = 12;
/** "≪": a tenth or less, the usual reading of "much smaller". */
const muchLess = 0.1;
const examples: Record<string, string> = { squad: "squad/xquad", copa: "copa/xcopa", xnli: "xnli/xnli" };

/** kL against N for every printed interval; N from examples, batch size and epochs (SQuAD's extra windows left out). */
function schedulesFinishEarly(): Case[] {
  const cases: Case[] = [];
  for (const table of ["table3", "table15"]) {
    for (const { id, label, task } of printed.text(table).rows) {
      const train = textCell("table5", examples[task!], "train").values![0];
      const batch = textCell(table, id, "batchSize").values![0];
      const epochs = scheduled(textCell(table, id, "epochs").values!);
      const steps = Math.ceil(train / batch) * epochs;
      for (const method of ["gu", "fun"]) {
        const column = `interval/${method}`;
        const k = textCell(table, id, column).values![0];
        const share = (k * layers) / steps;
        cases.push({
          label: `Table ${table.slice(5)}, ${label}, ${method.toUpperCase()}`,
          cells: [name(table, id, column), name(table, id, "epochs")],
          value: share,
          holds: share <= muchLess,
          arithmetic: `kL = ${k}·${layers} = ${
            k * layers
          }; N = ⌈${train} / ${batch}⌉·${epochs} = ${steps}; kL / N = ${(100 * share).toFixed(0)} %`,
        });
      }
    }
  }
  return cases;
}

/** How often Algorithm 1 selects, taken at its word. */
export function selections(steps: number, interval: number, layerCount: number): number {
  let count = 0;
  for (let i = 0; i <= steps; i++) if (i % interval === 0 && i <= interval * layerCount) count++;
  return count;
}

export const settingsClaims: readonly Claim[] = [
  {
    id: "training-sizes",
    about: "settings",
    section: "5.1",
    quote: "the training data for both XQuAD and XNLI are well over 50k instances",
    asks: "SQuAD's and MNLI's training sets in Table 5 have more than 50,000 examples",
    evaluate: () =>
      outcome(
        ["squad/xquad", "xnli/xnli"].map((row) => {
          const value = textCell("table5", row, "train").values![0];
          return {
            label: row,
            cells: [name("table5", row, "train")],
            value,
            holds: value > 50_000,
            arithmetic: `${value} > 50000`,
          };
        }),
        [],
      ),
  },
  {
    id: "lora-same-settings",
    about: "settings",
    section: "G.4",
    quote:
      "we kept the number of epochs for training and batch size the same as in our main experiments (Table 3)",
    asks: "epochs and batch size of Table 15 are those of Table 3",
    evaluate: () =>
      outcome(
        printed.text("table15").rows.flatMap(({ id, label }) =>
          ["epochs", "batchSize"].map((column) => {
            const [a, b] = [textCell("table15", id, column), textCell("table3", id, column)];
            return {
              label: `${label} ${column}`,
              cells: [name("table15", id, column), name("table3", id, column)],
              value: a.text === b.text ? 0 : 1,
              holds: a.text === b.text,
              arithmetic: `${a.text} against ${b.text}`,
            };
          })
        ),
        [],
      ),
  },
  {
    id: "schedule-finishes-early",
    about: "settings",
    section: "Algorithm 1",
    quote: "Typically kL ≪ N for convergence",
    asks:
      `k times ${layers} layers is at most a tenth of the training steps N, for every printed interval of GU and FUN`,
    evaluate: () => outcome(schedulesFinishEarly(), []),
  },
  {
    id: "selection-count",
    about: "settings",
    section: "Algorithm 1, footnote 12",
    quote: "if i mod k == 0 and i ≤ kL … tr(F) is calculated every k steps for L times",
    asks:
      `the loop i = 0 … N of Algorithm 1 selects as often as the footnote says: once for each of ${layers} layers`,
    evaluate() {
      const count = selections(100 * layers, 50, layers);
      return outcome(
        [{
          label: "selections",
          cells: [],
          value: count,
          holds: count === layers,
          arithmetic: `i = 0, k, 2k, …, ${layers}k are ${count} selections for ${layers} layers`,
        }],
        [],
        `${count} selections for ${layers} layers`,
      );
    },
  },
];
