// Promises the specification of one run from what a person typed, for the commands that make or score one.
// Leaves the settings to the paper and hashes of models and data to repro/training.
import { evaluations, type Paper, type SettingRequest } from "../../repro/paper/mod.ts";
import {
  adapterKinds,
  backends,
  type Hyperparameters,
  isMethod,
  languagesRead,
  methodWords,
  numericsVersion,
  parseSpec,
  precisions,
  type RunSpec,
  scales,
  taskNames,
} from "../../repro/spec/mod.ts";
import { resolveBackend } from "../../repro/training/backend.ts";
import { identifyModel, taskRevision, textRevision } from "../../repro/training/identify.ts";
import { MissingAdaptersError } from "../../repro/training/language-adapters.ts";
import { type Mutant, mutants } from "../../repro/training/mutants.ts";
import type { OptionSpec, Values } from "../ui/arguments.ts";
import { fidelityHelp, readFidelity } from "../ui/fidelity.ts";
import { dataPlace, modelPlace } from "../ui/places.ts";
import { oneOf, UsageError, wholeNumber } from "../ui/usage.ts";
import { paperOf } from "../papers.ts";
import { languagesFrom } from "./setup.ts";

/** Which encoder, task, settings and data. */
export const placeOptions = (papers: readonly Paper[]): OptionSpec[] => {
  const names = [...new Set(papers.flatMap(({ models }) => models).map(({ id }) => id))];
  return [
    { flag: "--paper <paper>", help: "whose settings are used, where there are several papers" },
    { flag: "--model <model>", help: names.join(", "), default: names[0] },
    { flag: "--scale <scale>", help: `settings: ${scales.join(", ")}`, default: "tiny" },
    {
      flag: "--encoder <place>",
      help:
        "a folder, org/name@revision or a model's name in `repro fetch`, with #choice for other language adapters (default: the tiny world's, or at other scales what was fetched)",
    },
    { flag: "--fidelity <fidelity>", help: fidelityHelp, default: "authors-code" },
  ];
};

const unhashed = "not asked for";

/**
 * @param kind of adapter, as --adapter of `repro run` has it
 * @param hashed false leaves out the hashes: nothing is read, and the value is no run of the store
 * @throws UsageError for a wrong word, before anything is read
 */
export async function specFrom(
  values: Values,
  { kind, hashed = true }: { kind?: unknown; hashed?: boolean } = {},
): Promise<RunSpec> {
  const paper = await paperOf(values.paper === undefined ? undefined : String(values.paper));
  const named = oneOf("model", values.model, paper.models.map(({ id }) => id));
  const task = oneOf("task", values.task, [...taskNames, "mlm"] as const);
  const asked = oneOf("scale", values.scale, scales);
  const method = String(values.method ?? "standard");
  if (!isMethod(method)) throw new UsageError(`unknown method "${method}"; choose ${methodWords}`);
  const adapter = oneOf("adapter", kind ?? "mad-x", adapterKinds);
  const precision = oneOf("precision", values.precision ?? "f32", precisions);
  const { fidelity, items, settingItems } = readFidelity(values.fidelity, paper.settingItems);
  const { name: backend } = await resolveBackend(
    oneOf("backend", values.backend ?? "auto", ["auto", ...backends] as const),
  );
  const language = task === "mlm" ? languageFrom(values) : undefined;
  const data = dataPlace(values["data-root"], asked);
  const model = values.encoder !== undefined
    ? modelPlace(values.encoder, paper)
    : asked === "tiny"
    ? named
    : paper.models.find(({ id }) => id === named)!.hub;
  const number = (name: string) =>
    values[name] === undefined ? undefined : wholeNumber(name, values[name], 1);
  const [steps, trackFisherEvery, size] = ["steps", "track-fisher", "training-size"].map(number);
  // Reduced data are a table's runs whether it is asked for or one of them.
  const scale = asked === "paper" && size !== undefined && task !== "mlm" ? "low-data" : asked;
  const { epochs, ...settings } = settingsOf(paper, {
    ...{ scale, task, model: named, method, fidelity, adapter, items: settingItems },
    realData: data !== "tiny",
    ...(size === undefined ? {} : { trainingSize: size }),
  });
  const mutant = values.mutant === undefined
    ? undefined
    : oneOf("mutant", values.mutant, Object.keys(mutants) as Mutant[]);
  const only = hashed ? languagesFrom(values, paper) : undefined;
  const evaluate = task === "mlm" ? {} : evaluations(paper, task, only);
  if (only !== undefined && Object.keys(evaluate).length === 0) {
    throw new UsageError(`--languages ${only.join()}: ${task} is scored in none of them`);
  }
  const read = languagesRead({ task, adapter, evaluate });
  const identity = hashed ? await identifyModel(model, data, read) : undefined;
  const missing = identity?.adapters === undefined
    ? []
    : read.filter((code) => !(code in identity.adapters!));
  // Before anything is trained, and all of them at once.
  if (missing.length > 0) {
    throw new MissingAdaptersError(
      model,
      missing,
      Object.keys(identity!.adapters!),
      identity!.adaptersFolder!,
    );
  }
  return parseSpec({
    format: 1,
    scale,
    model,
    modelRevision: identity?.revision ?? unhashed,
    task,
    data,
    dataRevision: !hashed
      ? unhashed
      : task === "mlm"
      ? await textRevision(data, language!)
      : await taskRevision(data, task, evaluate),
    method,
    adapter,
    seed: wholeNumber("seed", values.seed ?? "1", 0),
    fidelity,
    ...(Object.keys(items).length > 0 ? { items } : {}),
    ...(language === undefined ? {} : { language }),
    backend,
    numericsVersion,
    ...(precision === "f32" ? {} : { precision }),
    hyperparameters: {
      ...settings,
      ...(steps !== undefined ? { steps } : epochs !== undefined ? { epochs } : {}),
      // Where the paper has no settings for reduced data (COPA, whole encoders), the size is all that differs.
      ...(size === undefined || settings.trainingSize !== undefined ? {} : { trainingSize: size }),
      ...(trackFisherEvery === undefined ? {} : { trackFisherEvery }),
    },
    evaluate,
    ...(identity?.adapters === undefined || read.length === 0 ? {} : { languageAdapters: identity.adapters }),
    ...(mutant === undefined ? {} : { mutant }),
  }, "run");
}

/** That a paper prints no settings for a size is a mistake of who typed it. */
function settingsOf(paper: Paper, request: SettingRequest): Hyperparameters {
  try {
    return paper.settings(request);
  } catch (error) {
    if (request.trainingSize === undefined) throw error;
    throw new UsageError(`--training-size ${request.trainingSize}: ${(error as Error).message}`);
  }
}

function languageFrom({ language }: Values): string {
  if (language !== undefined) return String(language);
  throw new UsageError("--task mlm trains an adapter for one language: give --language xx");
}
