// Promises how an input really goes through a model: every kernel that a forward pass runs, which parameters it reads and whose
// results, and from that the model's blocks with what each reads. Leaves opening a model to open.ts and drawing to the papers.
import type { Backend, Batch, EncoderConfig, Model, Tensor } from "../../core/mod.ts";

type DeviceBuffer = Tensor["buffer"];

/** One kernel of a forward pass. */
export interface Operation {
  kernel: string;
  /** What it computes, where the kernel has several: "add", "relu". */
  operation?: string;
  /** Names of the parameters that it reads. */
  parameters: string[];
  /** Operations whose results it reads, by number; −1 is the input. */
  reads: number[];
}

export interface ArchitectureTrace {
  config: EncoderConfig;
  /** Names of the active language adapter and of the task adapter. */
  language: string | null;
  task: string | null;
  parameters: Record<string, { shape: readonly number[]; trainable: boolean }>;
  operations: Operation[];
}

/** Fields of a kernel's arguments that it writes. */
const written = ["out", "y", "mean", "rstd", "logSumExp", "before"];

const isBuffer = (value: unknown): value is DeviceBuffer =>
  typeof value === "object" && value !== null && "length" in value && "dtype" in value;

export interface KernelCall {
  kernel: string;
  args: Record<string, unknown>;
}

/** The same backend, which tells of every kernel that it runs. */
export function tracing(backend: Backend, onCall: (call: KernelCall) => void): Backend {
  const kernels = new Proxy(backend.kernels, {
    get(target, name) {
      const kernel = Reflect.get(target, name);
      if (typeof kernel !== "function") return kernel;
      return (args: Record<string, unknown>) => {
        onCall({ kernel: String(name), args });
        return kernel.call(target, args);
      };
    },
  });
  return new Proxy(backend, {
    get(target, name) {
      if (name === "kernels") return kernels;
      const value = Reflect.get(target, name);
      // Backends have private fields, which only their own object can read.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A model on a traced backend, with the list that its calls go to. */
export interface TracedModel {
  model: Model;
  calls: KernelCall[];
}

/** Runs a short input through the model. Values do not matter, so that weights need not be loaded. */
export function traceArchitecture({ model, calls }: TracedModel): ArchitectureTrace {
  const names = new Map([...model.parameters].map(([name, { buffer }]) => [buffer, name]));
  const tokens = 8;
  const batch: Batch = {
    examples: 1,
    tokens,
    inputIds: new Int32Array(tokens).fill(1),
    attentionMask: new Int32Array(tokens).fill(1),
  };
  calls.length = 0;
  model.logits(batch).dispose();
  const lastWriter = new Map<DeviceBuffer, number>();
  const operations = calls.map(({ kernel, args }, number): Operation => {
    const buffers = Object.entries(args).filter((entry): entry is [string, DeviceBuffer] =>
      isBuffer(entry[1])
    );
    const inputs = buffers.filter(([field]) => !written.includes(field)).map(([, buffer]) => buffer);
    const reads = inputs.filter((buffer) => !names.has(buffer)).map((buffer) => lastWriter.get(buffer) ?? -1);
    for (const [field, buffer] of buffers) if (written.includes(field)) lastWriter.set(buffer, number);
    return {
      kernel,
      ...(typeof args.operation === "string" ? { operation: args.operation } : {}),
      parameters: inputs.flatMap((buffer) => names.get(buffer) ?? []),
      reads: [...new Set(reads)],
    };
  });
  return {
    config: model.config,
    language: model.language,
    task: model.adapters.taskName,
    parameters: Object.fromEntries(
      [...model.parameters].map(([name, { shape, trainable }]) => [name, { shape: [...shape], trainable }]),
    ),
    operations,
  };
}

export type BlockKind =
  | "embeddings"
  | "invertible"
  | "attention"
  | "feed-forward"
  | "norm"
  | "adapter"
  | "sum"
  | "head";

/** Consecutive operations that belong together. */
export interface Block {
  kind: BlockKind;
  /** Name of the adapter, or of the parameters of a norm. */
  name: string;
  layer: number | null;
  /** Of its non-linearity: "relu". */
  activation?: string;
  parameters: string[];
  /** Blocks whose results it reads, by number; −1 is the input. */
  reads: number[];
}

type Place = Pick<Block, "kind" | "name" | "layer">;

function placeOf(parameter: string): Place {
  const layer = /\.layer\.(\d+)\./.exec(parameter);
  const at = layer === null ? null : Number(layer[1]);
  const adapter = /\.(?:adapters|invertible_adapters)\.([^.]+)\./.exec(parameter)?.[1];
  if (parameter.includes(".invertible_adapters.")) return { kind: "invertible", name: adapter!, layer: null };
  if (parameter.includes(".embeddings.")) return { kind: "embeddings", name: "", layer: null };
  if (at === null) return { kind: "head", name: "", layer: null };
  if (adapter !== undefined) return { kind: "adapter", name: adapter, layer: at };
  if (parameter.includes("LayerNorm")) {
    const name = /\.layer\.\d+\.(.*LayerNorm)/.exec(parameter)![1];
    return { kind: "norm", name, layer: at };
  }
  const kind = parameter.includes(".attention.") ? "attention" : "feed-forward";
  return { kind, name: "", layer: at };
}

/** The blocks of a trace in the order in which they are computed. */
export function blocksOf(trace: ArchitectureTrace): Block[] {
  const blocks: Block[] = [];
  const blockOf: number[] = [];
  for (const { kernel, operation, parameters, reads } of trace.operations) {
    const from = [...new Set(reads.map((number) => number < 0 ? -1 : blockOf[number]))];
    const last = blocks.at(-1);
    const place = parameters.length > 0 ? placeOf(parameters[0]) : undefined;
    // A sum of two blocks is a block of its own, but for the halves within an invertible one.
    const isSum = kernel === "binary" && operation === "add" && from.length > 1 && last?.kind === "adapter";
    const goesOn = last !== undefined && !isSum &&
      (place === undefined
        ? true
        : place.kind !== "norm" && place.kind === last.kind && place.name === last.name &&
          place.layer === last.layer);
    if (!goesOn) {
      const made: Place = isSum ? { kind: "sum", name: "", layer: last!.layer } : place ??
        { kind: "embeddings", name: "", layer: null };
      blocks.push({ ...made, parameters: [], reads: [] });
    }
    const number = blocks.length - 1;
    const block = blocks[number];
    block.parameters.push(...parameters.filter((each) => !block.parameters.includes(each)));
    block.reads = [...new Set([...block.reads, ...from.filter((each) => each !== number)])];
    const activation = kernel === "unary" ? operation : kernel === "matmulGelu" ? "gelu" : undefined;
    if (activation !== undefined) block.activation = activation;
    blockOf.push(number);
  }
  return blocks;
}

/** The same words for layers that compute the same. */
export function layerSignature(trace: ArchitectureTrace, blocks: readonly Block[], layer: number): string {
  const first = blocks.findIndex((block) => block.layer === layer);
  return JSON.stringify(
    blocks.filter((block) => block.layer === layer).map(({ kind, name, activation, parameters, reads }) => [
      kind,
      name,
      activation,
      parameters.map((each) => trace.parameters[each].shape.join("×")),
      reads.map((each) => each - first),
    ]),
  );
}
