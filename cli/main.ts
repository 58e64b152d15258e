// Promises that what a person types reaches one command, or is answered with what could have been typed; exit code 0 when all
// is well, 1 when a verdict or a run failed, 2 for a mistake of the caller, 130 after Ctrl-C. Leaves the work to commands/.
import { cac } from "cac";
import { arguments_, exit } from "../repro/launch/process.ts";
import { allowClosedOutput, env, outputDone, runtimeName, warn, writeOutput } from "../repro/runtime.ts";
import type { Command } from "./commands/command.ts";
import type { MissingAdaptersError } from "../repro/training/language-adapters.ts";
import { figureTargets, papers, targets } from "./papers.ts";
import { parseArguments } from "./ui/arguments.ts";
import { UsageError } from "./ui/usage.ts";

/** Loaded only when asked for: `repro --help` must not wait for the engine. */
const fixed: Record<string, () => Promise<{ command: Command }>> = {
  all: () => import("./commands/all.ts"),
  run: () => import("./commands/run.ts"),
  status: () => import("./commands/status.ts"),
  fetch: () => import("./commands/fetch.ts"),
  evaluate: () => import("./commands/evaluate.ts"),
  score: () => import("./commands/score.ts"),
  doctor: () => import("./commands/doctor.ts"),
  list: () => import("./commands/list.ts"),
  pretrain: () => import("./commands/pretrain.ts"),
  reference: () => import("./commands/reference.ts"),
  selftest: () => import("./commands/selftest.ts"),
  tune: () => import("./commands/tune.ts"),
  export: () => import("./commands/export.ts"),
  plan: () => import("./commands/plan.ts"),
  explain: () => import("./commands/explain.ts"),
  compare: () => import("./commands/compare.ts"),
  audit: () => import("./commands/audit.ts"),
  claims: () => import("./commands/claims.ts"),
  report: () => import("./commands/report.ts"),
};

/** What brings the language adapters that a command lacks, by the pins of the papers. */
async function stepsTo({ model, languages, folder }: MissingAdaptersError): Promise<string> {
  const { adapterSteps } = await import("../repro/paper/mod.ts");
  const steps = (await papers()).map((paper) => adapterSteps(paper, model, languages, folder));
  // The paper that knows most of them leaves the least to be trained.
  return (steps.sort((a, b) => b.length - a.length)[0] ?? []).map((step) => `  ${step}`).join("\n");
}

/** A command by name: one of the above, or a table or figure of one of the papers; undefined where there is none. */
async function commandNamed(name: string): Promise<Command | undefined> {
  if (Object.hasOwn(fixed, name)) return (await fixed[name]()).command;
  const table = (await targets()).get(name);
  if (table !== undefined) {
    const { commandOf } = await import("./commands/table.ts");
    return commandOf(name, table.paper, table.table);
  }
  const figure = (await figureTargets()).get(name);
  if (figure === undefined) return undefined;
  const { figureCommandOf } = await import("./commands/figure.ts");
  return figureCommandOf(name, figure.paper, figure.figure);
}

const allNames = async () => [
  ...(await targets()).keys(),
  ...(await figureTargets()).keys(),
  ...Object.keys(fixed),
];

async function help(name?: string): Promise<void> {
  const cli = cac("repro");
  for (const each of name === undefined ? await allNames() : [name]) {
    const command = (await commandNamed(each))!;
    const entry = cli.command([command.name, ...(command.positions ?? [])].join(" "), command.summary);
    for (const option of command.options) entry.option(option.flag, option.help, { default: option.default });
  }
  cli.help();
  cli.version("0.1.0");
  cli.parse(["", "", ...(name === undefined ? [] : [name]), "--help"], { run: false });
}

export async function main(words: readonly string[]): Promise<number> {
  allowClosedOutput();
  const code = await codeOf(words);
  await outputDone();
  return code;
}

async function codeOf(words: readonly string[]): Promise<number> {
  try {
    const [name, ...rest] = words;
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      await help();
      return name === undefined ? 2 : 0;
    }
    if (name === "--version" || name === "-v") {
      writeOutput("repro 0.1.0\n");
      return 0;
    }
    const command = await commandNamed(name);
    if (command === undefined) {
      throw new UsageError(`unknown command "${name}"; choose ${(await allNames()).join(", ")}`);
    }
    if (rest.includes("--help") || rest.includes("-h")) {
      await help(name);
      return 0;
    }
    const { values, rest: positions } = parseArguments(name, rest, command.options, command.positions ?? []);
    return await command.run(values, positions);
  } catch (error) {
    const known = error instanceof Error ? error : new Error(String(error));
    warn(`repro: ${env("REPRO_DEBUG") ? known.stack : known.message}`);
    if (known.name === "MissingAdaptersError") warn(await stepsTo(known as MissingAdaptersError));
    return known instanceof UsageError || known.name === "SpecError" ? 2 : 1;
  }
}

// Deno starts this file itself; on Node repro.mjs calls main.
if (runtimeName().startsWith("deno") && (import.meta as { main?: boolean }).main) {
  exit(await main(arguments_()));
}
