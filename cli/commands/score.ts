// Promises `repro score`: anybody's predictions, scored. Leaves the metrics to repro/metrics.
import { writeOutput } from "../../repro/runtime.ts";
import { scoreFiles, type ScoreKind, scoreKinds } from "../../repro/metrics/score-files.ts";
import { oneOf, UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "score",
  summary: "score predictions: squad (EM, F1), mlqa (with --language), accuracy",
  positions: ["<kind>"],
  options: [
    { flag: "--references <file>", help: "the data set: SQuAD JSON, or labels" },
    { flag: "--predictions <file>", help: "answers by question id, or predicted labels" },
    { flag: "--language <xx>", help: "language of the answers, for mlqa" },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values, [kind]) {
    const chosen: ScoreKind = oneOf("kind of score", kind, scoreKinds);
    for (const name of ["references", "predictions"] as const) {
      if (values[name] === undefined) throw new UsageError(`score: --${name} FILE is needed`);
    }
    const language = values.language === undefined ? undefined : String(values.language);
    const scores = await scoreFiles(chosen, {
      references: String(values.references),
      predictions: String(values.predictions),
      ...(language === undefined ? {} : { language }),
    });
    if (values.json) writeOutput(JSON.stringify(scores, null, 2) + "\n");
    else {
      const lines: [string, string][] = [
        ...Object.entries(scores.metrics).map(([name, value]): [string, string] => [name, value.toFixed(2)]),
        ["references", String(scores.count)],
        ["unanswered", String(scores.missing)],
      ];
      for (const [name, value] of lines) writeOutput(`${name.padEnd(12)}${value}\n`);
    }
    return 0;
  },
};
