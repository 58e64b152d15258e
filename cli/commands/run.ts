// Promises `repro run`: one run, from flags or a JSON specification, or all runs of a saved plan. Leaves the flags to
// run-spec.ts, the run to repro/training and plans to repro/plan.
import { readText, writeOutput } from "../../repro/runtime.ts";
import {
  adapterKinds,
  backends,
  methodWords,
  parseSpec,
  runId,
  runName,
  type RunSpec,
  taskNames,
} from "../../repro/spec/mod.ts";
import type { FinishedRun } from "../../repro/runs/mod.ts";
import { mutants } from "../../repro/training/mutants.ts";
import { UsageError } from "../ui/usage.ts";
import { papers } from "../papers.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { runPlan } from "./run-plan.ts";
import { placeOptions, specFrom } from "./run-spec.ts";

export const command: Command = {
  name: "run",
  summary: "make one run, from flags or from --spec FILE, or all runs of --plan FILE",
  options: [
    { flag: "--spec <file>", help: "a run specification as JSON (spec.json of any run in the store is one)" },
    { flag: "--plan <file>", help: "all runs of a plan that `repro plan --save FILE` wrote" },
    ...placeOptions(await papers()),
    {
      flag: "--task <task>",
      help: `${taskNames.join(", ")}, or mlm: a language adapter from plain text`,
      default: "xnli",
    },
    { flag: "--method <method>", help: methodWords, default: "standard" },
    {
      flag: "--adapter <adapter>",
      help: `${adapterKinds.join(", ")} (full fine-tuning, no adapters)`,
      default: "mad-x",
    },
    { flag: "--language <xx>", help: "task mlm: language of the text and name of the adapter" },
    {
      flag: "--languages <codes>",
      help:
        "score in these only, comma-separated (default: all of the paper's); adapters of others are not needed",
    },
    {
      flag: "--training-size <n>",
      help:
        "only so many training examples, the first of a fixed permutation; the paper's sizes bring the settings of its tables for them",
    },
    { flag: "--seed <n>", help: "seed of initialisation, order, dropout and draws", default: "1" },
    { flag: "--steps <n>", help: "updates, in place of the usual number" },
    { flag: "--track-fisher <n>", help: "log tr(F) every n steps" },
    { flag: "--backend <backend>", help: `auto, ${backends.join(", ")}`, default: "auto" },
    { flag: "--precision <precision>", help: "f32, or f16 with loss scaling (GPUs only)", default: "f32" },
    {
      flag: "--micro-batch <n>",
      help: "examples on the device at a time; the batch stays as it is, and so does the run's id",
    },
    {
      flag: "--data-root <folder>",
      help: "real data in place of the tiny world, or fetched; for mlm with text/<xx>.txt",
    },
    { flag: "--mutant <mutant>", help: `a deliberate fault: ${Object.keys(mutants).join(", ")}` },
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
    {
      flag: "--jobs <n>",
      help: "with --plan: processes side by side (default: cores, as far as memory goes; 1 on webgpu)",
    },
    { flag: "--print", help: "print the specification and stop" },
  ],
  async run(values) {
    if (values.plan !== undefined) return await runPlan(String(values.plan), values);
    const spec = values.spec === undefined
      ? await specFrom(values, { kind: values.adapter })
      : await specFile(String(values.spec));
    if (values.print) {
      writeOutput(JSON.stringify(spec, null, 2) + "\n");
      return 0;
    }
    const { runs, store, interrupted, failed } = await makeRuns([spec], { ...values, jobs: "1" });
    if (interrupted) return 130;
    if (failed > 0 || runs.length === 0) return 1;
    const [[, run]] = runs;
    writeOutput(`${runName(spec)} · ${store.runFolder(await runId(spec))}\n`);
    for (const [key, value] of Object.entries(run.metrics)) {
      writeOutput(`${key.padEnd(24)}${value.toFixed(2)}\n`);
    }
    writeOutput(`${"memory of training".padEnd(24)}${memoryOf(run)}\n`);
    const { skippedUpdates } = run.provenance;
    if (typeof skippedUpdates === "number") {
      writeOutput(`${"skipped updates".padEnd(24)}${skippedUpdates}\n`);
    }
    return 0;
  },
};

/** On the device while training, and of the whole process, in which wasm's device lies too. */
function memoryOf({ provenance }: FinishedRun): string {
  const { device, trainingPeakBytes, momentsOnHostBytes, peakMemoryBytes } = provenance;
  const mib = (bytes: unknown) =>
    typeof bytes === "number" ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : "unknown";
  const moments = momentsOnHostBytes === undefined
    ? ""
    : `, moments of AdamW with the host: ${mib(momentsOnHostBytes)}`;
  return `${mib(trainingPeakBytes)} on ${device}${moments}; process at most ${mib(peakMemoryBytes)}`;
}

async function specFile(path: string): Promise<RunSpec> {
  let value: unknown;
  try {
    value = JSON.parse(await readText(path));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new UsageError(`--spec ${path}: not valid JSON (${error.message})`);
    }
    throw error;
  }
  return parseSpec(value, path);
}
