// Promises the options that every command about Table 1 shares, and the plan they describe.
// Leaves what is done with the plan to table1.ts, reference.ts and selftest.ts.
import {
  columns,
  datasets,
  encoders,
  evaluations,
  languages,
  type Plan,
  rows,
} from "../../papers/fun-with-fisher/tables/table1.ts";
import type { Encoder } from "../../papers/fun-with-fisher/hyperparameters.ts";
import { isFolder, resolve } from "../../repro/runtime.ts";
import { backends, fidelities, scales, type TaskName, taskNames } from "../../repro/spec/mod.ts";
import { resolveBackend } from "../../repro/training/backend.ts";
import { modelRevision, taskRevision } from "../../repro/training/identify.ts";
import type { OptionSpec, Values } from "../ui/arguments.ts";
import { listOf, oneOf, seedsOf, UsageError, wholeNumber } from "../ui/usage.ts";

export const planOptions: readonly OptionSpec[] = [
  { flag: "--scale <scale>", help: `${scales.join(", ")}`, default: "tiny" },
  { flag: "--seeds <seeds>", help: "how many (4 = seeds 1 to 4), or a list: 2,5", default: "4" },
  { flag: "--rows <rows>", help: "only these, comma-separated: mbert, xlmr/gu, …" },
  { flag: "--columns <columns>", help: "only these: xquad, xnli/average, …" },
  { flag: "--backend <backend>", help: `auto, ${backends.join(", ")}`, default: "auto" },
  {
    flag: "--fidelity <fidelity>",
    help: `${fidelities.join(", ")}: whom to follow where they differ`,
    default: "authors-code",
  },
  { flag: "--data-root <folder>", help: "real data in place of the tiny world" },
  { flag: "--mbert <folder>", help: "the mBERT encoder (needed at scales low-data and paper)" },
  { flag: "--xlmr <folder>", help: "the XLM-R encoder (needed at scales low-data and paper)" },
  { flag: "--training-size <n>", help: "training examples at scale low-data" },
  { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
  { flag: "--jobs <n>", help: "processes side by side (default: cores)" },
];

export interface Planned {
  plan: Plan;
  /** Why this backend. */
  reason: string;
}

/** Turns options into a plan, with the hashes of everything that its runs read. */
export async function planFrom(values: Values, mutant?: string): Promise<Planned> {
  const scale = oneOf("scale", values.scale, scales);
  const chosenRows = listOf("row", values.rows, rows);
  const chosenColumns = listOf("column", values.columns, columns);
  const seeds = seedsOf(values.seeds);
  const fidelity = oneOf("fidelity", values.fidelity, fidelities);
  const choice = oneOf("backend", values.backend, ["auto", ...backends] as const);
  const data = dataOf(values, scale);
  const used = encoders.filter((encoder) => chosenRows.some((row) => row.startsWith(`${encoder}/`)));
  const models = modelsOf(values, scale, used);
  const { name: backend, reason } = await resolveBackend(choice);
  const modelRevisions = new Map<Encoder, string>();
  for (const encoder of used) modelRevisions.set(encoder, await modelRevision(models[encoder], data));
  const dataRevisions = new Map<TaskName, string>();
  for (const task of taskNames) {
    const asked = chosenColumns.some((column) =>
      datasets.some((each) => each.task === task && column.startsWith(`${each.id}/`))
    );
    if (asked) dataRevisions.set(task, await taskRevision(data, task, evaluations(task)));
  }
  return {
    reason,
    plan: {
      scale,
      seeds,
      rows: chosenRows,
      columns: chosenColumns,
      backend,
      fidelity,
      data,
      ...(values["training-size"]
        ? { trainingSize: wholeNumber("training-size", values["training-size"], 1) }
        : {}),
      model: (encoder) => models[encoder],
      modelRevision: (encoder) => modelRevisions.get(encoder)!,
      dataRevision: (task) => dataRevisions.get(task)!,
      ...(mutant ? { mutant } : {}),
    },
  };
}

function dataOf(values: Values, scale: string): string {
  const root = values["data-root"];
  if (root === undefined) {
    if (scale === "tiny") return "tiny";
    throw new UsageError(
      `--scale ${scale} needs real data: give --data-root FOLDER (squad/, xquad/, mlqa/, xnli/, copa/, xcopa/)`,
    );
  }
  const folder = resolve(String(root));
  if (!isFolder(folder)) throw new UsageError(`--data-root ${root}: no such folder`);
  return folder;
}

function modelsOf(values: Values, scale: string, used: readonly Encoder[]): Record<Encoder, string> {
  const of = (encoder: Encoder): string => {
    const folder = values[encoder];
    if (folder !== undefined) return resolve(String(folder));
    if (scale !== "tiny" && used.includes(encoder)) {
      throw new UsageError(
        `--scale ${scale} needs the real encoders: give --${encoder} FOLDER with config.json, tokenizer.json, model.safetensors and adapters/<language>.safetensors`,
      );
    }
    return encoder;
  };
  return { mbert: of("mbert"), xlmr: of("xlmr") };
}

/** All target languages with English, for messages. */
export const allLanguages = [...new Set(Object.values(languages).flat())];
