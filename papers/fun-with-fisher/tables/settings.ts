// Promises Tables 3, 4 and 15: hyperparameters as the runs at scale paper really get them, written as the paper writes them.
// Leaves the settings themselves to hyperparameters.ts and the comparison with the printed text to the toolkit.
import { type Fact, type FactContext, factTable } from "../../../repro/paper/mod.ts";
import type { AdapterKind, Fidelity, Hyperparameters, TaskName } from "../../../repro/spec/mod.ts";
import { deviations } from "../deviations.ts";
import { printed } from "../printed.ts";

interface Asked {
  method: string;
  adapter: AdapterKind;
  trainingSize?: number;
}

/** One value, or two with a slash where scheduled unfreezing has another than standard training. */
function slashed(values: readonly (string | number | undefined)[]): string {
  return [...new Set(values.map((value) => shown(value)))].join("/");
}

/** 0.0005 as 5e-4. */
function shown(value: string | number | undefined): string {
  if (typeof value === "number" && value < 0.01) return value.toExponential().replace("e-0", "e-");
  return String(value ?? "–");
}

/** What a column asks: which runs it looks at, and which of their settings. */
function asks(
  column: string,
  adapter: AdapterKind,
  sizes: boolean,
): { runs: Asked[]; of: keyof Hyperparameters } {
  const [name, which] = column.split("/");
  if (name === "interval") {
    const runs = sizes
      ? [{ method: "gu", adapter, trainingSize: Number(which) }]
      : [{ method: which, adapter }];
    return { runs, of: "interval" };
  }
  const trainingSize = sizes ? { trainingSize: 1000 } : {};
  const runs = ["standard", "gu"].map((method) => ({ method, adapter, ...trainingSize }));
  return { runs, of: name as keyof Hyperparameters };
}

function settingsFacts(id: string, adapter: AdapterKind, sizes: boolean) {
  const { rows, columns } = printed.text(id);
  return ({ paper, fidelity, items: asked = {} }: FactContext): Promise<Fact[]> =>
    Promise.resolve(rows.flatMap(({ id: row, task, model }) =>
      columns.map(({ id: column }): Fact => {
        const { runs, of } = asks(column, adapter, sizes);
        const at = (scale: "tiny" | "low-data" | "paper", items: Record<string, Fidelity> = {}) =>
          slashed(runs.map((run) =>
            paper.settings({
              ...run,
              task: task as TaskName,
              model: model!,
              scale,
              fidelity,
              items: { ...asked, ...items },
              realData: false,
            })[of]
          ));
        const scale = sizes ? "low-data" : "paper";
        const ours = at(scale);
        const deviation = deviations.find(({ item }) =>
          paper.settingItems?.includes(item!) && at(scale, { [item!]: "paper" }) !== ours
        );
        return {
          row,
          column,
          ours,
          tiny: at("tiny"),
          from: `settings of runs at scale ${scale}, fidelity ${fidelity}`,
          ...(deviation
            ? { deviation: deviation.id, why: `known deviation ${deviation.id}: ${deviation.authorsCode}` }
            : {}),
        };
      })
    ));
}

const needs = "the configuration that runs use";

export const settings = [
  factTable(printed.text("table3"), {
    title: "hyperparameters of the main experiments",
    corner: "Task, model",
    needs,
    facts: settingsFacts("table3", "mad-x", false),
  }),
  factTable(printed.text("table4"), {
    title: "hyperparameters with reduced training data",
    corner: "Task, model",
    needs,
    facts: settingsFacts("table4", "mad-x", true),
  }),
  factTable(printed.text("table15"), {
    title: "hyperparameters with LoRA adapters",
    corner: "Task, model",
    needs,
    facts: settingsFacts("table15", "lora", false),
  }),
];
