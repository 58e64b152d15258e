// Promises `repro tune`: the fastest matrix products and attention of this machine's GPU, measured once, checked and kept for later runs.
// Leaves measuring to core/backends/webgpu/tune.ts and the file to repro/tuning.ts.
import { encoderAttention, encoderProducts, tuneWebgpu } from "../../core/backends/webgpu/tune.ts";
import { requireAdapter } from "../../repro/gpu.ts";
import { writeOutput } from "../../repro/runtime.ts";
import { precisions } from "../../repro/spec/mod.ts";
import { saveTuning, tuningFolder } from "../../repro/tuning.ts";
import { oneOf, UsageError } from "../ui/usage.ts";
import type { Command } from "./command.ts";

/** Widths of the encoders and of the bottlenecks that their task and language adapters have. */
const encoders = {
  tiny: { hiddenSize: 64, intermediateSize: 128, bottlenecks: [4, 32], heads: 4 },
  small: { hiddenSize: 384, intermediateSize: 1536, bottlenecks: [24, 192], heads: 12 },
  base: { hiddenSize: 768, intermediateSize: 3072, bottlenecks: [48, 384], heads: 12 },
};
/** Of an example of question answering, where attention weighs most. */
const tokens = 384;
type EncoderSize = keyof typeof encoders;

export const command: Command = {
  name: "tune",
  summary: "measure this GPU's matrix products and attention once; later runs on it use the fastest",
  options: [
    { flag: "--encoder <size>", help: "tiny, small (384 wide) or base (768 wide)", default: "base" },
    { flag: "--rows <n>", help: "examples times tokens of a batch", default: "4096" },
    { flag: "--precision <precision>", help: "f32, or f16 for runs with --precision f16", default: "f32" },
    { flag: "--out <folder>", help: "where to keep the choice (default .repro/tuning)" },
    { flag: "--json", help: "one JSON object on standard output" },
  ],
  async run(values) {
    const size = oneOf("encoder", String(values.encoder), Object.keys(encoders) as EncoderSize[]);
    const rows = Number(values.rows);
    if (!/^[1-9]\d*$/.test(String(values.rows))) {
      throw new UsageError(`tune: --rows ${values.rows}: a whole number from 1 is needed`);
    }
    const half = oneOf("precision", values.precision ?? "f32", precisions) === "f16";
    const { adapter, description } = await requireAdapter({ half });
    const tuning = await tuneWebgpu(
      { adapter, ...half ? { products: "f16" as const } : {} },
      {
        products: encoderProducts({ rows, ...encoders[size] }),
        attention: encoderAttention({ rows, tokens: Math.min(tokens, rows), ...encoders[size] }),
      },
    );
    const folder = tuningFolder(values.out === undefined ? undefined : String(values.out));
    const path = await saveTuning(description, tuning, folder, half);
    if (values.json) {
      writeOutput(JSON.stringify({ path, ...tuning }, null, 2) + "\n");
      return 0;
    }
    writeOutput(`${tuning.device}\n`);
    for (const { key, tried, fixed, chosen } of tuning.products) {
      writeChoice(key, tried.map(({ tile, ...rest }) => ({ name: tile, ...rest })), fixed, chosen);
    }
    for (const { key, tried, fixed, chosen } of tuning.attention) {
      writeChoice(key, tried.map(({ form, ...rest }) => ({ name: form, ...rest })), fixed, chosen);
    }
    writeOutput(`kept in ${path}\n`);
    return 0;
  },
};

interface Tried {
  readonly name: string;
  readonly error: number;
  readonly milliseconds: number | null;
}

function writeChoice(key: string, tried: readonly Tried[], fixed: string, chosen: string): void {
  const time = (wanted: string) =>
    tried.find(({ name }) => name === wanted)?.milliseconds?.toFixed(3) ?? "wrong";
  const instead = chosen === fixed ? "" : ` instead of ${fixed} ${time(fixed)} ms`;
  writeOutput(`${key.padEnd(22)} ${chosen} ${time(chosen)} ms${instead}\n`);
  for (const { name, error } of tried.filter(({ milliseconds }) => milliseconds === null)) {
    writeOutput(`${"".padEnd(22)} ${name} is wrong here (error ${error.toExponential(1)}) and is not used\n`);
  }
}
