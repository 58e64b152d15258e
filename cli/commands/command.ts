// Promises the form of a command. Leaves the words of each to its own file.
import type { OptionSpec, Values } from "../ui/arguments.ts";

export interface Command {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** Words that are not options, as shown in help: "<kind>". */
  positions?: readonly string[];
  options: readonly OptionSpec[];
  /** Returns the exit code. Throws UsageError for a mistake of the caller. */
  run(values: Values, rest: string[]): Promise<number>;
}
