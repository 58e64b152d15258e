// Promises that what a person types reaches one command, or is answered with what could have been typed; exit code 0 when all
// is well, 1 when a verdict or a run failed, 2 for a mistake of the caller, 130 after Ctrl-C. Leaves the work to commands/.
import { cac } from "cac";
import { arguments_, exit } from "../repro/launch/process.ts";
import { env, runtimeName, warn, writeOutput } from "../repro/runtime.ts";
import type { Command } from "./commands/command.ts";
import { parseArguments } from "./ui/arguments.ts";
import { UsageError } from "./ui/usage.ts";

/** Loaded only when asked for: `repro --help` must not wait for the engine. */
const commands: Record<string, () => Promise<{ command: Command }>> = {
  table1: () => import("./commands/table1.ts"),
  run: () => import("./commands/run.ts"),
  fetch: () => import("./commands/fetch.ts"),
  status: () => import("./commands/status.ts"),
  score: () => import("./commands/score.ts"),
  doctor: () => import("./commands/doctor.ts"),
  list: () => import("./commands/list.ts"),
  pretrain: () => import("./commands/pretrain.ts"),
  reference: () => import("./commands/reference.ts"),
  selftest: () => import("./commands/selftest.ts"),
  tune: () => import("./commands/tune.ts"),
};
const names = Object.keys(commands);

async function help(name?: string): Promise<void> {
  const cli = cac("repro");
  for (const each of name === undefined ? names : [name]) {
    const { command } = await commands[each]();
    const entry = cli.command([command.name, ...(command.positions ?? [])].join(" "), command.summary);
    for (const option of command.options) entry.option(option.flag, option.help, { default: option.default });
  }
  cli.help();
  cli.version("0.1.0");
  cli.parse(["", "", ...(name === undefined ? [] : [name]), "--help"], { run: false });
}

export async function main(words: readonly string[]): Promise<number> {
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
    if (!Object.hasOwn(commands, name)) {
      throw new UsageError(`unknown command "${name}"; choose ${names.join(", ")}`);
    }
    if (rest.includes("--help") || rest.includes("-h")) {
      await help(name);
      return 0;
    }
    const { command } = await commands[name]();
    const { values, rest: positions } = parseArguments(name, rest, command.options, command.positions ?? []);
    return await command.run(values, positions);
  } catch (error) {
    const known = error instanceof Error ? error : new Error(String(error));
    warn(`repro: ${env("REPRO_DEBUG") ? known.stack : known.message}`);
    return known instanceof UsageError || known.name === "SpecError" ? 2 : 1;
  }
}

// Deno starts this file itself; on Node repro.mjs calls main.
if (runtimeName().startsWith("deno") && (import.meta as { main?: boolean }).main) {
  exit(await main(arguments_()));
}
