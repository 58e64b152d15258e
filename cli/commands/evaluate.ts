// Promises `repro evaluate`: a finished run scored anew, from its stored adapter alone, with both published scorers side by side.
// Leaves loading and scoring to repro/training/evaluate-run.ts.
import { targetLanguages, type TargetName } from "../../repro/data/datasets.ts";
import { onInterrupt } from "../../repro/launch/process.ts";
import { warn, writeOutput } from "../../repro/runtime.ts";
import type { FinishedRun } from "../../repro/runs/mod.ts";
import { backends, runName, type RunSpec } from "../../repro/spec/mod.ts";
import { evaluateRun } from "../../repro/training/evaluate-run.ts";
import type { Values } from "../ui/arguments.ts";
import { listOf, oneOf } from "../ui/usage.ts";
import type { Command } from "./command.ts";
import { findRun } from "./find-run.ts";

type Result = ReturnType<typeof evaluateRun> extends AsyncGenerator<infer R> ? R : never;

export const command: Command = {
  name: "evaluate",
  summary: "score a finished run in its target languages, from its stored adapter alone",
  positions: ["<run>"],
  options: [
    { flag: "--datasets <names>", help: "only these, comma-separated: xquad, mlqa, xnli, xcopa" },
    { flag: "--languages <codes>", help: "these, comma-separated, in place of the run's own" },
    { flag: "--backend <backend>", help: `${backends.join(", ")} (default: the run's)` },
    { flag: "--store <folder>", help: "where runs are kept (default .repro/runs, or REPRO_STORE)" },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values, [word]) {
    const { store, run } = await findRun("evaluate", word, values);
    const backend = values.backend === undefined ? undefined : oneOf("backend", values.backend, backends);
    const stop = new AbortController();
    const off = onInterrupt(() => stop.abort(new Error("interrupted")));
    const results: Result[] = [];
    try {
      const evaluate = evaluationOf(run.spec, values);
      const onTarget = (what: string) => warn(`scoring ${what}`);
      const options = { evaluate, signal: stop.signal, onTarget, ...(backend ? { backend } : {}) };
      for await (const result of evaluateRun(store, run, options)) results.push(result);
    } catch (error) {
      if (stop.signal.aborted) return 130;
      throw error;
    } finally {
      off();
    }
    if (values.json) {
      const { id, spec } = run;
      const scores = results.map(({ predictions: _, ...scores }) => scores);
      writeOutput(JSON.stringify({ run: id, name: runName(spec), results: scores }, null, 2) + "\n");
      return 0;
    }
    show(run, results);
    return 0;
  },
};

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

const names: Record<string, string> = { f1: "F1", em: "EM", accuracy: "accuracy", likelihood: "likelihood" };
const rules: Record<string, string> = { squad: "SQuAD", mlqa: "MLQA" };

function show(run: FinishedRun, results: readonly Result[]): void {
  writeOutput(`${runName(run.spec)} · run ${run.id}, from its stored adapter\n`);
  for (const dataset of new Set(results.map((each) => each.dataset))) {
    const own = results.filter((each) => each.dataset === dataset);
    const metrics = Object.keys(own[0].metrics);
    const conventions = [...new Set(own.flatMap((each) => Object.keys(each.conventions)))];
    const columns = [
      ...metrics.map((metric) => ({ title: names[metric], of: (each: Result) => each.metrics[metric] })),
      ...conventions.flatMap((rule) =>
        metrics.map((metric) => ({
          title: `${rules[rule]} ${names[metric]}`,
          of: (each: Result) => each.conventions[rule]?.[metric],
        }))
      ),
      ...metrics.map((metric) => ({
        title: `stored ${names[metric]}`,
        of: (each: Result) => run.metrics[`${dataset}/${each.language}/${metric}`],
      })),
    ];
    const line = (cells: readonly string[]) =>
      writeOutput(
        cells.map((cell, i) =>
          i === 0
            ? cell.padEnd(14)
            : cell.padStart(i === 1 ? 9 : Math.max(6, columns[i - 2].title.length) + 3)
        )
          .join("") + "\n",
      );
    const number = (value: number | undefined) => value === undefined ? "–" : value.toFixed(2);
    writeOutput("\n");
    line([dataset, "examples", ...columns.map(({ title }) => title)]);
    for (const each of own) {
      line([
        each.language,
        String(each.examples),
        ...columns.map(({ of }) => number(of(each))),
      ]);
    }
    const others = own.filter(({ language }) => language !== "en");
    if (others.length > 1) {
      const mean = (of: (each: Result) => number | undefined) => {
        const all = others.map(of);
        return all.some((value) => value === undefined)
          ? undefined
          : (all as number[]).reduce((sum, value) => sum + value, 0) / all.length;
      };
      line(["without en", "", ...columns.map(({ of }) => number(mean(of)))]);
    }
  }
  const partial = new Set(results.flatMap((each) => each.partial));
  if (partial.size > 0) writeOutput(`\n${[...partial].join("\n")}\n`);
}
