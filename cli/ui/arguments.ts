// Promises that options reach a command as the text that was typed: cac alone would turn "01" into 1 and drop the difference.
// Leaves which options there are to each command.
import { UsageError } from "./usage.ts";

export interface OptionSpec {
  /** "--seeds <n>" takes a value, "--json" does not. */
  flag: string;
  help: string;
  default?: string;
}

export type Values = Record<string, string | true | undefined>;

const nameOf = (flag: string) => /^--([a-z-]+)/.exec(flag)![1];
const takesValue = (flag: string) => flag.includes("<");

/**
 * Reads `--name value`, `--name=value` and `--switch`, and at most `positions` other words; a last position like "<what...>"
 * takes any number.
 */
export function parseArguments(
  command: string,
  words: readonly string[],
  options: readonly OptionSpec[],
  positions: readonly string[],
): { values: Values; rest: string[] } {
  const values: Values = Object.fromEntries(options.map((option) => [nameOf(option.flag), option.default]));
  const known = new Map(options.map((option) => [nameOf(option.flag), option]));
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (!word.startsWith("-")) {
      rest.push(word);
      continue;
    }
    const [, name, , given] = /^--([^=]+)(=(.*))?$/s.exec(word) ?? [];
    const option = name === undefined ? undefined : known.get(name);
    if (option === undefined) {
      throw new UsageError(
        `${command}: unknown option ${word}; the options are ${options.map((each) => each.flag).join(", ")}`,
      );
    }
    if (!takesValue(option.flag)) {
      if (given !== undefined) throw new UsageError(`${command}: --${name} takes no value`);
      values[name] = true;
    } else if (given !== undefined) values[name] = given;
    else if (i + 1 < words.length && !words[i + 1].startsWith("--")) values[name] = words[++i];
    else throw new UsageError(`${command}: ${option.flag} needs a value`);
  }
  if (rest.length > positions.length && !positions.at(-1)?.endsWith("...>")) {
    throw new UsageError(
      `${command}: "${rest[positions.length]}" is one word too many; wanted: repro ${
        [command, ...positions].join(" ")
      }`,
    );
  }
  return { values, rest };
}
