// Promises which language adapters a request's runs lack, and the exact steps by which each is had: a fetch where somebody publishes it,
// else the fetch of a text, a training and an export. Leaves looking for them to training/identify.ts.
import { parseHubModel } from "../fetch/locate.ts";
import { languagesRead } from "../spec/mod.ts";
import type { Paper, ResultColumn, RunRequest } from "./paper.ts";
import { countedLanguages, evaluations, modelOf, type Setup } from "./specify.ts";

/** What is said where something is not there yet in a provisional setup. */
export const notAtHand = "provisional: not at hand";

/** Languages whose adapters some requests' runs read on one model; all that the paper scores in, or only those given. */
export const languagesOf = (
  paper: Paper,
  requests: readonly Omit<RunRequest, "method">[],
  model: string,
  languages?: readonly string[],
): string[] => [
  ...new Set(
    requests.filter((request) => request.model === model).flatMap(({ task, adapter }) =>
      languagesRead({ task, adapter, evaluate: evaluations(paper, task, languages) })
    ),
  ),
];

/** Those of a request's runs that are not at hand; none where the model brings its own. */
export function missingAdapters(paper: Paper, setup: Setup, request: RunRequest): string[] {
  const adapters = setup.models[request.model]?.adapters;
  if (adapters === undefined) return [];
  return languagesOf(paper, [request], request.model, setup.languages).filter((code) =>
    adapters[code] === undefined || adapters[code] === notAtHand
  );
}

/** Why a request cannot become a run: which adapters it lacks, and how they are had. */
export function adaptersGap(paper: Paper, setup: Setup, request: RunRequest): string | undefined {
  const { model, adaptersFolder, adapters = {} } = setup.models[request.model];
  const missing = missingAdapters(paper, setup, request).filter((code) => adapters[code] !== notAtHand);
  if (missing.length === 0) return undefined;
  const title = modelOf(paper, request.model).title;
  return `no language adapter of ${title} for ${missing.join(", ")}: ${
    adapterSteps(paper, model, missing, adaptersFolder!).join("; ")
  }; or leave out what they are for: --languages ${
    languagesOf(paper, [request], request.model, setup.languages).filter((each) => !missing.includes(each))
      .join()
  }`;
}

/** Why a column has no value where a setup scores in some languages only. */
export function leftOut(
  paper: Paper,
  { languages, models }: Setup,
  model: string,
  column: Pick<ResultColumn, "dataset" | "pick">,
  lowest: string | undefined,
): string | undefined {
  if (languages === undefined) return undefined;
  const absent = countedLanguages(paper, column, lowest ?? "en").filter((each) => !languages.includes(each));
  if (absent.length === 0) return undefined;
  const { model: place, adapters, adaptersFolder } = models[model];
  const missing = adapters === undefined ? [] : absent.filter((code) => adapters[code] === undefined);
  return `left out by --languages: ${absent.join(", ")}${
    missing.length === 0 ? "" : `; ${adapterSteps(paper, place, missing, adaptersFolder!).join("; ")}`
  }`;
}

/**
 * The commands that bring a model's language adapters, in their order.
 * @param model as in a specification
 * @param folder where they are looked for
 */
export function adapterSteps(
  paper: Paper,
  model: string,
  missing: readonly string[],
  folder: string,
): string[] {
  const hub = parseHubModel(model);
  const published = hub === null ? null : paper.fetch?.adapters?.(hub.name, hub.adapters) ?? null;
  const had = missing.filter((code) => published?.languages.includes(code));
  const rest = missing.filter((code) => !had.includes(code));
  const steps = had.length === 0 ? [] : [`repro fetch ${published!.name} (${had.join(", ")})`];
  if (rest.length === 0) return steps;
  const [xx] = rest.length === 1 ? rest : ["XX"];
  const short = paper.models.find((each) =>
    each.hub === model || each.hub === `${hub?.name}@${hub?.revision}`
  );
  const encoder = short === undefined ? `--encoder ${model}` : `--model ${short.id}`;
  const texts = rest.every((code) => paper.fetch?.names.includes(`wikipedia-${code}`));
  return [
    ...steps,
    `nobody publishes ${rest.join(", ")}; train ${rest.length === 1 ? "it" : "each XX of them"}: ${
      texts ? `repro fetch wikipedia-${xx}` : `text in ${xx} as text/${xx}.txt of a --data-root`
    }, repro run --scale paper ${encoder} --task mlm --language ${xx} --micro-batch 4, repro export RUN ${folder}/${xx}`,
  ];
}
