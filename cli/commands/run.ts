// Promises `repro run`: one run, from flags or a JSON specification, or all runs of a saved plan. Leaves the settings to the
// paper, the run to repro/training and plans to repro/plan.
import { evaluations } from "../../repro/paper/mod.ts";
import { readText, writeOutput } from "../../repro/runtime.ts";
import {
  backends,
  fidelities,
  methodNames,
  numericsVersion,
  parseSpec,
  runId,
  runName,
  type RunSpec,
  taskNames,
} from "../../repro/spec/mod.ts";
import { resolveBackend } from "../../repro/training/backend.ts";
import { modelRevision, taskRevision } from "../../repro/training/identify.ts";
import { type Mutant, mutants } from "../../repro/training/mutants.ts";
import type { Values } from "../ui/arguments.ts";
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
    { flag: "--task <task>", help: taskNames.join(", "), default: "xnli" },
    { flag: "--method <method>", help: `${methodNames.join(", ")}, schedule:10,9,…`, default: "standard" },
    { flag: "--seed <n>", help: "seed of initialisation, order, dropout and draws", default: "1" },
    { flag: "--steps <n>", help: "updates, in place of the usual number" },
    { flag: "--track-fisher <n>", help: "log tr(F) every n steps" },
    { flag: "--backend <backend>", help: `auto, ${backends.join(", ")}`, default: "auto" },
    { flag: "--fidelity <fidelity>", help: fidelities.join(", "), default: "authors-code" },
    { flag: "--data-root <folder>", help: "real data in place of the tiny world" },
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
    const { device, trainingPeakBytes } = run.provenance;
    if (typeof trainingPeakBytes === "number") {
      const size = `${(trainingPeakBytes / 2 ** 20).toFixed(1)} MiB`;
      writeOutput(`${"memory of training".padEnd(24)}${size} on ${device}\n`);
    }
    return 0;
  },
};

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
  const model = oneOf("model", values.model, paper.models.map(({ id }) => id));
  const task = oneOf("task", values.task, taskNames);
  const method = String(values.method);
  if (!method.startsWith("schedule:")) oneOf("method", method, methodNames);
  const fidelity = oneOf("fidelity", values.fidelity, fidelities);
  const { name: backend } = await resolveBackend(
    oneOf("backend", values.backend, ["auto", ...backends] as const),
  );
  const data = values["data-root"] === undefined ? "tiny" : String(values["data-root"]);
  const settings = paper.settings({
    scale: "tiny",
    task,
    model,
    method,
    adapter: "mad-x",
    fidelity,
    realData: data !== "tiny",
  });
  const mutant = values.mutant === undefined
    ? undefined
    : oneOf("mutant", values.mutant, Object.keys(mutants) as Mutant[]);
  return parseSpec({
    format: 1,
    scale: "tiny",
    model,
    modelRevision: await modelRevision(model, data),
    task,
    data,
    dataRevision: await taskRevision(data, task, evaluations(paper, task)),
    method,
    adapter: "mad-x",
    seed: wholeNumber("seed", values.seed, 0),
    fidelity,
    backend,
    numericsVersion,
    hyperparameters: {
      ...settings,
      ...(values.steps === undefined ? {} : { steps: wholeNumber("steps", values.steps, 1) }),
      ...(values["track-fisher"] === undefined
        ? {}
        : { trackFisherEvery: wholeNumber("track-fisher", values["track-fisher"], 1) }),
    },
    evaluate: evaluations(paper, task),
    ...(mutant === undefined ? {} : { mutant }),
  }, "run");
}
