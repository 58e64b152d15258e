// Compiled programs by name, and the layouts that programs of the same signature share.
// It leaves the shader's text to program.ts and running it to recorder.ts.

import { fail } from "../../errors.ts";
import { type Program, shaderText, signature } from "./program.ts";

export interface Pipeline {
  readonly program: Program;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly signature: string;
}

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #parameterLayout: GPUBindGroupLayout;
  readonly #byName = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();

  /** @param parameterLayout group 0 of every program: its parameters */
  constructor(device: GPUDevice, parameterLayout: GPUBindGroupLayout) {
    this.#device = device;
    this.#parameterLayout = parameterLayout;
  }

  /** Runs `build` once for each name; names carry the variant. */
  get(name: string, build: (name: string) => Program): Pipeline {
    let pipeline = this.#byName.get(name);
    if (pipeline === undefined) {
      pipeline = this.#compile(build(name));
      this.#byName.set(name, pipeline);
    }
    return pipeline;
  }

  #compile(program: Program): Pipeline {
    const key = signature(program);
    if (key.length > this.#device.limits.maxStorageBuffersPerShaderStage) {
      fail(
        `${program.name}: ${key.length} storage buffers, this device binds ` +
          `${this.#device.limits.maxStorageBuffersPerShaderStage}; use another device or backend`,
      );
    }
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      const group = this.#device.createBindGroupLayout({
        label: key,
        entries: [...key].map((access, binding) => ({
          binding,
          visibility: 4,
          buffer: { type: access === "r" ? "read-only-storage" : "storage" },
        })),
      });
      const pipeline = this.#device.createPipelineLayout({
        label: key,
        bindGroupLayouts: [this.#parameterLayout, group],
      });
      this.#layouts.set(key, layout = { group, pipeline });
    }
    const module = this.#device.createShaderModule({ label: program.name, code: shaderText(program) });
    const gpu = this.#device.createComputePipeline({
      label: program.name,
      layout: layout.pipeline,
      compute: { module, entryPoint: "main" },
    });
    return { program, gpu, layout: layout.group, signature: key };
  }
}
