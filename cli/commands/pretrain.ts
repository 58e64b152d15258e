// Promises `repro pretrain`: makes the tiny world's encoders and language adapters with our own engine, resumable.
// Leaves the recipe to repro/tinyworld/pretrain.ts.
import { onInterrupt } from "../../repro/launch/process.ts";
import { join, warn } from "../../repro/runtime.ts";
import { assetsFolder, encoderNames } from "../../repro/tinyworld/mod.ts";
import { pretrain } from "../../repro/tinyworld/pretrain.ts";
import { oneOf, UsageError, wholeNumber } from "../ui/usage.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "pretrain",
  summary: `pretrain a tiny encoder and its language adapters: ${encoderNames.join(", ")}`,
  positions: ["<encoder>"],
  options: [
    { flag: "--out <folder>", help: "where to write (default: the folder that table1 reads)" },
    { flag: "--steps <n>", help: "updates of the encoder" },
    { flag: "--adapter-steps <n>", help: "updates of each language adapter" },
    { flag: "--seed <n>", help: "seed", default: "1" },
    { flag: "--backend <backend>", help: "wasm, webgpu", default: "wasm" },
  ],
  async run(values, [name]) {
    if (name === undefined) throw new UsageError(`pretrain: which encoder? ${encoderNames.join(", ")}`);
    const encoder = oneOf("encoder", name, encoderNames);
    const stop = new AbortController();
    const off = onInterrupt(() => {
      warn("\nstopping: saving a checkpoint; the same command goes on from there");
      stop.abort(new Error("interrupted"));
    });
    try {
      await pretrain({
        encoder,
        out: values.out === undefined ? join(assetsFolder, encoder) : String(values.out),
        seed: wholeNumber("seed", values.seed, 0),
        ...(values.steps === undefined ? {} : { steps: wholeNumber("steps", values.steps, 1) }),
        ...(values["adapter-steps"] === undefined
          ? {}
          : { adapterSteps: wholeNumber("adapter-steps", values["adapter-steps"], 1) }),
        backend: oneOf("backend", values.backend, ["wasm", "webgpu"] as const),
        signal: stop.signal,
        onProgress: ({ stage, step, steps, loss, seconds }) =>
          warn(`${encoder} ${stage} step ${step}/${steps} loss ${loss.toFixed(3)} ${seconds} s`),
      });
    } catch (error) {
      if (stop.signal.aborted) return 130;
      throw error;
    } finally {
      off();
    }
    return 0;
  },
};
