// Promises the bench's command line, read strictly: a wrong word is answered with the right ones.
// Leaves what the options do to main.ts.
import { cac } from "cac";
import { type OptionSpec, parseArguments } from "../cli/ui/arguments.ts";
import { oneOf, wholeNumber } from "../cli/ui/usage.ts";
import { machine } from "../repro/runtime.ts";
import type { BenchBackend } from "./engines/catalogue.ts";

export interface BenchOptions {
  peers: "all" | "none" | string[];
  peersFrom: string | undefined;
  operations: string[];
  all: boolean;
  backend: BenchBackend;
  threads: number;
  rounds: number;
  json: string | undefined;
  add: boolean;
  markdown: string | undefined;
  svg: string | undefined;
  from: string | undefined;
  list: boolean;
}

const options: OptionSpec[] = [
  { flag: "--peers <names>", help: "all, none, or engines by name: onnxruntime-web,torch", default: "all" },
  { flag: "--peers-from <folder>", help: "where the peers' packages are installed (bench/peers)" },
  { flag: "--ops <names>", help: "operations or families: layer,matmul/768,step/tiny-full" },
  { flag: "--all", help: "the slow operations too" },
  {
    flag: "--backend <name>",
    help: "wasm, webgpu, or null: check shaders and steps on no device",
    default: "wasm",
  },
  { flag: "--threads <n>", help: "most threads of each engine (as many as there are cores)" },
  { flag: "--rounds <n>", help: "samples of each engine, taken in alternation", default: "7" },
  { flag: "--json <file>", help: "write the results" },
  { flag: "--add", help: "add to the file of --json instead of replacing it" },
  { flag: "--markdown <file>", help: "write the results as a table" },
  { flag: "--svg <file>", help: "draw what frozen parameters save (operations frozen/…)" },
  { flag: "--from <file>", help: "measure nothing: draw the results in this file" },
  { flag: "--list", help: "list operations and engines" },
];

/** null: help was asked for and printed. @throws UsageError */
export function readOptions(words: readonly string[]): BenchOptions | null {
  if (words.includes("--help") || words.includes("-h")) {
    const cli = cac("bench");
    for (const { flag, help, ...rest } of options) cli.option(flag, help, rest);
    cli.help();
    cli.parse(["", "", "--help"], { run: false });
    return null;
  }
  const { values } = parseArguments("bench", words, options, []);
  const text = (name: string) => values[name] as string | undefined;
  const list = (name: string) => (text(name) ?? "").split(",").map((word) => word.trim()).filter(Boolean);
  const peers = text("peers")!;
  return {
    peers: peers === "all" || peers === "none" ? peers : list("peers"),
    peersFrom: text("peers-from"),
    operations: list("ops"),
    all: values.all === true,
    backend: oneOf("backend", values.backend, ["wasm", "webgpu", "null"] as const),
    threads: values.threads === undefined ? machine().cpus : wholeNumber("threads", values.threads, 1),
    rounds: wholeNumber("rounds", values.rounds, 1),
    json: text("json"),
    add: values.add === true,
    markdown: text("markdown"),
    svg: text("svg"),
    from: text("from"),
    list: values.list === true,
  };
}
