// Promises `repro run`: one run, from flags or a JSON specification, or all runs of a saved plan. Leaves the settings to the
// paper, the run to repro/training and plans to repro/plan.
import { evaluations } from "../../repro/paper/mod.ts";
import { readText, writeOutput } from "../../repro/runtime.ts";
import {
  adapterKinds,
  backends,
  isMethod,
  methodWords,
  numericsVersion,
  parseSpec,
  precisions,
  runId,
  runName,
  type RunSpec,
  scales,
  taskNames,
} from "../../repro/spec/mod.ts";
import type { FinishedRun } from "../../repro/runs/mod.ts";
import { resolveBackend } from "../../repro/training/backend.ts";
import { modelRevision, taskRevision, textRevision } from "../../repro/training/identify.ts";
import { type Mutant, mutants } from "../../repro/training/mutants.ts";
import type { Values } from "../ui/arguments.ts";
import { fidelityHelp, readFidelity } from "../ui/fidelity.ts";
import { dataPlace, modelPlace } from "../ui/places.ts";
import { oneOf, UsageError, wholeNumber } from "../ui/usage.ts";
import { paperOf, papers } from "../papers.ts";
import type { Command } from "./command.ts";
import { makeRuns } from "./make-runs.ts";
import { runPlan } from "./run-plan.ts";

const modelNames = [...new Set((await papers()).flatMap(({ models }) => models).map(({ id }) => id))];

export const command: Command = {
  name: "run",
  summary: "make one run, from flags or from --spec FILE, or all runs of --plan FILE",
  options: [
    { flag: "--spec <file>", help: "a run specification as JSON (spec.json of any run in the store is one)" },
    { flag: "--plan <file>", help: "all runs of a plan that `repro plan --save FILE` wrote" },
    { flag: "--paper <paper>", help: "whose settings are used, where there are several papers" },
    { flag: "--model <model>", help: modelNames.join(", "), default: modelNames[0] },
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
    { flag: "--scale <scale>", help: `settings: ${scales.join(", ")}`, default: "tiny" },
    { flag: "--training-size <n>", help: "only so many training examples: the first of a fixed permutation" },
    {
      flag: "--encoder <place>",
      help: "a folder or org/name@revision (default: the tiny world's, or at other scales what was fetched)",
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
    { flag: "--fidelity <fidelity>", help: fidelityHelp, default: "authors-code" },
    {
      flag: "--data-root <folder>",
      help: "real data in place of the tiny world, or fetched; for mlm with text/<xx>.txt",
    },
    { flag: "--mutant <mutant>", help: `a deliberate fault: ${Object.keys(mutants).join(", ")}` },
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
    { flag: "--jobs <n>", help: "with --plan: processes side by side (default: cores)" },
    { flag: "--print", help: "print the specification and stop" },
  ],
  async run(values) {
    if (values.plan !== undefined) return await runPlan(String(values.plan), values);
    const spec = values.spec === undefined ? await specFrom(values) : await specFile(String(values.spec));
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

async function specFrom(values: Values): Promise<RunSpec> {
  const paper = await paperOf(values.paper === undefined ? undefined : String(values.paper));
  const named = oneOf("model", values.model, paper.models.map(({ id }) => id));
  const task = oneOf("task", values.task, [...taskNames, "mlm"] as const);
  const scale = oneOf("scale", values.scale, scales);
  const method = String(values.method);
  if (!isMethod(method)) throw new UsageError(`unknown method "${method}"; choose ${methodWords}`);
  const adapter = oneOf("adapter", values.adapter, adapterKinds);
  const precision = oneOf("precision", values.precision, precisions);
  const { fidelity, items, settingItems } = readFidelity(values.fidelity, paper.settingItems);
  const { name: backend } = await resolveBackend(
    oneOf("backend", values.backend, ["auto", ...backends] as const),
  );
  const language = task === "mlm" ? languageFrom(values) : undefined;
  const data = dataPlace(values["data-root"], scale);
  const model = values.encoder !== undefined
    ? modelPlace(values.encoder)
    : scale === "tiny"
    ? named
    : paper.models.find(({ id }) => id === named)!.hub;
  const number = (name: string) =>
    values[name] === undefined ? undefined : wholeNumber(name, values[name], 1);
  const [steps, trackFisherEvery, size] = ["steps", "track-fisher", "training-size"].map(number);
  const { epochs, ...settings } = paper.settings({
    ...{ scale, task, model: named, method, fidelity, adapter, items: settingItems },
    realData: data !== "tiny",
    ...(scale === "low-data" && size !== undefined ? { trainingSize: size } : {}),
  });
  const mutant = values.mutant === undefined
    ? undefined
    : oneOf("mutant", values.mutant, Object.keys(mutants) as Mutant[]);
  const evaluate = task === "mlm" ? {} : evaluations(paper, task);
  return parseSpec({
    format: 1,
    scale,
    model,
    modelRevision: await modelRevision(model, data),
    task,
    data,
    dataRevision: task === "mlm"
      ? await textRevision(data, language!)
      : await taskRevision(data, task, evaluate),
    method,
    adapter,
    seed: wholeNumber("seed", values.seed, 0),
    fidelity,
    ...(Object.keys(items).length > 0 ? { items } : {}),
    ...(language === undefined ? {} : { language }),
    backend,
    numericsVersion,
    ...(precision === "f32" ? {} : { precision }),
    hyperparameters: {
      ...settings,
      ...(steps !== undefined ? { steps } : epochs !== undefined ? { epochs } : {}),
      ...(size === undefined ? {} : { trainingSize: size }),
      ...(trackFisherEvery === undefined ? {} : { trackFisherEvery }),
    },
    evaluate,
    ...(mutant === undefined ? {} : { mutant }),
  }, "run");
}

function languageFrom({ language }: Values): string {
  if (language !== undefined) return String(language);
  throw new UsageError("--task mlm trains an adapter for one language: give --language xx");
}
