// Promises `repro evaluate`: a finished run scored anew, or a task adapter that lies in files, from the stored adapter alone, with both
// published scorers side by side. Leaves loading and scoring to repro/training and the table to ui/scores.ts.
import { targetLanguages, type TargetName } from "../../repro/data/datasets.ts";
import { onInterrupt } from "../../repro/launch/process.ts";
import { resolve, warn, writeOutput } from "../../repro/runtime.ts";
import { backends, isTransfer, runName, type RunSpec, taskNames } from "../../repro/spec/mod.ts";
import { threadsOfEach } from "../../repro/training/backend.ts";
import { evaluateAdapter } from "../../repro/training/evaluate-adapter.ts";
import { evaluateRun } from "../../repro/training/evaluate-run.ts";
import type { Values } from "../ui/arguments.ts";
import { scorePrinter } from "../ui/scores.ts";
import { listOf, oneOf, UsageError } from "../ui/usage.ts";
import { papers } from "../papers.ts";
import type { Command } from "./command.ts";
import { findRun } from "./find-run.ts";
import { placeOptions, specFrom } from "./run-spec.ts";

type Result = ReturnType<typeof evaluateRun> extends AsyncGenerator<infer R> ? R : never;

/** What is scored, and what to say of it. */
interface Scored {
  heading: string;
  json: Record<string, unknown>;
  /** Scores that were stored before. */
  metrics?: Readonly<Record<string, number>>;
  results(options: Evaluation): AsyncGenerator<Result>;
}

interface Evaluation {
  signal: AbortSignal;
  onTarget(what: string): void;
  threads: number;
}

export const command: Command = {
  name: "evaluate",
  summary: "score a finished run, or --adapter FILES of anybody's, in its target languages",
  positions: ["[run]"],
  options: [
    {
      flag: "--adapter <place>",
      help: "in place of a run: a task adapter with its head, AdapterHub's folder or zip, or PEFT's folder",
    },
    { flag: "--task <task>", help: `with --adapter: ${taskNames.join(", ")}` },
    ...placeOptions(await papers()).map((each) => ({ ...each, help: `with --adapter: ${each.help}` })),
    {
      flag: "--data-root <folder>",
      help: "with --adapter: real data in place of the tiny world, or fetched",
    },
    { flag: "--datasets <names>", help: "only these, comma-separated: xquad, mlqa, xnli, xcopa" },
    {
      flag: "--languages <codes>",
      help: "these, comma-separated, in place of the run's own, or of all that have a language adapter",
    },
    { flag: "--backend <backend>", help: `${backends.join(", ")} (default: the run's, or auto)` },
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values, [word]) {
    const { heading, json, metrics, results } = values.adapter === undefined
      ? await ofRun(values, word)
      : await ofAdapter(values, word);
    const stop = new AbortController();
    const off = onInterrupt(() => stop.abort(new Error("interrupted")));
    const all: Result[] = [], printer = scorePrinter(metrics);
    try {
      const onTarget = (what: string) => warn(`scoring ${what}`);
      for await (const result of results({ signal: stop.signal, onTarget, threads: threadsOfEach(1) })) {
        all.push(result);
        if (values.json) continue;
        if (all.length === 1) writeOutput(`${heading}\n`);
        printer.add(result);
      }
    } catch (error) {
      if (stop.signal.aborted) return 130;
      throw error;
    } finally {
      off();
    }
    if (values.json) {
      const scores = all.map(({ predictions: _, ...scores }) => scores);
      writeOutput(JSON.stringify({ ...json, results: scores }, null, 2) + "\n");
      return 0;
    }
    printer.end();
    const partial = new Set(all.flatMap((each) => each.partial));
    if (partial.size > 0) writeOutput(`\n${[...partial].join("\n")}\n`);
    return 0;
  },
};

async function ofRun(values: Values, word: string | undefined): Promise<Scored> {
  const { store, run } = await findRun("evaluate", word, values);
  const backend = values.backend === undefined ? undefined : oneOf("backend", values.backend, backends);
  const evaluate = evaluationOf(run.spec, values), name = runName(run.spec);
  return {
    heading: `${name} · run ${run.id}, from its stored adapter`,
    json: { run: run.id, name },
    metrics: run.metrics,
    results: (options) => evaluateRun(store, run, { ...options, evaluate, ...(backend ? { backend } : {}) }),
  };
}

async function ofAdapter(values: Values, word: string | undefined): Promise<Scored> {
  if (word !== undefined) {
    throw new UsageError(`evaluate: the run ${word} or --adapter ${values.adapter}? give one of them`);
  }
  if (values.task === undefined) {
    throw new UsageError(`evaluate --adapter: which task is it for? --task ${taskNames.join(", ")}`);
  }
  oneOf("task", values.task, taskNames);
  const spec = await specFrom(values, { hashed: false });
  if (!isTransfer(spec)) throw new UsageError(`evaluate --adapter: --task ${taskNames.join(", ")}`);
  const path = resolve(String(values.adapter));
  const asked = { ...spec, evaluate: evaluationOf(spec, values) }, available = values.languages === undefined;
  return {
    heading: `adapter ${path} for ${spec.task} on ${spec.model}`,
    json: { adapter: path, model: spec.model, task: spec.task },
    results: (options) => evaluateAdapter(asked, path, { ...options, available, onNote: warn }),
  };
}

/** The run's own data sets and languages, as far as they are asked for; a data set without an asked language is left out. */
function evaluationOf(spec: RunSpec, values: Values): RunSpec["evaluate"] {
  const own = Object.entries(spec.evaluate) as [TargetName, string[]][];
  const datasets = listOf("data set", values.datasets, own.map(([dataset]) => dataset));
  const chosen = own.filter(([dataset]) => datasets.includes(dataset));
  if (values.languages === undefined) return Object.fromEntries(chosen);
  const known = [...new Set(chosen.flatMap(([dataset]) => targetLanguages[dataset]))];
  const languages = listOf("language", values.languages, known);
  return Object.fromEntries(
    chosen
      .map(([dataset]) =>
        [dataset, languages.filter((each) => targetLanguages[dataset].includes(each))] as const
      )
      .filter(([, some]) => some.length > 0),
  );
}
